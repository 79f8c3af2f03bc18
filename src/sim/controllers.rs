//! What a cluster does by itself: pods of sets, claims, ends of namespaces, collection of dependents.
//!
//! Input: a store. Output: its changes, one step at a time. It is driven by [`step`] or, in real time, by [`run`];
//! there is no scheduler, and what runs in a pod is a [`Kubelet`]'s matter. Invariants: a pod is ready only when every Secret, ConfigMap and claim that it
//! mounts exists and is bound; one step makes at most one move for each StatefulSet, so that a restart is seen from
//! outside; a step without news does nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};

use super::store::delete::DeleteOptions;
use super::store::resources::Resource;
use super::store::write::{PatchKind, WriteOptions};
use super::store::{Key, Store};

mod stateful_set;
#[cfg(test)]
mod tests;

/// How many steps [`settle`] makes at most: a set of some pods takes a few for each.
const STEPS_MAX: usize = 10_000;

/// A connection to a pod.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What runs the containers of pods.
#[async_trait]
pub trait Kubelet: Send + Sync {
    /// Starts what a pod runs, unless it runs already; fails when it ends at once. Everything that the pod mounts is there.
    fn start(&self, store: &Store, namespace: &str, pod: &Value) -> Result<(), String>;
    /// Ends what runs in a namespace for pods that are none of these: names with uids.
    fn keep(&self, namespace: &str, pods: &BTreeMap<String, String>);
    /// A connection to a port of a pod; none when nobody listens there.
    async fn connect(&self, namespace: &str, pod: &str, port: u16) -> Option<Box<dyn Stream>>;
}

/// Runs nothing, and is content with every pod.
pub struct NoKubelet;

#[async_trait]
impl Kubelet for NoKubelet {
    fn start(&self, _: &Store, _: &str, _: &Value) -> Result<(), String> {
        Ok(())
    }

    fn keep(&self, _: &str, _: &BTreeMap<String, String>) {}

    async fn connect(&self, _: &str, _: &str, _: u16) -> Option<Box<dyn Stream>> {
        None
    }
}

const MANAGER: &str = "kube-controller-manager";

/// Makes steps until nothing moves any more.
pub fn settle(store: &Store) {
    for _ in 0..STEPS_MAX {
        if !step(store, &NoKubelet) {
            return;
        }
    }
}

/// Makes steps whenever something changed, until it is dropped.
pub async fn run(store: Arc<Store>) {
    run_with(store, Arc::new(NoKubelet)).await;
}

/// The same, where pods run something.
pub async fn run_with(store: Arc<Store>, kubelet: Arc<dyn Kubelet>) {
    let mut news = store.subscribe();
    loop {
        while step(&store, &*kubelet) {
            tokio::task::yield_now().await;
        }
        if news.changed().await.is_err() {
            return;
        }
    }
}

/// Makes one step in every namespace that changed; tells whether anything moved.
pub fn step(store: &Store, kubelet: &dyn Kubelet) -> bool {
    let before = store.version();
    let (dirty, gone) = store.take_dirty();
    for (namespace, uid) in gone {
        for key in store.dependents(&namespace, &uid) {
            discard(store, &key);
        }
    }
    for namespace in dirty {
        if namespace.is_empty() {
            namespaces(store);
            continue;
        }
        claims(store, &namespace);
        stateful_set::step_all(store, kubelet, &namespace);
        finish(store, &namespace);
        kubelet.keep(&namespace, &pods(store, &namespace));
    }
    store.version() != before
}

fn pods(store: &Store, namespace: &str) -> BTreeMap<String, String> {
    let uid = |pod: &Value| pod.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned();
    store.objects("", "pods", Some(namespace)).iter().map(|(key, pod)| (key.name.to_string(), uid(pod))).collect()
}

fn discard(store: &Store, key: &Key) {
    // What is gone already needs no more.
    drop(store.delete(key.target(), DeleteOptions::default()));
}

/// Marks namespaces that end, so that their content is looked at.
fn namespaces(store: &Store) {
    for (key, object) in store.objects("", "namespaces", None) {
        if object.pointer("/metadata/deletionTimestamp").is_some() {
            finish(store, &key.name);
        }
    }
}

/// Ends a namespace: first its content, then itself.
fn finish(store: &Store, namespace: &str) {
    let Some(resource) = Resource::by_plural("", "namespaces") else { return };
    let key = Key { resource, namespace: "".into(), name: namespace.into() };
    let ending = store.get(key.target()).is_ok_and(|object| object.pointer("/metadata/deletionTimestamp").is_some());
    if !ending {
        return;
    }
    let content = store.content(namespace);
    if content.is_empty() {
        store.end_namespace(&key);
    }
    for key in &content {
        discard(store, key);
    }
}

/// Binds claims.
fn claims(store: &Store, namespace: &str) {
    for (key, claim) in store.objects("", "persistentvolumeclaims", Some(namespace)) {
        let text = |pointer: &str| claim.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        if text("/status/phase") == "Bound" || claim.pointer("/metadata/deletionTimestamp").is_some() {
            continue;
        }
        let volume = json!({"spec": {"volumeName": format!("pvc-{}", text("/metadata/uid"))}});
        patch(store, &key, None, &volume);
        let status = json!({"status": {
            "phase": "Bound",
            "accessModes": claim.pointer("/spec/accessModes"),
            "capacity": {"storage": claim.pointer("/spec/resources/requests/storage")},
        }});
        patch(store, &key, Some("status"), &status);
    }
}

fn patch(store: &Store, key: &Key, subresource: Option<&str>, body: &Value) {
    let options = WriteOptions { manager: MANAGER, subresource, ..WriteOptions::default() };
    // A hook may refuse it or the object be gone: the next change of it brings the next try.
    drop(store.patch(key.target(), PatchKind::Merge, body, options));
}
