//! One region as it was seen.
//!
//! Input: the cluster adapter. Output: [`RegionObservation`]. It decides nothing. Invariant: [`Presence::Absent`] is
//! answered only where the kind was observed completely.

use std::collections::{BTreeMap, BTreeSet};

use super::identity::SecretSeen;
use super::inventory::Inventory;
use super::object::ObservedObject;
use crate::model::names::RegionName;
use crate::model::object::{ClusterUid, Kind, ObjectId};
use crate::model::unit::UnitId;

/// How far a (region, kind) was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Completeness {
    /// Listed to the end and watched since.
    Complete,
    /// A list stopped half way, or none has run yet.
    Incomplete {
        /// Why.
        detail: String,
    },
    /// No event or bookmark for three minutes.
    Stale,
    /// The observer may not list it.
    Forbidden,
}

/// What one look-up says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence<'a> {
    /// It is there.
    Present(&'a ObservedObject),
    /// It is certainly not there.
    Absent,
    /// Nobody knows.
    Unknown(&'a Completeness),
}

/// What was seen in one region.
#[derive(Debug, Clone)]
pub struct RegionObservation {
    /// The region.
    pub region: RegionName,
    /// The cluster, or why it could not be told.
    pub cluster: Result<ClusterUid, RegionUnknown>,
    /// By kind.
    pub kinds: BTreeMap<Kind, Completeness>,
    /// Everything that carries our owner labels, and what the inventory led to.
    pub objects: BTreeMap<ObjectId, ObservedObject>,
    /// The inventory of each unit.
    pub inventories: BTreeMap<UnitId, Inventory>,
    /// Secrets that were asked for, by their metadata.
    pub secrets: BTreeMap<ObjectId, SecretSeen>,
}

/// Why a whole region cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RegionUnknown {
    /// The configuration names no cluster for it.
    NotConfigured,
    /// The configuration gives no `clusterUid`; the uid that was seen, for the message.
    NotPinned {
        /// The uid that was seen.
        seen: ClusterUid,
    },
    /// Another cluster answers.
    WrongCluster {
        /// The pinned uid.
        pinned: ClusterUid,
        /// The uid that was seen.
        seen: ClusterUid,
    },
    /// It cannot be reached or refuses us.
    Unreachable {
        /// In which way, without the server's own words.
        detail: String,
    },
}

impl std::fmt::Display for RegionUnknown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotConfigured => f.write_str("the configuration names no cluster for it"),
            Self::NotPinned { seen } => write!(
                f,
                "its configuration has no clusterUid (this cluster's is {seen}; if it is the right one, write \
                 `clusterUid: {seen}` to the region in heddle's configuration)"
            ),
            Self::WrongCluster { pinned, seen } => write!(
                f,
                "another cluster answers: uid {seen}, but {pinned} is pinned (look at the region's kubeconfig; change \
                 its clusterUid only if the cluster was replaced on purpose)"
            ),
            Self::Unreachable { detail } => f.write_str(detail),
        }
    }
}

impl RegionObservation {
    /// A region about which nothing is known.
    pub fn unknown(region: RegionName, why: RegionUnknown) -> Self {
        Self {
            region,
            cluster: Err(why),
            kinds: BTreeMap::new(),
            objects: BTreeMap::new(),
            inventories: BTreeMap::new(),
            secrets: BTreeMap::new(),
        }
    }

    /// What concerns one unit: the objects of these ids and of its inventory, and the inventories of what it builds on,
    /// copied.
    #[must_use]
    pub fn slice<'a>(
        &'a self,
        unit: &UnitId,
        builds_on: &BTreeSet<UnitId>,
        ids: impl IntoIterator<Item = &'a ObjectId>,
    ) -> Self {
        let inventory = self.inventories.get(unit);
        let listed = inventory.into_iter().flat_map(|inventory| inventory.rows.keys());
        let mut slice =
            Self { region: self.region.clone(), cluster: self.cluster.clone(), ..Self::empty(&self.region) };
        slice.kinds.clone_from(&self.kinds);
        for id in ids.into_iter().chain(listed) {
            if let Some(object) = self.objects.get(id) {
                slice.objects.insert(id.clone(), object.clone());
            }
        }
        for unit in builds_on.iter().chain([unit]) {
            if let Some(inventory) = self.inventories.get(unit) {
                slice.inventories.insert(unit.clone(), inventory.clone());
            }
        }
        slice
    }

    fn empty(region: &RegionName) -> Self {
        Self::unknown(region.clone(), RegionUnknown::NotConfigured)
    }

    /// What a look at a Secret's metadata said.
    pub fn secret(&self, id: &ObjectId) -> &SecretSeen {
        self.secrets.get(id).unwrap_or(&SecretSeen::Unknown)
    }

    /// How far a kind was seen.
    pub fn completeness(&self, kind: Kind) -> &Completeness {
        const NEVER: &Completeness = &Completeness::Stale;
        self.kinds.get(&kind).unwrap_or(NEVER)
    }

    /// Whether an object is there.
    pub fn look_up(&self, id: &ObjectId) -> Presence<'_> {
        match (self.objects.get(id), self.completeness(id.kind)) {
            (Some(object), _) => Presence::Present(object),
            (None, Completeness::Complete) => Presence::Absent,
            (None, other) => Presence::Unknown(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::object::Kind;

    #[test]
    fn absent_is_only_read_from_a_complete_observation() {
        let id = ObjectId::namespaced(Kind::Service, "demo-acme", "trade-acme-p1");
        let mut seen = RegionObservation::empty(&RegionName::parse("eu").unwrap());
        assert_eq!(seen.look_up(&id), Presence::Unknown(&Completeness::Stale), "never listed");
        for unsure in [
            Completeness::Incomplete { detail: "the second page did not come".into() },
            Completeness::Stale,
            Completeness::Forbidden,
        ] {
            seen.kinds.insert(id.kind, unsure.clone());
            assert_eq!(seen.look_up(&id), Presence::Unknown(&unsure));
        }
        seen.kinds.insert(id.kind, Completeness::Complete);
        assert_eq!(seen.look_up(&id), Presence::Absent);
    }
}
