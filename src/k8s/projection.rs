//! What of an object is ours: the normal form of a desired object and the projection of a live one on our fields.
//!
//! Input: trees and the `fieldsV1` of `managedFields` entries. Output: comparable trees and their digests. It needs no
//! schema: `fieldsV1` itself says which lists have keys and which values are whole. Invariant: the projection of what
//! we applied equals the normal form of what we sent.
//!
//! Items of keyed lists keep the order of the live list. Server-side apply writes the order of the applied list, and
//! the order can mean something (init containers, variables that use others), so a reordered list must differ; items
//! of other managers are not in our `fieldsV1` and so are left out wherever they stand.

use serde_json::{Map, Value};

use super::fields::{self, Fields, Member};
use super::object::Object;
use crate::model::digest::Digest;

/// Parts of `metadata` that name a life of an object or are kept by the server: `managedFields` never lists them.
const METADATA_UNOWNED: [&str; 10] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generateName",
    "generation",
    "managedFields",
    "name",
    "namespace",
    "resourceVersion",
    "uid",
];

/// The normal form of a desired object: its tree without what `managedFields` never lists.
pub fn normal_form(object: &Object) -> Value {
    let tree = object.tree();
    let Some(tree) = tree.as_object() else { return Value::Null };
    let mut normal = Map::new();
    for (key, value) in tree {
        match key.as_str() {
            "apiVersion" | "kind" | "status" => {}
            "metadata" => {
                let kept = metadata(value);
                if !kept.is_empty() {
                    normal.insert(key.clone(), Value::Object(kept));
                }
            }
            _ => drop(normal.insert(key.clone(), value.clone())),
        }
    }
    Value::Object(normal)
}

fn metadata(value: &Value) -> Map<String, Value> {
    let owned = value.as_object().into_iter().flatten().filter(|(key, value)| {
        let empty = value.as_object().is_some_and(Map::is_empty);
        !METADATA_UNOWNED.contains(&key.as_str()) && !empty
    });
    owned.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The digest of the normal form: what `observed::object::Applied::projection` must equal.
pub fn desired_digest(object: &Object) -> Digest {
    Digest::of_json(&normal_form(object))
}

/// The part of a live object that our entry of its `managedFields` owns.
///
/// `others` are the `fieldsV1` of all other entries. They are asked for one thing only: `{}` in our own says "the whole
/// value", but a map that we sent empty looks the same, and is told by somebody else owning single keys of it.
pub fn projection(live: &Value, ours: &Fields, others: &[&Fields]) -> Value {
    project(live, ours, others).unwrap_or_else(|| Value::Object(Map::new()))
}

fn project(live: &Value, ours: &Fields, others: &[&Fields]) -> Option<Value> {
    if fields::is_leaf(ours) {
        let shared = live.is_object() && others.iter().any(|fields| !fields::is_leaf(fields));
        return Some(if shared { Value::Object(Map::new()) } else { live.clone() });
    }
    let owns_itself = ours.contains_key(fields::SELF);
    match live {
        Value::Object(map) => {
            let mut kept = Map::new();
            for (name, below) in fields::children(ours) {
                let Some(Member::Field(key)) = fields::member(name) else { continue };
                let Some(value) = map.get(key) else { continue };
                if let Some(value) = project(value, below, &fields::below(others, name)) {
                    kept.insert(key.to_owned(), value);
                }
            }
            (owns_itself || !kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(items) => {
            let kept = list(items, ours, others);
            (owns_itself || !kept.is_empty()).then_some(Value::Array(kept))
        }
        // The server keeps a scalar where our entry speaks of something below it.
        scalar => Some(scalar.clone()),
    }
}

fn list(items: &[Value], ours: &Fields, others: &[&Fields]) -> Vec<Value> {
    let members: Vec<_> =
        fields::children(ours).filter_map(|(name, below)| Some((name, fields::member(name)?, below))).collect();
    let mut kept = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let found = members.iter().find(|(_, member, _)| member.is(index, item));
        if let Some((name, _, below)) = found {
            kept.extend(project(item, below, &fields::below(others, name)));
        }
    }
    kept
}

#[cfg(test)]
pub(crate) mod tests;
