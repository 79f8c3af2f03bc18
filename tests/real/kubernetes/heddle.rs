//! Cases of heddle itself on a region: the place for the quick-start fleet from a real Git server.
//!
//! Input: a region under the chart's access. Output: cases. What stands in Secrets for a node is made by the
//! administrator; the status writer then makes the node's pod ready as a kubelet would.

use std::sync::Arc;

use super::region::Region;
use crate::contract::objects;
use crate::contract::server::{Api, eventually, expect};
use crate::runner::Case;

/// Their names.
pub const NAMES: [&str; 1] = [READY];
const READY: &str = "a pod becomes ready only when the Secret and the claim that it mounts are there";

/// The cases.
pub fn cases(region: &Arc<Region>) -> Vec<Case> {
    let region = Arc::clone(region);
    vec![Case::new(READY, move || readiness_needs_mounts(&region))]
}

fn readiness_needs_mounts(region: &Region) {
    let api = Api::admin(region);
    let namespace = api.namespace();
    let mut set = objects::stateful_set(&namespace, "node");
    set["spec"]["template"]["spec"]["volumes"] = serde_json::json!([
        {"name": "msp", "secret": {"secretName": "node-msp"}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "node-data"}},
    ]);
    let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets");
    expect(&api.post(&path, &set), 201);
    let pod = format!("/api/v1/namespaces/{namespace}/pods/node-0");
    eventually("the controller makes the pod", || api.get(&pod).status == 200);
    let claim = objects::claim(&namespace, "node-data");
    expect(&api.post(&format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims"), &claim), 201);
    let claim = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/node-data");
    eventually("the claim is bound", || api.get(&claim).body["status"]["phase"] == "Bound");
    let ready = || api.get(&format!("{path}/node")).body["status"]["readyReplicas"] == 1;
    assert!(!ready(), "ready without its Secret");
    let secret = serde_json::json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "node-msp"}});
    expect(&api.post(&format!("/api/v1/namespaces/{namespace}/secrets"), &secret), 201);
    eventually("the set is ready", ready);
}
