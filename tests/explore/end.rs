//! How a world ends, without what may differ between two runs of the same story.
//!
//! Input: a world. Output: its objects, reports and audit log as comparable text. Left out: uids, versions, instants,
//! the last plan's numbers (a plan that was cut in two has two), Leases, pods.

use std::collections::BTreeMap;

use heddle::sim::store::read::Query;
use heddle::sim::store::resources::Resource;
use serde_json::Value;

use crate::world::World;

/// Comparable parts by name.
pub(crate) type End = BTreeMap<String, Value>;

/// The end of a world.
pub(crate) fn of(world: &World) -> End {
    let mut end = objects(world);
    end.extend(documents(world));
    end
}

/// What differs between two ends, in a few lines.
pub(crate) fn difference(wanted: &End, found: &End) -> Option<String> {
    let mut lines = Vec::new();
    for (name, value) in wanted {
        match found.get(name) {
            None => lines.push(format!("{name} is missing")),
            Some(other) if other != value => lines.push(format!("{name}: {}", first_difference(value, other))),
            Some(_) => {}
        }
    }
    lines.extend(found.keys().filter(|name| !wanted.contains_key(*name)).map(|name| format!("{name} is too much")));
    lines.truncate(8);
    (!lines.is_empty()).then(|| lines.join("\n  "))
}

fn first_difference(wanted: &Value, found: &Value) -> String {
    match (wanted, found) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let differs = keys.into_iter().find(|key| a.get(*key) != b.get(*key));
            differs.map_or_else(String::new, |key| {
                let null = Value::Null;
                format!("/{key}{}", first_difference(a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null)))
            })
        }
        _ => format!(": wanted {wanted}, found {found}"),
    }
}

fn objects(world: &World) -> End {
    let mut found = Vec::new();
    for resource in Resource::all() {
        let info = resource.info();
        if matches!(info.plural, "leases" | "pods" | "events" | "controllerrevisions") {
            continue;
        }
        for object in world.store.list(&Query::all(resource), 0, None).unwrap().objects {
            let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            let name = format!("{} {}/{}", info.plural, text("/metadata/namespace"), text("/metadata/name"));
            found.push((name, text("/metadata/uid"), (*object).clone()));
        }
    }
    let names: BTreeMap<String, String> = found.iter().map(|(name, uid, _)| (uid.clone(), name.clone())).collect();
    found
        .into_iter()
        .map(|(name, _, mut object)| {
            if name.starts_with("secrets ") {
                without_key(&mut object);
            }
            if name.contains("--channel-") {
                without_block(&mut object);
            }
            plain(&mut object, &names);
            (name, object)
        })
        .collect()
}

/// Keys, serial numbers and instants are drawn anew in each world; `rules` looks that an identity keeps its key.
fn without_key(secret: &mut Value) {
    if let Some(fields) = secret.as_object_mut() {
        fields.remove("data");
    }
    if let Some(annotations) = secret.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove("heddle.dev/issued");
    }
}

/// A first block names certificates.
fn without_block(record: &mut Value) {
    if let Some(fields) = record.as_object_mut() {
        fields.remove("binaryData");
    }
}

/// The rows of an inventory without digests of first blocks.
fn without_digests(text: &str) -> String {
    const BEGIN: &str = "\"block\":\"";
    let mut parts = text.split(BEGIN);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + BEGIN + part.split_once('"').map_or(part, |(_, rest)| rest))
}

/// The rows of an inventory without what they say of certificates.
fn without_facts(text: &str) -> String {
    let mut parts = text.split(",\"facts\":{");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('}').map_or(part, |(_, rest)| rest))
}

/// Fields that differ between two lives of the same thing.
const PASSING: [&str; 7] =
    ["resourceVersion", "creationTimestamp", "time", "generation", "observedGeneration", "volumeName", "managedFields"];

fn plain(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            fields.retain(|field, _| !PASSING.contains(&field.as_str()));
            fields.values_mut().for_each(|value| plain(value, names));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| plain(value, names)),
        Value::String(text) => {
            if text.contains("\"facts\":{") {
                *text = without_facts(text);
            }
            if text.contains("\"block\":\"") {
                *text = without_digests(text);
            }
            if let Some(name) = names.get(text) {
                *text = format!("uid of {name}");
            } else if text.contains("\"uid\":\"") {
                for (uid, name) in names {
                    *text = text.replace(uid, name);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn documents(world: &World) -> End {
    let files = world.repository.status_files();
    let status = files.iter().filter(|(path, _)| path.as_str().ends_with("/status.yaml"));
    status
        .map(|(path, bytes)| {
            let mut value: Value = heddle::app::status_yaml::read(bytes).unwrap();
            if let Some(fields) = value.as_object_mut() {
                fields.retain(|field, _| !matches!(field.as_str(), "lastChange" | "plans" | "revision" | "identities"));
                for channel in fields
                    .get_mut("channels")
                    .and_then(Value::as_object_mut)
                    .into_iter()
                    .flat_map(|all| all.values_mut())
                {
                    channel.as_object_mut().unwrap().remove("block");
                }
                if let Some(held) = fields.get_mut("held").and_then(Value::as_object_mut) {
                    held.remove("plan");
                }
            }
            (path.to_string(), value)
        })
        .collect()
}
