//! Fields that a server never changes on an object that exists.
//!
//! Input: a kind, the live tree and the fields that differ. Output: the paths that cannot be applied. It knows only the
//! kinds that heddle renders. Source of the rules: the update validation of Kubernetes 1.36 (`pkg/apis/*/validation`).
//! Invariant: one row for each kind, by exhaustive match.

use serde_json::Value;

use super::difference::FieldDifference;
use super::quantity::Quantity;
use crate::model::object::Kind;

/// What of a StatefulSet's spec may change.
const STATEFUL_SET: [&str; 7] = [
    "spec.minReadySeconds",
    "spec.ordinals",
    "spec.persistentVolumeClaimRetentionPolicy",
    "spec.replicas",
    "spec.revisionHistoryLimit",
    "spec.template",
    "spec.updateStrategy",
];

/// What of a claim's spec may change; the size may only grow.
const CLAIM_SIZE: &str = "spec.resources.requests.storage";
const CLAIM: [&str; 2] = [CLAIM_SIZE, "spec.volumeAttributesClassName"];

/// The paths among these differences that the server would refuse to change.
pub fn paths(kind: Kind, live: &Value, fields: &[FieldDifference]) -> Vec<String> {
    let refused = fields.iter().filter(|field| field.live != field.desired && is_refused(kind, live, field));
    refused.map(|field| field.path.clone()).collect()
}

fn is_refused(kind: Kind, live: &Value, field: &FieldDifference) -> bool {
    let path = field.path.as_str();
    match kind {
        Kind::StatefulSet => below(path, "spec") && !STATEFUL_SET.iter().any(|mutable| below(path, mutable)),
        Kind::PersistentVolumeClaim if path == CLAIM_SIZE => shrinks(field),
        Kind::PersistentVolumeClaim => below(path, "spec") && !CLAIM.iter().any(|mutable| below(path, mutable)),
        Kind::RoleBinding => below(path, "roleRef"),
        Kind::Service => below(path, "spec.clusterIP") || below(path, "spec.clusterIPs"),
        Kind::ConfigMap => {
            let frozen = live.get("immutable") == Some(&Value::Bool(true));
            frozen && ["data", "binaryData", "immutable"].iter().any(|part| below(path, part))
        }
        Kind::ResourceQuota => below(path, "spec.scopes") || below(path, "spec.scopeSelector"),
        Kind::Secret => true,
        Kind::Namespace | Kind::LimitRange | Kind::NetworkPolicy | Kind::ServiceAccount | Kind::PodDisruptionBudget => {
            false
        }
    }
}

fn below(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// A size that cannot be read counts as smaller: the server decides nothing for us here.
fn shrinks(field: &FieldDifference) -> bool {
    let size = |value: &Option<Value>| Quantity::parse(value.as_ref()?.as_str()?).ok();
    match (size(&field.live), size(&field.desired)) {
        (Some(live), Some(desired)) => desired < live,
        _ => true,
    }
}
