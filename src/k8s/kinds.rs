//! The fixed table of kinds: group, version, plural, scope, who writes it, whether a plan may delete it.
//!
//! Input: a [`Kind`]. Output: [`KindInfo`]. It discovers nothing: the versions are those that every supported server
//! serves. Invariant: one row for each kind, by exhaustive match.

use crate::model::object::{Kind, ObjectId};

/// Which of the three identities writes a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Writer {
    /// The platform: namespaces, quotas, access, policies.
    Platform,
    /// The tenant, impersonated: everything that runs or stores.
    Tenant,
}

/// What the API calls a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindInfo {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// API version within the group.
    pub version: &'static str,
    /// Name of the resource in paths.
    pub plural: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Who writes it.
    pub writer: Writer,
    /// Never deleted by a plan: losing one loses a ledger, a key or a whole tenant.
    pub protected: bool,
}

/// The row of a kind.
pub fn info(kind: Kind) -> KindInfo {
    let row = |group, version, plural, writer| KindInfo {
        group,
        version,
        plural,
        namespaced: true,
        writer,
        protected: false,
    };
    match kind {
        Kind::Namespace => {
            KindInfo { namespaced: false, protected: true, ..row("", "v1", "namespaces", Writer::Platform) }
        }
        Kind::ResourceQuota => row("", "v1", "resourcequotas", Writer::Platform),
        Kind::LimitRange => row("", "v1", "limitranges", Writer::Platform),
        Kind::NetworkPolicy => row("networking.k8s.io", "v1", "networkpolicies", Writer::Platform),
        Kind::ServiceAccount => row("", "v1", "serviceaccounts", Writer::Platform),
        Kind::RoleBinding => row("rbac.authorization.k8s.io", "v1", "rolebindings", Writer::Platform),
        Kind::ConfigMap => row("", "v1", "configmaps", Writer::Tenant),
        Kind::PersistentVolumeClaim => {
            KindInfo { protected: true, ..row("", "v1", "persistentvolumeclaims", Writer::Tenant) }
        }
        Kind::Service => row("", "v1", "services", Writer::Tenant),
        Kind::PodDisruptionBudget => row("policy", "v1", "poddisruptionbudgets", Writer::Tenant),
        Kind::StatefulSet => row("apps", "v1", "statefulsets", Writer::Tenant),
        Kind::Secret => KindInfo { protected: true, ..row("", "v1", "secrets", Writer::Tenant) },
    }
}

/// `apps/v1`, or `v1` for the core group.
pub fn api_version(kind: Kind) -> String {
    let info = info(kind);
    if info.group.is_empty() { info.version.to_owned() } else { format!("{}/{}", info.group, info.version) }
}

/// The path of the collection, in all namespaces or in one.
pub fn collection_path(kind: Kind, namespace: Option<&str>) -> String {
    let info = info(kind);
    let root = if info.group.is_empty() {
        format!("/api/{}", info.version)
    } else {
        format!("/apis/{}/{}", info.group, info.version)
    };
    match namespace {
        Some(namespace) => format!("{root}/namespaces/{namespace}/{}", info.plural),
        None => format!("{root}/{}", info.plural),
    }
}

/// The path of one object.
pub fn object_path(id: &ObjectId) -> String {
    format!("{}/{}", collection_path(id.kind, id.namespace.as_deref()), id.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_group_and_scope() {
        let set = ObjectId::namespaced(Kind::StatefulSet, "ns", "x");
        assert_eq!(object_path(&set), "/apis/apps/v1/namespaces/ns/statefulsets/x");
        assert_eq!(object_path(&ObjectId::cluster(Kind::Namespace, "ns")), "/api/v1/namespaces/ns");
        assert_eq!(api_version(Kind::Service), "v1");
    }
}
