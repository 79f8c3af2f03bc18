//! Every StatefulSet and its pods.
//!
//! Input: a namespace. Output: pods and status. Invariants: one pod at a time is made or replaced, from the lowest or
//! the highest ordinal, unless the set says `Parallel`; a pod of another template is replaced whether it is ready or
//! not.

use serde_json::{Value, json};

use super::{Kubelet, MANAGER, discard, patch};
use crate::model::digest::Digest;
use crate::sim::store::resources::Resource;
use crate::sim::store::write::WriteOptions;
use crate::sim::store::{Key, Store, Target};

const REVISION: &str = "controller-revision-hash";

struct Pod {
    key: Key,
    ordinal: i64,
    ready: bool,
    revision: String,
}

pub(super) fn step_all(store: &Store, kubelet: &dyn Kubelet, namespace: &str) {
    for (key, set) in store.objects("apps", "statefulsets", Some(namespace)) {
        if set.pointer("/metadata/deletionTimestamp").is_none() {
            step(store, kubelet, (&key, &set));
        }
    }
}

fn step(store: &Store, kubelet: &dyn Kubelet, (key, set): (&Key, &Value)) {
    let wanted = set.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    let template = set.pointer("/spec/template").cloned().unwrap_or_default();
    let update = format!("{}-{}", key.name, Digest::of_json(&template).short(10));
    adopt(store, key, set);
    let pods = pods(store, key, set);
    let moved = act(store, key, set, &pods, (wanted, &update));
    if !moved {
        for pod in pods.iter().filter(|pod| !pod.ready) {
            if mounts_exist(store, &key.namespace, &template) && runs(store, kubelet, &pod.key) {
                let condition = json!([{"type": "Ready", "status": "True"}]);
                patch(
                    store,
                    &pod.key,
                    Some("status"),
                    &json!({"status": {"phase": "Running", "conditions": condition}}),
                );
            }
        }
    }
    report(store, key, set, &update);
}

/// Whether what the pod runs has begun and goes on.
fn runs(store: &Store, kubelet: &dyn Kubelet, pod: &Key) -> bool {
    let body = store.get(pod.target());
    body.is_ok_and(|body| kubelet.start(store, &pod.namespace, &body).is_ok())
}

/// Makes, replaces or removes pods; tells whether it did.
fn act(store: &Store, key: &Key, set: &Value, pods: &[Pod], (wanted, update): (i64, &str)) -> bool {
    let parallel = set.pointer("/spec/podManagementPolicy").and_then(Value::as_str) == Some("Parallel");
    let excess: Vec<&Pod> = pods.iter().filter(|pod| pod.ordinal >= wanted).collect();
    if let Some(last) = excess.last() {
        discard(store, &last.key);
        return true;
    }
    let mut made = false;
    for ordinal in 0..wanted {
        match pods.iter().find(|pod| pod.ordinal == ordinal) {
            None => {
                make(store, key, set, ordinal, update);
                made = true;
            }
            Some(pod) if pod.ready || pod.revision != update => continue,
            Some(_) => {}
        }
        if !parallel {
            break;
        }
    }
    if made {
        return true;
    }
    for pod in pods.iter().rev() {
        if pod.revision != update {
            discard(store, &pod.key);
            return true;
        }
        if !pod.ready {
            return false;
        }
    }
    false
}

/// Takes pods that nobody owns and that are named and labelled as the set's own.
fn adopt(store: &Store, key: &Key, set: &Value) {
    let labels = set.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    for (pod_key, pod) in store.objects("", "pods", Some(&key.namespace)) {
        let named = pod_key.name.rsplit_once('-').is_some_and(|(set_name, _)| *set_name == *key.name);
        let label = |name: &str| pod.pointer("/metadata/labels").and_then(|labels| labels.get(name));
        let labelled = labels.is_some_and(|labels| labels.iter().all(|(name, value)| label(name) == Some(value)));
        if named && labelled && pod.pointer("/metadata/ownerReferences").is_none() {
            patch(store, &pod_key, None, &json!({"metadata": {"ownerReferences": [owner(key, set)]}}));
        }
    }
}

fn owner(key: &Key, set: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": key.name, "uid": set.pointer("/metadata/uid"),
        "controller": true, "blockOwnerDeletion": true})
}

fn pods(store: &Store, key: &Key, set: &Value) -> Vec<Pod> {
    let uid = set.pointer("/metadata/uid");
    let mut pods: Vec<Pod> = store
        .objects("", "pods", Some(&key.namespace))
        .into_iter()
        .filter(|(_, pod)| pod.pointer("/metadata/ownerReferences/0/uid") == uid)
        .filter_map(|(pod_key, pod)| {
            let ordinal = pod_key.name.rsplit('-').next()?.parse().ok()?;
            let ready = pod.pointer("/status/conditions/0/status").and_then(Value::as_str) == Some("True");
            let revision = pod.pointer(&format!("/metadata/labels/{REVISION}")).and_then(Value::as_str);
            Some(Pod { key: pod_key, ordinal, ready, revision: revision.unwrap_or_default().to_owned() })
        })
        .collect();
    pods.sort_by_key(|pod| pod.ordinal);
    pods
}

