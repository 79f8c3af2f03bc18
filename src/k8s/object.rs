//! A rendered object: its id and its whole tree.
//!
//! Input: a JSON tree with `apiVersion`, `kind`, `metadata`. Output: [`Object`]. It is not validated against a schema
//! here. Invariants: the id and the tree agree; keys are sorted (`serde_json` without `preserve_order`). The tree is
//! kept as compact text: every object of a fleet is held as long as the process lives and looked into only when it
//! differs, and a tree of maps takes many times the memory of its text.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::kinds;
use crate::model::object::ObjectId;

/// An object as it is sent to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    id: ObjectId,
    text: Box<str>,
}

impl Object {
    /// Builds an object from its id and everything below it but `apiVersion`, `kind` and the names, which come from
    /// the id. `body` may hold `metadata` with labels and annotations.
    pub fn new(id: ObjectId, body: Map<String, Value>) -> Self {
        let mut tree = body;
        tree.insert("apiVersion".into(), json!(kinds::api_version(id.kind)));
        tree.insert("kind".into(), json!(id.kind.as_str()));
        let metadata = tree.entry("metadata").or_insert_with(|| json!({}));
        if !metadata.is_object() {
            *metadata = json!({});
        }
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert("name".into(), json!(&*id.name));
            match &id.namespace {
                Some(namespace) => metadata.insert("namespace".into(), json!(&**namespace)),
                None => metadata.remove("namespace"),
            };
        }
        Self { id, text: Value::Object(tree).to_string().into() }
    }

    /// Its id.
    pub fn id(&self) -> &ObjectId {
        &self.id
    }

    /// The whole tree, read anew from its text.
    pub fn tree(&self) -> Value {
        // What `new` wrote always reads.
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The same with other texts in place of these, wherever a value is exactly one of them.
    #[must_use]
    pub fn with_texts(&self, texts: &BTreeMap<String, &str>) -> Self {
        let mut tree = self.tree();
        replace(&mut tree, texts);
        Self { id: self.id.clone(), text: tree.to_string().into() }
    }

    /// A copy of the value at a JSON pointer.
    pub fn pointer(&self, pointer: &str) -> Option<Value> {
        self.tree().pointer_mut(pointer).map(Value::take)
    }
}
fn replace(value: &mut Value, texts: &BTreeMap<String, &str>) {
    match value {
        Value::String(text) => {
            if let Some(other) = texts.get(text.as_str()) {
                *text = (*other).to_owned();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, texts)),
        Value::Object(map) => map.values_mut().for_each(|item| replace(item, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
