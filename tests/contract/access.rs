//! Who may do what under exactly the access that the chart grants.
//!
//! Input: a server with the chart. Output: cases by real requests, so that authorization, impersonation and bindings
//! are all asked. The tenant's account is bound in a namespace as the platform binds it.

use serde_json::{Value, json};

use crate::contract::objects::{self, config_map};
use crate::contract::server::{Api, Case, Server, expect, real_only};

const SYSTEM: &str = "heddle-system";
const OURS: &str = "fieldManager=heddle&force=false";

/// The cases.
pub const CASES: &[Case] = &[
    real_only("chart: the daemon's own account may not even read", daemon_alone),
    real_only("chart: the daemon impersonates nobody but the chart's accounts", daemon_impersonates),
    real_only("chart: the observer lists and watches every kind that is rendered", observer_reads),
    real_only("chart: the observer may read no Secret and write nothing", observer_is_denied),
    real_only("chart: the platform makes envelopes, inventories and the lease", platform_writes),
    real_only("chart: the platform reads no Secret and binds no role but the chart's", platform_is_denied),
    real_only("chart: a tenant works in its namespace and nowhere else", tenant_is_kept_in),
    real_only(
        "chart: ports are forwarded by the tenant's account in its own namespace only",
        ports_are_forwarded_at_home,
    ),
    real_only("chart: a tenant's keys are made once and neither changed, listed nor deleted", keys_are_made_once),
];

fn collection(sample: &objects::Sample) -> String {
    let whole = sample.path.rsplit_once('/').expect("a path has a name").0;
    match whole.split_once("/namespaces/") {
        Some((root, rest)) => format!("{root}/{}", rest.split_once('/').expect("a plural").1),
        None => whole.to_owned(),
    }
}

fn daemon_alone(server: &dyn Server) {
    let api = Api::daemon(server);
    for sample in objects::all("default", "x") {
        expect(&api.get(&collection(&sample)), 403);
        expect(&api.apply(&sample.path, OURS, &sample.body), 403);
    }
    expect(&api.get("/api/v1/namespaces/heddle-system/configmaps"), 403);
    expect(&api.get("/api/v1/secrets"), 403);
}

fn daemon_impersonates(server: &dyn Server) {
    let namespaces = "/api/v1/namespaces/default";
    for (namespace, account) in [(SYSTEM, "heddle-observer"), (SYSTEM, "heddle-platform")] {
        expect(&Api::daemon_as(server, namespace, account).get(namespaces), 200);
    }
    for (namespace, account) in [
        ("kube-system", "namespace-controller"),
        ("default", "heddle-observer"),
        ("default", "heddle-platform"),
        (SYSTEM, "default"),
    ] {
        let answer = Api::daemon_as(server, namespace, account).get(namespaces);
        expect(&answer, 403);
        assert!(answer.message().contains("impersonate"), "{}", answer.text);
    }
    for user in ["admin", "system:kube-controller-manager"] {
        let answer = Api::daemon(server).send("GET", namespaces, &[("Impersonate-User", user)], "");
        expect(&answer, 403);
    }
    let groups = [
        ("Impersonate-User", "system:serviceaccount:heddle-system:heddle-observer"),
        ("Impersonate-Group", "system:masters"),
    ];
    expect(&Api::daemon(server).send("GET", namespaces, &groups, ""), 403);
}

fn observer_reads(server: &dyn Server) {
    let api = Api::daemon_as(server, SYSTEM, "heddle-observer");
    for sample in objects::all("default", "x") {
        let path = collection(&sample);
        expect(&api.get(&path), 200);
        let watch = api.watch(&format!("{path}?watch=1&timeoutSeconds=1&allowWatchBookmarks=true"));
        assert!(watch.is_ok(), "a watch on {path} is refused");
    }
}

fn observer_is_denied(server: &dyn Server) {
    let api = Api::daemon_as(server, SYSTEM, "heddle-observer");
    let namespace = Api::admin(server).namespace();
    expect(&api.get("/api/v1/secrets"), 403);
    expect(&api.get(&format!("/api/v1/namespaces/{namespace}/secrets/x")), 403);
    for sample in objects::all(&namespace, "x") {
        expect(&api.apply(&sample.path, OURS, &sample.body), 403);
        expect(&api.delete(&sample.path, &json!({})), 403);
    }
}

fn binding(namespace: &str, role: &str) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "heddle-tenant", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "heddle-tenant", "namespace": namespace}]})
}

fn binding_path(namespace: &str) -> String {
    format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings/heddle-tenant")
}

