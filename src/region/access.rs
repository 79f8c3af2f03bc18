//! One region's cluster and the newest copies of what is in it.
//!
//! Input: answers to reads and writes, watch events, inventories. Output: observations of single objects and of what
//! concerns one unit. It makes no request. Invariants: a copy is only ever replaced by a newer one of the same life or
//! by another life; what a read said is gone does not come back with an older event.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::model::names::{RegionName, TenantName};
use crate::model::object::{ClusterUid, Kind, ObjectId, ResourceVersion, Uid};
use crate::model::unit::UnitId;
use crate::observed::inventory::Inventory;
use crate::observed::object::ObservedObject;
use crate::observed::region::{Completeness, RegionObservation, RegionUnknown};
use crate::plan::diff;
use crate::ports::cluster::Cluster;

/// How long before the end of the lease the last write may end.
pub const LEASE_MARGIN: Duration = Duration::from_secs(3);

/// Who may write in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leadership {
    /// Nobody was asked yet, or nobody answers.
    Unknown,
    /// This process, until then.
    Held {
        /// When the lease ends by this process's clock.
        until: Timestamp,
    },
    /// Another process.
    HeldBy {
        /// Its name.
        holder: String,
    },
}

/// One region.
pub struct RegionAccess {
    cluster: Arc<dyn Cluster>,
    name: RegionName,
    state: Mutex<State>,
}

struct State {
    seen: RegionObservation,
    /// Lives that a read said are over, until their event comes.
    ended: BTreeSet<Uid>,
    /// What a read by name found and no watch tells of, because it lacks our labels.
    unwatched: BTreeSet<ObjectId>,
    /// Units whose objects changed since somebody asked.
    touched: BTreeSet<Box<str>>,
    leadership: Leadership,
    /// Attempts to observe it that ended badly since the last good one.
    failed_attempts: u32,
    /// Whether any attempt has ended, well or not.
    settled: bool,
}

impl RegionAccess {
    /// A region of which nothing was seen yet.
    pub fn new(name: RegionName, cluster: Arc<dyn Cluster>) -> Self {
        let why = RegionUnknown::Unreachable { detail: "not observed yet".into() };
        let seen = RegionObservation::unknown(name.clone(), why);
        let state = State {
            seen,
            ended: BTreeSet::new(),
            unwatched: BTreeSet::new(),
            touched: BTreeSet::new(),
            leadership: Leadership::Unknown,
            failed_attempts: 0,
            settled: false,
        };
        Self { cluster, name, state: Mutex::new(state) }
    }

    /// Its cluster.
    pub fn cluster(&self) -> &dyn Cluster {
        &*self.cluster
    }

    /// Its name.
    pub fn name(&self) -> &RegionName {
        &self.name
    }

    /// The newest copy of an object.
    pub fn seen(&self, id: &ObjectId) -> Option<ObservedObject> {
        self.state().seen.objects.get(id).cloned()
    }

    /// Takes in the answer to a read or a write. Whoever asked judges it, so it wakes nobody.
    pub fn record(&self, live: &ObservedObject) {
        self.state().record(live);
    }

    /// Takes in what a watch told.
    pub fn told(&self, live: &ObservedObject) {
        let mut state = self.state();
        state.unwatched.remove(&live.id);
        if state.record(live) {
            state.touch(live);
        }
    }

    /// Takes in what a read by name found of a row that no list shows, or that there is nothing; says whether it was
    /// news.
    pub fn read_by_name(&self, id: &ObjectId, found: Option<&ObservedObject>) -> bool {
        let mut state = self.state();
        let news = if let Some(live) = found {
            let news = state.record(live);
            if news {
                state.unwatched.insert(id.clone());
            }
            news
        } else {
            state.unwatched.remove(id);
            state.seen.objects.remove(id).is_some()
        };
        if news {
            state.touch_by_row(id);
        }
        news
    }

    /// Drops a copy that a write found to be old, so that the next look is a read.
    pub fn forget(&self, live: &ObservedObject) {
        let mut state = self.state();
        if state.seen.objects.get(&live.id).is_some_and(|kept| kept.resource_version == live.resource_version) {
            state.seen.objects.remove(&live.id);
        }
    }

    /// A read said that there is nothing of that name.
    pub fn gone(&self, id: &ObjectId) {
        let mut state = self.state();
        if let Some(kept) = state.seen.objects.remove(id) {
            state.ended.insert(kept.uid);
        }
    }

