//! Writes that are no apply, and what the server makes of them: deletions, leases, scale, what never changes.

use serde_json::{Value, json};

use crate::contract::objects::{self, config_map};
use crate::contract::server::{Api, Case, Server, case, entry, eventually, expect, real_only, version};

const OURS: &str = "fieldManager=heddle&force=false";

/// The cases.
pub const CASES: &[Case] = &[
    case("a deletion with another uid or version is refused, and with the right ones done", delete_conditions),
    case("a deletion of nothing is not found", delete_nothing),
    case("an object with a finalizer stays until it is taken off", finalizer),
    case("a set deleted with background propagation takes its pods with it", delete_background),
    case("a set deleted with orphan propagation leaves its pods, and its next life adopts them", delete_orphan),
    case("nothing new is made in a namespace that ends", terminating_namespace),
    case("a lease is made once and replaced only in the version that was read", lease),
    case("who scales a set takes its replicas away from their applier", scale),
    case("what a server never changes is refused as invalid", immutable),
    case("apply needs a manager", apply_needs_manager),
    case("apply refuses a field that a kind does not have", unknown_field),
    case("apply takes no managedFields", no_managed_fields),
    case("a label that is no label is invalid", invalid_label),
    case("a patch of what is not there is not found", patch_nothing),
    case("POST over what is there says that it exists", post_twice),
    case(
        "a second Secret of a name is refused with 409, and the answer is metadata where that is asked for",
        key_is_made_once,
    ),
    real_only("an immutable Secret cannot be changed", key_cannot_change),
];

fn delete_conditions(server: &dyn Server) {
    let api = Api::admin(server);
    let map = config_map(&api.namespace(), "x", json!({"a": "1"}));
    let made = api.apply(&map.path, OURS, &map.body);
    let (uid, old) = (&made.body["metadata"]["uid"], version(&made.body));
    let now = api.edit(&map.path, &json!({"data": {"b": "1"}}));
    let current = version(&now.body);
    let other = "00000000-0000-0000-0000-000000000000";
    for conditions in [
        json!({"uid": other}),
        json!({"uid": other, "resourceVersion": current}),
        json!({"resourceVersion": old}),
        json!({"uid": uid, "resourceVersion": old}),
    ] {
        let refused = api.delete(&map.path, &json!({"preconditions": conditions}));
        expect(&refused, 409);
        assert_eq!(refused.body["reason"], "Conflict");
        assert!(refused.message().contains("does not match the"), "{}", refused.text);
        assert_eq!(refused.body["details"], json!({"name": "x", "kind": "ConfigMap"}));
        assert!(refused.body["details"].get("causes").is_none(), "{}", refused.text);
    }
    expect(&api.get(&map.path), 200);
    let conditions = json!({"uid": uid, "resourceVersion": current});
    let done = api.delete(&map.path, &json!({"preconditions": conditions, "propagationPolicy": "Background"}));
    expect(&done, 200);
    assert_eq!(done.body["kind"], "Status");
    assert_eq!(&done.body["details"]["uid"], uid);
    expect(&api.get(&map.path), 404);
}

fn delete_nothing(server: &dyn Server) {
    let api = Api::admin(server);
    let map = config_map(&api.namespace(), "x", json!({}));
    let answer = api.delete(&map.path, &json!({}));
    expect(&answer, 404);
    assert_eq!(answer.body["details"]["name"], "x");
}

fn finalizer(server: &dyn Server) {
    let api = Api::admin(server);
    let mut map = config_map(&api.namespace(), "x", json!({"a": "1"}));
    map.body["metadata"]["finalizers"] = json!(["case.example/hold"]);
    expect(&api.apply(&map.path, OURS, &map.body), 201);
    let leaving = api.delete(&map.path, &json!({}));
    expect(&leaving, 200);
    assert_eq!(leaving.body["kind"], "ConfigMap", "the object itself, because it is still there");
    assert!(leaving.body["metadata"]["deletionTimestamp"].is_string(), "{}", leaving.text);
    expect(&api.get(&map.path), 200);
    expect(&api.edit(&map.path, &json!({"metadata": {"finalizers": null}})), 200);
    expect(&api.get(&map.path), 404);
}

/// A set whose pod is there; gives the paths of both and the pod's uid.
fn running_set(api: &Api<'_>, namespace: &str) -> (String, String, Value) {
    let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/x");
    expect(&api.apply(&path, OURS, &objects::stateful_set(namespace, "x")), 201);
    let pod = format!("/api/v1/namespaces/{namespace}/pods/x-0");
    eventually("the controller makes the pod", || api.get(&pod).status == 200);
    let uid = api.get(&pod).body["metadata"]["uid"].clone();
    (path, pod, uid)
}

