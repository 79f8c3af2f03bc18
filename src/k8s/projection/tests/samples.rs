//! One complete object of each kind, as a renderer would write it.

use serde_json::{Map, Value, json};

use crate::k8s::object::Object;
use crate::model::object::{Kind, ObjectId};

fn labels() -> Value {
    json!({
        "labels": {
            "app.kubernetes.io/managed-by": "heddle", "heddle.dev/installation": "demo",
            "heddle.dev/tenant": "acme", "heddle.dev/unit": "u1"
        },
        "annotations": { "heddle.dev/self": "demo/eu/self" }
    })
}

fn body(kind: Kind) -> Value {
    match kind {
        Kind::Secret => unreachable!("Secrets are never applied"),
        Kind::Namespace => json!({}),
        Kind::ResourceQuota => json!({ "spec": { "hard": { "pods": "10", "requests.memory": "8Gi" } } }),
        Kind::LimitRange => json!({ "spec": { "limits": [
            { "type": "Container", "default": { "cpu": "500m" }, "defaultRequest": { "cpu": "100m" } }
        ] } }),
        Kind::NetworkPolicy => json!({ "spec": {
            "podSelector": {}, "policyTypes": ["Ingress", "Egress"],
            "egress": [{ "ports": [{ "port": 53, "protocol": "UDP" }] }]
        } }),
        Kind::ServiceAccount => json!({ "automountServiceAccountToken": false }),
        Kind::RoleBinding => json!({
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" },
            "subjects": [{ "kind": "ServiceAccount", "name": "heddle-tenant", "namespace": "demo-acme" }]
        }),
        Kind::ConfigMap => json!({ "data": { "core.yaml": "peer:\n  id: p\n" } }),
        Kind::PersistentVolumeClaim => json!({ "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "standard", "volumeMode": "Filesystem",
            "resources": { "requests": { "storage": "10Gi" } }
        } }),
        Kind::Service => json!({ "spec": {
            "clusterIP": "None", "publishNotReadyAddresses": true, "selector": { "app": "peer" }, "type": "ClusterIP",
            "ports": [
                { "name": "grpc", "port": 7051, "protocol": "TCP", "targetPort": 7051 },
                { "name": "chaincode", "port": 7052, "protocol": "TCP", "targetPort": "cc" }
            ]
        } }),
        Kind::PodDisruptionBudget => json!({ "spec": {
            "maxUnavailable": 1, "selector": { "matchLabels": { "app": "peer" } }
        } }),
        Kind::StatefulSet => json!({ "spec": {
            "replicas": 1, "serviceName": "x", "podManagementPolicy": "OrderedReady",
            "selector": { "matchLabels": { "app": "peer" } },
            "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } },
            "template": { "metadata": { "labels": { "app": "peer" } }, "spec": pod() }
        } }),
    }
}

fn pod() -> Value {
    json!({
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
        "initContainers": [
            { "name": "z-first", "image": "a:1", "command": ["true"] },
            { "name": "a-second", "image": "a:2", "command": ["true"] }
        ],
        "containers": [{
            "name": "peer", "image": "peer:3.1.1",
            "env": [{ "name": "Z", "value": "1" }, { "name": "A", "value": "$(Z)" }],
            "ports": [
                { "containerPort": 7051, "name": "grpc", "protocol": "TCP" },
                { "containerPort": 7052, "name": "cc", "protocol": "TCP" }
            ],
            "resources": { "limits": { "memory": "1Gi" }, "requests": { "cpu": "100m", "memory": "1Gi" } },
            "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
            "readinessProbe": {
                "failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1,
                "tcpSocket": { "port": 7051 }
            },
            "volumeMounts": [
                { "mountPath": "/var/data", "name": "data" }, { "mountPath": "/tmp", "name": "tmp" }
            ]
        }],
        "volumes": [
            { "name": "tmp", "emptyDir": {} },
            { "name": "data", "persistentVolumeClaim": { "claimName": "x" } },
            { "name": "msp", "projected": { "defaultMode": 420, "sources": [
                { "secret": { "name": "msp", "items": [{ "key": "k", "path": "p" }] } }
            ] } }
        ]
    })
}

/// The sample of a kind.
pub(crate) fn sample(kind: Kind) -> Object {
    let id = match kind {
        Kind::Namespace => ObjectId::cluster(kind, "demo-acme"),
        kind => ObjectId::namespaced(kind, "demo-acme", "x"),
    };
    let mut tree = body(kind).as_object().cloned().unwrap_or_else(Map::new);
    tree.insert("metadata".into(), labels());
    Object::new(id, tree)
}