    /// A watch said that this life is over.
    pub fn ended(&self, live: &ObservedObject) {
        let mut state = self.state();
        state.ended.remove(&live.uid);
        if state.seen.objects.get(&live.id).is_some_and(|kept| kept.uid == live.uid) {
            state.seen.objects.remove(&live.id);
            state.touch(live);
        }
    }

    /// A watch said that an object left its view, and a read found it still alive: somebody took its labels off.
    pub fn left_view(&self, told: &ObservedObject, found: &ObservedObject) {
        let mut state = self.state();
        state.record(found);
        state.unwatched.insert(found.id.clone());
        state.touch(told);
    }

    /// Whose row names this life, if an inventory has one.
    pub fn tenant_of_row(&self, live: &ObservedObject) -> Option<TenantName> {
        let state = self.state();
        let mut rows = state.seen.inventories.values().filter_map(|inventory| inventory.rows.get(&live.id));
        rows.find(|row| row.uid.as_ref() == Some(&live.uid)).map(|row| row.tenant.clone())
    }

    /// Replaces everything of one kind by a complete list; copies newer than the list stay. Nothing counts as absent
    /// before [`Self::set_completeness`] says so: what the list lacks may only have lost its labels.
    pub fn listed(&self, kind: Kind, objects: &[ObservedObject], at: &ResourceVersion) {
        let mut state = self.state();
        let listed: BTreeSet<ObjectId> = objects.iter().map(|object| object.id.clone()).collect();
        let outside: Vec<ObservedObject> = state
            .seen
            .objects
            .values()
            .filter(|kept| kept.id.kind == kind && !listed.contains(&kept.id) && !is_newer(&kept.resource_version, at))
            .cloned()
            .collect();
        for object in outside {
            state.seen.objects.remove(&object.id);
            state.touch(&object);
        }
        for object in objects {
            state.unwatched.remove(&object.id);
            if state.record(object) {
                state.touch(object);
            }
        }
        let unread = Completeness::Incomplete { detail: "what the list lacks is not read yet".into() };
        state.seen.kinds.insert(kind, unread);
    }

    /// How far a kind is seen now.
    pub fn set_completeness(&self, kind: Kind, completeness: Completeness) {
        self.state().seen.kinds.insert(kind, completeness);
    }

    /// Which cluster answered, or why none can be judged.
    pub fn set_cluster(&self, cluster: Result<ClusterUid, RegionUnknown>) {
        self.state().seen.cluster = cluster;
    }

    /// The cluster that answered, or why none can be judged.
    pub fn cluster_state(&self) -> Result<ClusterUid, RegionUnknown> {
        self.state().seen.cluster.clone()
    }

    /// Whether every kind is seen completely.
    pub fn is_complete(&self) -> bool {
        let state = self.state();
        Kind::ALL.into_iter().all(|kind| *state.seen.completeness(kind) == Completeness::Complete)
    }

    /// A kind that is not seen completely, and why.
    pub fn incomplete_kind(&self) -> Option<String> {
        let state = self.state();
        let words = |kind: Kind| match state.seen.completeness(kind) {
            Completeness::Complete => None,
            other => Some(format!("{kind} is not seen completely: {}", diff::in_words(other))),
        };
        Kind::ALL.into_iter().find_map(words)
    }

    /// Takes in one unit's stored inventory.
    pub fn record_inventory(&self, unit: &UnitId, inventory: &Inventory) {
        self.state().seen.inventories.insert(unit.clone(), inventory.clone());
    }

    /// Takes in all stored inventories.
    pub fn set_inventories(&self, inventories: BTreeMap<UnitId, Inventory>) {
        self.state().seen.inventories = inventories;
    }

    /// Units that have an inventory here.
    pub fn inventoried(&self) -> BTreeSet<UnitId> {
        self.state().seen.inventories.keys().cloned().collect()
    }

    /// Who may write here, as far as is known.
    pub fn leadership(&self) -> Leadership {
        self.state().leadership.clone()
    }

    /// Whether anything changed about who may write here.
    pub fn set_leadership(&self, leadership: Leadership) -> bool {
        let mut state = self.state();
        let same_holder = match (&state.leadership, &leadership) {
            (Leadership::Held { .. }, Leadership::Held { .. }) => true,
            (before, after) => before == after,
        };
        state.leadership = leadership;
        !same_holder
    }