fn delete_background(server: &dyn Server) {
    let api = Api::admin(server);
    let (set, pod, _) = running_set(&api, &api.namespace());
    expect(&api.delete(&set, &json!({"propagationPolicy": "Background"})), 200);
    expect(&api.get(&set), 404);
    eventually("the pod is gone", || api.get(&pod).status == 404);
}

fn delete_orphan(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let (set, pod, uid) = running_set(&api, &namespace);
    let owner = || api.get(&pod).body["metadata"]["ownerReferences"][0]["uid"].clone();
    assert_eq!(owner(), api.get(&set).body["metadata"]["uid"]);
    expect(&api.delete(&set, &json!({"propagationPolicy": "Orphan"})), 200);
    eventually("the set is gone", || api.get(&set).status == 404);
    assert_eq!(api.get(&pod).body["metadata"]["uid"], uid, "the pod lives on");
    assert_eq!(owner(), Value::Null);
    expect(&api.apply(&set, OURS, &objects::stateful_set(&namespace, "x")), 201);
    let next = api.get(&set).body["metadata"]["uid"].clone();
    eventually("the next life adopts the pod", || owner() == next);
    assert_eq!(api.get(&pod).body["metadata"]["uid"], uid);
}

fn terminating_namespace(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let mut held = config_map(&namespace, "held", json!({}));
    held.body["metadata"]["finalizers"] = json!(["case.example/hold"]);
    expect(&api.apply(&held.path, OURS, &held.body), 201);
    expect(&api.delete(&format!("/api/v1/namespaces/{namespace}"), &json!({})), 200);
    let map = config_map(&namespace, "x", json!({"a": "1"}));
    let refused = api.apply(&map.path, OURS, &map.body);
    expect(&refused, 403);
    assert_eq!(refused.body["details"]["causes"][0]["reason"], "NamespaceTerminating", "{}", refused.text);
    expect(&api.edit(&held.path, &json!({"metadata": {"finalizers": null}})), 200);
    eventually("the namespace ends", || api.get(&format!("/api/v1/namespaces/{namespace}")).status == 404);
}

fn lease(server: &dyn Server) {
    let api = Api::admin(server);
    let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", api.namespace());
    let body = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "x"},
        "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"}});
    let made = api.post(&leases, &body);
    expect(&made, 201);
    let again = api.post(&leases, &body);
    expect(&again, 409);
    assert_eq!(again.body["reason"], "AlreadyExists");
    let mut renewed = made.body.clone();
    renewed["spec"]["renewTime"] = json!("2026-01-01T00:00:05.000000Z");
    let path = format!("{leases}/x");
    let replaced = api.put(&path, &renewed);
    expect(&replaced, 200);
    assert_eq!(replaced.body["spec"]["renewTime"], "2026-01-01T00:00:05.000000Z");
    renewed["spec"]["holderIdentity"] = json!("b");
    let late = api.put(&path, &renewed);
    expect(&late, 409);
    assert_eq!(late.body["reason"], "Conflict");
    renewed["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    expect(&api.put(&path, &renewed), 422);
    assert_eq!(api.get(&path).body["spec"]["holderIdentity"], "a");
}

fn scale(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/x");
    let set = objects::stateful_set(&namespace, "x");
    expect(&api.apply(&path, OURS, &set), 201);
    let scaled = api.edit(&format!("{path}/scale?fieldManager=scaler"), &json!({"spec": {"replicas": 2}}));
    expect(&scaled, 200);
    assert_eq!(scaled.body["kind"], "Scale");
    let live = api.get(&path);
    assert_eq!(live.body["spec"]["replicas"], 2);
    let owned = entry(&live.body, "heddle", "Apply").expect("our entry stays");
    assert!(owned["fieldsV1"]["f:spec"].get("f:replicas").is_none(), "{owned}");
    let entries = live.body["metadata"]["managedFields"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["manager"] == "scaler" && entry["subresource"] == "scale"), "{entries:?}");
    let refused = api.apply(&path, OURS, &set);
    expect(&refused, 409);
    let cause = &refused.body["details"]["causes"][0];
    assert_eq!(cause["field"], ".spec.replicas");
    assert!(cause["message"].as_str().unwrap().contains("\"scaler\""), "{cause}");
}

