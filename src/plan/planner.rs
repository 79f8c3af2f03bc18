//! The planner: one unit's desired objects against the world, to a plan.
//!
//! Input: [`Input`]. Output: [`UnitPlan`]; before it, [`bodies_needed`] says which live bodies the comparison of fields
//! wants. Pure and total: it answers for any world. Invariants: every desired object is equal, in a change, in a wait
//! or in a refusal; deletions come last, and each is judged by itself (`prune`): what is refused elsewhere in the unit,
//! or unknown in another region, stops none, or a lost region would keep every other node from leaving.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Cause, Change, ChangeSite, FieldChange, Precondition, Risk, Update};
use super::channel::{self, turns};
use super::contention::ContendedObjects;
use super::diff::{self, Verdict, World};
use super::identity::Decisions;
use super::prune::{self, Declared};
use super::refusal::Refusal;
use super::unit_plan::{ForeignField, UnitPlan};
use super::{disruption, identity, readiness};
use crate::desired::unit::{DesiredObject, DesiredUnit};
use crate::k8s::difference::{self, Difference, FieldClass};
use crate::k8s::foreign::Foreign;
use crate::k8s::ownership;
use crate::model::names::InstallationId;
use crate::model::object::ObjectRef;
use crate::model::unit::UnitId;
use crate::model::waiting::WaitingOn;
use crate::observed::object::LiveObject;
use crate::spec::fleet::{ApplyPolicy, Budgets, ConflictPolicy};

/// Everything that a plan depends on.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The installation.
    pub installation: &'a InstallationId,
    /// The unit as it should be, or that it is gone from the source.
    pub declared: Declared<'a>,
    /// The unit as it was rendered from the revision that was applied last, for telling a field that was taken from
    /// one that is new; none when unknown.
    pub previous: Option<&'a DesiredUnit>,
    /// The regions as seen.
    pub world: &'a World,
    /// Live bodies of [`bodies_needed`].
    pub bodies: &'a BTreeMap<ObjectRef, LiveObject>,
    /// Objects of this unit that another one wants too ([`super::contention`]): refused for both.
    pub contended: &'a ContendedObjects,
    /// Units that this one builds on and that are not applied.
    pub unmet: &'a BTreeSet<UnitId>,
    /// What is done about drift.
    pub policy: ApplyPolicy,
    /// How much may happen at once.
    pub budgets: Budgets,
    /// What is done about its identities; [`Self::declared`] is resolved by it.
    pub identities: &'a Decisions,
    /// Its channels as seen.
    pub channels: &'a turns::Seen,
}

/// The objects whose bodies must be read before [`plan`].
pub fn bodies_needed(
    installation: &InstallationId,
    desired: &DesiredUnit,
    world: &World,
    contended: &ContendedObjects,
) -> BTreeSet<ObjectRef> {
    let differs = |(target, verdict)| matches!(verdict, Verdict::Differs).then_some(target);
    diff::survey(installation, desired, world, contended).into_iter().filter_map(differs).collect()
}

/// The plan of one unit.
pub fn plan(input: Input<'_>) -> UnitPlan {
    let mut plan = match input.declared {
        Declared::Yes(desired) => build(input, desired),
        Declared::Vanished(unit) => UnitPlan::empty(unit.clone()),
    };
    let pruned = prune::prune(input.installation, input.declared, input.world);
    plan.refusals.extend(pruned.refusals);
    plan.waits.extend(pruned.waits);
    plan.left_behind = pruned.left_behind;
    let budget = input.budgets.deletes;
    if pruned.deletions.len() > budget as usize {
        plan.refusals.insert(Refusal::OverBudget { deletes: pruned.deletions.len(), budget });
    } else {
        plan.changes.extend(pruned.deletions);
    }
    plan
}

