//! A rendered object: its id and its whole tree.
//!
//! Input: a JSON tree with `apiVersion`, `kind`, `metadata`. Output: [`Object`]. It is not validated against a schema
//! here. Invariant: the id and the tree agree; keys are sorted (`serde_json` without `preserve_order`).

use serde_json::{Map, Value, json};

use super::kinds;
use crate::model::object::ObjectId;

/// An object as it is sent to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    id: ObjectId,
    tree: Value,
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
        Self { id, tree: Value::Object(tree) }
    }

    /// Its id.
    pub fn id(&self) -> &ObjectId {
        &self.id
    }

    /// The whole tree.
    pub fn tree(&self) -> &Value {
        &self.tree
    }

    /// The metadata, for labels and annotations.
    pub fn metadata_mut(&mut self) -> Option<&mut Map<String, Value>> {
        self.tree.get_mut("metadata").and_then(Value::as_object_mut)
    }

    /// A value by JSON pointer.
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        self.tree.pointer(pointer)
    }
}
