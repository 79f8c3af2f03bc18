//! One cycle of one unit, from what it should be to what became of it.
//!
//! Input: a [`Wish`] and the world as this process sees it. Output: a [`UnitRun`]. It decides nothing itself: `plan`
//! does. Invariants: nothing is begun in a region whose lease this process does not hold; nothing is changed before its
//! `started` record is on the status branch (but routine repairs); inventory rows come first; whatever happens, there
//! is an outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::apply::execute::{self, Effects, Executed};
use crate::apply::{bodies, inventory};
use crate::desired::unit::DesiredUnit;
use crate::k8s::health::{self, Health};
use crate::ledger::blocks::Blocks;
use crate::ledger::nodes::Nodes;
use crate::model::digest::Digest;
use crate::model::names::{ChannelId, InstallationId, RegionName};
use crate::model::object::{Kind, ObjectRef};
use crate::model::revision::Revision;
use crate::model::unit::UnitId;
use crate::observed::channel::ChannelSeen;
use crate::observed::inventory::Inventory;
use crate::observed::object::LiveObject;
use crate::observed::region::{Completeness, Presence, RegionUnknown};
use crate::plan::approval::{self, ApprovedPlan, Consents, Split, StoredChanges};
use crate::plan::channel::state;
use crate::plan::contention::ContendedObjects;
use crate::plan::diff::World;
use crate::plan::identity::{self, Recorded};
use crate::plan::lint;
use crate::plan::outcome::{Failure, UnitOutcome, Workload, WorkloadState};
use crate::plan::planner::{self, Input};
use crate::plan::prune::Declared;
use crate::plan::unit_plan::{PlanId, UnitPlan};
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::region::access::RegionAccess;
use crate::report::audit::{self, Entry, Event};
use crate::report::unit_status::KnownChannel;
use crate::spec::fleet::{ApplyPolicy, Budgets};

use super::publication;
use super::status_branch::{self, Batch, StatusBranch};
use look::{Looked, look, look_at_channels, look_up_secrets, world_of};

mod look;

/// What a unit should be, as far as the source says.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The unit.
    pub unit: UnitId,
    /// As it should be; none when its document vanished.
    pub desired: Option<Arc<DesiredUnit>>,
    /// As it was rendered from the revision that was applied last, where that is another one.
    pub previous: Option<Arc<DesiredUnit>>,
    /// The revision whose wish this is.
    pub revision: Option<Revision>,
    /// What is done about drift.
    pub policy: ApplyPolicy,
    /// How much may happen at once.
    pub budgets: Budgets,
    /// What the status branch says was issued. No part of the wish.
    pub recorded: Recorded,
    /// What the status branch says of first blocks. No part of the wish.
    pub blocks: BTreeMap<ChannelId, KnownChannel>,
}

impl Wish {
    /// The digest of the wish and of how it may be carried out, without the revision that it was read from.
    pub fn digest(&self) -> Digest {
        let desired = self.desired.as_ref().map_or_else(|| "vanished".to_owned(), |unit| unit.digest().to_string());
        let ApplyPolicy { conflicts } = self.policy;
        let Budgets { deletes, restarts } = self.budgets;
        Digest::of_parts([desired, format!("{conflicts:?} {deletes} {restarts}")])
    }
}

/// What every unit's run shares.
#[derive(Clone, Copy)]
pub struct Shared<'a> {
    /// The installation.
    pub installation: &'a InstallationId,
    /// All regions that the fleet names; those without a cluster hold why.
    pub regions: &'a BTreeMap<RegionName, Result<Arc<RegionAccess>, RegionUnknown>>,
    /// The same, those that can be reached.
    pub reachable: &'a BTreeMap<RegionName, Arc<RegionAccess>>,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// Where keys come from.
    pub entropy: &'a dyn Entropy,
    /// Ordering nodes and peers.
    pub nodes: &'a Nodes,
    /// First blocks.
    pub blocks: &'a Blocks,
    /// What grants consent.
    pub consents: Consents<'a>,
    /// What `plan::contention` found between the wishes of all units.
    pub contended: &'a BTreeMap<UnitId, ContendedObjects>,
}

