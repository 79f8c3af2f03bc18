//! Values seen through the schema: their field set, how two differ, their merge, and what is taken away.
//!
//! Input: JSON trees and a [`Type`]. Output: sets and trees. It knows no manager. The rules are those of
//! structured-merge-diff (KEP-555): a leaf is a scalar, an atomic value or an empty map; an item of a keyed list is a
//! member of its own. Invariant: nothing here depends on the order of keyed items.

use serde_json::{Map, Value};

use super::fields::{self, FieldSet};
use super::schema::{self, Merge, Type};

/// An item of a keyed list lacks a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: associative list with keys has an element that omits key field")]
pub(super) struct MissingKey {
    path: String,
}

/// The paths by which two values differ.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) added: FieldSet,
    pub(super) removed: FieldSet,
    pub(super) modified: FieldSet,
}

type Path = Vec<String>;

/// The fields that a value sets.
pub(super) fn field_set(of: Type, value: &Value) -> Result<FieldSet, MissingKey> {
    let mut set = FieldSet::default();
    collect(of, Merge::Default, value, &mut Vec::new(), &mut set)?;
    Ok(set)
}

fn collect(of: Type, merge: Merge, value: &Value, path: &mut Path, set: &mut FieldSet) -> Result<(), MissingKey> {
    match (value, merge) {
        (Value::Object(map), Merge::Default | Merge::Keyed(_) | Merge::Set) => {
            for (name, child) in map {
                let (child_type, child_merge) = schema::field(of, name);
                path.push(fields::field(name));
                collect(child_type, child_merge, child, path, set)?;
                if child.is_null() || child.as_object().is_some_and(Map::is_empty) {
                    set.insert(path);
                }
                path.pop();
            }
        }
        (Value::Array(items), Merge::Keyed(_) | Merge::Set) => {
            for item in items {
                path.push(element(merge, item, path)?);
                collect(of, Merge::Default, item, path, set)?;
                set.insert(path);
                path.pop();
            }
        }
        _ => set.insert(path),
    }
    Ok(())
}

fn element(merge: Merge, item: &Value, path: &[String]) -> Result<String, MissingKey> {
    schema::item_element(merge, item).ok_or_else(|| MissingKey { path: path.join(".") })
}

/// How `new` differs from `old`.
pub(super) fn compare(of: Type, old: &Value, new: &Value) -> Comparison {
    let mut comparison = Comparison::default();
    walk(of, Merge::Default, Some(old), Some(new), &mut Vec::new(), &mut comparison);
    comparison
}

fn walk(
    of: Type,
    merge: Merge,
    old: Option<&Value>,
    new: Option<&Value>,
    path: &mut Path,
    comparison: &mut Comparison,
) {
    let object = |value: Option<&Value>| value.is_none_or(Value::is_object);
    let array = |value: Option<&Value>| value.is_none_or(Value::is_array);
    let empty = |value: Option<&Value>| match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    };
    let keyed = matches!(merge, Merge::Keyed(_) | Merge::Set);
    let granular = merge != Merge::Atomic && !(empty(old) && empty(new));
    if granular && object(old) && object(new) {
        for name in names(old, new) {
            let (child_type, child_merge) = schema::field(of, name);
            path.push(fields::field(name));
            let (old, new) = (old.and_then(|value| value.get(name)), new.and_then(|value| value.get(name)));
            walk(child_type, child_merge, old, new, path, comparison);
            path.pop();
        }
    } else if granular && keyed && array(old) && array(new) {
        for (item, old_item, new_item) in zip(merge, old, new) {
            path.push(item);
            walk(of, Merge::Default, old_item, new_item, path, comparison);
            path.pop();
        }
    } else if old.is_some() && new.is_some() && old != new {
        comparison.modified.insert(path);
    }
    match (old, new) {
        (None, Some(_)) => comparison.added.insert(path),
        (Some(_), None) => comparison.removed.insert(path),
        _ => {}
    }
}

fn names<'a>(old: Option<&'a Value>, new: Option<&'a Value>) -> Vec<&'a str> {
    let keys = |value: Option<&'a Value>| value.and_then(Value::as_object).into_iter().flat_map(Map::keys);
    let mut names: Vec<&str> = keys(old).chain(keys(new)).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names
}

