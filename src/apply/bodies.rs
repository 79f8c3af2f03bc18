//! Reads the bodies of objects that differ (line 10 of the algorithm).
//!
//! Input: ids. Output: live bodies, read as whoever may change them. It compares nothing. Invariant: a body is read at
//! most once a cycle and only for an object whose digest differs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;

use crate::desired::unit::DesiredUnit;
use crate::model::names::RegionName;
use crate::model::object::ObjectRef;
use crate::observed::object::LiveObject;
use crate::ports::cluster::{ClusterError, Identity};

use crate::region::access::RegionAccess;

/// Bodies that are asked for at once, for each unit.
const AT_ONCE: usize = 16;

/// The bodies that could be read, and the first failure of each region.
pub async fn fetch(
    regions: &BTreeMap<RegionName, Arc<RegionAccess>>,
    desired: &DesiredUnit,
    wanted: BTreeSet<ObjectRef>,
) -> (BTreeMap<ObjectRef, LiveObject>, BTreeMap<RegionName, ClusterError>) {
    let reads = wanted.into_iter().filter_map(|target| {
        let region = regions.get(&target.region)?.clone();
        let tenant = &desired.objects.get(&target)?.tenant;
        let identity = Identity::writer_of(&target.id, tenant)?;
        Some(async move {
            let answer = region.cluster().get(&identity, &target.id).await;
            if let Ok(Some(live)) = &answer {
                region.record(&live.observed);
            }
            (target, answer)
        })
    });
    let mut bodies = BTreeMap::new();
    let mut failures = BTreeMap::new();
    let answers: Vec<_> = stream::iter(reads).buffer_unordered(AT_ONCE).collect().await;
    for (target, answer) in answers {
        match answer {
            Ok(Some(live)) => drop(bodies.insert(target, live)),
            Ok(None) => {}
            Err(error) => drop(failures.entry(target.region).or_insert(error)),
        }
    }
    (bodies, failures)
}