/// What may be changed.
#[derive(Clone, Copy)]
pub enum Permission<'a> {
    /// Nothing: only a plan is wanted.
    PlanOnly,
    /// What the plan's policy allows; records go to the branch.
    Apply {
        /// Where records go.
        branch: &'a StatusBranch,
        /// Only these changes, when a person saw exactly them.
        only: Option<&'a BTreeMap<UnitId, StoredChanges>>,
    },
}

/// What a cycle came to for one unit.
#[derive(Debug)]
pub struct UnitRun {
    /// For the report.
    pub outcome: UnitOutcome,
    /// The plan that the cycle began with.
    pub plan: UnitPlan,
    /// The approved part of it, of which something was done.
    pub applied: Option<UnitPlan>,
    /// A plan that was not begun because its record may or may not be on the branch.
    pub unrecorded: Option<PlanId>,
    /// Whether everything that the unit wants exists, so that others may build on it.
    pub is_applied: bool,
}

/// How far a unit came before its books are closed.
#[derive(Debug)]
pub enum Acted {
    /// Nothing was to be done, or nothing could be begun.
    Nothing(Box<UnitRun>),
    /// Changes were made; [`close`] says how it stands.
    Changed(Box<Effected>),
}

/// Changes that were made and are not in the books yet.
#[derive(Debug)]
pub struct Effected {
    outcome: UnitOutcome,
    plan: UnitPlan,
    applied: UnitPlan,
    /// The inventories as they were stored before the changes.
    kept: BTreeMap<RegionName, Inventory>,
    executed: Vec<Executed>,
    /// Whether everything that the unit wants exists, so that others may build on it.
    pub is_applied: bool,
}

/// Plans one unit and makes the changes.
pub async fn act(shared: Shared<'_>, wish: &Wish, unmet: &BTreeSet<UnitId>, permission: Permission<'_>) -> Acted {
    let (plan, looked) = plan(shared, wish, unmet).await;
    let world = &looked.world;
    let split = approval::split(&plan, shared.consents);
    let mut outcome = UnitOutcome {
        revision: wish.revision,
        wish: Some(wish.digest()),
        counts: plan.counts(),
        ..UnitOutcome::empty(wish.unit.clone())
    };
    let nothing = |outcome, split, plan: UnitPlan| {
        let after = After { plan: &plan.clone(), split, looked: &looked };
        Acted::Nothing(Box::new(finish(outcome, wish, after, (plan, None))))
    };
    let blocked = !unmet.is_empty() || split.approved.is_empty();
    let (Permission::Apply { branch, only }, false) = (permission, blocked) else {
        if matches!(permission, Permission::Apply { .. }) {
            tidy_inventories(shared, wish, &looked, &mut outcome).await;
        }
        return nothing(outcome, split, plan);
    };
    if let Some(refused) = refuse_to_start(shared, &plan, world, &split.approved, only) {
        outcome.failure = Some(refused);
        return nothing(outcome, split, plan);
    }
    let applied = approved_part(&plan, &split.approved);
    if let Err(failure) = start(shared, wish, branch, (&split.approved, &applied)).await {
        outcome.failure = Some(Failure::Error(failure));
        return match nothing(outcome, split, plan) {
            Acted::Nothing(run) => Acted::Nothing(Box::new(UnitRun { unrecorded: Some(applied.id()), ..*run })),
            changed @ Acted::Changed(_) => changed,
        };
    }
    let (mut kept, mut executed) = (BTreeMap::new(), Vec::new());
    match carry_out(shared, wish, &looked, &split.approved).await {
        Ok(done) => (kept, executed) = done,
        Err(failure) => outcome.failure = Some(Failure::Error(failure)),
    }
    if executed.iter().any(|done| done.stored.is_some() || done.recorded.is_some()) {
        // What builds on an identity, or on a first block, finds it in the inventory.
        kept = complete_inventories(shared, wish, kept, &executed).await;
    }
    let is_applied = outcome.failure.is_none() && {
        let looked = look(shared, wish).await;
        make_plan(shared, wish, unmet, (&looked, &BTreeMap::new())).is_applied()
    };
    Acted::Changed(Box::new(Effected { outcome, plan, applied, kept, executed, is_applied }))
}

