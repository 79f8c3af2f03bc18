//! How the server merges lists and maps: the part of its schema that server-side apply needs.
//!
//! Input: a type and a field. Output: the field's type and how its value merges. Values are not validated. The source
//! is `listType`, `listMapKey` and `mapType` in `k8s.io/api` 0.36. Invariant: what is not named here is a granular map,
//! an atomic list or a scalar, which is the schema's own default.

use serde_json::{Map, Value};

/// A type of the API as far as merging differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// A whole object of a kind.
    Root(&'static str),
    Spec(&'static str),
    Status,
    Meta,
    PodTemplate,
    PodSpec,
    Container,
    EnvVar,
    EnvSource,
    Volume,
    /// Anything else.
    Plain,
}

/// How a value merges with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Merge {
    /// Maps key by key, lists as a whole.
    Default,
    /// As a whole, be it a map or a list.
    Atomic,
    /// A list whose items are known by these keys.
    Keyed(&'static [&'static str]),
    /// A list of scalars, each known by itself.
    Set,
}

/// The type of a field and how it merges.
#[expect(clippy::match_same_arms, reason = "the rows of a table, sorted by type")]
pub(super) fn field(of: Type, name: &str) -> (Type, Merge) {
    use Merge::{Atomic, Default, Keyed, Set};
    use Type::{Container, EnvSource, EnvVar, Meta, Plain, PodSpec, PodTemplate, Root, Spec, Status, Volume};
    match (of, name) {
        (Root(_) | PodTemplate, "metadata") => (Meta, Default),
        (Root(kind), "spec") => (if kind == "Pod" { PodSpec } else { Spec(kind) }, Default),
        (Root(_), "status") => (Status, Default),
        (Root("ServiceAccount"), "secrets") => (Plain, Keyed(&["name"])),
        (Root("RoleBinding" | "ClusterRoleBinding"), "roleRef") => (Plain, Atomic),
        (Meta, "finalizers") => (Plain, Set),
        (Meta, "ownerReferences") => (Plain, Keyed(&["uid"])),
        (Status, "conditions") => (Plain, Keyed(&["type"])),
        (Status, "podIPs" | "hostIPs") => (Plain, Keyed(&["ip"])),
        (Spec("StatefulSet" | "Deployment"), "template") => (PodTemplate, Default),
        (
            Spec("StatefulSet" | "Deployment" | "PodDisruptionBudget" | "Service" | "PersistentVolumeClaim"),
            "selector",
        )
        | (Spec("NetworkPolicy"), "podSelector")
        | (Spec("PersistentVolumeClaim"), "dataSource")
        | (Spec("ResourceQuota"), "scopeSelector")
        | (PodSpec, "nodeSelector")
        | (EnvSource, _) => (Plain, Atomic),
        (Spec("Service"), "ports") => (Plain, Keyed(&["port", "protocol"])),
        (PodTemplate, "spec") => (PodSpec, Default),
        (PodSpec, "containers" | "initContainers" | "ephemeralContainers") => (Container, Keyed(&["name"])),
        (PodSpec, "volumes") => (Volume, Keyed(&["name"])),
        (PodSpec, "imagePullSecrets" | "schedulingGates" | "resourceClaims") => (Plain, Keyed(&["name"])),
        (PodSpec, "hostAliases") => (Plain, Keyed(&["ip"])),
        (PodSpec, "topologySpreadConstraints") => (Plain, Keyed(&["topologyKey", "whenUnsatisfiable"])),
        (Container, "ports") => (Plain, Keyed(&["containerPort", "protocol"])),
        (Container, "env") => (EnvVar, Keyed(&["name"])),
        (Container, "volumeMounts") => (Plain, Keyed(&["mountPath"])),
        (Container, "volumeDevices") => (Plain, Keyed(&["devicePath"])),
        (EnvVar, "valueFrom") => (EnvSource, Default),
        _ => (Plain, Default),
    }
}

/// The `k:` or `v:` element of a list item; `None` when a key is missing that has no default.
pub(super) fn item_element(merge: Merge, item: &Value) -> Option<String> {
    match merge {
        Merge::Set => Some(format!("v:{item}")),
        Merge::Keyed(keys) => {
            let mut values = Map::new();
            for key in keys {
                let value = match (item.get(*key), *key) {
                    (Some(value), _) => value.clone(),
                    // The only key with a default in the kinds of the table.
                    (None, "protocol") => Value::from("TCP"),
                    (None, _) => return None,
                };
                values.insert((*key).to_owned(), value);
            }
            Some(format!("k:{}", Value::Object(values)))
        }
        Merge::Default | Merge::Atomic => None,
    }
}

/// The key by which a strategic merge patch finds list items: a patch knows only the first one.
pub(super) fn patch_key(merge: Merge) -> Option<&'static str> {
    match merge {
        Merge::Keyed(keys) => keys.first().copied(),
        Merge::Default | Merge::Atomic | Merge::Set => None,
    }
}
