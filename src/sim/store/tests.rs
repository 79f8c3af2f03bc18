//! Rules of the store: each case is a small story on one server.

use super::delete::{DeleteOptions, Deleted, Dependents};
use super::read::{Happened, Query};
use super::selector::Selector;
use super::write::{PatchKind, Validation, WriteOptions, Written};
use super::*;

fn store() -> Arc<Store> {
    let store = Store::new(Arc::new(|| "2026-01-01T00:00:00Z".parse().unwrap()), 1);
    store.create(at("namespaces", "", ""), object("v1", "Namespace", "ns", json!({})), by("admin")).unwrap();
    store
}

fn at<'a>(plural: &str, namespace: &'a str, name: &'a str) -> Target<'a> {
    let resource = Resource::all().find(|resource| resource.info().plural == plural).unwrap();
    Target { resource, namespace, name }
}

fn by(manager: &str) -> WriteOptions<'_> {
    WriteOptions { manager, ..WriteOptions::default() }
}

fn object(api_version: &str, kind: &str, name: &str, body: Value) -> Value {
    let mut object = body;
    object["apiVersion"] = json!(api_version);
    object["kind"] = json!(kind);
    object["metadata"]["name"] = json!(name);
    object
}

fn map(data: Value) -> Value {
    let mut body = json!({});
    body["data"] = data;
    object("v1", "ConfigMap", "x", body)
}

fn set(image: &str) -> Value {
    let container = json!({"name": "peer", "image": image, "env": [{"name": "A", "value": "1"}],
        "ports": [{"containerPort": 7051, "name": "grpc"}]});
    object(
        "apps/v1",
        "StatefulSet",
        "s",
        json!({"spec": {"replicas": 1, "serviceName": "s",
        "selector": {"matchLabels": {"app": "s"}},
        "template": {"metadata": {"labels": {"app": "s"}}, "spec": {"containers": [container]}}}}),
    )
}

fn apply_map(store: &Store, manager: &str, data: Value) -> Result<Written, Failure> {
    store.apply(at("configmaps", "ns", "x"), map(data), by(manager))
}

fn apply_set(store: &Store, manager: &str, body: Value) -> Result<Written, Failure> {
    store.apply(at("statefulsets", "ns", "s"), body, by(manager))
}

fn version(written: &Written) -> &str {
    written.object.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap()
}

#[test]
fn an_apply_of_the_same_leaves_the_version() {
    let store = store();
    let first = apply_map(&store, "a", json!({"k": "1"})).unwrap();
    let second = apply_map(&store, "a", json!({"k": "1"})).unwrap();
    assert!(first.created && !second.created);
    assert_eq!(version(&first), version(&second));
}

#[test]
fn a_field_that_leaves_an_apply_leaves_the_object_unless_somebody_else_owns_it() {
    let store = store();
    apply_map(&store, "a", json!({"k": "1", "l": "2", "m": "3"})).unwrap();
    apply_map(&store, "b", json!({"l": "2"})).unwrap();
    let after = apply_map(&store, "a", json!({"k": "1"})).unwrap();
    assert_eq!(after.object["data"], json!({"k": "1", "l": "2"}));
}

#[test]
fn a_field_of_another_is_a_conflict_in_the_servers_words() {
    let store = store();
    apply_set(&store, "a", set("one")).unwrap();
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "peer", "image": "two"}]}}}});
    store.patch(at("statefulsets", "ns", "s"), PatchKind::Strategic, &patch, by("kubectl-edit")).unwrap();
    let failure = apply_set(&store, "a", set("one")).unwrap_err();
    let field = ".spec.template.spec.containers[name=\"peer\"].image";
    let words = "conflict with \"kubectl-edit\" using apps/v1";
    assert_eq!(failure.code, 409);
    assert_eq!(failure.field_causes(), [(words.to_owned(), field.to_owned())]);
    assert_eq!(failure.message, format!("Apply failed with 1 conflict: {words}: {field}"));
    let forced =
        store.apply(at("statefulsets", "ns", "s"), set("one"), WriteOptions { force: true, ..by("a") }).unwrap();
    assert_eq!(forced.object["spec"]["template"]["spec"]["containers"][0]["image"], "one");
}

#[test]
fn an_edit_takes_the_field_so_that_a_later_apply_without_it_leaves_it() {
    let store = store();
    apply_map(&store, "a", json!({"k": "1", "l": "1"})).unwrap();
    store.patch(at("configmaps", "ns", "x"), PatchKind::Merge, &json!({"data": {"k": "2"}}), by("e")).unwrap();
    let after = apply_map(&store, "a", json!({"l": "1"})).unwrap();
    assert_eq!(after.object["data"], json!({"k": "2", "l": "1"}));
}