/// Completes the inventories after the changes and sees how the unit stands.
///
/// It is a step of its own because it changes nothing in a network: others' changes go before it.
pub async fn close(shared: Shared<'_>, wish: &Wish, unmet: &BTreeSet<UnitId>, effected: Effected) -> UnitRun {
    let Effected { mut outcome, plan, applied, kept, executed, is_applied: _ } = effected;
    drop(complete_inventories(shared, wish, kept, &executed).await);
    outcome.results = executed.into_iter().map(|Executed { result, .. }| result).collect();
    let (after, looked) = self::plan(shared, wish, unmet).await;
    let split = approval::split(&after, shared.consents);
    if split.approved.is_empty() && outcome.failure.is_none() {
        // Rows that an earlier process left: the unit may be at rest now, and then no further run comes.
        tidy_inventories(shared, wish, &looked, &mut outcome).await;
    }
    finish(outcome, wish, After { plan: &after, split, looked: &looked }, (plan, Some(applied)))
}

/// The plan and the world that it was made for.
async fn plan(shared: Shared<'_>, wish: &Wish, unmet: &BTreeSet<UnitId>) -> (UnitPlan, Looked) {
    let mut looked = look(shared, wish).await;
    let mut live = BTreeMap::new();
    let uncontended = ContendedObjects::new();
    let contended = shared.contended.get(&wish.unit).unwrap_or(&uncontended);
    if let Some(desired) = &looked.desired {
        look_up_secrets(shared, desired, &mut looked.world).await;
        let wanted = planner::bodies_needed(shared.installation, desired, &looked.world, contended);
        if !wanted.is_empty() {
            let (bodies, failures) = bodies::fetch(shared.reachable, desired, wanted).await;
            live = bodies;
            for (region, error) in failures {
                tracing::warn!(%region, unit = %wish.unit, category = error.category(), "could not read objects that differ");
            }
            // What was read is newer than the first look.
            let mut world = world_of(shared, wish);
            for (region, seen) in &mut world {
                if let Some(before) = looked.world.get_mut(region) {
                    seen.secrets = std::mem::take(&mut before.secrets);
                }
            }
            looked.world = world;
        }
    }
    looked.channels = look_at_channels(shared, wish, &looked.world).await;
    (make_plan(shared, wish, unmet, (&looked, &live)), looked)
}

fn make_plan(
    shared: Shared<'_>,
    wish: &Wish,
    unmet: &BTreeSet<UnitId>,
    (looked, bodies): (&Looked, &BTreeMap<ObjectRef, LiveObject>),
) -> UnitPlan {
    let uncontended = ContendedObjects::new();
    let declared = match &looked.desired {
        Some(desired) => Declared::Yes(desired),
        None => Declared::Vanished(&wish.unit),
    };
    planner::plan(Input {
        installation: shared.installation,
        declared,
        previous: wish.previous.as_deref(),
        world: &looked.world,
        bodies,
        contended: shared.contended.get(&wish.unit).unwrap_or(&uncontended),
        unmet,
        policy: wish.policy,
        budgets: wish.budgets,
        identities: &looked.identities,
        channels: &looked.channels,
    })
}

/// Whether this process holds the lease of a region.
fn may_write(shared: Shared<'_>, region: &RegionName) -> bool {
    shared.reachable.get(region).is_some_and(|access| access.write_time(shared.clock.now()).is_some())
}