type Zipped<'a> = Vec<(String, Option<&'a Value>, Option<&'a Value>)>;

fn zip<'a>(merge: Merge, old: Option<&'a Value>, new: Option<&'a Value>) -> Zipped<'a> {
    let items = |value: Option<&'a Value>| value.and_then(Value::as_array).into_iter().flatten();
    let mut zipped: Zipped<'a> = Vec::new();
    let mut index = std::collections::BTreeMap::new();
    for item in items(old) {
        let Some(element) = schema::item_element(merge, item) else { continue };
        index.insert(element.clone(), zipped.len());
        zipped.push((element, Some(item), None));
    }
    for item in items(new) {
        let Some(element) = schema::item_element(merge, item) else { continue };
        match index.get(&element).and_then(|at| zipped.get_mut(*at)) {
            Some(row) => row.2 = Some(item),
            None => zipped.push((element, None, Some(item))),
        }
    }
    zipped
}

/// `live` with everything that `config` sets.
pub(super) fn merge(of: Type, how: Merge, live: Option<&Value>, config: &Value) -> Value {
    match (live, config) {
        (Some(Value::Object(live)), Value::Object(config)) if how != Merge::Atomic => {
            let mut merged = live.clone();
            for (name, value) in config {
                let (child_type, child_merge) = schema::field(of, name);
                let value = merge(child_type, child_merge, live.get(name), value);
                if value.is_null() {
                    merged.remove(name)
                } else {
                    merged.insert(name.clone(), value)
                };
            }
            Value::Object(merged)
        }
        (Some(Value::Array(live)), Value::Array(config)) if matches!(how, Merge::Keyed(_) | Merge::Set) => {
            Value::Array(merge_items(of, how, live, config))
        }
        _ => without_nulls(config),
    }
}

/// The order of the configuration wins among common items; items of one side stay where they stood between them.
fn merge_items(of: Type, how: Merge, live: &[Value], config: &[Value]) -> Vec<Value> {
    let name = |item: &Value| schema::item_element(how, item);
    let in_live: std::collections::BTreeMap<_, _> = live.iter().map(|item| (name(item), item)).collect();
    let in_config: std::collections::BTreeSet<_> = config.iter().map(name).collect();
    let mut merged = Vec::with_capacity(live.len().max(config.len()));
    let mut rest = live.iter().peekable();
    for item in config {
        let common = in_live.get(&name(item)).copied();
        if common.is_some() {
            while let Some(only_live) = rest.next_if(|other| !in_config.contains(&name(other))) {
                merged.push(only_live.clone());
            }
            rest.next();
        }
        merged.push(merge(of, Merge::Default, common, item));
    }
    merged.extend(rest.filter(|other| !in_config.contains(&name(other))).cloned());
    merged
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name.clone(), without_nulls(value))).collect())
        }
        other => other.clone(),
    }
}

/// `value` without what was in `last` and is in nobody's set any more.
pub(super) fn prune(of: Type, how: Merge, value: &mut Value, last: &FieldSet, owned: &FieldSet) {
    let nobody = FieldSet::default();
    match value {
        Value::Object(map) if how != Merge::Atomic => {
            map.retain(|name, child| {
                let element = fields::field(name);
                if !last.touches(&element) {
                    return true;
                }
                if !owned.touches(&element) {
                    return false;
                }
                let (child_type, child_merge) = schema::field(of, name);
                if let Some(last) = last.below(&element) {
                    prune(child_type, child_merge, child, last, owned.below(&element).unwrap_or(&nobody));
                }
                true
            });
        }
        Value::Array(items) if matches!(how, Merge::Keyed(_) | Merge::Set) => {
            items.retain_mut(|item| {
                let Some(element) = schema::item_element(how, item) else { return true };
                if last.has(&element) && !owned.touches(&element) {
                    return false;
                }
                if let Some(last) = last.below(&element) {
                    prune(of, Merge::Default, item, last, owned.below(&element).unwrap_or(&nobody));
                }
                true
            });
        }
        _ => {}
    }
}
