//! Independent checks of a finished plan: separate code that knows the promises and not the planner.
//!
//! Input: a plan and the world it was made for. Output: [`Violation`]s; a plan with one is not applied. It repairs
//! nothing. Invariant: no check calls the planner's own functions.

use std::collections::BTreeSet;
use std::fmt;

use super::change::{Change, ChannelAction, ChannelStep, Issue, Op, Precondition, Risk};
use super::diff::World;
use super::unit_plan::UnitPlan;
use crate::model::object::{Kind, ObjectRef};
use crate::observed::identity::SecretSeen;
use crate::observed::region::Completeness;

/// A promise that a plan would break: a bug of heddle's, never the user's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// A kind that holds a ledger, keys or a whole tenant would be deleted.
    DeletesProtected(ObjectRef),
    /// Something would be deleted that the inventory does not list with this uid.
    DeletesUnlisted(ObjectRef),
    /// Something would be deleted in a region that was not seen completely.
    DeletesUnseen(ObjectRef),
    /// A deletion is not marked destructive.
    UnderratesDeletion(ObjectRef),
    /// Something would be created that may exist.
    CreatesUnseen(ObjectRef),
    /// One object is changed twice.
    ChangesTwice(ObjectRef),
    /// A write has no precondition that fits its operation.
    Unconditioned(ObjectRef),
    /// A pod template changes without being called disruptive.
    HidesRestart(ObjectRef),
    /// A certificate would be issued where nobody looked.
    IssuesUnseen(ObjectRef),
    /// Another key would be made for an identity that has one.
    MakesAnotherKey(ObjectRef),
    /// A first block would be made for a channel that an inventory knows.
    MakesAnotherBlock(ObjectRef),
    /// An ordering node would join that joined once.
    JoinsTwice(ObjectRef),
    /// A node would join with another block than the one that inventories know, or with none.
    JoinsAnotherBlock(ObjectRef),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (object, what) = match self {
            Self::DeletesProtected(object) => (object, "is protected and would be deleted"),
            Self::DeletesUnlisted(object) => (object, "would be deleted without standing in the inventory"),
            Self::DeletesUnseen(object) => (object, "would be deleted in a region that was not seen completely"),
            Self::UnderratesDeletion(object) => (object, "would be deleted without being called destructive"),
            Self::CreatesUnseen(object) => (object, "would be created though it may exist"),
            Self::ChangesTwice(object) => (object, "would be changed twice in one plan"),
            Self::Unconditioned(object) => (object, "would be written without a precondition"),
            Self::HidesRestart(object) => (object, "would restart without being called disruptive"),
            Self::IssuesUnseen(object) => (object, "would be issued though it may exist"),
            Self::MakesAnotherKey(object) => (object, "would be issued with another key than its identity has"),
            Self::MakesAnotherBlock(object) => (object, "would keep another first block of a channel that is known"),
            Self::JoinsTwice(object) => (object, "joined the channel once and would be joined again"),
            Self::JoinsAnotherBlock(object) => (object, "would join with another first block than the known one"),
        };
        write!(f, "{object} {what}")
    }
}

/// Every promise that the plan would break.
pub fn lint(plan: &UnitPlan, world: &World) -> BTreeSet<Violation> {
    let mut violations = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for change in &plan.changes {
        let target = &change.target;
        let channel = match &change.op {
            Op::Channel(step) => Some(&step.channel),
            Op::Create | Op::Update(_) | Op::Delete | Op::Issue(_) => None,
        };
        if !seen.insert((target, channel)) {
            violations.insert(Violation::ChangesTwice(target.clone()));
        }
        match &change.op {
            Op::Delete => deletion(plan, change, world, &mut violations),
            Op::Create => {
                let certain = world.get(&target.region).is_some_and(|region| {
                    region.cluster.is_ok()
                        && region.kinds.get(&target.id.kind) == Some(&Completeness::Complete)
                        && !region.objects.contains_key(&target.id)
                });
                if !certain {
                    violations.insert(Violation::CreatesUnseen(target.clone()));
                }
                if change.precondition != Precondition::Absent {
                    violations.insert(Violation::Unconditioned(target.clone()));
                }
            }
            Op::Issue(issue) => issuing(plan, change, issue, (world, &mut violations)),
            Op::Channel(step) => of_channel(plan, change, step, (world, &mut violations)),
            Op::Update(fields) => {
                if change.precondition == Precondition::Absent {
                    violations.insert(Violation::Unconditioned(target.clone()));
                }
                let template = fields.iter().any(|field| field.path.starts_with("spec.template"));
                if template && target.id.kind == Kind::StatefulSet && change.risk < Risk::Disruptive {
                    violations.insert(Violation::HidesRestart(target.clone()));
                }
            }
        }
    }
    violations
}

