//! Deletions.
//!
//! Input: a target, preconditions, how dependents are treated. Output: what is left. Dependents are collected by the
//! controllers. Invariants: a precondition that does not hold gives 409 and changes nothing; an object with finalizers
//! stays until they are gone.

use std::sync::Arc;

use serde_json::{Value, json};

use super::failure::Failure;
use super::hooks::Operation;
use super::state::State;
use super::{Key, Store, Target, prepare};

/// How dependents are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dependents {
    /// Collected afterwards.
    #[default]
    Background,
    /// Collected first.
    Foreground,
    /// Left alone.
    Orphan,
}

/// What a deletion asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeleteOptions<'a> {
    /// Only this life.
    pub uid: Option<&'a str>,
    /// Only this version.
    pub resource_version: Option<&'a str>,
    /// How dependents are treated.
    pub dependents: Dependents,
    /// Asks without deleting.
    pub dry_run: bool,
}

/// What a deletion left.
#[derive(Debug, Clone)]
pub enum Deleted {
    /// Nothing: the object as it was.
    Gone(Arc<Value>),
    /// The object waits for its finalizers.
    Waiting(Arc<Value>),
}

impl Store {
    /// Deletes an object.
    pub fn delete(&self, target: Target<'_>, options: DeleteOptions<'_>) -> Result<Deleted, Failure> {
        let key = target.key();
        let live = self.get(target)?;
        self.admit(Operation::Delete, &target, (*live).clone())?;
        let mut state = self.state();
        let live = state.objects.get(&key).cloned().ok_or_else(|| Failure::not_found(target.resource, target.name))?;
        preconditions(target, &live, options)?;
        if options.dry_run {
            return Ok(Deleted::Gone(live));
        }
        if options.dependents == Dependents::Orphan {
            orphan(&mut state, &key, &live);
        }
        let deleted = self.begin(&mut state, &key, &live, options.dependents);
        let version = state.version;
        drop(state);
        self.announce(version);
        Ok(deleted)
    }

    /// Takes a namespace away whose content is gone.
    pub(crate) fn end_namespace(&self, key: &Key) {
        let mut state = self.state();
        state.remove(key);
        let version = state.version;
        drop(state);
        self.announce(version);
    }

    fn begin(&self, state: &mut State, key: &Key, live: &Arc<Value>, dependents: Dependents) -> Deleted {
        let mut object = (**live).clone();
        if let (Dependents::Foreground, Some(metadata)) =
            (dependents, object.get_mut("metadata").and_then(Value::as_object_mut))
        {
            let list = metadata.entry("finalizers").or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(json!("foregroundDeletion"));
            }
        }
        if !is_held(key, &object) {
            return Deleted::Gone(state.remove(key).unwrap_or_else(|| live.clone()));
        }
        if object.pointer("/metadata/deletionTimestamp").is_some() {
            return Deleted::Waiting(live.clone());
        }
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("deletionTimestamp".into(), json!(self.now_text()));
            metadata.insert("deletionGracePeriodSeconds".into(), json!(0));
            if let Some(generation) = metadata.get("generation").and_then(Value::as_i64) {
                metadata.insert("generation".into(), json!(generation + 1));
            }
        }
        if key.resource.is("Namespace") {
            prepare::set(&mut object, &["status", "phase"], json!("Terminating"));
        }
        Deleted::Waiting(state.put(key.clone(), object))
    }
}

/// Whether an object outlives its deletion: by finalizers, a namespace by its content.
pub(super) fn is_held(key: &Key, object: &Value) -> bool {
    let any = |pointer: &str| object.pointer(pointer).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    any("/metadata/finalizers") || (key.resource.is("Namespace") && any("/spec/finalizers"))
}

fn preconditions(target: Target<'_>, live: &Value, options: DeleteOptions<'_>) -> Result<(), Failure> {
    let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let uid = text("/metadata/uid");
    if let Some(expected) = options.uid.filter(|expected| *expected != uid) {
        let why = format!(
            "the UID in the precondition ({expected}) does not match the UID in record ({uid}). The object might have \
             been deleted and then recreated"
        );
        return Err(Failure::precondition(target.resource, target.name, &why));
    }
    let version = text("/metadata/resourceVersion");
    if let Some(expected) = options.resource_version.filter(|expected| *expected != version) {
        let why = format!(
            "the ResourceVersion in the precondition ({expected}) does not match the ResourceVersion in record \
             ({version}). The object might have been modified"
        );
        return Err(Failure::precondition(target.resource, target.name, &why));
    }
    Ok(())
}

/// Takes the owner out of its dependents, so that the collector leaves them.
fn orphan(state: &mut State, owner: &Key, live: &Value) {
    let Some(uid) = live.pointer("/metadata/uid").and_then(Value::as_str) else { return };
    for (key, mut object) in dependents(state, &owner.namespace, uid) {
        if let Some(list) = object.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut) {
            list.retain(|reference| reference.get("uid").and_then(Value::as_str) != Some(uid));
            if let (true, Some(metadata)) = (list.is_empty(), object.get_mut("metadata").and_then(Value::as_object_mut))
            {
                metadata.remove("ownerReferences");
            }
        }
        state.put(key, object);
    }
}

/// Objects in a namespace that name an owner.
pub(crate) fn dependents(state: &State, namespace: &str, uid: &str) -> Vec<(Key, Value)> {
    let names = |object: &Value| {
        let list = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        list.into_iter().flatten().any(|reference| reference.get("uid").and_then(Value::as_str) == Some(uid))
    };
    let mut found = Vec::new();
    for resource in super::resources::Resource::all().filter(|resource| resource.info().namespaced) {
        let first = Key { resource, namespace: namespace.into(), name: "".into() };
        let matching = state.range(&first, Some(namespace)).filter(|(_, object)| names(object));
        found.extend(matching.map(|(key, object)| (key.clone(), (**object).clone())));
    }
    found
}
