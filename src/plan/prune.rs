//! What exists and is no longer wanted (lines 19 and 20 of the algorithm).
//!
//! Input: inventory rows that no desired object matches. Output: deletions, refusals and waits. It deletes nothing.
//! Invariants: two keys (inventory row with a uid, owner evidence on the live object); only in a completely observed
//! region; protected kinds and first blocks of channels never; what vanished from the spec without a word is held, and no approval lifts that.

use std::collections::BTreeSet;

use super::change::{Change, ChangeSite, Precondition};
use super::channel;
use super::diff::{self, World};
use super::identity;
use super::refusal::Refusal;
use crate::desired::unit::{DesiredUnit, Stage};
use crate::k8s::kinds;
use crate::model::names::InstallationId;
use crate::model::object::{Kind, ObjectId, ObjectRef};
use crate::model::unit::UnitId;
use crate::model::waiting::WaitingOn;
use crate::observed::identity::SecretSeen;
use crate::observed::inventory::Row;
use crate::observed::object::ObservedObject;
use crate::observed::region::{Completeness, Presence, RegionObservation};

/// What pruning one unit comes to.
#[derive(Debug, Clone, Default)]
pub struct Prune {
    /// Deletions, in the order in which they happen.
    pub deletions: Vec<Change>,
    /// What is held.
    pub refusals: BTreeSet<Refusal>,
    /// What cannot be judged yet.
    pub waits: BTreeSet<WaitingOn>,
    /// What exists, is not wanted, and is of a kind that no plan deletes.
    pub left_behind: BTreeSet<ObjectRef>,
}

/// Whether the unit is declared in the revision at all.
#[derive(Debug, Clone, Copy)]
pub enum Declared<'a> {
    /// It is, wanted or leaving.
    Yes(&'a DesiredUnit),
    /// Its document is gone.
    Vanished(&'a UnitId),
}

impl Declared<'_> {
    fn unit(&self) -> &UnitId {
        match self {
            Self::Yes(desired) => &desired.unit,
            Self::Vanished(unit) => unit,
        }
    }

    fn wants(&self, object: &ObjectRef) -> bool {
        match self {
            Self::Yes(desired) => desired.objects.contains_key(object),
            Self::Vanished(_) => false,
        }
    }
}

/// Candidates of one unit in all regions: inventory less desired.
pub fn prune(installation: &InstallationId, declared: Declared<'_>, world: &World) -> Prune {
    let mut prune = Prune::default();
    for (region, seen) in world {
        let rows = seen.inventories.get(declared.unit()).map(|inventory| &inventory.rows);
        let object = |id: &ObjectId| ObjectRef { region: region.clone(), id: id.clone() };
        if let Err(why) = &seen.cluster {
            // Nobody knows where a unit without a document has something left.
            let may_be_left = match declared {
                Declared::Vanished(_) => true,
                Declared::Yes(_) => rows.is_some_and(|rows| rows.keys().any(|id| !declared.wants(&object(id)))),
            };
            if may_be_left {
                prune.waits.insert(WaitingOn::Region { region: region.clone(), detail: why.to_string() });
            }
            continue;
        }
        for (id, row) in rows.into_iter().flatten() {
            let object = object(id);
            if id.kind == Kind::Secret {
                key(&mut prune, declared, &object, (seen, row));
                continue;
            }
            if row.channel.is_some() {
                record(&mut prune, declared, &object, (seen, row));
                continue;
            }
            if let Some(refusal) = still_orders(declared, world, &object, row) {
                prune.refusals.insert(refusal);
                continue;
            }
            if !declared.wants(&object) {
                candidate(&mut prune, installation, declared, &object, (seen, row));
            }
        }
    }
    prune.deletions.sort_by(|a, b| (b.stage, b.target.id.kind, &b.target).cmp(&(a.stage, a.target.id.kind, &a.target)));
    prune
}

/// A Secret with a key is never deleted by a plan. Older certificates of an identity that is wanted are no news.
fn key(prune: &mut Prune, declared: Declared<'_>, object: &ObjectRef, (seen, row): (&RegionObservation, &Row)) {
    let wanted = match (declared, &row.identity) {
        (Declared::Yes(desired), Some(identity)) => identity::is_wanted(desired, object, &identity.name),
        (Declared::Yes(_) | Declared::Vanished(_), _) => false,
    };
    let is_there = match seen.secret(&object.id) {
        SecretSeen::Present(_) | SecretSeen::Unknown => true,
        SecretSeen::Absent => false,
    };
    if !wanted && row.uid.is_some() && is_there {
        prune.left_behind.insert(object.clone());
    }
}