#[test]
fn keyed_lists_merge_by_their_keys_and_atomic_ones_as_a_whole() {
    let store = store();
    apply_set(&store, "a", set("one")).unwrap();
    let sidecar =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "s", "args": ["x"]}]}}}});
    apply_set(&store, "b", object("apps/v1", "StatefulSet", "s", sidecar)).unwrap();
    let live = store.get(at("statefulsets", "ns", "s")).unwrap();
    let containers = live["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 2);
    let entries = live["metadata"]["managedFields"].as_array().unwrap();
    let of = |name: &str| entries.iter().find(|entry| entry["manager"] == name).unwrap()["fieldsV1"].clone();
    let item = "/f:spec/f:template/f:spec/f:containers";
    let side = of("b").pointer(item).unwrap().clone();
    assert_eq!(side, json!({"k:{\"name\":\"side\"}": {".": {}, "f:args": {}, "f:image": {}, "f:name": {}}}));
    let ports = of("a").pointer(item).unwrap()["k:{\"name\":\"peer\"}"]["f:ports"].clone();
    let port =
        json!({"k:{\"containerPort\":7051,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}, "f:name": {}}});
    assert_eq!(ports, port);
    assert_eq!(of("a")["f:spec"]["f:selector"], json!({}));
    apply_set(&store, "b", object("apps/v1", "StatefulSet", "s", json!({"metadata": {"labels": {"l": "1"}}}))).unwrap();
    let live = store.get(at("statefulsets", "ns", "s")).unwrap();
    assert_eq!(live["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(), 1);
}

#[test]
fn version_one_means_absent() {
    let store = store();
    let mut body = map(json!({"k": "1"}));
    body["metadata"]["resourceVersion"] = json!("1");
    assert!(store.apply(at("configmaps", "ns", "x"), body.clone(), by("a")).unwrap().created);
    let failure = store.apply(at("configmaps", "ns", "x"), body, by("a")).unwrap_err();
    let words = "Operation cannot be fulfilled on configmaps \"x\": the object has been modified; please apply your \
                 changes to the latest version and try again";
    assert_eq!((failure.code, failure.message.as_str()), (409, words));
}

#[test]
fn a_uid_that_no_object_has_is_refused() {
    let store = store();
    let mut body = map(json!({"k": "1"}));
    body["metadata"]["uid"] = json!("abc");
    let failure = store.apply(at("configmaps", "ns", "x"), body, by("a")).unwrap_err();
    assert!(failure.code == 409 && failure.message.contains("uid mismatch"), "{failure}");
}

#[test]
fn only_a_change_of_the_spec_counts_as_a_generation() {
    let store = store();
    let generation = |written: &Written| written.object["metadata"]["generation"].as_i64();
    assert_eq!(generation(&apply_set(&store, "a", set("one")).unwrap()), Some(1));
    let status = WriteOptions { subresource: Some("status"), ..by("c") };
    let ready = json!({"status": {"replicas": 1, "readyReplicas": 1}, "spec": {"replicas": 9}});
    let after = store.patch(at("statefulsets", "ns", "s"), PatchKind::Merge, &ready, status).unwrap();
    assert_eq!(generation(&after), Some(1));
    assert_eq!(after.object["spec"]["replicas"], 1, "the status endpoint writes the status only");
    assert_eq!(after.object["status"]["readyReplicas"], 1);
    let after = apply_set(&store, "a", set("two")).unwrap();
    assert_eq!(generation(&after), Some(2));
    assert_eq!(after.object["status"]["readyReplicas"], 1, "an apply keeps the status");
}

#[test]
fn an_empty_list_in_a_network_policy_counts_as_a_change_every_time() {
    let store = store();
    let spec = json!({"spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": []}});
    let body = object("networking.k8s.io/v1", "NetworkPolicy", "p", spec);
    let apply = || store.apply(at("networkpolicies", "ns", "p"), body.clone(), by("a")).unwrap();
    assert_eq!(apply().object["metadata"]["generation"], 1);
    assert_eq!(apply().object["metadata"]["generation"], 2);
}

#[test]
fn a_namespace_that_is_missing_or_ends_takes_nothing() {
    let store = store();
    let into = |namespace| store.apply(at("configmaps", namespace, "x"), map(json!({})), by("a")).unwrap_err();
    assert_eq!((into("nowhere").code, into("nowhere").message.as_str()), (404, "namespaces \"nowhere\" not found"));
    let deleted = store.delete(at("namespaces", "", "ns"), DeleteOptions::default()).unwrap();
    assert!(matches!(deleted, Deleted::Waiting(_)));
    assert!(into("ns").has_cause("NamespaceTerminating"));
}

#[test]
fn a_deletion_checks_uid_and_version_and_waits_for_finalizers() {
    let store = store();
    let mut body = map(json!({}));
    body["metadata"]["finalizers"] = json!(["a/b"]);
    let written = store.create(at("configmaps", "ns", ""), body, by("a")).unwrap();
    let target = at("configmaps", "ns", "x");
    let wrong = DeleteOptions { uid: Some("other"), ..DeleteOptions::default() };
    assert_eq!(store.delete(target, wrong).unwrap_err().code, 409);
    let wrong = DeleteOptions { resource_version: Some("2"), ..DeleteOptions::default() };
    assert_eq!(store.delete(target, wrong).unwrap_err().code, 409);
    let right = DeleteOptions { resource_version: Some(version(&written)), ..DeleteOptions::default() };
    assert!(matches!(store.delete(target, right).unwrap(), Deleted::Waiting(_)));
    store.patch(target, PatchKind::Merge, &json!({"metadata": {"finalizers": null}}), by("a")).unwrap();
    assert_eq!(store.get(target).unwrap_err().code, 404);
}

#[test]
fn orphans_lose_their_owner_and_stay() {
    let store = store();
    let owner = apply_map(&store, "a", json!({})).unwrap();
    let reference =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": owner.object["metadata"]["uid"]});
    let child = object("v1", "Secret", "child", json!({"metadata": {"ownerReferences": [reference]}}));
    store.create(at("secrets", "ns", ""), child, by("a")).unwrap();
    let orphan = DeleteOptions { dependents: Dependents::Orphan, ..DeleteOptions::default() };
    store.delete(at("configmaps", "ns", "x"), orphan).unwrap();
    let child = store.get(at("secrets", "ns", "child")).unwrap();
    assert!(child.pointer("/metadata/ownerReferences/0").is_none());
}

#[test]
fn pages_carry_the_version_of_the_first_and_a_watch_goes_on_from_there() {
    let store = store();
    for name in ["a", "b", "c"] {
        let body = object("v1", "ConfigMap", name, json!({"metadata": {"labels": {"l": "1"}}}));
        store.create(at("configmaps", "ns", ""), body, by("a")).unwrap();
    }
    let query =
        Query { labels: Selector::parse("l in (1,2),!z").unwrap(), ..Query::all(at("configmaps", "", "").resource) };
    let first = store.list(&query, 2, None).unwrap();
    assert_eq!((first.objects.len(), first.next.is_some()), (2, true));
    store.delete(at("configmaps", "ns", "a"), DeleteOptions::default()).unwrap();
    store
        .patch(at("configmaps", "ns", "b"), PatchKind::Merge, &json!({"metadata": {"labels": {"l": "9"}}}), by("a"))
        .unwrap();
    let second = store.list(&query, 2, first.next.as_deref()).unwrap();
    assert_eq!((second.objects.len(), second.next, second.version), (1, None, first.version));
    let (told, _) = store.events_since(&query, first.version).unwrap();
    let happened: Vec<Happened> = told.iter().map(|told| told.happened).collect();
    assert_eq!(happened, [Happened::Deleted, Happened::Deleted], "what leaves the selector is gone for the watch");
    store.compact();
    assert_eq!(store.events_since(&query, first.version).unwrap_err().code, 410);
    assert_eq!(store.list(&query, 2, first.next.as_deref()).unwrap_err().code, 410);
}

#[test]
fn immutable_fields_are_refused() {
    let store = store();
    apply_set(&store, "a", set("one")).unwrap();
    let mut other = set("one");
    other["spec"]["serviceName"] = json!("t");
    let failure = apply_set(&store, "a", other).unwrap_err();
    assert!(failure.code == 422 && failure.message.contains("updates to statefulset spec"), "{failure}");
}

#[test]
fn unknown_fields_are_refused_or_dropped_with_a_warning() {
    let store = store();
    let body = object("v1", "ConfigMap", "x", json!({"dta": {}}));
    let strict = WriteOptions { validation: Validation::Strict, ..by("a") };
    assert_eq!(store.create(at("configmaps", "ns", ""), body.clone(), strict).unwrap_err().code, 400);
    assert_eq!(store.create(at("configmaps", "ns", ""), body.clone(), by("a")).unwrap().warnings.len(), 1);
    let failure = store.apply(at("configmaps", "ns", "x"), body, by("a")).unwrap_err();
    assert!(failure.message.ends_with(".dta: field not declared in schema"), "{failure}");
}

#[test]
fn a_dry_run_stores_nothing_and_hooks_see_it() {
    let store = store();
    store.add_hook("mutate", |_, target, object| {
        let mut object = object.clone();
        object["metadata"]["annotations"] = json!({"seen": target.name});
        hooks::Verdict::Mutate(object)
    });
    let dry = WriteOptions { dry_run: true, ..by("a") };
    let written = store.apply(at("configmaps", "ns", "x"), map(json!({})), dry).unwrap();
    assert_eq!(written.object["metadata"]["annotations"]["seen"], "x");
    assert_eq!(store.get(at("configmaps", "ns", "x")).unwrap_err().code, 404);
    store.add_hook("deny", |_, _, _| hooks::Verdict::Deny("no".into()));
    let failure = apply_map(&store, "a", json!({})).unwrap_err();
    assert_eq!(failure.message, "admission webhook \"deny\" denied the request: no");
}
