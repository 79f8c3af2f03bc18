//! Places of a document that has been read.
//!
//! Input: a tree. Output: [`Places`], which stay when the tree is dropped. Invariant: the same document gives the same
//! places; a few kilobytes for a document.

use super::violation::{first_key, pointer};
use crate::model::diagnostic::Span;
use crate::yaml::tree::{Node, Value};

/// Spans by JSON pointer: of a value for texts and numbers, of the key for lists and maps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places(Box<[(Box<str>, Span)]>);

impl Places {
    pub(super) fn of(root: &Node) -> Self {
        let mut places = Vec::new();
        collect(root, None, &mut Vec::new(), &mut places);
        places.sort();
        Self(places.into_boxed_slice())
    }

    /// The place of a pointer, or of the nearest place around it.
    pub fn get(&self, pointer: &str) -> Option<Span> {
        let mut pointer = pointer;
        loop {
            if let Some(span) = self.exact(pointer) {
                return Some(span);
            }
            pointer = pointer.rsplit_once('/')?.0;
        }
    }

    /// The place of a pointer; none when the document does not have it.
    pub fn exact(&self, pointer: &str) -> Option<Span> {
        let at = self.0.binary_search_by(|(known, _)| (**known).cmp(pointer)).ok()?;
        self.0.get(at).map(|(_, span)| *span)
    }
}

fn collect(node: &Node, key: Option<Span>, path: &mut Vec<String>, places: &mut Vec<(Box<str>, Span)>) {
    let span = match node.value {
        Value::List(_) | Value::Map(_) => key.unwrap_or_else(|| first_key(node)),
        _ => node.span,
    };
    places.push((pointer(path).into_boxed_str(), span));
    let children: Vec<(String, Option<Span>, &Node)> = match &node.value {
        Value::List(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), None, item)).collect(),
        Value::Map(entries) => {
            entries.iter().map(|entry| (entry.key.clone(), Some(entry.span), &entry.value)).collect()
        }
        _ => Vec::new(),
    };
    for (step, key, child) in children {
        path.push(step);
        collect(child, key, path, places);
        path.pop();
    }
}
