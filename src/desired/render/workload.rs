//! The objects that every Fabric process needs: its set of one pod, its address, its volume, its files.
//!
//! Input: a [`Workload`] from a renderer. Output: StatefulSet, Service, claim and (where there are files) ConfigMap.
//! It knows nothing of Fabric's settings. Invariants: the pod passes Pod Security `restricted`; the claim is an object
//! of its own, so that deleting the set never deletes a ledger; the template carries no owner label (pods and claims
//! would inherit it) but the digest of its files, so that changed files roll the pod.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::inputs::Place;
use super::sheet::{Draft, NO_STORAGE_CLASS, Sheet, named};
use crate::desired::unit::Stage;
use crate::k8s::ownership;
use crate::model::digest::Digest;
use crate::model::names::{RegionName, TenantName};
use crate::model::object::Kind;
use crate::spec::organization::{Resources, Storage};

/// User and group of every process. Fabric's images name none and would run as root.
const USER: u32 = 10_001;
/// Files of Secrets and `ConfigMaps`: readable by user and group (octal 0440), which `fsGroup` makes the process's.
pub(super) const FILE_MODE: u32 = 0o440;
/// Template annotation: the digest of the files.
const CONFIG_DIGEST: &str = "heddle.dev/config";

/// A port of the process and of its Service. Names begin with `tls-` or `tcp-`: a mesh takes `grpc-` for plaintext.
#[derive(Debug, Clone, Copy)]
pub(super) struct Port {
    /// Its name.
    pub(super) name: &'static str,
    /// Its number, inside and outside.
    pub(super) number: u16,
}

/// How the kubelet asks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Probe {
    /// Whether the port accepts.
    Tcp(u16),
    /// Whether a path answers 200 over TLS; certificates are not checked by the kubelet.
    Https(u16, &'static str),
}

/// The three questions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probes {
    /// Has it begun? Long, because a ledger or a write-ahead log may have to be replayed.
    pub(super) startup: Probe,
    /// May traffic come?
    pub(super) readiness: Probe,
    /// Must it be restarted?
    pub(super) liveness: Probe,
}

/// One process.
pub(super) struct Workload<'a> {
    pub(super) region: &'a RegionName,
    pub(super) tenant: &'a TenantName,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) stage: Stage,
    /// The `fabric.heddle.dev` labels.
    pub(super) labels: Value,
    pub(super) container: &'static str,
    pub(super) image: String,
    pub(super) command: Value,
    pub(super) env: Vec<Value>,
    pub(super) resources: &'a Resources,
    pub(super) ports: &'a [Port],
    pub(super) probes: Probes,
    /// Seconds between the polite and the final signal.
    pub(super) grace: u32,
    /// Whether the Service answers before the pod is ready.
    pub(super) reachable_before_ready: bool,
    pub(super) storage: &'a Storage,
    pub(super) place: &'a Place<'a>,
    pub(super) incarnation: u32,
    /// Where the volume is mounted.
    pub(super) data_path: &'static str,
    /// Files in the ConfigMap of the same name.
    pub(super) files: BTreeMap<&'static str, String>,
    /// Further volumes and where they are mounted, read-only unless they are scratch space.
    pub(super) volumes: Vec<(Value, Value)>,
    pub(super) secrets: BTreeSet<Box<str>>,
}

/// A volume that is a whole Secret, mounted read-only.
pub(super) fn secret_volume(volume: &str, secret: &str, path: &str) -> (Value, Value) {
    let source = json!({ "name": volume, "secret": { "secretName": secret, "defaultMode": FILE_MODE } });
    (source, json!({ "name": volume, "mountPath": path, "readOnly": true }))
}

/// Scratch space; `Memory` when what lies there must not reach a disk.
pub(super) fn scratch_volume(volume: &str, path: &str, in_memory: bool) -> (Value, Value) {
    let mut source = json!({ "sizeLimit": "64Mi" });
    if in_memory && let Some(source) = source.as_object_mut() {
        source.insert("medium".into(), json!("Memory"));
    }
    (json!({ "name": volume, "emptyDir": source }), json!({ "name": volume, "mountPath": path }))
}

