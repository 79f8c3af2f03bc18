//! Looks up the Secrets that workloads mount, by their metadata alone.
//!
//! Input: a unit's desired workloads. Output: for each Secret, there or not. It never reads a value. Invariant: a
//! look-up that failed is "could not be told", never "missing".

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;

use crate::desired::unit::DesiredUnit;
use crate::model::names::RegionName;
use crate::ports::cluster::Identity;

use crate::region::access::RegionAccess;

/// Look-ups at once, for each unit.
const AT_ONCE: usize = 16;

/// Namespace and name to what was seen.
pub type Found = BTreeMap<(Box<str>, Box<str>), Option<bool>>;

/// Looks up every Secret that the unit's workloads mount.
pub async fn look_up(
    regions: &BTreeMap<RegionName, Arc<RegionAccess>>,
    desired: &DesiredUnit,
) -> BTreeMap<RegionName, Found> {
    let mut wanted = BTreeMap::new();
    for (target, object) in &desired.objects {
        let Some(namespace) = &target.id.namespace else { continue };
        for name in &object.secrets {
            let key = (target.region.clone(), namespace.clone(), name.clone());
            wanted.insert(key, object.tenant.clone());
        }
    }
    let reads = wanted.into_iter().filter_map(|((region, namespace, name), tenant)| {
        let access = regions.get(&region)?.clone();
        let identity = Identity::Tenant { tenant, namespace: namespace.clone() };
        Some(async move {
            let answer = access.cluster().secret_exists(&identity, &namespace, &name).await.ok();
            (region, (namespace, name), answer)
        })
    });
    let mut found: BTreeMap<RegionName, Found> = BTreeMap::new();
    let answers: Vec<_> = stream::iter(reads).buffer_unordered(AT_ONCE).collect().await;
    for (region, key, answer) in answers {
        found.entry(region).or_default().insert(key, answer);
    }
    found
}