fn make(store: &Store, key: &Key, set: &Value, ordinal: i64, revision: &str) {
    let Some(resource) = Resource::by_plural("", "pods") else { return };
    let at = |pointer: &str| set.pointer(pointer).cloned().unwrap_or_default();
    let mut labels = at("/spec/template/metadata/labels");
    if let Some(labels) = labels.as_object_mut() {
        labels.insert(REVISION.into(), json!(revision));
    } else {
        labels = json!({ REVISION: revision });
    }
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": format!("{}-{ordinal}", key.name), "labels": labels, "ownerReferences": [owner(key, set)]},
        "spec": at("/spec/template/spec"),
    });
    let options = WriteOptions { manager: MANAGER, ..WriteOptions::default() };
    // A pod of the set before that still has the name: the step after its end makes this one.
    drop(store.create(Target { resource, namespace: &key.namespace, name: "" }, pod, options));
}

/// Whether everything that the pods mount is there and bound.
fn mounts_exist(store: &Store, namespace: &str, template: &Value) -> bool {
    let exists = |plural: &str, name: &str| {
        let resource = Resource::by_plural("", plural)?;
        store.get(Target { resource, namespace, name }).ok()
    };
    let there = |plural: &str, source: &Value, field: &str| {
        let optional = source.get("optional").and_then(Value::as_bool).unwrap_or(false);
        let name = source.get(field).and_then(Value::as_str);
        optional || name.is_none_or(|name| exists(plural, name).is_some())
    };
    let source_exists = |source: &Value| {
        let checks = [("secret", "secrets", "secretName"), ("configMap", "configmaps", "name")];
        let plain = checks.iter().all(|(kind, plural, field)| {
            let field = if source.get("name").is_some_and(Value::is_object) { "name" } else { field };
            source.get(kind).is_none_or(|source| {
                let field = if source.get(field).is_some() { field } else { "name" };
                there(plural, source, field)
            })
        });
        let claim = source.pointer("/persistentVolumeClaim/claimName").and_then(Value::as_str);
        let bound = claim.is_none_or(|name| {
            exists("persistentvolumeclaims", name)
                .is_some_and(|claim| claim.pointer("/status/phase").and_then(Value::as_str) == Some("Bound"))
        });
        plain && bound
    };
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let volumes = list(template.pointer("/spec/volumes"))
        .iter()
        .all(|volume| source_exists(volume) && list(volume.pointer("/projected/sources")).iter().all(source_exists));
    let containers = list(template.pointer("/spec/containers"));
    let all: Vec<Value> = containers.into_iter().chain(list(template.pointer("/spec/initContainers"))).collect();
    let environment = all.iter().all(|container| {
        let values = list(container.get("env")).iter().all(|variable| {
            let of = |kind: &str, plural: &str| {
                variable.pointer(&format!("/valueFrom/{kind}")).is_none_or(|source| there(plural, source, "name"))
            };
            of("secretKeyRef", "secrets") && of("configMapKeyRef", "configmaps")
        });
        let whole = list(container.get("envFrom")).iter().all(|from| {
            let of = |kind: &str, plural: &str| from.get(kind).is_none_or(|source| there(plural, source, "name"));
            of("secretRef", "secrets") && of("configMapRef", "configmaps")
        });
        values && whole
    });
    volumes && environment
}

fn report(store: &Store, key: &Key, set: &Value, update: &str) {
    let pods = pods(store, key, set);
    let count = |of: &dyn Fn(&Pod) -> bool| pods.iter().filter(|pod| of(pod)).count();
    let ready = count(&|pod| pod.ready);
    let updated = count(&|pod| pod.revision == update);
    let wanted = set.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    let done = i64::try_from(updated).is_ok_and(|updated| updated == wanted) && ready == pods.len();
    let current = set.pointer("/status/currentRevision").and_then(Value::as_str);
    let current = if done { update } else { current.unwrap_or(update) };
    let status = json!({"status": {
        "observedGeneration": set.pointer("/metadata/generation"),
        "replicas": pods.len(),
        "readyReplicas": ready,
        "availableReplicas": ready,
        "updatedReplicas": updated,
        "currentReplicas": count(&|pod| pod.revision == current),
        "currentRevision": current,
        "updateRevision": update,
    }});
    patch(store, key, Some("status"), &status);
}