fn platform_writes(server: &dyn Server) {
    let api = Api::daemon_as(server, SYSTEM, "heddle-platform");
    let namespace = Api::admin(server).namespace();
    let kinds = ["Namespace", "ResourceQuota", "LimitRange", "NetworkPolicy", "ServiceAccount"];
    for sample in objects::all(&namespace, "x").iter().filter(|one| kinds.contains(&one.body["kind"].as_str().unwrap()))
    {
        expect(&api.apply(&sample.path, OURS, &sample.body), 201);
        expect(&api.get(&sample.path), 200);
    }
    for role in ["heddle-tenant", "heddle-view-standard", "heddle-view-restricted"] {
        expect(&api.apply(&binding_path(&namespace), OURS, &binding(&namespace, role)), 201);
        expect(&api.delete(&binding_path(&namespace), &json!({})), 200);
    }
    let map = config_map(SYSTEM, &namespace, json!({"a": "1"}));
    expect(&api.apply(&map.path, OURS, &map.body), 201);
    expect(&api.get("/api/v1/namespaces/heddle-system/configmaps"), 200);
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": namespace}});
    let leases = "/apis/coordination.k8s.io/v1/namespaces/heddle-system/leases";
    let made = api.post(leases, &lease);
    expect(&made, 201);
    expect(&api.put(&format!("{leases}/{namespace}"), &made.body), 200);
}

fn platform_is_denied(server: &dyn Server) {
    let api = Api::daemon_as(server, SYSTEM, "heddle-platform");
    let namespace = Api::admin(server).namespace();
    expect(&api.get("/api/v1/secrets"), 403);
    expect(&api.get(&format!("/api/v1/namespaces/{namespace}/secrets/x")), 403);
    for role in ["cluster-admin", "admin", "edit"] {
        expect(&api.apply(&binding_path(&namespace), OURS, &binding(&namespace, role)), 403);
    }
    let kinds = ["ConfigMap", "PersistentVolumeClaim", "Service", "PodDisruptionBudget", "StatefulSet"];
    for sample in objects::all(&namespace, "x").iter().filter(|one| kinds.contains(&one.body["kind"].as_str().unwrap()))
    {
        expect(&api.apply(&sample.path, OURS, &sample.body), 403);
    }
}

fn tenant_is_kept_in(server: &dyn Server) {
    let admin = Api::admin(server);
    let (own, other) = (admin.namespace(), admin.namespace());
    expect(&admin.apply(&binding_path(&own), OURS, &binding(&own, "heddle-tenant")), 201);
    let api = Api::daemon_as(server, &own, "heddle-tenant");
    let kinds = ["ConfigMap", "PersistentVolumeClaim", "Service", "PodDisruptionBudget", "StatefulSet"];
    for sample in objects::all(&own, "x") {
        let allowed = kinds.contains(&sample.body["kind"].as_str().unwrap());
        expect(&api.apply(&sample.path, OURS, &sample.body), if allowed { 201 } else { 403 });
    }
    for sample in objects::all(&other, "x") {
        expect(&api.apply(&sample.path, OURS, &sample.body), 403);
        expect(&api.get(&sample.path), 403);
    }
    expect(&api.get(&format!("/api/v1/namespaces/{own}/secrets/x")), 404);
    expect(&api.get(&format!("/api/v1/namespaces/{own}/secrets")), 403);
    expect(&api.get(&format!("/api/v1/namespaces/{other}/secrets/x")), 403);
}

fn ports_are_forwarded_at_home(server: &dyn Server) {
    let admin = Api::admin(server);
    let (own, other) = (admin.namespace(), admin.namespace());
    expect(&admin.apply(&binding_path(&own), OURS, &binding(&own, "heddle-tenant")), 201);
    let forward = |namespace: &str| format!("/api/v1/namespaces/{namespace}/pods/x/portforward?ports=7053");
    let (tenant, forward_own) = (Api::daemon_as(server, &own, "heddle-tenant"), forward(&own));
    // A WebSocket begins with GET, the older protocol with POST. It is allowed, and there is no such pod.
    expect(&tenant.get(&forward_own), 404);
    expect(&tenant.post(&forward_own, &json!({})), 404);
    expect(&tenant.get(&forward(&other)), 403);
    let others = ["heddle-observer", "heddle-platform"].map(|account| Api::daemon_as(server, SYSTEM, account));
    for api in others.iter().chain([&Api::daemon(server)]) {
        expect(&api.get(&forward_own), 403);
    }
}

fn keys_are_made_once(server: &dyn Server) {
    let admin = Api::admin(server);
    let own = admin.namespace();
    expect(&admin.apply(&binding_path(&own), OURS, &binding(&own, "heddle-tenant")), 201);
    let api = Api::daemon_as(server, &own, "heddle-tenant");
    let secrets = format!("/api/v1/namespaces/{own}/secrets");
    let secret = objects::key(&own, "x-1");
    expect(&api.post(&secrets, &secret), 201);
    expect(&api.get(&format!("{secrets}/x-1")), 200);
    expect(&api.get(&secrets), 403);
    expect(&api.apply(&format!("{secrets}/x-1"), OURS, &secret), 403);
    expect(&api.send("DELETE", &format!("{secrets}/x-1"), &[], ""), 403);
}