/// Why an approved plan is not begun, if it is not.
fn refuse_to_start(
    shared: Shared<'_>,
    plan: &UnitPlan,
    world: &World,
    approved: &ApprovedPlan,
    only: Option<&BTreeMap<UnitId, StoredChanges>>,
) -> Option<Failure> {
    if let Some(region) = inventory::regions_of(approved).into_iter().find(|region| !may_write(shared, region)) {
        return Some(Failure::Error(format!(
            "nothing was begun, because this process does not hold the lease of region {region}; it plans anew when it does"
        )));
    }
    let violations = lint::lint(plan, world);
    if !violations.is_empty() {
        let list: Vec<String> = violations.iter().map(ToString::to_string).collect();
        let text = format!("heddle refuses its own plan, please report this: {}", list.join("; "));
        return Some(Failure::Error(text));
    }
    let seen = only?.get(&plan.unit);
    let unseen = approved
        .changes()
        .iter()
        .filter(|(change, _)| seen.and_then(|seen| seen.get(&change.id)) != Some(&change.precondition.digest()));
    let unseen: Vec<String> = unseen.map(|(change, _)| change.target.to_string()).collect();
    let text = || format!("these changes are not as they were shown, plan again: {}", unseen.join(", "));
    (!unseen.is_empty()).then(|| Failure::Stale(text()))
}

/// The changes that are going to happen, as a plan of their own.
fn approved_part(plan: &UnitPlan, approved: &ApprovedPlan) -> UnitPlan {
    UnitPlan { changes: approved.changes().iter().map(|(change, _)| change.clone()).collect(), ..plan.clone() }
}

/// Puts the `started` record and the plan on the branch, but for repairs that nobody would want to wait for.
async fn start(
    shared: Shared<'_>,
    wish: &Wish,
    branch: &StatusBranch,
    (approved, plan): (&ApprovedPlan, &UnitPlan),
) -> Result<(), String> {
    if approved.changes().iter().all(|(change, _)| execute::is_routine_repair(change)) {
        return Ok(());
    }
    let entry = |plan: PlanId, event: Event| Entry {
        unit: wish.unit.clone(),
        plan,
        revision: wish.revision,
        at: status_branch::now(shared.clock),
        event,
    };
    let started = entry(plan.id(), Event::Started { changes: audit::intended(approved) });
    let batch = Batch { entries: vec![started], documents: publication::plan_documents(plan, wish.revision) };
    branch.write(batch).await.map_err(|error| {
        format!(
            "nothing was started, because the audit log could not be written: {}",
            crate::model::causes::chain(&error)
        )
    })
}

async fn carry_out(
    shared: Shared<'_>,
    wish: &Wish,
    looked: &Looked,
    approved: &ApprovedPlan,
) -> Result<(BTreeMap<RegionName, Inventory>, Vec<Executed>), String> {
    let Shared { installation, clock, entropy, nodes, blocks, reachable: regions, .. } = shared;
    let (world, desired) = (&looked.world, looked.desired.as_deref());
    let effects = Effects { installation, regions, clock, entropy, nodes, blocks, world };
    let mut kept = BTreeMap::new();
    for region in inventory::regions_of(approved) {
        let Some((access, seen)) = shared.reachable.get(&region).zip(world.get(&region)) else { continue };
        let before = seen.inventories.get(&wish.unit).cloned().unwrap_or_default();
        let wanted = match desired {
            Some(desired) => {
                let known = inventory::with_channels(&before, seen, desired, &looked.channels);
                inventory::extended(&known, &region, approved, desired)
            }
            None => before.clone(),
        };
        let stored = inventory::store(shared.installation, access, &wish.unit, &before, wanted).await;
        kept.insert(region, stored.map_err(|error| crate::model::causes::chain(&error))?);
    }
    let executed = execute::execute(effects, approved, desired).await;
    Ok((kept, executed))
}

