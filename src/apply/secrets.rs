//! Looks up Secrets by their metadata alone: those that workloads mount, and those that hold identities.
//!
//! Input: regions and names. Output: for each Secret what was seen. It never reads a value. Invariant: a look-up that
//! failed is "could not be told", never "missing".

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;

use crate::desired::unit::DesiredUnit;
use crate::model::names::{RegionName, TenantName};
use crate::model::object::{Kind, ObjectId, ObjectRef};
use crate::observed::identity::SecretSeen;
use crate::ports::cluster::Identity;

use crate::region::access::RegionAccess;

/// Look-ups at once, for each unit.
const AT_ONCE: usize = 16;

/// Secrets that are looked up, each with the tenant as whom.
pub type Wanted = BTreeMap<ObjectRef, TenantName>;

/// Every Secret that the unit's workloads mount and that a person brings.
pub fn brought(desired: &DesiredUnit) -> Wanted {
    let mut wanted = Wanted::new();
    for (target, object) in &desired.objects {
        let Some(namespace) = &target.id.namespace else { continue };
        for name in &object.secrets {
            let id = ObjectId::namespaced(Kind::Secret, namespace, name);
            wanted.insert(ObjectRef { region: target.region.clone(), id }, object.tenant.clone());
        }
    }
    wanted
}

/// Looks them up.
pub async fn look_up(
    regions: &BTreeMap<RegionName, Arc<RegionAccess>>,
    wanted: Wanted,
) -> BTreeMap<RegionName, BTreeMap<ObjectId, SecretSeen>> {
    let reads = wanted.into_iter().filter_map(|(secret, tenant)| {
        let access = regions.get(&secret.region)?.clone();
        let identity = Identity::writer_of(&secret.id, &tenant)?;
        Some(async move {
            let seen = match access.cluster().secret_metadata(&identity, &secret.id).await {
                Ok(Some(metadata)) => SecretSeen::Present(Box::new(metadata)),
                Ok(None) => SecretSeen::Absent,
                Err(_) => SecretSeen::Unknown,
            };
            (secret, seen)
        })
    });
    let mut found: BTreeMap<RegionName, BTreeMap<ObjectId, SecretSeen>> = BTreeMap::new();
    let answers: Vec<_> = stream::iter(reads).buffer_unordered(AT_ONCE).collect().await;
    for (secret, seen) in answers {
        found.entry(secret.region).or_default().insert(secret.id, seen);
    }
    found
}
