//! Sets of field paths, in the server's `FieldsV1` form.
//!
//! Input: paths or stored `fieldsV1` trees. Output: [`FieldSet`] and its algebra. It knows no schema. Invariants: an
//! element is kept in its wire form (`f:name`, `k:{…}`, `v:…`); a node without member and children does not exist.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A set of paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FieldSet(BTreeMap<Box<str>, Node>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Node {
    member: bool,
    below: FieldSet,
}

/// The element of a named field.
pub(super) fn field(name: &str) -> String {
    format!("f:{name}")
}

impl FieldSet {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a path.
    pub(super) fn insert<S: AsRef<str>>(&mut self, path: &[S]) {
        let Some((first, rest)) = path.split_first() else { return };
        let node = self.0.entry(first.as_ref().into()).or_default();
        if rest.is_empty() {
            node.member = true;
        } else {
            node.below.insert(rest);
        }
    }

    /// Whether exactly this element is a member here.
    pub(super) fn has(&self, element: &str) -> bool {
        self.0.get(element).is_some_and(|node| node.member)
    }

    /// Whether this element or anything below it is in the set.
    pub(super) fn touches(&self, element: &str) -> bool {
        self.0.contains_key(element)
    }

    /// What is below an element.
    pub(super) fn below(&self, element: &str) -> Option<&Self> {
        self.0.get(element).map(|node| &node.below)
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        for (element, theirs) in &other.0 {
            let ours = all.0.entry(element.clone()).or_default();
            ours.member |= theirs.member;
            ours.below = ours.below.union(&theirs.below);
        }
        all
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        self.combine(|element, ours| {
            let theirs = other.0.get(element);
            let member = ours.member && theirs.is_some_and(|theirs| theirs.member);
            (member, theirs.map(|theirs| ours.below.intersection(&theirs.below)).unwrap_or_default())
        })
    }

    /// The paths that are not in `other`, path by path: what lies below a removed member stays.
    pub(super) fn difference(&self, other: &Self) -> Self {
        self.combine(|element, ours| match other.0.get(element) {
            None => (ours.member, ours.below.clone()),
            Some(theirs) => (ours.member && !theirs.member, ours.below.difference(&theirs.below)),
        })
    }

    /// Without these top-level fields and everything below them.
    pub(super) fn without(&self, top: &[&str]) -> Self {
        let kept = self.0.iter().filter(|(element, _)| !top.iter().any(|name| ***element == *field(name)));
        Self(kept.map(|(element, node)| (element.clone(), node.clone())).collect())
    }

    /// Only this top-level field.
    pub(super) fn only(&self, top: &str) -> Self {
        let kept = self.0.iter().filter(|(element, _)| ***element == *field(top));
        Self(kept.map(|(element, node)| (element.clone(), node.clone())).collect())
    }

    fn combine(&self, rule: impl Fn(&str, &Node) -> (bool, Self)) -> Self {
        let mut result = BTreeMap::new();
        for (element, ours) in &self.0 {
            let (member, below) = rule(element, ours);
            if member || !below.is_empty() {
                result.insert(element.clone(), Node { member, below });
            }
        }
        Self(result)
    }

    /// All member paths as the server prints them, such as `.spec.containers[name="peer"].image`.
    pub(super) fn texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        self.collect_texts("", &mut texts);
        texts
    }

    fn collect_texts(&self, prefix: &str, texts: &mut Vec<String>) {
        for (element, node) in &self.0 {
            let path = format!("{prefix}{}", element_text(element));
            if node.member {
                texts.push(path.clone());
            }
            node.below.collect_texts(&path, texts);
        }
    }

    /// Reads `fieldsV1`.
    pub(super) fn parse(tree: &Value) -> Self {
        let mut set = BTreeMap::new();
        for (element, below) in tree.as_object().into_iter().flatten().filter(|(element, _)| *element != ".") {
            let member = below.as_object().is_none_or(|below| below.is_empty() || below.contains_key("."));
            set.insert(element.as_str().into(), Node { member, below: Self::parse(below) });
        }
        Self(set)
    }

    /// Writes `fieldsV1`.
    pub(super) fn to_value(&self) -> Value {
        let write = |element: &str, node: &Node| {
            let mut below = node.below.to_value();
            if let (true, false, Some(map)) = (node.member, node.below.is_empty(), below.as_object_mut()) {
                map.insert(".".into(), Value::Object(Map::new()));
            }
            (element.to_owned(), below)
        };
        Value::Object(self.0.iter().map(|(element, node)| write(element, node)).collect())
    }
}

fn element_text(element: &str) -> String {
    match element.split_once(':') {
        Some(("k", keys)) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let parts: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("[{}]", parts.join(","))
        }
        Some(("v", value)) => format!("[={value}]"),
        Some((_, name)) => format!(".{name}"),
        None => element.to_owned(),
    }
}
