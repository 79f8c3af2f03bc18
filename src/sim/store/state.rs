//! The stored objects and their history.
//!
//! Input: whole objects. Output: versions and events. It checks nothing. Invariants: each change gets the next version;
//! events are ordered by version; the version of an object is that of its last event.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};

use super::Key;
use super::resources::Resource;
use crate::model::digest::Digest;

/// One stored change.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) version: u64,
    pub(crate) key: Key,
    /// Before; none when it was created.
    pub(crate) before: Option<Arc<Value>>,
    /// The object afterwards, or as it was when it was deleted (with the version of the deletion).
    pub(crate) object: Arc<Value>,
    pub(crate) deleted: bool,
}

const WINDOW: usize = 20_000;

pub(crate) struct State {
    pub(crate) objects: BTreeMap<Key, Arc<Value>>,
    pub(crate) history: VecDeque<Event>,
    pub(crate) version: u64,
    /// Events up to this version are gone.
    pub(crate) oldest: u64,
    /// Namespaces that the controllers have to look at; empty text for what has none.
    pub(crate) dirty: BTreeSet<Box<str>>,
    /// Owners that are gone and whose dependents are to be collected: namespace and uid.
    pub(crate) gone: BTreeSet<(Box<str>, Box<str>)>,
    window: usize,
    seed: u64,
    uids: u64,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            // A young server's first version is larger than the `1` that no stored object may have.
            version: 1,
            oldest: 0,
            dirty: BTreeSet::new(),
            gone: BTreeSet::new(),
            window: WINDOW,
            seed,
            uids: 0,
        }
    }

    /// A uid that was never given before, in the form of RFC 9562.
    pub(super) fn next_uid(&mut self) -> String {
        self.uids += 1;
        let hex = Digest::of_parts([self.seed.to_be_bytes(), self.uids.to_be_bytes()]).hex();
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
    }

    pub(super) fn put(&mut self, key: Key, mut object: Value) -> Arc<Value> {
        let version = self.next_version();
        set_version(&mut object, version);
        let object = Arc::new(object);
        let before = self.objects.insert(key.clone(), object.clone());
        self.dirty.insert(key.namespace.clone());
        self.remember(Event { version, key, before, object: object.clone(), deleted: false });
        object
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let before = self.objects.remove(key)?;
        let version = self.next_version();
        let mut object = (*before).clone();
        set_version(&mut object, version);
        let object = Arc::new(object);
        self.dirty.insert(key.namespace.clone());
        if let Some(uid) = object.pointer("/metadata/uid").and_then(Value::as_str) {
            self.gone.insert((key.namespace.clone(), uid.into()));
        }
        self.remember(Event { version, key: key.clone(), before: Some(before), object: object.clone(), deleted: true });
        Some(object)
    }

    pub(super) fn set_window(&mut self, events: usize) {
        self.window = events;
        self.trim();
    }

    pub(super) fn compact(&mut self) {
        self.history.clear();
        self.oldest = self.version;
    }

    /// Objects of a resource as they were at a version that the history still reaches.
    pub(super) fn past(&self, resource: Resource, version: u64) -> BTreeMap<Key, Arc<Value>> {
        let first = Key { resource, namespace: "".into(), name: "".into() };
        let mut objects: BTreeMap<Key, Arc<Value>> =
            self.range(&first, None).map(|(key, object)| (key.clone(), object.clone())).collect();
        let later = self.history.iter().rev().take_while(|event| event.version > version);
        for event in later.filter(|event| event.key.resource == resource) {
            match &event.before {
                Some(before) => drop(objects.insert(event.key.clone(), before.clone())),
                None => drop(objects.remove(&event.key)),
            }
        }
        objects
    }

    /// Objects of a resource, in all namespaces or in one, from a key on.
    pub(crate) fn range<'a>(
        &'a self,
        first: &Key,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Value>)> {
        let resource = first.resource;
        self.objects
            .range(first.clone()..)
            .take_while(move |(key, _)| key.resource == resource && namespace.is_none_or(|ns| *key.namespace == *ns))
    }

    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    fn remember(&mut self, event: Event) {
        self.history.push_back(event);
        self.trim();
    }

    fn trim(&mut self) {
        while self.history.len() > self.window {
            if let Some(event) = self.history.pop_front() {
                self.oldest = event.version;
            }
        }
    }
}

fn set_version(object: &mut Value, version: u64) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".into(), json!(version.to_string()));
    }
}
