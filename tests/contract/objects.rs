//! Small objects of the eleven kinds that heddle renders, written as the server writes them.
//!
//! Input: a namespace and a name. Output: an object and its path.

use serde_json::{Value, json};

/// A kind: its API root, plural and the rest of a body.
pub struct Sample {
    /// Path of the object.
    pub path: String,
    /// The object.
    pub body: Value,
}

/// One of each kind; the cluster-wide one is named after the namespace with a suffix.
pub fn all(namespace: &str, name: &str) -> Vec<Sample> {
    let quota = json!({"spec": {"hard": {"pods": "10"}}});
    let limits = json!({"spec": {"limits": [{"type": "Container", "default": {"cpu": "1"},
        "defaultRequest": {"cpu": "1"}}]}});
    let policy = json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}});
    let binding = json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": namespace}]});
    let service = json!({"spec": {"clusterIP": "None", "selector": {"app": "x"},
        "ports": [{"name": "grpc", "port": 7050, "protocol": "TCP", "targetPort": 7050}]}});
    let budget = json!({"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}}});
    let in_namespace = [
        ("v1", "ResourceQuota", "resourcequotas", quota),
        ("v1", "LimitRange", "limitranges", limits),
        ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", policy),
        ("v1", "ServiceAccount", "serviceaccounts", json!({})),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", binding),
        ("v1", "ConfigMap", "configmaps", json!({"data": {"a": "1"}})),
        ("v1", "PersistentVolumeClaim", "persistentvolumeclaims", claim(namespace, name)),
        ("v1", "Service", "services", service),
        ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", budget),
        ("apps/v1", "StatefulSet", "statefulsets", stateful_set(namespace, name)),
    ];
    let mut samples: Vec<Sample> = in_namespace
        .into_iter()
        .map(|(version, kind, plural, body)| sample(version, kind, plural, (namespace, name), body))
        .collect();
    let other = format!("{namespace}-{name}");
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}});
    samples.push(Sample { path: format!("/api/v1/namespaces/{other}"), body });
    samples
}

fn sample(version: &str, kind: &str, plural: &str, (namespace, name): (&str, &str), mut body: Value) -> Sample {
    body["apiVersion"] = json!(version);
    body["kind"] = json!(kind);
    body["metadata"] = json!({"name": name, "namespace": namespace});
    let root = if version.contains('/') { "apis" } else { "api" };
    Sample { path: format!("/{root}/{version}/namespaces/{namespace}/{plural}/{name}"), body }
}

/// A ConfigMap with these data.
#[expect(clippy::needless_pass_by_value, reason = "it is written where it is called")]
pub fn config_map(namespace: &str, name: &str, data: Value) -> Sample {
    sample("v1", "ConfigMap", "configmaps", (namespace, name), json!({"data": data}))
}

/// A claim.
pub fn claim(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": "none", "volumeMode": "Filesystem"}})
}

/// A StatefulSet of one pod.
pub fn stateful_set(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": 1, "serviceName": name, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "example.invalid/x:1"}]}}}})
}

/// A Secret as heddle makes one for a key.
pub fn key(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true,
        "metadata": {"name": name, "namespace": namespace, "annotations": {"heddle.dev/issued": "{}"}},
        "data": {"ca.key": "aHVzaC1odXNo"},
    })
}
