//! What the server itself puts into an object.
//!
//! Input: the object as written and as stored before. Output: the object as it is stored. Only what heddle or `kubectl`
//! can see is done; defaults are not. Invariants: system metadata comes from the stored object and never from the
//! request; the generation grows exactly when what is wanted changed.

use serde_json::{Map, Value, json};

use super::resources::Resource;

/// Sets a value below an object, making objects on the way.
pub(crate) fn set(object: &mut Value, path: &[&str], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        *object = value;
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    if let Some(map) = object.as_object_mut() {
        set(map.entry(*first).or_insert(Value::Null), rest, value);
    }
}

/// Completes a new object.
pub(super) fn created(resource: Resource, object: &mut Value, uid: &str, now: &str) {
    let info = resource.info();
    for (name, value) in [("uid", uid), ("creationTimestamp", now)] {
        set(object, &["metadata", name], json!(value));
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for name in ["deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion", "selfLink"] {
            metadata.remove(name);
        }
        if info.generation {
            metadata.insert("generation".into(), json!(1));
        }
    }
    if let (true, Some(object)) = (info.status, object.as_object_mut()) {
        object.remove("status");
    }
    let status = match info.kind {
        "StatefulSet" => Some(json!({"replicas": 0, "availableReplicas": 0})),
        "Namespace" => Some(json!({"phase": "Active"})),
        "PersistentVolumeClaim" | "Pod" => Some(json!({"phase": "Pending"})),
        "Deployment" | "PersistentVolume" | "ResourceQuota" | "Node" => Some(json!({})),
        "Service" => Some(json!({"loadBalancer": {}})),
        _ => None,
    };
    if let Some(status) = status {
        set(object, &["status"], status);
    }
    if info.kind == "Namespace" {
        set(object, &["spec", "finalizers"], json!(["kubernetes"]));
    }
    always(resource, object);
    drop_empty_lists(object);
}

/// What is put in at every write.
pub(super) fn always(resource: Resource, object: &mut Value) {
    match resource.info().kind {
        "Namespace" => {
            let name = object.pointer("/metadata/name").cloned().unwrap_or_default();
            set(object, &["metadata", "labels", "kubernetes.io/metadata.name"], name);
        }
        "Secret" => {
            if object.get("type").is_none() {
                set(object, &["type"], json!("Opaque"));
            }
            let plain = object.as_object_mut().and_then(|object| object.remove("stringData"));
            for (name, value) in plain.as_ref().and_then(Value::as_object).into_iter().flatten() {
                let encoded = base64(value.as_str().unwrap_or_default().as_bytes());
                set(object, &["data", name], json!(encoded));
            }
        }
        _ => {}
    }
}

/// Completes a change of a stored object.
pub(super) fn changed(resource: Resource, old: &Value, new: &mut Value, subresource: Option<&str>) {
    let info = resource.info();
    if subresource == Some("status") {
        let metadata = new.pointer("/metadata/managedFields").cloned();
        let status = new.get("status").cloned();
        *new = old.clone();
        if let Some(managed) = metadata {
            set(new, &["metadata", "managedFields"], managed);
        }
        match (status, new.as_object_mut()) {
            (Some(status), _) => set(new, &["status"], status),
            (None, Some(object)) => drop(object.remove("status")),
            (None, None) => {}
        }
        return;
    }
    if info.status {
        match (old.get("status").cloned(), new.as_object_mut()) {
            (Some(status), _) => set(new, &["status"], status),
            (None, Some(object)) => drop(object.remove("status")),
            (None, None) => {}
        }
    }
    keep_system_metadata(old, new);
    if let (true, Some(spec)) = (info.kind == "Namespace", old.get("spec")) {
        set(new, &["spec"], spec.clone());
    }
    always(resource, new);
    // The strategy of network policies compares before empty lists are dropped, all others after.
    let early = info.kind == "NetworkPolicy" && wanted(old) != wanted(new);
    drop_empty_lists(new);
    if info.generation && (early || wanted(old) != wanted(new)) {
        let generation = old.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0);
        set(new, &["metadata", "generation"], json!(generation + 1));
    }
}

fn wanted(object: &Value) -> Option<&Value> {
    object.get("spec")
}

fn keep_system_metadata(old: &Value, new: &mut Value) {
    let system = [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
    ];
    let kept: Vec<(&str, Option<Value>)> =
        system.into_iter().map(|name| (name, old.pointer(&format!("/metadata/{name}")).cloned())).collect();
    let Some(metadata) = new.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    // A uid that differs is left for the validation to refuse.
    let foreign = metadata.get("uid").cloned();
    for (name, value) in kept {
        match value {
            Some(value) => drop(metadata.insert(name.to_owned(), value)),
            None => drop(metadata.remove(name)),
        }
    }
    if let Some(uid) = foreign {
        metadata.insert("uid".into(), uid);
    }
}

/// The storage format does not keep empty lists, nor empty maps of labels, annotations and data.
fn drop_empty_lists(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|name, child| {
                let map_of_text = matches!(name.as_str(), "labels" | "annotations" | "data" | "binaryData");
                let empty = child.as_array().is_some_and(Vec::is_empty)
                    || (map_of_text && child.as_object().is_some_and(Map::is_empty));
                !empty || name == "rules"
            });
            let below = map.iter_mut().filter(|(name, _)| *name != "managedFields");
            below.for_each(|(_, child)| drop_empty_lists(child));
        }
        Value::Array(items) => items.iter_mut().for_each(drop_empty_lists),
        _ => {}
    }
}

pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| (group << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let index = (group >> (18 - 6 * position)) & 63;
            let letter = if position <= chunk.len() { ALPHABET.get(index as usize).copied() } else { Some(b'=') };
            text.extend(letter.map(char::from));
        }
    }
    text
}