fn immutable(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let samples = objects::all(&namespace, "x");
    for (kind, pointer, value) in [
        ("StatefulSet", "/spec/serviceName", json!("other")),
        ("StatefulSet", "/spec/selector/matchLabels/app", json!("other")),
        ("PersistentVolumeClaim", "/spec/storageClassName", json!("other")),
        ("PersistentVolumeClaim", "/spec/accessModes/0", json!("ReadWriteMany")),
        ("RoleBinding", "/roleRef/name", json!("edit")),
        ("Service", "/spec/clusterIP", json!("10.96.7.7")),
    ] {
        let sample = samples.iter().find(|sample| sample.body["kind"] == kind).unwrap();
        let mut body = sample.body.clone();
        if kind == "StatefulSet" {
            body["spec"]["replicas"] = json!(0);
        }
        assert!(matches!(api.apply(&sample.path, OURS, &body).status, 200 | 201), "{kind} is there");
        *body.pointer_mut(pointer).expect("the sample has it") = value;
        let refused = api.apply(&sample.path, OURS, &body);
        assert_eq!(refused.status, 422, "{kind} {pointer}: {}", refused.text);
        assert_eq!(refused.body["reason"], "Invalid");
    }
}

fn apply_needs_manager(server: &dyn Server) {
    let api = Api::admin(server);
    let map = config_map(&api.namespace(), "x", json!({"a": "1"}));
    let answer = api.apply(&map.path, "force=false", &map.body);
    expect(&answer, 422);
    assert!(answer.message().contains("fieldManager"), "{}", answer.text);
}

fn unknown_field(server: &dyn Server) {
    let api = Api::admin(server);
    let mut map = config_map(&api.namespace(), "x", json!({"a": "1"}));
    map.body["dataa"] = json!({"b": "1"});
    let answer = api.apply(&map.path, &format!("{OURS}&fieldValidation=Strict"), &map.body);
    assert!(answer.message().contains("dataa"), "{}", answer.text);
    expect(&answer, 500);
    expect(&api.get(&map.path), 404);
}

fn no_managed_fields(server: &dyn Server) {
    let api = Api::admin(server);
    let mut map = config_map(&api.namespace(), "x", json!({"a": "1"}));
    let made = api.apply(&map.path, OURS, &map.body);
    map.body["metadata"]["managedFields"] = made.body["metadata"]["managedFields"].clone();
    let answer = api.apply(&map.path, OURS, &map.body);
    expect(&answer, 400);
    assert!(answer.message().contains("metadata.managedFields must be nil"), "{}", answer.text);
}

fn invalid_label(server: &dyn Server) {
    let api = Api::admin(server);
    let mut map = config_map(&api.namespace(), "x", json!({"a": "1"}));
    map.body["metadata"]["labels"] = json!({"x": "not a label"});
    let answer = api.apply(&map.path, OURS, &map.body);
    expect(&answer, 422);
    assert_eq!(answer.body["details"]["causes"][0]["field"], "metadata.labels", "{}", answer.text);
}

fn patch_nothing(server: &dyn Server) {
    let api = Api::admin(server);
    let map = config_map(&api.namespace(), "x", json!({}));
    expect(&api.edit(&map.path, &json!({"data": {"a": "1"}})), 404);
    expect(&api.get(&map.path), 404);
}

fn post_twice(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let collection = format!("/api/v1/namespaces/{namespace}/configmaps");
    let map = config_map(&namespace, "x", json!({"a": "1"}));
    expect(&api.post(&collection, &map.body), 201);
    let again = api.post(&collection, &map.body);
    expect(&again, 409);
    assert_eq!(again.body["reason"], "AlreadyExists");
    let mut other = map.body.clone();
    other["metadata"] = json!({"name": "y", "resourceVersion": "1"});
    let refused = api.post(&collection, &other);
    expect(&refused, 500);
    assert!(refused.message().contains("resourceVersion should not be set"), "{}", refused.text);
}

fn key_is_made_once(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets?fieldManager=heddle&fieldValidation=Strict");
    let secret = objects::key(&namespace, "x-1").to_string();
    let metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let headers = [("Content-Type", "application/json"), ("Accept", metadata)];
    let created = api.send("POST", &secrets, &headers, &secret);
    expect(&created, 201);
    assert_eq!(created.body["kind"], "PartialObjectMetadata");
    assert!(created.body["metadata"]["uid"].is_string() && !created.text.contains("aHVzaC1odXNo"), "{}", created.text);
    let again = api.send("POST", &secrets, &headers, &secret);
    expect(&again, 409);
    assert_eq!(again.body["reason"], "AlreadyExists", "{}", again.text);
}

fn key_cannot_change(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    expect(&api.post(&secrets, &objects::key(&namespace, "x-1")), 201);
    let headers = [("Content-Type", "application/merge-patch+json")];
    let change = json!({"data": {"ca.key": "b3RoZXI="}}).to_string();
    expect(&api.send("PATCH", &format!("{secrets}/x-1"), &headers, &change), 422);
}