    /// How long a write that starts now may take; none when this process may not write here.
    pub fn write_time(&self, now: Timestamp) -> Option<Duration> {
        let Leadership::Held { until } = self.state().leadership else { return None };
        let left = Duration::try_from(until.duration_since(now)).ok()?;
        left.checked_sub(LEASE_MARGIN).filter(|left| !left.is_zero())
    }

    /// Forgets what was seen, because another process may have led since: nothing can be judged until the next look.
    pub fn restart(&self) {
        let mut state = self.state();
        let why = RegionUnknown::Unreachable { detail: "not observed yet".into() };
        state.seen = RegionObservation::unknown(self.name.clone(), why);
        state.ended.clear();
        state.unwatched.clear();
        state.touched.clear();
        state.failed_attempts = 0;
        state.settled = false;
    }

    /// Whether any attempt to observe it has ended, well or not.
    pub fn is_settled(&self) -> bool {
        self.state().settled
    }

    /// Attempts to observe it that ended badly since the last good one.
    pub fn failed_attempts(&self) -> u32 {
        self.state().failed_attempts
    }

    /// Counts an attempt to observe it that ended.
    pub fn attempted(&self) {
        let mut state = self.state();
        state.settled = true;
        state.failed_attempts = if state.seen.cluster.is_ok() { 0 } else { state.failed_attempts.saturating_add(1) };
    }

    /// Units of which an inventory says that something is left here.
    pub fn inventoried_with_rows(&self) -> BTreeSet<UnitId> {
        let state = self.state();
        let left = state.seen.inventories.iter().filter(|(_, inventory)| !inventory.rows.is_empty());
        left.map(|(unit, _)| unit.clone()).collect()
    }

    /// Rows of listed kinds that no list shows: their labels may be gone, so they are read by name. A row without a uid
    /// is one of them: the answer to its creation may be lost, or somebody else's object may have its name.
    pub fn unlisted_rows(&self) -> Vec<(TenantName, ObjectId)> {
        let state = self.state();
        let rows = state.seen.inventories.values().flat_map(|inventory| &inventory.rows);
        let unlisted = rows.filter(|(id, _)| {
            let forbidden = *state.seen.completeness(id.kind) == Completeness::Forbidden;
            // Whoever needs a Secret looks at it.
            !forbidden
                && id.kind != Kind::Secret
                && (!state.seen.objects.contains_key(*id) || state.unwatched.contains(*id))
        });
        unlisted.map(|(id, row)| (row.tenant.clone(), id.clone())).collect()
    }

    /// What concerns one unit: these objects, its inventory and what that lists, the inventories of what it builds on.
    pub fn slice(&self, unit: &UnitId, builds_on: &BTreeSet<UnitId>, ids: &[&ObjectId]) -> RegionObservation {
        self.state().seen.slice(unit, builds_on, ids.iter().copied())
    }

    /// The labels (`heddle.dev/unit`) of units whose objects changed since the last call.
    pub fn take_touched(&self) -> BTreeSet<Box<str>> {
        std::mem::take(&mut self.state().touched)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether it was news.
    fn record(&mut self, live: &ObservedObject) -> bool {
        if self.ended.contains(&live.uid) {
            return false;
        }
        let old = self
            .seen
            .objects
            .get(&live.id)
            .is_some_and(|kept| kept.uid == live.uid && !is_newer(&live.resource_version, &kept.resource_version));
        if !old {
            self.seen.objects.insert(live.id.clone(), live.clone());
        }
        !old
    }

    /// Touches the units whose inventories name an object, whatever the object says.
    fn touch_by_row(&mut self, id: &ObjectId) {
        let units = self.seen.inventories.iter().filter(|(_, inventory)| inventory.rows.contains_key(id));
        self.touched.extend(units.map(|(unit, _)| Box::from(unit.label())));
    }

    fn touch(&mut self, live: &ObservedObject) {
        if let Some(unit) = &live.owner.unit {
            self.touched.insert(unit.clone());
        }
    }
}

/// Resource versions of one resource are numbers that grow (KEP-5504); a server that breaks that gives equal ones here,
/// and every event counts as news.
fn is_newer(a: &ResourceVersion, b: &ResourceVersion) -> bool {
    match (a.as_str().parse::<u64>(), b.as_str().parse::<u64>()) {
        (Ok(a), Ok(b)) => a > b,
        _ => a != b,
    }
}
