//! Independent checks of a finished plan: separate code that knows the promises and not the planner.
//!
//! Input: a plan and the world it was made for. Output: [`Violation`]s; a plan with one is not applied. It repairs
//! nothing. Invariant: no check calls the planner's own functions.

use std::collections::BTreeSet;
use std::fmt;

use super::change::{Change, Op, Precondition, Risk};
use super::diff::World;
use super::unit_plan::UnitPlan;
use crate::model::object::{Kind, ObjectRef};
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
        if !seen.insert(target) {
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
        Precondition::Absent => None,
    };
    if listed.is_none() || listed != expected {
        violations.insert(Violation::DeletesUnlisted(target.clone()));
    }
}

#[cfg(test)]
mod tests;
