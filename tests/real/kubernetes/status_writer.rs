//! What a kubelet and a provisioner would say, without either.
//!
//! Input: a server, polled as the administrator. Output: claims become `Bound`; a pod becomes ready when every Secret,
//! ConfigMap and claim that it mounts is there, and claims are bound. It runs nothing. It stops when dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::contract::server::{Api, Server};

const PERIOD: Duration = Duration::from_millis(200);

/// A thread that writes status.
pub struct StatusWriter {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl StatusWriter {
    /// Begins.
    pub fn start(server: Arc<dyn Server + Send + Sync>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                round(&Api::admin(&*server));
                std::thread::sleep(PERIOD);
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for StatusWriter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its panic was printed; the cases that needed it have failed.
            let _ = thread.join();
        }
    }
}

fn round(api: &Api<'_>) {
    for claim in items(api, "/api/v1/persistentvolumeclaims") {
        if claim["status"]["phase"] != "Bound" {
            write_status(api, &path(&claim, "persistentvolumeclaims"), &json!({"phase": "Bound"}));
        }
    }
    for pod in items(api, "/api/v1/pods") {
        let ready = pod["status"]["conditions"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"));
        let leaving = pod["metadata"].get("deletionTimestamp").is_some();
        if leaving {
            // Nobody runs it, so nobody will say that it has stopped.
            api.delete(&path(&pod, "pods"), &json!({"gracePeriodSeconds": 0}));
        } else if !ready && has_all_mounts(api, &pod) {
            write_status(api, &path(&pod, "pods"), &ready_status(&pod));
        }
    }
}

fn items(api: &Api<'_>, path: &str) -> Vec<Value> {
    api.try_send("GET", path, &[], "")
        .ok()
        .and_then(|answer| answer.body["items"].as_array().cloned())
        .unwrap_or_default()
}

fn path(object: &Value, plural: &str) -> String {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or("").to_owned();
    format!("/api/v1/namespaces/{}/{plural}/{}", text("namespace"), text("name"))
}

fn write_status(api: &Api<'_>, path: &str, status: &Value) {
    let body = json!({"status": status}).to_string();
    let headers = [("Content-Type", "application/merge-patch+json")];
    // An object that has gone meanwhile needs no status.
    let _ = api.try_send("PATCH", &format!("{path}/status"), &headers, &body);
}

fn has_all_mounts(api: &Api<'_>, pod: &Value) -> bool {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or("");
    let there = |plural: &str, name: &Value| {
        let name = name.as_str().unwrap_or("");
        let answer = api.get(&format!("/api/v1/namespaces/{namespace}/{plural}/{name}"));
        let bound = plural != "persistentvolumeclaims" || answer.body["status"]["phase"] == "Bound";
        answer.status == 200 && bound
    };
    let sources = |volume: &Value| {
        let mut found = vec![
            ("secrets", volume["secret"]["secretName"].clone(), volume["secret"]["optional"] == true),
            ("configmaps", volume["configMap"]["name"].clone(), volume["configMap"]["optional"] == true),
            ("persistentvolumeclaims", volume["persistentVolumeClaim"]["claimName"].clone(), false),
        ];
        for source in volume["projected"]["sources"].as_array().into_iter().flatten() {
            found.push(("secrets", source["secret"]["name"].clone(), source["secret"]["optional"] == true));
            found.push(("configmaps", source["configMap"]["name"].clone(), source["configMap"]["optional"] == true));
        }
        found
    };
    let volumes = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    volumes.iter().flat_map(sources).all(|(plural, name, optional)| optional || name.is_null() || there(plural, &name))
}

fn ready_status(pod: &Value) -> Value {
    let now = "2026-01-01T00:00:00Z";
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now});
    let containers: Vec<Value> = pod["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|container| {
            json!({"name": container["name"], "image": container["image"], "imageID": "", "ready": true,
                   "started": true, "restartCount": 0, "state": {"running": {"startedAt": now}}})
        })
        .collect();
    let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map(condition);
    json!({"phase": "Running", "conditions": conditions, "containerStatuses": containers})
}