/// A key is only made where none is known and the name was seen to be free, or to hold what the step itself made.
fn issuing(plan: &UnitPlan, change: &Change, issue: &Issue, (world, violations): (&World, &mut BTreeSet<Violation>)) {
    let target = &change.target;
    if change.precondition != Precondition::Absent {
        violations.insert(Violation::Unconditioned(target.clone()));
    }
    let region = world.get(&target.region);
    let unseen = region.is_none_or(|region| match region.secrets.get(&target.id) {
        None | Some(SecretSeen::Unknown) => true,
        Some(SecretSeen::Absent) => false,
        Some(SecretSeen::Present(found)) => found.facts.is_none(),
    });
    if unseen {
        violations.insert(Violation::IssuesUnseen(target.clone()));
    }
    let rows = region.and_then(|region| region.inventories.get(&plan.unit)).into_iter().flat_map(|kept| &kept.rows);
    let known = rows.filter(|(id, row)| {
        let is_of = |name: &str| {
            id.namespace.as_deref() == Some(&*issue.identity.id.namespace) && *name == *issue.identity.id.name
        };
        row.uid.is_some() && row.identity.as_ref().is_some_and(|identity| is_of(&identity.name))
    });
    if issue.keeps.is_none() && known.count() > 0 {
        violations.insert(Violation::MakesAnotherKey(target.clone()));
    }
}

/// One first block for ever, and one join of each ordering node.
fn of_channel(
    plan: &UnitPlan,
    change: &Change,
    step: &ChannelStep,
    (world, violations): (&World, &mut BTreeSet<Violation>),
) {
    let target = &change.target;
    let rows = world.values().filter_map(|seen| seen.inventories.get(&plan.unit));
    let rows = rows.flat_map(|inventory| inventory.rows.values().filter_map(|row| row.channel.as_ref()));
    let mut rows = rows.filter(|row| row.id == step.channel.id);
    let region = world.get(&target.region);
    match step.action {
        ChannelAction::Genesis | ChannelAction::Copy { .. } => {
            if change.precondition != Precondition::Absent {
                violations.insert(Violation::Unconditioned(target.clone()));
            }
            let complete = region.is_some_and(|region| {
                region.cluster.is_ok() && region.kinds.get(&target.id.kind) == Some(&Completeness::Complete)
            });
            if !complete || region.is_some_and(|region| region.objects.contains_key(&target.id)) {
                violations.insert(Violation::CreatesUnseen(target.clone()));
            }
            if step.action == ChannelAction::Genesis && rows.any(|row| row.block.is_some()) {
                violations.insert(Violation::MakesAnotherBlock(target.clone()));
            }
        }
        ChannelAction::JoinOrderer { block } | ChannelAction::JoinPeer { block } => {
            if change.precondition != Precondition::NotJoined {
                violations.insert(Violation::Unconditioned(target.clone()));
            }
            let orders = matches!(step.action, ChannelAction::JoinOrderer { .. });
            let rows: Vec<_> = rows.collect();
            if orders && rows.iter().any(|row| row.joined.contains(target)) {
                violations.insert(Violation::JoinsTwice(target.clone()));
            }
            if block.is_none() || rows.iter().any(|row| row.block.is_some() && row.block != block) {
                violations.insert(Violation::JoinsAnotherBlock(target.clone()));
            }
        }
    }
}

fn deletion(plan: &UnitPlan, change: &Change, world: &World, violations: &mut BTreeSet<Violation>) {
    let target = &change.target;
    if matches!(target.id.kind, Kind::Namespace | Kind::PersistentVolumeClaim) {
        violations.insert(Violation::DeletesProtected(target.clone()));
    }
    if change.risk < Risk::Destructive {
        violations.insert(Violation::UnderratesDeletion(target.clone()));
    }
    let region = world.get(&target.region);
    let complete = region.is_some_and(|region| {
        region.cluster.is_ok() && Kind::ALL.iter().all(|kind| region.kinds.get(kind) == Some(&Completeness::Complete))
    });
    if !complete {
        violations.insert(Violation::DeletesUnseen(target.clone()));
    }
    let listed = region
        .and_then(|region| region.inventories.get(&plan.unit))
        .and_then(|inventory| inventory.rows.get(&target.id))
        .and_then(|row| row.uid.as_ref());
    let expected = match &change.precondition {
        Precondition::Exists { uid, .. } => Some(uid),
        Precondition::Absent | Precondition::NotJoined => None,
    };
    if listed.is_none() || listed != expected {
        violations.insert(Violation::DeletesUnlisted(target.clone()));
    }
}

#[cfg(test)]
mod tests;
