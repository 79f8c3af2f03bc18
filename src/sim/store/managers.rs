//! Who owns which field: the rules of server-side apply (KEP-555).
//!
//! Input: the live object, what is applied or written, and by whom. Output: the merged object with its `managedFields`,
//! or the conflicts. It knows neither versions nor names of objects. Invariants: an applier owns exactly what it
//! applied last; a write takes the fields that it changes; what leaves an applier's set and is in nobody else's leaves
//! the object.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::fields::FieldSet;
use super::schema::{Merge, Type};
use super::typed::{self, MissingKey};

/// Fields that never belong to anybody.
const SYSTEM_METADATA: [&str; 7] =
    ["name", "namespace", "creationTimestamp", "uid", "generation", "managedFields", "resourceVersion"];

/// By whom and how an object is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) manager: &'a str,
    pub(super) api_version: &'a str,
    /// `status` or `scale`.
    pub(super) subresource: Option<&'a str>,
    /// The time of the write, in the form of `metav1.Time`.
    pub(super) now: &'a str,
}

/// Why an apply stops.
#[derive(Debug)]
pub(super) enum Refused {
    Conflicts(Vec<(String, String)>),
    MissingKey(MissingKey),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Identifier {
    applied: bool,
    manager: String,
    /// Empty for appliers: they are one manager through all versions.
    api_version: String,
    subresource: String,
}

#[derive(Debug, Clone)]
struct Owned {
    api_version: String,
    time: String,
    fields: FieldSet,
}

type Managed = BTreeMap<Identifier, Owned>;

/// Applies `config` to `live`.
pub(super) fn apply(
    kind: &'static str,
    live: &Value,
    config: &Value,
    writer: Writer<'_>,
    force: bool,
) -> Result<Value, Refused> {
    let root = Type::Root(kind);
    let mut managed = read(live);
    let live_plain = plain(live);
    let mut merged = typed::merge(root, Merge::Default, Some(&live_plain), config);
    let set = typed::field_set(root, config).map_err(Refused::MissingKey)?;
    let id = identifier(writer, true);
    let last = managed.get(&id).map(|owned| owned.fields.clone()).unwrap_or_default();
    let owned = Owned {
        api_version: writer.api_version.to_owned(),
        time: writer.now.to_owned(),
        fields: ours(&set, writer.subresource),
    };
    managed.insert(id.clone(), owned);
    if !last.is_empty() {
        let all = managed.values().fold(FieldSet::default(), |all, owned| all.union(&owned.fields));
        typed::prune(root, Merge::Default, &mut merged, &last, &all);
    }
    let taken = take(root, &mut managed, &id, &live_plain, &merged, writer.subresource);
    if !taken.is_empty() && !force {
        return Err(Refused::Conflicts(taken));
    }
    managed.retain(|_, owned| !owned.fields.is_empty());
    write(&mut merged, &managed);
    Ok(merged)
}

/// Records that `new` was written over `live` by POST, PUT or PATCH.
pub(super) fn update(kind: &'static str, live: &Value, new: &mut Value, writer: Writer<'_>) {
    let root = Type::Root(kind);
    let reset = new
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array)
        .is_some_and(|list| list.is_empty() || list.as_slice() == [json!({})].as_slice());
    let mut managed = if reset { Managed::new() } else { read(if read(new).is_empty() { live } else { new }) };
    let id = identifier(writer, false);
    let (live_plain, new_plain) = (plain(live), plain(new));
    take(root, &mut managed, &id, &live_plain, &new_plain, writer.subresource);
    let comparison = typed::compare(root, &live_plain, &new_plain);
    let before = managed.get(&id).map(|owned| owned.fields.clone()).unwrap_or_default();
    let changed = comparison.modified.union(&comparison.added);
    let fields = before.difference(&comparison.removed).union(&ours(&changed, writer.subresource));
    if fields != before {
        let owned =
            Owned { api_version: writer.api_version.to_owned(), time: writer.now.to_owned(), fields: strip(&fields) };
        managed.insert(id, owned);
    }
    managed.retain(|_, owned| !owned.fields.is_empty());
    write(new, &managed);
}

