//! Reads: one object, pages of a list, what changed since a version.
//!
//! Input: a target or a query. Output: shared copies of objects. It changes nothing. Invariants: a list carries the
//! version from which a watch goes on; pages of one list carry the version of its first page; a version that the
//! history no longer reaches gives 410 and never a gap.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::failure::Failure;
use super::resources::Resource;
use super::selector::{FieldSelector, Selector};
use super::{Key, Store, Target, delete};

/// What is listed or watched.
#[derive(Debug, Clone)]
pub struct Query {
    /// The resource.
    pub resource: Resource,
    /// One namespace; all when none.
    pub namespace: Option<String>,
    /// By labels.
    pub labels: Selector,
    /// By fields.
    pub fields: FieldSelector,
}

impl Query {
    /// Everything of a resource, in all namespaces.
    pub fn all(resource: Resource) -> Self {
        Self { resource, namespace: None, labels: Selector::default(), fields: FieldSelector::default() }
    }

    fn matches(&self, object: &Value) -> bool {
        self.labels.matches(object) && self.fields.matches(object)
    }

    fn covers(&self, key: &Key) -> bool {
        key.resource == self.resource && self.namespace.as_deref().is_none_or(|namespace| *key.namespace == *namespace)
    }
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its objects by namespace and name.
    pub objects: Vec<Arc<Value>>,
    /// The version of the list.
    pub version: u64,
    /// Where the next page starts.
    pub next: Option<String>,
    /// How many objects come after this page; only without selectors.
    pub remaining: Option<usize>,
}

/// What happened to an object, as seen through a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// It came into view.
    Added,
    /// It changed.
    Modified,
    /// It left the view.
    Deleted,
}

/// One event of a watch.
#[derive(Debug, Clone)]
pub struct Told {
    /// Which.
    pub happened: Happened,
    /// The object, with the version of the event.
    pub object: Arc<Value>,
}

impl Store {
    /// One object.
    pub fn get(&self, target: Target<'_>) -> Result<Arc<Value>, Failure> {
        let found = self.state().objects.get(&target.key()).cloned();
        found.ok_or_else(|| Failure::not_found(target.resource, target.name))
    }

    /// A page of a list: at most `limit` objects (all when 0), from a token of the page before.
    pub fn list(&self, query: &Query, limit: usize, from: Option<&str>) -> Result<Listed, Failure> {
        let state = self.state();
        let (version, first) = match from {
            None => (state.version, None),
            Some(token) => {
                let (version, key) = read_token(query.resource, token)?;
                if version < state.oldest {
                    return Err(Failure::continue_expired());
                }
                (version, Some(key))
            }
        };
        let start = first.unwrap_or_else(|| Key {
            resource: query.resource,
            namespace: query.namespace.as_deref().unwrap_or_default().into(),
            name: "".into(),
        });
        let mut objects = Vec::new();
        let past = (version < state.version).then(|| state.past(query.resource, version));
        let mut found: Box<dyn Iterator<Item = (&Key, &Arc<Value>)>> = if let Some(past) = &past {
            Box::new(past.range(start..).filter(|(key, object)| query.covers(key) && query.matches(object)))
        } else {
            let now = state.range(&start, query.namespace.as_deref());
            Box::new(now.filter(|(_, object)| query.matches(object)))
        };
        let mut next = None;
        let mut remaining = None;
        for (key, object) in found.by_ref() {
            if limit > 0 && objects.len() == limit {
                next = Some(write_token(version, key));
                remaining = (*query == Query::all(query.resource).within(query)).then(|| found.count() + 1);
                break;
            }
            objects.push(object.clone());
        }
        Ok(Listed { objects, version, next, remaining })
    }

    /// What happened after a version, oldest first, and up to which version it was looked.
    pub fn events_since(&self, query: &Query, version: u64) -> Result<(Vec<Told>, u64), Failure> {
        let state = self.state();
        if version < state.oldest {
            return Err(Failure::expired(version, state.oldest));
        }
        let start = state.history.partition_point(|event| event.version <= version);
        let told = state.history.range(start..).filter(|event| query.covers(&event.key)).filter_map(|event| {
            let before = event.before.as_ref().is_some_and(|before| query.matches(before));
            let after = !event.deleted && query.matches(&event.object);
            let happened = match (before, after) {
                (false, false) => return None,
                (false, true) => Happened::Added,
                (true, true) => Happened::Modified,
                (true, false) => Happened::Deleted,
            };
            Some(Told { happened, object: event.object.clone() })
        });
        Ok((told.collect(), state.version))
    }
}

/// Namespaces that changed, and owners that are gone by namespace and uid.
type Dirty = (BTreeSet<Box<str>>, BTreeSet<(Box<str>, Box<str>)>);

/// What the controllers look at.
impl Store {
    /// Everything of a resource, in one namespace or in all.
    pub(crate) fn objects(&self, group: &str, plural: &str, namespace: Option<&str>) -> Vec<(Key, Arc<Value>)> {
        let Some(resource) = Resource::by_plural(group, plural) else { return Vec::new() };
        let first = Key { resource, namespace: namespace.unwrap_or_default().into(), name: "".into() };
        let state = self.state();
        state.range(&first, namespace).map(|(key, object)| (key.clone(), object.clone())).collect()
    }

    /// Namespaces that changed and owners that are gone, since the last call.
    pub(crate) fn take_dirty(&self) -> Dirty {
        let mut state = self.state();
        (std::mem::take(&mut state.dirty), std::mem::take(&mut state.gone))
    }

    /// Objects in a namespace that name an owner.
    pub(crate) fn dependents(&self, namespace: &str, uid: &str) -> Vec<Key> {
        delete::dependents(&self.state(), namespace, uid).into_iter().map(|(key, _)| key).collect()
    }

    /// Everything in a namespace.
    pub(crate) fn content(&self, namespace: &str) -> Vec<Key> {
        let state = self.state();
        let namespaced = Resource::all().filter(|resource| resource.info().namespaced);
        let keys = namespaced.flat_map(|resource| {
            let first = Key { resource, namespace: namespace.into(), name: "".into() };
            state.range(&first, Some(namespace)).map(|(key, _)| key.clone()).collect::<Vec<_>>()
        });
        keys.collect()
    }
}

impl Query {
    /// The same query with the namespace of another.
    fn within(mut self, other: &Self) -> Self {
        self.namespace.clone_from(&other.namespace);
        self
    }
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.resource == other.resource
            && self.namespace == other.namespace
            && self.labels == other.labels
            && self.fields == other.fields
    }
}

fn write_token(version: u64, key: &Key) -> String {
    let text = json!([version, key.namespace, key.name]).to_string();
    text.bytes()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn read_token(resource: Resource, token: &str) -> Result<(u64, Key), Failure> {
    let wrong = || Failure::bad_request("continue key is not valid");
    let pairs: Vec<&str> = (0..token.len()).step_by(2).filter_map(|at| token.get(at..at + 2)).collect();
    let bytes: Vec<u8> = pairs.iter().filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    let (version, namespace, name): (u64, Box<str>, Box<str>) = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    Ok((version, Key { resource, namespace, name }))
}
