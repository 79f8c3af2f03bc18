//! What the server writes otherwise than it was sent, and what it only warns of.
//!
//! Input: a server that defaults and admits, and a short form of an object. Output: cases. Each form here is one that
//! heddle never sends, because it would differ from what is kept for ever.

use serde_json::{Value, json};

use crate::contract::objects;
use crate::contract::server::{Api, Case, Server, case, expect, real_only, version};

const OURS: &str = "fieldManager=heddle&force=false";

/// The cases.
pub const CASES: &[Case] = &[
    real_only("quantities are kept in the server's own form", quantities),
    real_only("an empty value of a variable is not kept", empty_variable),
    real_only("a field reference gets its API version", field_reference),
    real_only("a projected token gets its lifetime", projected_token),
    real_only("a claim template gets its kind, its volume mode and a status", claim_template),
    real_only("a subject gets its API group", subject_group),
    real_only("a port gets its protocol", port_protocol),
    case("a policy with an empty list of egress gets a new generation at every apply", empty_egress),
    case("a policy without an empty list keeps its generation", plain_policy),
    real_only("a pod template that breaks the restricted standard is only warned of", restricted_warning),
    real_only("a pod that breaks the restricted standard is refused", restricted_pod),
    real_only("an apply of a short form leaves the version although the answer differs", short_form_rests),
    real_only("deleting a set does not delete its claims' volumes of themselves", claims_outlive_sets),
];

/// A set of no pods whose pod specification is changed; gives its path and what the server keeps.
fn set_with(api: &Api<'_>, change: impl Fn(&mut Value)) -> (String, Value, Value) {
    let namespace = api.namespace();
    let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/x");
    let mut set = objects::stateful_set(&namespace, "x");
    set["spec"]["replicas"] = json!(0);
    change(&mut set["spec"]["template"]["spec"]);
    let kept = api.apply(&path, OURS, &set);
    expect(&kept, 201);
    (path, set, kept.body)
}

#[track_caller]
fn becomes(kept: &Value, pointer: &str, wanted: &Value) {
    assert_eq!(kept.pointer(pointer).unwrap_or(&Value::Null), wanted, "{pointer}");
}

const CONTAINER: &str = "/spec/template/spec/containers/0";

fn quantities(server: &dyn Server) {
    let api = Api::admin(server);
    let (_, _, kept) = set_with(&api, |pod| {
        pod["containers"][0]["resources"] = json!({"requests": {"memory": "1024Mi", "cpu": "0.5"},
            "limits": {"memory": "2048Mi", "cpu": "1000m"}});
    });
    for (place, wanted) in
        [("requests/memory", "1Gi"), ("requests/cpu", "500m"), ("limits/memory", "2Gi"), ("limits/cpu", "1")]
    {
        becomes(&kept, &format!("{CONTAINER}/resources/{place}"), &json!(wanted));
    }
}

fn empty_variable(server: &dyn Server) {
    let api = Api::admin(server);
    let (_, _, kept) = set_with(&api, |pod| pod["containers"][0]["env"] = json!([{"name": "EMPTY", "value": ""}]));
    becomes(&kept, &format!("{CONTAINER}/env/0"), &json!({"name": "EMPTY"}));
}

fn field_reference(server: &dyn Server) {
    let api = Api::admin(server);
    let (_, _, kept) = set_with(&api, |pod| {
        pod["containers"][0]["env"] =
            json!([{"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]);
    });
    becomes(&kept, &format!("{CONTAINER}/env/0/valueFrom/fieldRef/apiVersion"), &json!("v1"));
}

fn projected_token(server: &dyn Server) {
    let api = Api::admin(server);
    let (_, _, kept) = set_with(&api, |pod| {
        pod["volumes"] =
            json!([{"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}]);
    });
    let source = "/spec/template/spec/volumes/0/projected/sources/0/serviceAccountToken/expirationSeconds";
    becomes(&kept, source, &json!(3600));
}

fn claim_template(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let mut set = objects::stateful_set(&namespace, "x");
    set["spec"]["replicas"] = json!(0);
    set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]);
    let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/x");
    let kept = api.apply(&path, OURS, &set);
    expect(&kept, 201);
    let template = "/spec/volumeClaimTemplates/0";
    becomes(&kept.body, &format!("{template}/apiVersion"), &json!("v1"));
    becomes(&kept.body, &format!("{template}/kind"), &json!("PersistentVolumeClaim"));
    becomes(&kept.body, &format!("{template}/spec/volumeMode"), &json!("Filesystem"));
    becomes(&kept.body, &format!("{template}/status/phase"), &json!("Pending"));
}

fn subject_group(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "x", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "Group", "name": "auditors"},
            {"kind": "ServiceAccount", "name": "x", "namespace": namespace, "apiGroup": ""}]});
    let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings/x");
    let kept = api.apply(&path, OURS, &binding);
    expect(&kept, 201);
    becomes(&kept.body, "/subjects/0/apiGroup", &json!("rbac.authorization.k8s.io"));
    becomes(&kept.body, "/subjects/1", &json!({"kind": "ServiceAccount", "name": "x", "namespace": namespace}));
}