/// Takes what changed from everybody but `by`; tells what was taken from whom.
fn take(
    root: Type,
    managed: &mut Managed,
    by: &Identifier,
    live: &Value,
    new: &Value,
    subresource: Option<&str>,
) -> Vec<(String, String)> {
    let comparison = typed::compare(root, live, new);
    let changed = ours(&comparison.modified.union(&comparison.added), subresource);
    let mut taken = Vec::new();
    for (id, owned) in managed.iter_mut().filter(|(id, _)| *id != by) {
        let conflict = owned.fields.intersection(&changed);
        let holder = describe(id);
        taken.extend(conflict.texts().into_iter().map(|path| (holder.clone(), path)));
        owned.fields = owned.fields.difference(&conflict).difference(&comparison.removed);
    }
    taken.sort();
    taken
}

fn describe(id: &Identifier) -> String {
    let mut text = format!("{:?}", id.manager);
    if !id.subresource.is_empty() {
        text = format!("{text} with subresource {:?}", id.subresource);
    }
    if !id.applied {
        text.push_str(" using ");
        text.push_str(&id.api_version);
    }
    text
}

fn identifier(writer: Writer<'_>, applied: bool) -> Identifier {
    Identifier {
        applied,
        manager: writer.manager.to_owned(),
        api_version: if applied { String::new() } else { writer.api_version.to_owned() },
        subresource: writer.subresource.unwrap_or_default().to_owned(),
    }
}

/// The part of a set that a writer through this endpoint can own.
fn ours(set: &FieldSet, subresource: Option<&str>) -> FieldSet {
    match subresource {
        Some("status") => set.only("status"),
        _ => strip(&set.without(&["status"])),
    }
}

fn strip(set: &FieldSet) -> FieldSet {
    let mut system = FieldSet::default();
    for top in ["apiVersion", "kind", "metadata"] {
        system.insert(&[super::fields::field(top)]);
    }
    for name in SYSTEM_METADATA {
        system.insert(&[super::fields::field("metadata"), super::fields::field(name)]);
    }
    set.difference(&system)
}

fn plain(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

fn read(object: &Value) -> Managed {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let mut managed = Managed::new();
    for entry in entries.into_iter().flatten() {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let applied = text("operation") == "Apply";
        let id = Identifier {
            applied,
            manager: text("manager"),
            api_version: if applied { String::new() } else { text("apiVersion") },
            subresource: text("subresource"),
        };
        let fields = entry.get("fieldsV1").map(FieldSet::parse).unwrap_or_default();
        if !fields.is_empty() {
            managed.insert(id, Owned { api_version: text("apiVersion"), time: text("time"), fields });
        }
    }
    managed
}

fn write(object: &mut Value, managed: &Managed) {
    let mut entries: Vec<(&Identifier, &Owned)> = managed.iter().collect();
    entries.sort_by_key(|(id, owned)| (!id.applied, &owned.time, &id.manager, &owned.api_version, &id.subresource));
    let entry = |(id, owned): &(&Identifier, &Owned)| {
        let mut entry = Map::new();
        entry.insert("manager".into(), json!(id.manager));
        entry.insert("operation".into(), json!(if id.applied { "Apply" } else { "Update" }));
        entry.insert("apiVersion".into(), json!(owned.api_version));
        entry.insert("time".into(), json!(owned.time));
        entry.insert("fieldsType".into(), json!("FieldsV1"));
        entry.insert("fieldsV1".into(), owned.fields.to_value());
        if !id.subresource.is_empty() {
            entry.insert("subresource".into(), json!(id.subresource));
        }
        Value::Object(entry)
    };
    let list: Vec<Value> = entries.iter().map(entry).collect();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        if list.is_empty() {
            metadata.remove("managedFields");
        } else {
            metadata.insert("managedFields".into(), Value::Array(list));
        }
    }
}

/// An object without the times of its managers, to tell whether a write changed anything.
pub(super) fn without_times(object: &Value) -> Value {
    let mut object = object.clone();
    let entries = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
        entry.remove("time");
    }
    object
}