/// Writes down what came of the changes, and says what is stored; the rows are there since before them.
async fn complete_inventories(
    shared: Shared<'_>,
    wish: &Wish,
    mut kept: BTreeMap<RegionName, Inventory>,
    executed: &[Executed],
) -> BTreeMap<RegionName, Inventory> {
    for (region, before) in &mut kept {
        let Some(access) = shared.reachable.get(region).filter(|_| may_write(shared, region)) else { continue };
        let after = inventory::after(before, region, executed);
        match inventory::store(shared.installation, access, &wish.unit, before, after).await {
            Ok(stored) => *before = stored,
            // What is missing in the stored copy is completed by the next cycle.
            Err(error) => {
                tracing::warn!(%region, unit = %wish.unit, error = %crate::model::causes::chain(&error), "inventory not completed");
            }
        }
    }
    kept
}

/// Completes rows that a crash or a lost answer left behind; writes nothing when there are none.
async fn tidy_inventories(shared: Shared<'_>, wish: &Wish, looked: &Looked, outcome: &mut UnitOutcome) {
    for (region, seen) in &looked.world {
        let Some(access) = shared.reachable.get(region).filter(|_| may_write(shared, region)) else { continue };
        // One that somebody deleted is made again from what is there.
        let lost = Inventory::default();
        let all_seen = seen.cluster.is_ok() && *seen.completeness(Kind::ConfigMap) == Completeness::Complete;
        let Some(before) = seen.inventories.get(&wish.unit).or(all_seen.then_some(&lost)) else { continue };
        let at_rest = inventory::at_rest(shared.installation, before, looked.desired.as_deref(), seen);
        let after = match looked.desired.as_deref() {
            Some(desired) => inventory::with_channels(&at_rest, seen, desired, &looked.channels),
            None => at_rest,
        };
        if let Err(error) = inventory::store(shared.installation, access, &wish.unit, before, after).await {
            outcome.failure = Some(Failure::Error(crate::model::causes::chain(&error)));
        }
    }
}

/// The plan after everything, what of it is held, and the world that it was made for.
struct After<'a> {
    plan: &'a UnitPlan,
    split: Split,
    looked: &'a Looked,
}

fn finish(
    mut outcome: UnitOutcome,
    wish: &Wish,
    after: After<'_>,
    (plan, applied): (UnitPlan, Option<UnitPlan>),
) -> UnitRun {
    outcome.waits.clone_from(&after.plan.waits);
    outcome.refusals.clone_from(&after.plan.refusals);
    outcome.foreign_fields.clone_from(&after.plan.foreign_fields);
    outcome.left_behind.clone_from(&after.plan.left_behind);
    outcome.pending = after.split.approved.changes().len();
    let Looked { world, channels, .. } = after.looked;
    outcome.workloads = workloads(wish, world);
    outcome.identities = wish.desired.as_ref().map(|desired| identity::issued(desired, world)).unwrap_or_default();
    let nobody_looked = ChannelSeen::default();
    let desired = wish.desired.iter().flat_map(|desired| &desired.channels);
    let states =
        desired.map(|(id, channel)| (id.clone(), state::state(channel, channels.get(id).unwrap_or(&nobody_looked))));
    outcome.channels = states.collect();
    let is_applied = after.plan.is_applied() && outcome.failure.is_none();
    outcome.held = after.split.held;
    outcome.idle_approvals = after.split.idle;
    UnitRun { outcome, plan, applied, unrecorded: None, is_applied }
}

fn workloads(wish: &Wish, world: &World) -> Vec<Workload> {
    let Some(desired) = &wish.desired else { return Vec::new() };
    let state = |target: &ObjectRef| match world.get(&target.region).map(|seen| seen.look_up(&target.id)) {
        Some(Presence::Present(live)) if health::judge(live.generation, &live.health) == Health::Healthy => {
            WorkloadState::Ready
        }
        Some(Presence::Present(_)) => WorkloadState::NotReady,
        Some(Presence::Absent) => WorkloadState::Absent,
        Some(Presence::Unknown(_)) | None => WorkloadState::Unknown,
    };
    let sets = desired.objects.keys().filter(|target| target.id.kind == Kind::StatefulSet);
    sets.map(|target| Workload { object: target.clone(), state: state(target) }).collect()
}