fn port_protocol(server: &dyn Server) {
    let api = Api::admin(server);
    let (_, _, kept) = set_with(&api, |pod| pod["containers"][0]["ports"] = json!([{"containerPort": 7050}]));
    becomes(&kept, &format!("{CONTAINER}/ports/0/protocol"), &json!("TCP"));
    let namespace = api.namespace();
    let policy = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "x"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 7050}]}]}});
    let path = format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies/x");
    let kept = api.apply(&path, OURS, &policy);
    expect(&kept, 201);
    becomes(&kept.body, "/spec/ingress/0/ports/0/protocol", &json!("TCP"));
}

/// The generations after each of three applies.
fn generations(server: &dyn Server, spec: &Value) -> Vec<i64> {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let policy = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "x", "namespace": namespace}, "spec": spec});
    let path = format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies/x");
    let generation = |_| api.apply(&path, OURS, &policy).body["metadata"]["generation"].as_i64().unwrap();
    (0..3).map(generation).collect()
}

fn empty_egress(server: &dyn Server) {
    let spec = json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "egress": []});
    assert_eq!(generations(server, &spec), [1, 2, 3]);
}

fn plain_policy(server: &dyn Server) {
    assert_eq!(generations(server, &json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})), [1, 1, 1]);
}

fn restricted_warning(server: &dyn Server) {
    let api = Api::admin(server);
    let labels =
        json!({"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"});
    let namespace = api.namespace_labelled(&labels);
    let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/x");
    for query in [format!("{OURS}&dryRun=All"), OURS.to_owned()] {
        let answer = api.apply(&path, &query, &objects::stateful_set(&namespace, "x"));
        expect(&answer, 201);
        let warning = answer.header("warning").expect("a warning");
        assert!(warning.contains("would violate PodSecurity"), "{warning}");
    }
}

fn restricted_pod(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace_labelled(&json!({"pod-security.kubernetes.io/enforce": "restricted"}));
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"},
        "spec": {"serviceAccountName": "default", "automountServiceAccountToken": false,
            "containers": [{"name": "main", "image": "example.invalid/x:1"}]}});
    crate::contract::server::eventually("the namespace has its default account", || {
        api.get(&format!("/api/v1/namespaces/{namespace}/serviceaccounts/default")).status == 200
    });
    let refused = api.post(&format!("/api/v1/namespaces/{namespace}/pods"), &pod);
    expect(&refused, 403);
    assert!(refused.message().contains("violates PodSecurity"), "{}", refused.text);
}

fn short_form_rests(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let quota = json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "x"},
        "spec": {"limits": [{"type": "Container", "default": {"memory": "1024Mi"}}]}});
    let path = format!("/api/v1/namespaces/{namespace}/limitranges/x");
    let first = api.apply(&path, OURS, &quota);
    expect(&first, 201);
    becomes(&first.body, "/spec/limits/0/default/memory", &json!("1Gi"));
    let second = api.apply(&path, OURS, &quota);
    expect(&second, 200);
    assert_eq!(version(&first.body), version(&second.body));
    becomes(&second.body, "/spec/limits/0/default/memory", &json!("1Gi"));
}

fn claims_outlive_sets(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/x");
    let mut set = objects::stateful_set(&namespace, "x");
    set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]);
    expect(&api.apply(&path, OURS, &set), 201);
    let claim = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/data-x-0");
    let pod = format!("/api/v1/namespaces/{namespace}/pods/x-0");
    let there = |path: &str| api.get(path).status == 200;
    crate::contract::server::eventually("the pod and its claim are made", || there(&claim) && there(&pod));
    expect(&api.delete(&path, &json!({"propagationPolicy": "Background"})), 200);
    crate::contract::server::eventually("the pod is gone", || !there(&pod));
    let kept = api.get(&claim);
    expect(&kept, 200);
    assert!(kept.body["metadata"].get("deletionTimestamp").is_none(), "{}", kept.text);
}
