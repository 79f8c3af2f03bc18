//! Pods of Fabric's nodes as nodes of a simulated network.
//!
//! Input: pods whose mounts are there. Output: nodes that run at the names of their Services. Invariants: a pod whose process
//! would end at once is not ready; a node has the volume of its claim, so that another claim is an empty volume.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use k8s_openapi::ByteString;
use serde_json::Value;

use super::container::{Container, Files, Source};
use super::net::FabricNet;
use crate::sim::controllers::{Kubelet, Stream};
use crate::sim::store::resources::Resource;
use crate::sim::store::{Store, Target};

/// What Fabric's nodes are called in a container.
const PROGRAMS: [&str; 2] = ["orderer", "peer"];

/// Runs ordering nodes and peers; other pods are content without a process.
pub struct FabricKubelet {
    net: Arc<FabricNet>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Pods whose nodes run, by namespace and name, with their uids.
    running: BTreeMap<(String, String), String>,
    /// The claim that each node's volume belongs to, by address.
    claims: BTreeMap<String, String>,
}

impl FabricKubelet {
    /// Of a network.
    pub fn new(net: Arc<FabricNet>) -> Arc<Self> {
        Arc::new(Self { net, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Kubelet for FabricKubelet {
    fn start(&self, store: &Store, namespace: &str, pod: &Value) -> Result<(), String> {
        let Some(container) = mounted(store, namespace, pod)? else { return Ok(()) };
        let (name, uid) = (text(pod, "/metadata/name"), text(pod, "/metadata/uid"));
        let address = address(namespace, &name);
        let mut state = self.state();
        let at = (namespace.to_owned(), name);
        if state.running.get(&at) == Some(&uid) {
            return Ok(());
        }
        self.net.kill(&address);
        let claim = claim(store, namespace, pod);
        if state.claims.insert(address.clone(), claim.clone()).is_some_and(|before| before != claim) {
            self.net.wipe(&address);
        }
        self.net.place(&address, container);
        self.net.start(&address).map_err(|error| error.to_string())?;
        state.running.insert(at, uid);
        Ok(())
    }

    fn keep(&self, namespace: &str, pods: &BTreeMap<String, String>) {
        let net = &self.net;
        self.state().running.retain(|(of, name), uid| {
            let stays = *of != *namespace || pods.get(name) == Some(uid);
            if !stays {
                net.kill(&address(of, name));
            }
            stays
        });
    }

    async fn connect(&self, namespace: &str, pod: &str, port: u16) -> Option<Box<dyn Stream>> {
        let stream = self.net.connect(&address(namespace, pod), port)?;
        Some(Box::new(stream))
    }
}

/// What a pod of one of Fabric's nodes finds; none when it runs something else. Fails with the name of what is not there.
pub fn mounted(store: &Store, namespace: &str, pod: &Value) -> Result<Option<Container>, String> {
    let get = |source: Source, name: &str| {
        let plural = if source == Source::Secret { "secrets" } else { "configmaps" };
        object(store, plural, (namespace, name)).map(|object| content(source, &object))
    };
    let container = Container::mount(pod, get)?;
    let is_node = container.command.first().is_some_and(|program| PROGRAMS.contains(&program.as_str()));
    Ok(is_node.then_some(container))
}

/// The name of the Service before a set of one pod.
pub fn address(namespace: &str, pod: &str) -> String {
    let set = pod.rsplit_once('-').map_or(pod, |(set, _)| set);
    format!("{set}.{namespace}.svc")
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn object(store: &Store, plural: &str, (namespace, name): (&str, &str)) -> Option<Arc<Value>> {
    let resource = Resource::by_plural("", plural)?;
    store.get(Target { resource, namespace, name }).ok()
}

/// The uids of the claims that a pod mounts: another one is another volume.
pub fn claim(store: &Store, namespace: &str, pod: &Value) -> String {
    let volumes = pod.pointer("/spec/volumes").and_then(Value::as_array).into_iter().flatten();
    let names = volumes.filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName")?.as_str());
    let uid =
        |name| object(store, "persistentvolumeclaims", (namespace, name)).map(|claim| text(&claim, "/metadata/uid"));
    names.filter_map(uid).collect::<Vec<_>>().join(" ")
}

fn content(source: Source, object: &Value) -> Files {
    let data = object.get("data").cloned().unwrap_or_default();
    match source {
        // The server takes nothing that cannot be read.
        Source::Secret => {
            let values: BTreeMap<String, ByteString> = serde_json::from_value(data).unwrap_or_default();
            values.into_iter().map(|(key, value)| (key, value.0)).collect()
        }
        Source::ConfigMap => {
            let values: BTreeMap<String, String> = serde_json::from_value(data).unwrap_or_default();
            values.into_iter().map(|(key, value)| (key, value.into_bytes())).collect()
        }
    }
}
