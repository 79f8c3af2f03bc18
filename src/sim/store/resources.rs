//! The table of resources that the simulated server serves.
//!
//! Input: group and plural, or `apiVersion` and `kind`. Output: a [`Resource`]. It knows no object. Invariants: one
//! version for each resource; the index of a row is its identity in the store, so rows are only ever appended.

/// One served resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource(usize);

/// What the API says of a resource.
#[expect(clippy::struct_excessive_bools, reason = "four independent facts of a table, not states")]
#[derive(Debug, Clone, Copy)]
pub struct ResourceInfo {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Version within the group.
    pub version: &'static str,
    /// Name in paths.
    pub plural: &'static str,
    /// Name in `kind`.
    pub kind: &'static str,
    /// Short names that `kubectl` understands.
    pub short: &'static [&'static str],
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether it has the `status` subresource.
    pub status: bool,
    /// Whether it has the `scale` subresource.
    pub scale: bool,
    /// Whether the server counts `metadata.generation`.
    pub generation: bool,
    /// Fields of the top level besides `apiVersion`, `kind` and `metadata`; empty where they are not checked.
    pub top: &'static [&'static str],
}

const PLAIN: ResourceInfo = ResourceInfo {
    group: "",
    version: "v1",
    plural: "",
    kind: "",
    short: &[],
    namespaced: true,
    status: false,
    scale: false,
    generation: false,
    top: &[],
};
const SPEC_STATUS: &[&str] = &["spec", "status"];
const RBAC: ResourceInfo = ResourceInfo { group: "rbac.authorization.k8s.io", ..PLAIN };

const TABLE: &[ResourceInfo] = &[
    ResourceInfo {
        plural: "namespaces",
        kind: "Namespace",
        short: &["ns"],
        namespaced: false,
        status: true,
        top: SPEC_STATUS,
        ..PLAIN
    },
    ResourceInfo {
        plural: "configmaps",
        kind: "ConfigMap",
        short: &["cm"],
        top: &["data", "binaryData", "immutable"],
        ..PLAIN
    },
    ResourceInfo { plural: "secrets", kind: "Secret", top: &["data", "stringData", "immutable", "type"], ..PLAIN },
    ResourceInfo {
        plural: "serviceaccounts",
        kind: "ServiceAccount",
        short: &["sa"],
        top: &["secrets", "imagePullSecrets", "automountServiceAccountToken"],
        ..PLAIN
    },
    ResourceInfo { plural: "services", kind: "Service", short: &["svc"], status: true, top: SPEC_STATUS, ..PLAIN },
    ResourceInfo { plural: "pods", kind: "Pod", short: &["po"], status: true, top: SPEC_STATUS, ..PLAIN },
    ResourceInfo {
        plural: "persistentvolumeclaims",
        kind: "PersistentVolumeClaim",
        short: &["pvc"],
        status: true,
        top: SPEC_STATUS,
        ..PLAIN
    },
    ResourceInfo {
        plural: "persistentvolumes",
        kind: "PersistentVolume",
        short: &["pv"],
        namespaced: false,
        status: true,
        top: SPEC_STATUS,
        ..PLAIN
    },
    ResourceInfo {
        plural: "resourcequotas",
        kind: "ResourceQuota",
        short: &["quota"],
        status: true,
        top: SPEC_STATUS,
        ..PLAIN
    },
    ResourceInfo { plural: "limitranges", kind: "LimitRange", short: &["limits"], top: &["spec"], ..PLAIN },
    ResourceInfo { plural: "events", kind: "Event", short: &["ev"], ..PLAIN },
    ResourceInfo { plural: "nodes", kind: "Node", short: &["no"], namespaced: false, status: true, ..PLAIN },
    ResourceInfo {
        group: "apps",
        plural: "statefulsets",
        kind: "StatefulSet",
        short: &["sts"],
        status: true,
        scale: true,
        generation: true,
        top: SPEC_STATUS,
        ..PLAIN
    },
    ResourceInfo {
        group: "apps",
        plural: "deployments",
        kind: "Deployment",
        short: &["deploy"],
        status: true,
        scale: true,
        generation: true,
        top: SPEC_STATUS,
        ..PLAIN
    },
    ResourceInfo {
        group: "networking.k8s.io",
        plural: "networkpolicies",
        kind: "NetworkPolicy",
        short: &["netpol"],
        generation: true,
        top: &["spec"],
        ..PLAIN
    },
    ResourceInfo {
        group: "policy",
        plural: "poddisruptionbudgets",
        kind: "PodDisruptionBudget",
        short: &["pdb"],
        status: true,
        generation: true,
        top: SPEC_STATUS,
        ..PLAIN
    },
    ResourceInfo { plural: "roles", kind: "Role", top: &["rules"], ..RBAC },
    ResourceInfo { plural: "rolebindings", kind: "RoleBinding", top: &["roleRef", "subjects"], ..RBAC },
    ResourceInfo {
        plural: "clusterroles",
        kind: "ClusterRole",
        namespaced: false,
        top: &["rules", "aggregationRule"],
        ..RBAC
    },
    ResourceInfo {
        plural: "clusterrolebindings",
        kind: "ClusterRoleBinding",
        namespaced: false,
        top: &["roleRef", "subjects"],
        ..RBAC
    },
    ResourceInfo { group: "coordination.k8s.io", plural: "leases", kind: "Lease", top: &["spec"], ..PLAIN },
    ResourceInfo { group: "events.k8s.io", plural: "events", kind: "Event", short: &["ev"], ..PLAIN },
    ResourceInfo {
        group: "storage.k8s.io",
        plural: "storageclasses",
        kind: "StorageClass",
        short: &["sc"],
        namespaced: false,
        ..PLAIN
    },
];

impl Resource {
    /// All resources, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..TABLE.len()).map(Self)
    }

    /// By group and plural.
    pub fn by_plural(group: &str, plural: &str) -> Option<Self> {
        TABLE.iter().position(|row| row.group == group && row.plural == plural).map(Self)
    }

    /// By `apiVersion` and `kind`.
    pub fn by_kind(api_version: &str, kind: &str) -> Option<Self> {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        TABLE.iter().position(|row| row.group == group && row.version == version && row.kind == kind).map(Self)
    }

    /// The row.
    pub fn info(self) -> &'static ResourceInfo {
        // The index comes from the table; the row of an impossible one would be a resource without a name.
        TABLE.get(self.0).unwrap_or(&PLAIN)
    }

    /// `apps/v1`, or `v1` for the core group.
    pub fn api_version(self) -> String {
        let info = self.info();
        if info.group.is_empty() { info.version.to_owned() } else { format!("{}/{}", info.group, info.version) }
    }

    /// `statefulsets.apps`, or the plural alone for the core group, as in error messages.
    pub fn qualified(self) -> String {
        let info = self.info();
        if info.group.is_empty() { info.plural.to_owned() } else { format!("{}.{}", info.plural, info.group) }
    }

    /// `StatefulSet.apps`, or the kind alone for the core group, as in validation messages.
    pub fn qualified_kind(self) -> String {
        let info = self.info();
        if info.group.is_empty() { info.kind.to_owned() } else { format!("{}.{}", info.kind, info.group) }
    }

    /// Whether it is this kind of the table, whatever the group.
    pub fn is(self, kind: &str) -> bool {
        self.info().kind == kind
    }
}