fn build(input: Input<'_>, desired: &DesiredUnit) -> UnitPlan {
    let mut plan = UnitPlan::empty(desired.unit.clone());
    plan.waits.extend(input.unmet.iter().map(|unit| WaitingOn::Unit { unit: unit.clone() }));
    let mut changes = Vec::new();
    for (target, verdict) in diff::survey(input.installation, desired, input.world, input.contended) {
        let Some(wanted) = desired.objects.get(&target) else { continue };
        match verdict {
            Verdict::Equal => plan.foreign_fields.extend(beside(input.world, &target, wanted)),
            Verdict::Create => changes.push(Change::create(site(&target, wanted), wanted.digest)),
            Verdict::Waiting(wait) => drop(plan.waits.insert(wait)),
            Verdict::Refused(refusal) => drop(plan.refusals.insert(refusal)),
            Verdict::Differs => match input.bodies.get(&target) {
                Some(live) => update(&mut plan, &mut changes, input, &target, (wanted, live)),
                // It was there a moment ago; the next observation tells.
                None => drop(plan.waits.insert(WaitingOn::Observation {
                    region: target.region.clone(),
                    kind: target.id.kind,
                    detail: format!("{} changed while it was read", target.id),
                })),
            },
        }
    }
    let admitted = disruption::admit(changes, desired, (input.world, input.channels), input.budgets.restarts);
    plan.changes = admitted.changes;
    plan.changes.extend(input.identities.changes.iter().cloned());
    plan.waits.extend(input.identities.waits.iter().cloned());
    plan.refusals.extend(input.identities.refusals.iter().cloned());
    plan.deferred = admitted.deferred;
    plan.waits.extend(admitted.waits);
    let beside = turns::Beside { changes: &plan.changes, deferred: &plan.deferred, refusals: Some(&plan.refusals) };
    let turns = turns::turns(desired, input.channels, beside);
    plan.changes.extend(turns.changes);
    plan.deferred.extend(turns.deferred);
    plan.waits.extend(turns.waits);
    plan.refusals.extend(turns.refusals);
    plan.changes.sort_by(|a, b| (a.stage, &a.target, &a.id).cmp(&(b.stage, &b.target, &b.id)));
    plan.waits.extend(readiness::waits(desired, input.world));
    plan
}

/// What others added to an object that is as it should be, as its observation says. Where the server stores other
/// values than it is sent, a field that is wanted may be somebody else's: that one is no addition.
fn beside(world: &World, target: &ObjectRef, wanted: &DesiredObject) -> Vec<ForeignField> {
    let live = world.get(&target.region).and_then(|seen| seen.objects.get(&target.id));
    let found = live.and_then(|live| live.applied.as_ref()).map_or(&[][..], |applied| &applied.foreign);
    let added = found.iter().filter(|field| !difference::has_path(&wanted.object, &field.path));
    foreign_fields(target, added).collect()
}

fn foreign_fields<'a>(
    target: &'a ObjectRef,
    found: impl IntoIterator<Item = &'a Foreign> + 'a,
) -> impl Iterator<Item = ForeignField> + 'a {
    found.into_iter().map(|field| ForeignField {
        object: target.clone(),
        path: field.path.clone(),
        manager: field.manager.clone(),
    })
}

fn site(target: &ObjectRef, wanted: &DesiredObject) -> ChangeSite {
    ChangeSite { target: target.clone(), stage: wanted.stage, tenant: wanted.tenant.clone() }
}

