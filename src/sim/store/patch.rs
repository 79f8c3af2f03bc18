//! JSON merge patches and strategic merge patches.
//!
//! Input: a tree and a patch. Output: the patched tree. It knows no ownership. A strategic patch is done as far as
//! `kubectl edit` and `kubectl apply` send it: keyed lists, `$patch: delete | replace`, `$setElementOrder`,
//! `$deleteFromPrimitiveList`, `$retainKeys`. Invariant: `null` removes (RFC 7396).

use serde_json::{Map, Value};

use super::schema::{self, Merge, Type};

/// Applies a JSON merge patch.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(target) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Applies a strategic merge patch.
pub(super) fn strategic(of: Type, target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if patch.get("$patch").and_then(Value::as_str) == Some("replace") {
        *target = without_directives(patch);
        return;
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(target) = target.as_object_mut() else { return };
    if let Some(keep) = patch.get("$retainKeys").and_then(Value::as_array) {
        target.retain(|name, _| keep.iter().any(|kept| kept == name));
    }
    for (name, value) in patch.iter().filter(|(name, _)| !name.starts_with('$')) {
        if value.is_null() {
            target.remove(name);
            continue;
        }
        let (child_type, how) = schema::field(of, name);
        let child = target.entry(name.clone()).or_insert(Value::Null);
        match (value, schema::patch_key(how)) {
            (Value::Array(items), Some(key)) => patch_items(child_type, key, child, items),
            (Value::Array(items), None) if how == Merge::Set => add_items(child, items),
            (Value::Object(_), _) => strategic(child_type, child, value),
            _ => *child = value.clone(),
        }
    }
    for (name, value) in patch {
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = value.as_array().cloned().unwrap_or_default();
            if let Some(items) = target.get_mut(list).and_then(Value::as_array_mut) {
                items.retain(|item| !gone.contains(item));
            }
        }
    }
}

fn patch_items(of: Type, key: &str, target: &mut Value, patches: &[Value]) {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Some(items) = target.as_array_mut() else { return };
    if patches.iter().any(|patch| patch.get("$patch").and_then(Value::as_str) == Some("replace")) {
        items.clear();
    }
    for patch in patches {
        let same = |item: &Value| patch.get(key).is_some() && item.get(key) == patch.get(key);
        match patch.get("$patch").and_then(Value::as_str) {
            Some("delete") => items.retain(|item| !same(item)),
            Some("replace") => {}
            _ => match items.iter_mut().find(|item| same(item)) {
                Some(item) => strategic(of, item, patch),
                None => items.push(patch.as_object().map_or_else(|| patch.clone(), without_directives)),
            },
        }
    }
}

fn add_items(target: &mut Value, added: &[Value]) {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    if let Some(items) = target.as_array_mut() {
        for item in added {
            if !items.contains(item) {
                items.push(item.clone());
            }
        }
    }
}

fn without_directives(patch: &Map<String, Value>) -> Value {
    let kept = patch.iter().filter(|(name, value)| !name.starts_with('$') && !value.is_null());
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}