/// The first block of a channel is never deleted by a plan: without it nobody could tell a lost channel from a new one.
fn record(prune: &mut Prune, declared: Declared<'_>, object: &ObjectRef, (seen, row): (&RegionObservation, &Row)) {
    let leaves = match declared {
        Declared::Yes(desired) => desired.decommissioned,
        Declared::Vanished(_) => true,
    };
    let is_there = matches!(seen.look_up(&object.id), Presence::Present(_) | Presence::Unknown(_));
    if leaves && row.uid.is_some() && is_there {
        prune.left_behind.insert(object.clone());
    }
}

/// An ordering node that a channel counts on stays, with all that it needs; unless its whole network goes.
fn still_orders(declared: Declared<'_>, world: &World, object: &ObjectRef, row: &Row) -> Option<Refusal> {
    let Declared::Yes(desired) = declared else { return None };
    if desired.decommissioned || declared.wants(object) {
        return None;
    }
    let id = ObjectId::namespaced(Kind::StatefulSet, object.id.namespace.as_deref()?, row.node.as_deref()?);
    let workload = ObjectRef { region: object.region.clone(), id };
    // What an earlier incarnation left belongs to a node that stays.
    if declared.wants(&workload) {
        return None;
    }
    let channel = channel::ordered_by(&desired.unit, world, &workload)?;
    Some(Refusal::StillOrders { object: workload, channel })
}

fn candidate(
    prune: &mut Prune,
    installation: &InstallationId,
    declared: Declared<'_>,
    object: &ObjectRef,
    (seen, row): (&RegionObservation, &Row),
) {
    if row.uid.is_none() {
        return;
    }
    let protected = kinds::info(object.id.kind).protected;
    let live = match seen.look_up(&object.id) {
        Presence::Absent => return,
        Presence::Present(live) if protected => {
            if row.uid.as_ref() == Some(&live.uid) {
                prune.left_behind.insert(object.clone());
            }
            return;
        }
        Presence::Unknown(_) if protected => return,
        Presence::Present(live) => live,
        Presence::Unknown(why) => {
            prune.waits.insert(unobserved(object, object.id.kind, why));
            return;
        }
    };
    if row.uid.as_ref() != Some(&live.uid) {
        return;
    }
    if let Some(refusal) = diff::foreign(installation, declared.unit(), object, live) {
        prune.refusals.insert(refusal);
        return;
    }
    if let Some(refusal) = vanished(declared, object, row) {
        prune.refusals.insert(refusal);
        return;
    }
    if live.deleting {
        prune.waits.insert(WaitingOn::Deletion { object: object.clone() });
        return;
    }
    if let Some((kind, why)) = first_incomplete(seen) {
        prune.waits.insert(unobserved(object, kind, why));
        return;
    }
    prune.deletions.push(deletion(object, row, live));
}

fn deletion(object: &ObjectRef, row: &Row, live: &ObservedObject) -> Change {
    let site = ChangeSite { target: object.clone(), stage: deletion_stage(object.id.kind), tenant: row.tenant.clone() };
    let projection = live.applied.as_ref().map(|applied| applied.projection);
    Change::delete(site, Precondition::Exists { uid: live.uid.clone(), projection, lost: BTreeSet::new() })
}

fn vanished(declared: Declared<'_>, object: &ObjectRef, row: &Row) -> Option<Refusal> {
    let gone =
        |node: Option<&str>| Some(Refusal::Vanished { object: object.clone(), node: node.map(ToOwned::to_owned) });
    match (declared, row.node.as_deref()) {
        (Declared::Vanished(_), _) => gone(None),
        (Declared::Yes(desired), Some(node)) if !desired.leaving.declared_nodes.contains(node) => gone(Some(node)),
        (Declared::Yes(_), _) => None,
    }
}

fn unobserved(object: &ObjectRef, kind: Kind, why: &Completeness) -> WaitingOn {
    WaitingOn::Observation { region: object.region.clone(), kind, detail: diff::in_words(why) }
}

fn first_incomplete(seen: &RegionObservation) -> Option<(Kind, &Completeness)> {
    Kind::ALL
        .into_iter()
        .map(|kind| (kind, seen.completeness(kind)))
        .find(|(_, completeness)| **completeness != Completeness::Complete)
}

/// Workloads go first, what they need after them, the envelope last.
fn deletion_stage(kind: Kind) -> Stage {
    match kind {
        Kind::StatefulSet => Stage::Peers,
        Kind::ConfigMap | Kind::PersistentVolumeClaim | Kind::Service | Kind::PodDisruptionBudget => Stage::Support,
        Kind::ResourceQuota | Kind::LimitRange | Kind::NetworkPolicy | Kind::ServiceAccount | Kind::RoleBinding => {
            Stage::Envelope
        }
        // Protected, so never reached.
        Kind::Secret | Kind::Namespace => Stage::Namespace,
    }
}

#[cfg(test)]
mod tests;
