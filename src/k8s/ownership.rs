//! How an object says whose it is: labels, the self-reference, the field manager, the inventory's id.
//!
//! Input: installation, region, unit and object id. Output: the texts that are written and later checked. It reads no
//! object. Invariants: the self-reference holds everything that identifies the object, so that a copy never matches
//! itself; owner labels never go into pod or claim templates.

use crate::model::digest::Digest;
use crate::model::names::{InstallationId, RegionName};
use crate::model::object::ObjectId;
use crate::model::unit::UnitId;

/// Label: written by heddle.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Label: the installation.
pub const INSTALLATION: &str = "heddle.dev/installation";
/// Label: the tenant in whose namespace the object lives.
pub const TENANT: &str = "heddle.dev/tenant";
/// Label: the hash of the unit ([`UnitId::label`]).
pub const UNIT: &str = "heddle.dev/unit";
/// Label: the inventory's ApplySet id (KEP-3659).
pub const PART_OF: &str = "applyset.kubernetes.io/part-of";
/// Label on inventories: whose they are. Not [`INSTALLATION`], so that inventories are no members of themselves.
pub const INVENTORY_OF: &str = "heddle.dev/inventory-of";
/// Annotation: the object's own identity.
pub const SELF: &str = "heddle.dev/self";
/// The namespace that holds heddle's own objects in each region.
pub const SYSTEM_NAMESPACE: &str = "heddle-system";

/// The account that lists and watches.
pub const OBSERVER_ACCOUNT: &str = "heddle-observer";
/// The account that writes namespaces, quotas, access and policies.
pub const PLATFORM_ACCOUNT: &str = "heddle-platform";
/// The account in each tenant's namespace that writes everything else in it.
pub const TENANT_ACCOUNT: &str = "heddle-tenant";

/// The user name of a `ServiceAccount`, as it is impersonated.
pub fn account_user(namespace: &str, account: &str) -> String {
    format!("system:serviceaccount:{namespace}:{account}")
}

/// The label selector for the inventories of an installation.
pub fn inventory_selector(installation: &InstallationId) -> String {
    format!("{INVENTORY_OF}={installation}")
}

/// The field manager of an installation.
pub fn field_manager(installation: &InstallationId) -> String {
    format!("heddle/{installation}")
}

/// The value of the self-reference annotation.
pub fn self_reference(installation: &InstallationId, region: &RegionName, id: &ObjectId) -> String {
    let group = super::kinds::info(id.kind).group;
    let namespace = id.namespace.as_deref().unwrap_or_default();
    format!("{installation}/{region}/{group}/{}/{namespace}/{}", id.kind, id.name)
}

/// The label selector for everything that an installation owns in a region.
pub fn selector(installation: &InstallationId) -> String {
    format!("{MANAGED_BY}=heddle,{INSTALLATION}={installation}")
}

/// The name of the ConfigMap that holds the inventory of a unit in a region (shard 0).
pub fn inventory_name(installation: &InstallationId, unit: &UnitId) -> String {
    format!("heddle-{installation}-{}", unit.label())
}

/// The ApplySet id of a unit's inventory: `applyset-<base64url(sha256(name.namespace.kind.group))>-v1` (KEP-3659).
pub fn applyset_id(installation: &InstallationId, unit: &UnitId) -> String {
    let name = inventory_name(installation, unit);
    let digest = Digest::of(format!("{name}.{SYSTEM_NAMESPACE}.ConfigMap.").as_bytes());
    format!("applyset-{}-v1", base64url(digest.as_bytes()))
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |acc, b| (acc << 8) | u32::from(*b)) << (8 * (3 - chunk.len()));
        for position in 0..=chunk.len() {
            let index = (group >> (18 - 6 * position)) & 63;
            text.extend(ALPHABET.get(index as usize).map(|b| char::from(*b)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::object::Kind;

    #[test]
    fn base64url_follows_rfc_4648_without_padding() {
        for (plain, encoded) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64url(plain.as_bytes()), encoded);
        }
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn an_applyset_id_fits_a_label_value() {
        let installation = InstallationId::parse("abcdefghijklmnopqrst").unwrap();
        let id = applyset_id(&installation, &UnitId::Fleet);
        assert!(id.len() <= 63 && id.ends_with("-v1"), "{id}");
    }

    #[test]
    fn a_copy_under_another_name_has_another_self_reference() {
        let (i, r) = (InstallationId::parse("demo").unwrap(), RegionName::parse("eu").unwrap());
        let reference = |name| self_reference(&i, &r, &ObjectId::namespaced(Kind::StatefulSet, "ns", name));
        assert_eq!(reference("a"), "demo/eu/apps/StatefulSet/ns/a");
        assert_ne!(reference("a"), reference("b"));
    }
}
