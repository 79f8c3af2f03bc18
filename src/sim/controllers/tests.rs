//! What the cluster does by itself.

use super::*;
use crate::sim::store::Target;

fn store() -> Arc<Store> {
    let store = Store::new(Arc::new(|| "2026-01-01T00:00:00Z".parse().unwrap()), 1);
    put(&store, "namespaces", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}}));
    store
}

fn at<'a>(plural: &str, name: &'a str) -> Target<'a> {
    let resource = Resource::all().find(|resource| resource.info().plural == plural).unwrap();
    Target { resource, namespace: if resource.info().namespaced { "ns" } else { "" }, name }
}

fn put(store: &Store, plural: &str, body: Value) {
    let name = body["metadata"]["name"].as_str().unwrap().to_owned();
    let options = WriteOptions { manager: "a", ..WriteOptions::default() };
    store.apply(at(plural, &name), body, options).unwrap();
}

fn set(image: &str) -> Value {
    let volumes = json!([{"name": "k", "secret": {"secretName": "key"}},
        {"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]);
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "s"}, "spec": {"replicas": 1,
        "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": image}], "volumes": volumes}}}})
}

fn ready(store: &Store) -> i64 {
    store.get(at("statefulsets", "s")).unwrap().pointer("/status/readyReplicas").and_then(Value::as_i64).unwrap_or(0)
}

fn ready_set() -> Arc<Store> {
    let store = store();
    put(&store, "statefulsets", set("one"));
    put(
        &store,
        "persistentvolumeclaims",
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}),
    );
    settle(&store);
    assert_eq!(ready(&store), 0, "the Secret is missing");
    put(&store, "secrets", json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}}));
    settle(&store);
    store
}

#[test]
fn a_set_is_ready_when_everything_that_it_mounts_exists() {
    let store = ready_set();
    assert_eq!(ready(&store), 1);
    let claim = store.get(at("persistentvolumeclaims", "data")).unwrap();
    assert_eq!(claim["status"]["phase"], "Bound");
    assert!(!step(&store, &NoKubelet), "at rest nothing moves");
}

#[test]
fn a_new_template_restarts_the_pod_and_is_unready_for_a_moment() {
    let store = ready_set();
    put(&store, "statefulsets", set("two"));
    let mut seen = Vec::new();
    while step(&store, &NoKubelet) {
        seen.push(ready(&store));
    }
    assert!(seen.contains(&0) && seen.last() == Some(&1), "{seen:?}");
    let live = store.get(at("statefulsets", "s")).unwrap();
    assert_eq!(live["status"]["currentRevision"], live["status"]["updateRevision"]);
    assert_eq!(live["status"]["observedGeneration"], live["metadata"]["generation"]);
}

#[test]
fn dependents_go_with_their_owner_and_content_with_its_namespace() {
    let store = ready_set();
    store.delete(at("statefulsets", "s"), DeleteOptions::default()).unwrap();
    settle(&store);
    assert!(store.get(at("pods", "s-0")).is_err());
    store.delete(at("namespaces", "ns"), DeleteOptions::default()).unwrap();
    settle(&store);
    assert!(store.get(at("secrets", "key")).is_err());
    assert!(store.get(at("namespaces", "ns")).is_err());
}