/// An environment variable in clear.
pub(super) fn env(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

impl Workload<'_> {
    /// Writes all its objects down.
    pub(super) fn put(self, sheet: &mut Sheet<'_>) {
        let Some(class) = self.place.class else {
            let message =
                format!("storage profile `{}` has no storage class in region `{}`", self.storage.profile, self.region);
            sheet.problem(NO_STORAGE_CLASS, message, "name a class for this region in fleet.yaml");
            return;
        };
        let claim = format!("{}-{}", self.name, self.incarnation);
        self.draft(sheet, Kind::PersistentVolumeClaim, &claim, self.claim(class));
        self.draft(sheet, Kind::Service, self.name, self.service());
        if !self.files.is_empty() {
            self.draft(sheet, Kind::ConfigMap, self.name, json!({ "data": self.files }));
        }
        self.draft(sheet, Kind::StatefulSet, self.name, self.set(&claim));
    }

    fn draft(&self, sheet: &mut Sheet<'_>, kind: Kind, name: &str, body: Value) {
        let is_set = kind == Kind::StatefulSet;
        sheet.put(Draft {
            region: self.region,
            tenant: self.tenant,
            id: named(kind, self.namespace, name),
            stage: if is_set { self.stage } else { Stage::Support },
            node: Some(self.name),
            secrets: if is_set { self.secrets.clone() } else { BTreeSet::new() },
            labels: self.labels.clone(),
            body,
        });
    }

    fn claim(&self, class: &str) -> Value {
        json!({ "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": self.storage.size } },
            "storageClassName": class,
            "volumeMode": "Filesystem",
        } })
    }

    fn service(&self) -> Value {
        let port = |port: &Port| json!({ "name": port.name, "port": port.number, "targetPort": port.number, "protocol": "TCP" });
        let mut spec = json!({
            "type": "ClusterIP",
            "selector": self.labels,
            "ports": self.ports.iter().map(port).collect::<Vec<_>>(),
        });
        if self.reachable_before_ready
            && let Some(spec) = spec.as_object_mut()
        {
            spec.insert("publishNotReadyAddresses".into(), json!(true));
        }
        json!({ "spec": spec })
    }

    fn set(&self, claim: &str) -> Value {
        let mut metadata = json!({ "labels": self.labels });
        if !self.files.is_empty()
            && let Some(metadata) = metadata.as_object_mut()
        {
            let parts = self.files.iter().flat_map(|(name, text)| [name.as_bytes(), text.as_bytes()]);
            metadata.insert("annotations".into(), json!({ CONFIG_DIGEST: Digest::of_parts(parts).to_string() }));
        }
        json!({ "spec": {
            "replicas": 1,
            "serviceName": self.name,
            "podManagementPolicy": "OrderedReady",
            "revisionHistoryLimit": 3,
            "selector": { "matchLabels": self.labels },
            "updateStrategy": { "type": "RollingUpdate" },
            "template": { "metadata": metadata, "spec": self.pod(claim) },
        } })
    }

    fn pod(&self, claim: &str) -> Value {
        let (mut volumes, mut mounts): (Vec<_>, Vec<_>) = self.volumes.iter().cloned().unzip();
        volumes.push(json!({ "name": "data", "persistentVolumeClaim": { "claimName": claim } }));
        mounts.push(json!({ "name": "data", "mountPath": self.data_path }));
        let (source, mount) = scratch_volume("tmp", "/tmp", false);
        volumes.push(source);
        mounts.push(mount);
        json!({
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "serviceAccountName": ownership::NODE_ACCOUNT,
            "terminationGracePeriodSeconds": self.grace,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [self.container(&mounts)],
            "volumes": volumes,
        })
    }

    fn container(&self, mounts: &[Value]) -> Value {
        let port = |port: &Port| json!({ "name": port.name, "containerPort": port.number, "protocol": "TCP" });
        json!({
            "name": self.container,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": self.command,
            "env": self.env,
            "ports": self.ports.iter().map(port).collect::<Vec<_>>(),
            "resources": {
                "requests": { "cpu": self.resources.cpu, "memory": self.resources.memory },
                "limits": { "cpu": self.resources.cpu_limit, "memory": self.resources.memory },
            },
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            },
            // Ten minutes to begin, half a minute out of service, one minute until a restart.
            "startupProbe": probe(self.probes.startup, 5, 120),
            "readinessProbe": probe(self.probes.readiness, 10, 3),
            "livenessProbe": probe(self.probes.liveness, 20, 3),
            "volumeMounts": mounts,
        })
    }
}

fn probe(kind: Probe, period: u32, failures: u32) -> Value {
    let (key, action) = match kind {
        Probe::Tcp(port) => ("tcpSocket", json!({ "port": port })),
        Probe::Https(port, path) => ("httpGet", json!({ "path": path, "port": port, "scheme": "HTTPS" })),
    };
    json!({
        key: action,
        "periodSeconds": period, "timeoutSeconds": 5, "successThreshold": 1, "failureThreshold": failures,
    })
}
