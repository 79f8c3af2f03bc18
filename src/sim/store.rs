//! One region's API server: its objects, versions, history and rules.
//!
//! Input: requests that name a resource, a namespace and a name. Output: objects as a server would keep them, or a
//! [`Failure`] in the server's words. It opens no socket and asks nobody for permission: access control, Pod Security,
//! quota and defaulting are matters of the real server's suite. Invariants: `resourceVersion` grows with every stored
//! change and with nothing else; a write that changes nothing is not stored; what was told once stays in the history
//! until its window has passed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use state::State;

pub mod delete;
pub mod failure;
mod fields;
pub mod hooks;
mod managers;
mod patch;
mod prepare;
pub mod read;
pub mod resources;
mod schema;
pub mod selector;
mod state;
mod typed;
mod validate;
pub mod write;

#[cfg(test)]
mod tests;

use failure::Failure;
use hooks::Hook;
use resources::Resource;

/// Where the server's time comes from.
pub type TimeSource = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The resource.
    pub resource: Resource,
    /// The namespace; empty for resources without.
    pub namespace: &'a str,
    /// The name; empty for a POST.
    pub name: &'a str,
}

/// The identity of a stored object: resource, namespace, name, in the order of lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The resource.
    pub resource: Resource,
    /// The namespace; empty for resources without.
    pub namespace: Box<str>,
    /// The name.
    pub name: Box<str>,
}

/// RFC 4648 with padding, as `data` of a Secret is written.
pub fn base64(bytes: &[u8]) -> String {
    prepare::base64(bytes)
}

impl Target<'_> {
    pub(crate) fn key(&self) -> Key {
        Key { resource: self.resource, namespace: self.namespace.into(), name: self.name.into() }
    }
}

impl Key {
    /// The same as a target.
    pub fn target(&self) -> Target<'_> {
        Target { resource: self.resource, namespace: &self.namespace, name: &self.name }
    }
}

/// One region's API server.
pub struct Store {
    state: Mutex<State>,
    hooks: Mutex<Vec<Hook>>,
    changed: watch::Sender<u64>,
    now: TimeSource,
}

impl Store {
    /// A fresh server with its default namespaces. The seed makes uids differ between regions and repeat between runs.
    pub fn new(now: TimeSource, seed: u64) -> Arc<Self> {
        let store = Self {
            state: Mutex::new(State::new(seed)),
            hooks: Mutex::new(Vec::new()),
            changed: watch::Sender::new(0),
            now,
        };
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            if let Some(resource) = Resource::by_plural("", "namespaces") {
                let target = Target { resource, namespace: "", name: "" };
                let options = write::WriteOptions { manager: "kube-apiserver", ..write::WriteOptions::default() };
                // A name that is a constant and a body that is one too: nothing can refuse it.
                drop(store.create(target, body, options));
            }
        }
        Arc::new(store)
    }

    /// The uid of `kube-system`, which stands for the cluster.
    pub fn cluster_uid(&self) -> Option<String> {
        let resource = Resource::by_plural("", "namespaces")?;
        let system = self.get(Target { resource, namespace: "", name: "kube-system" }).ok()?;
        system.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned)
    }

    /// The version of the newest change.
    pub fn version(&self) -> u64 {
        self.state().version
    }

    /// Tells of new versions.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// How many events are kept for watches that come late.
    pub fn set_window(&self, events: usize) {
        self.state().set_window(events);
    }

    /// Forgets all history, as a compaction does: older watches and pages get 410.
    pub fn compact(&self) {
        self.state().compact();
    }

    /// The present instant in the form of `metav1.Time`.
    pub fn now_text(&self) -> String {
        (self.now)().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self, version: u64) {
        self.changed.send_replace(version);
    }

    /// The namespace of a request must exist for anything new in it.
    fn check_namespace(state: &State, target: Target<'_>) -> Result<(), Failure> {
        if !target.resource.info().namespaced {
            return Ok(());
        }
        let Some(namespaces) = Resource::by_plural("", "namespaces") else { return Ok(()) };
        let key = Target { resource: namespaces, namespace: "", name: target.namespace }.key();
        match state.objects.get(&key) {
            None => Err(Failure::not_found(namespaces, target.namespace)),
            Some(namespace) if namespace.pointer("/metadata/deletionTimestamp").is_some() => {
                Err(Failure::terminating(target.resource, target.name, target.namespace))
            }
            Some(_) => Ok(()),
        }
    }
}
