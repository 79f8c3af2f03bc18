//! `managedFields` and its `fieldsV1` format: who owns which paths.
//!
//! Input: a live object's tree. Output: entries, members of field sets, paths in words. It compares no values.
//! Invariant: a path is written exactly as an API server writes it in the causes of a conflict
//! (structured-merge-diff `fieldpath.Path.String`), without its leading dot.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Map, Value};

/// A field set: members as keys, field sets below them as values. An empty one is a leaf.
pub type Fields = Map<String, Value>;

/// The member by which a field set says that the value itself is owned, beside what is below it.
pub const SELF: &str = ".";

/// One entry of `managedFields`.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Who.
    pub manager: &'a str,
    /// Whether by server-side apply.
    pub applied: bool,
    /// Through which subresource; empty for the object itself.
    pub subresource: &'a str,
    /// With which version.
    pub api_version: &'a str,
    /// Which fields.
    pub fields: &'a Fields,
}

impl Entry<'_> {
    /// Whether it is the applied set of this manager.
    pub fn is_applied_by(&self, manager: &str) -> bool {
        self.applied && self.subresource.is_empty() && self.manager == manager
    }
}

/// The entries of an object; none when it has no `managedFields`.
pub fn entries(live: &Value) -> impl Iterator<Item = Entry<'_>> {
    let list = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|entry| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        Some(Entry {
            manager: text("manager"),
            applied: text("operation") == "Apply",
            subresource: text("subresource"),
            api_version: text("apiVersion"),
            fields: entry.get("fieldsV1")?.as_object()?,
        })
    })
}

/// What one key of a field set means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member<'a> {
    /// `f:`: the value of a key.
    Field(&'a str),
    /// `k:`: the list item with these values.
    Key(Map<String, Value>),
    /// `v:`: the item of a set.
    Value(Value),
    /// `i:`: the list item at this place.
    Index(usize),
}

impl Member<'_> {
    /// Whether a list item is meant.
    pub fn is(&self, index: usize, item: &Value) -> bool {
        match self {
            Self::Field(_) => false,
            Self::Key(keys) => keys.iter().all(|(key, value)| item.get(key) == Some(value)),
            Self::Value(value) => item == value,
            Self::Index(place) => *place == index,
        }
    }
}

/// Reads a member; none for [`SELF`] and for what no version of the format has.
pub fn member(name: &str) -> Option<Member<'_>> {
    let (kind, rest) = name.split_once(':')?;
    match kind {
        "f" => Some(Member::Field(rest)),
        "k" => serde_json::from_str(rest).ok().map(Member::Key),
        "v" => serde_json::from_str(rest).ok().map(Member::Value),
        "i" => rest.parse().ok().map(Member::Index),
        _ => None,
    }
}

/// Whether nothing below is owned apart: the whole value, or an empty one.
pub fn is_leaf(fields: &Fields) -> bool {
    fields.keys().all(|name| name == SELF)
}

/// Members and what is owned below them.
pub fn children(fields: &Fields) -> impl Iterator<Item = (&str, &Fields)> {
    fields
        .iter()
        .filter_map(|(name, below)| Some((name.as_str(), below.as_object()?)))
        .filter(|(name, _)| *name != SELF)
}

/// What other field sets own below the same member.
pub fn below<'a>(others: &[&'a Fields], name: &str) -> Vec<&'a Fields> {
    others.iter().filter_map(|fields| fields.get(name)?.as_object()).collect()
}

/// What a tree holds at a member.
pub fn value_of<'a>(tree: &'a Value, member: &Member<'_>) -> Option<&'a Value> {
    match (tree, member) {
        (Value::Object(map), Member::Field(key)) => map.get(*key),
        (Value::Array(items), member) => {
            items.iter().enumerate().find(|(index, item)| member.is(*index, item)).map(|(_, item)| item)
        }
        _ => None,
    }
}

/// The path of a member below a path.
pub fn path_below(path: &str, member: &Member<'_>) -> String {
    let mut text = path.to_owned();
    match member {
        Member::Field(key) => {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(key);
        }
        Member::Key(keys) => {
            let parts: Vec<_> = keys.iter().map(|(key, value)| format!("{key}={}", in_path(value))).collect();
            let _infallible = write!(text, "[{}]", parts.join(","));
        }
        Member::Value(value) => {
            let _infallible = write!(text, "[={}]", in_path(value));
        }
        Member::Index(index) => {
            let _infallible = write!(text, "[{index}]");
        }
    }
    text
}

fn in_path(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed("null"),
        other => Cow::Owned(other.to_string()),
    }
}