fn update(
    plan: &mut UnitPlan,
    changes: &mut Vec<Change>,
    input: Input<'_>,
    target: &ObjectRef,
    (wanted, live): (&DesiredObject, &LiveObject),
) {
    let manager = ownership::field_manager(input.installation);
    let found = difference::compare(&wanted.object, &live.body, &manager);
    plan.foreign_fields.extend(foreign_fields(target, &found.foreign));
    if !found.immutable.is_empty() {
        plan.refusals.insert(Refusal::Immutable { object: target.clone(), fields: found.immutable.clone() });
        return;
    }
    if found.fields.iter().any(|field| changes_volume(&field.path))
        && let Some(channel) = channel::ordered_by(input.declared_unit(), input.world, target)
    {
        plan.refusals.insert(Refusal::StillOrders { object: target.clone(), channel });
        return;
    }
    let differences: Vec<FieldChange> = found.fields.iter().map(field_change).collect();
    let is_renewal = |field: &FieldChange| identity::is_renewal(field, &input.identities.in_force);
    let renews = !differences.is_empty() && differences.iter().all(is_renewal);
    let cause = if renews { Cause::Renewal } else { cause(input, target, wanted) };
    let (correctable, contested) = lost_fields(input, target, cause, &found);
    if !contested.is_empty() {
        plan.refusals.insert(Refusal::Conflict { object: target.clone(), fields: contested });
        return;
    }
    let precondition = Precondition::Exists {
        uid: live.observed.uid.clone(),
        projection: live.observed.applied.as_ref().map(|applied| applied.projection),
        lost: lost(&found).collect(),
    };
    let risk = if found.fields.iter().any(|field| restarts(&field.path)) { Risk::Disruptive } else { Risk::Routine };
    let update = Update { fields: differences, precondition, risk, cause, correctable };
    changes.push(Change::update(site(target, wanted), wanted.digest, update));
}

/// A change below the pod template replaces the pod.
fn restarts(path: &str) -> bool {
    path.starts_with("spec.template")
}

/// A change of the claim takes the ledger away from its node.
fn changes_volume(path: &str) -> bool {
    path.contains(".persistentVolumeClaim")
}

fn lost(found: &Difference) -> impl Iterator<Item = (String, String)> + '_ {
    found.fields.iter().filter_map(|field| match &field.class {
        FieldClass::Lost { manager } => Some((field.path.clone(), manager.clone())),
        FieldClass::Changed | FieldClass::Removed => None,
    })
}

fn field_change(field: &difference::FieldDifference) -> FieldChange {
    FieldChange {
        path: field.path.clone(),
        from: field.live.clone(),
        to: field.desired.clone(),
        taken_by: match &field.class {
            FieldClass::Lost { manager } => Some(manager.clone()),
            FieldClass::Changed | FieldClass::Removed => None,
        },
    }
}

/// Drift when the wish is the one that was applied last.
fn cause(input: Input<'_>, target: &ObjectRef, wanted: &DesiredObject) -> Cause {
    let unit = input.declared_unit();
    let row = input.world.get(&target.region).and_then(|seen| diff::row_of(seen, unit, target));
    let applied_before = row.and_then(|row| row.applied);
    if applied_before == Some(wanted.digest) { Cause::Drift } else { Cause::Spec }
}

type Contested = Vec<(String, String)>;

/// Lost fields that may be taken back, and those that may not: a field that is new in this revision and that somebody
/// else already holds is theirs until a person says otherwise.
fn lost_fields(
    input: Input<'_>,
    target: &ObjectRef,
    cause: Cause,
    found: &Difference,
) -> (BTreeSet<String>, Contested) {
    let before = input.previous.and_then(|unit| unit.objects.get(target));
    let was_ours =
        |path: &str| cause == Cause::Drift || before.is_some_and(|object| difference::has_path(&object.object, path));
    let mut correctable = BTreeSet::new();
    let mut contested = Vec::new();
    for (path, manager) in lost(found) {
        // A field that nobody owns any more (its owner let it go) is free to take.
        if manager.is_empty() {
            continue;
        }
        if input.policy.conflicts == ConflictPolicy::Correct && was_ours(&path) {
            correctable.insert(path);
        } else {
            contested.push((path, manager));
        }
    }
    (correctable, contested)
}

impl Input<'_> {
    fn declared_unit(&self) -> &UnitId {
        match &self.declared {
            Declared::Yes(desired) => &desired.unit,
            Declared::Vanished(unit) => unit,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
