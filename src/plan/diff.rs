//! Desired against observed, object by object (lines 6 to 9 of the algorithm in ARCHITECTURE.md).
//!
//! Input: one desired unit and the regions as seen. Output: a [`Verdict`] for each object. It reads no bodies: a
//! difference of digests is only [`Verdict::Differs`]. Invariants: unknown never reads as absent; what was known once
//! and holds a ledger is never created again.

use std::collections::BTreeMap;

use crate::desired::unit::{DesiredObject, DesiredUnit};
use crate::k8s::{kinds, ownership};
use crate::model::names::{InstallationId, RegionName};
use crate::model::object::{Kind, ObjectRef};
use crate::model::unit::UnitId;
use crate::model::waiting::WaitingOn;
use crate::observed::inventory::Row;
use crate::observed::object::ObservedObject;
use crate::observed::region::{Completeness, Presence, RegionObservation};

use super::contention::ContendedObjects;
use super::refusal::Refusal;

/// All regions as they were seen.
pub type World = BTreeMap<RegionName, RegionObservation>;

/// What one object needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it should be.
    Equal,
    /// It certainly is not there.
    Create,
    /// Our fields are not as they should be; its body says which.
    Differs,
    /// It cannot be judged or touched yet.
    Waiting(WaitingOn),
    /// It must not be touched.
    Refused(Refusal),
}

/// The verdict on every object that a unit wants. What another unit wants too is refused without a look at it.
pub fn survey(
    installation: &InstallationId,
    desired: &DesiredUnit,
    world: &World,
    contended: &ContendedObjects,
) -> BTreeMap<ObjectRef, Verdict> {
    let verdict = |(target, wanted): (&ObjectRef, &DesiredObject)| {
        let verdict = match contended.get(target) {
            Some(other) => Verdict::Refused(Refusal::Contended { object: target.clone(), other: other.clone() }),
            None => judge(installation, &desired.unit, target, wanted, world),
        };
        (target.clone(), verdict)
    };
    desired.objects.iter().map(verdict).collect()
}

fn judge(
    installation: &InstallationId,
    unit: &UnitId,
    target: &ObjectRef,
    wanted: &DesiredObject,
    world: &World,
) -> Verdict {
    let region = &target.region;
    let Some(seen) = world.get(region) else {
        return Verdict::Waiting(WaitingOn::Region { region: region.clone(), detail: "not observed yet".into() });
    };
    if let Err(why) = &seen.cluster {
        return Verdict::Waiting(WaitingOn::Region { region: region.clone(), detail: why.to_string() });
    }
    let row = row_of(seen, unit, target);
    match seen.look_up(&target.id) {
        Presence::Unknown(why) => Verdict::Waiting(WaitingOn::Observation {
            region: region.clone(),
            kind: target.id.kind,
            detail: in_words(why),
        }),
        Presence::Absent => match row {
            Some(Row { uid: Some(_), .. }) if holds_a_ledger(target.id.kind) => {
                Verdict::Refused(Refusal::Lost { object: target.clone() })
            }
            _ => Verdict::Create,
        },
        Presence::Present(live) => judge_live(installation, unit, target, wanted, (live, row)),
    }
}

fn judge_live(
    installation: &InstallationId,
    unit: &UnitId,
    target: &ObjectRef,
    wanted: &DesiredObject,
    (live, row): (&ObservedObject, Option<&Row>),
) -> Verdict {
    match foreign(installation, unit, target, live) {
        Some(_) if lost_its_labels(installation, target, (live, row)) => {}
        Some(refusal) => return Verdict::Refused(refusal),
        None => {}
    }
    if live.deleting {
        return Verdict::Waiting(WaitingOn::Deletion { object: target.clone() });
    }
    let Some(applied) = &live.applied else { return Verdict::Differs };
    if *applied.api_version != *kinds::api_version(target.id.kind) {
        return Verdict::Differs;
    }
    let settled = row.and_then(|row| row.settled) == Some((wanted.digest, applied.projection));
    if applied.projection == wanted.digest || settled { Verdict::Equal } else { Verdict::Differs }
}

/// Whether it is the very object that we wrote, and somebody took its labels off: they are put back as any drift.
/// Labels that name another owner are not taken back.
fn lost_its_labels(
    installation: &InstallationId,
    target: &ObjectRef,
    (live, row): (&ObservedObject, Option<&Row>),
) -> bool {
    let owner = &live.owner;
    let ours = ownership::self_reference(installation, &target.region, &target.id);
    (owner.installation.is_none() || owner.unit.is_none())
        && owner.installation.as_deref().is_none_or(|label| label == installation.as_str())
        && owner.self_reference.as_deref() == Some(&*ours)
        && live.applied.is_some()
        // A row without a uid is of a creation whose answer was lost.
        && row.is_some_and(|row| row.uid.as_ref().is_none_or(|uid| *uid == live.uid))
}

/// Why a live object that carries our labels is not this unit's, if it is not.
pub fn foreign(
    installation: &InstallationId,
    unit: &UnitId,
    target: &ObjectRef,
    live: &ObservedObject,
) -> Option<Refusal> {
    let expected = ownership::self_reference(installation, &target.region, &target.id);
    let says = live.owner.self_reference.as_deref();
    if says != Some(&*expected) || live.owner.installation.as_deref() != Some(installation.as_str()) {
        return Some(Refusal::Foreign { object: target.clone(), says: live.owner.says(installation.as_str()) });
    }
    let label = live.owner.unit.as_deref().unwrap_or_default();
    (label != unit.label()).then(|| Refusal::OtherUnit { object: target.clone(), label: label.to_owned() })
}

/// The inventory row of an object.
pub fn row_of<'a>(seen: &'a RegionObservation, unit: &UnitId, target: &ObjectRef) -> Option<&'a Row> {
    seen.inventories.get(unit).and_then(|inventory| inventory.rows.get(&target.id))
}

/// How incomplete an observation is, in words.
pub fn in_words(completeness: &Completeness) -> String {
    match completeness {
        Completeness::Complete => "complete".into(),
        Completeness::Incomplete { detail } => detail.clone(),
        Completeness::Stale => "no news for three minutes".into(),
        Completeness::Forbidden => {
            "the observer may not list it: grant `heddle-observer` the verbs get, list and watch on it".into()
        }
    }
}

/// A volume claim that was there once and is gone took a ledger or a CA's keys with it.
fn holds_a_ledger(kind: Kind) -> bool {
    kind == Kind::PersistentVolumeClaim
}

#[cfg(test)]
mod tests;
