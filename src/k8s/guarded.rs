//! Guarded places: where something that others add runs with our rights, reads our secrets or opens our network.
//!
//! Input: a kind and a path. Output: whether it is guarded. What is found there is reported and never removed.
//! Invariant: one row for each kind, by exhaustive match.

use crate::model::object::Kind;

/// The guarded paths of a kind; everything below them is guarded too.
fn places(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::StatefulSet => &[
            "spec.template.spec.containers",
            "spec.template.spec.initContainers",
            "spec.template.spec.ephemeralContainers",
            "spec.template.spec.volumes",
        ],
        Kind::ConfigMap => &["data", "binaryData"],
        Kind::RoleBinding => &["subjects"],
        Kind::NetworkPolicy => &["spec"],
        Kind::ServiceAccount => &["secrets", "imagePullSecrets"],
        Kind::Service => {
            &["spec.selector", "spec.externalIPs", "spec.externalName", "spec.loadBalancerIP", "spec.ports"]
        }
        Kind::Namespace
        | Kind::ResourceQuota
        | Kind::LimitRange
        | Kind::PersistentVolumeClaim
        | Kind::PodDisruptionBudget
        | Kind::Secret => &[],
    }
}

/// Whether a path is a guarded place or below one.
pub fn is_guarded(kind: Kind, path: &str) -> bool {
    places(kind)
        .iter()
        .any(|place| path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])))
}

/// Whether a guarded place is below a path.
pub fn leads_to(kind: Kind, path: &str) -> bool {
    path.is_empty()
        || places(kind).iter().any(|place| place.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}
