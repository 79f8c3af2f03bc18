//! Whose consent each change has.
//!
//! Input: a plan, the approvals in the source, the stored plans that they name. Output: an [`ApprovedPlan`], which is
//! all that `apply` accepts, and what is held. Invariants: only [`split`] makes an [`ApprovedPlan`]; an approval grants
//! exactly the (change, precondition) pairs of the stored plan that it names, from the folder of the tenant whose
//! consent the change needs; a stored plan that cannot be read grants nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, ChangeId, Op, Risk};
use super::unit_plan::{PlanId, UnitPlan};
use crate::model::digest::Digest;
use crate::model::names::TenantName;
use crate::model::unit::UnitId;
use crate::model::waiting::WaitingOn;
use crate::spec::approval::{Approval, ApprovedChanges};
use idle::IdleApproval;

pub mod idle;

/// What a stored plan says it would do: change id to the digest of its precondition.
pub type StoredChanges = BTreeMap<ChangeId, Digest>;

/// Why a change may run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(tag = "consent", rename_all = "camelCase")]
pub enum Consent {
    /// Merging was the consent.
    Automatic,
    /// An Approval names it.
    Approved {
        /// The plan that the Approval names.
        plan: PlanId,
        /// The file of the Approval.
        file: String,
    },
}

/// A plan of which every change has its consent. Only [`split`] makes one.
#[derive(Debug, Clone)]
pub struct ApprovedPlan {
    unit: UnitId,
    changes: Vec<(Change, Consent)>,
}

impl ApprovedPlan {
    /// The unit.
    pub fn unit(&self) -> &UnitId {
        &self.unit
    }

    /// The changes, in order.
    pub fn changes(&self) -> &[(Change, Consent)] {
        &self.changes
    }

    /// The id of what is going to happen.
    pub fn id(&self) -> PlanId {
        PlanId::of(self.changes.iter().map(|(change, _)| change))
    }

    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// What may happen now, and what waits for a person.
#[derive(Debug, Clone)]
pub struct Split {
    /// What may happen.
    pub approved: ApprovedPlan,
    /// What is held, as a plan of its own; none when nothing is.
    pub held: Option<UnitPlan>,
    /// Approvals that seem to be meant for what is held and grant nothing of it.
    pub idle: BTreeSet<IdleApproval>,
}

/// Which risks run by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Automatic {
    /// Routine and disruptive changes: merging was the consent.
    Merged,
    /// Only routine ones: history was rewritten, so nobody knows what was merged.
    Rewritten,
}

/// What grants consent.
#[derive(Debug, Clone, Copy)]
pub struct Consents<'a> {
    /// Which risks run by themselves.
    pub automatic: Automatic,
    /// All approvals in the source.
    pub approvals: &'a [Approval],
    /// The stored plans that they name.
    pub stored: &'a BTreeMap<PlanId, StoredChanges>,
}

/// Splits a plan. A change that runs by itself never does so on a target that a held change names.
pub fn split(plan: &UnitPlan, consents: Consents<'_>) -> Split {
    let mut held = Vec::new();
    let mut approved = Vec::new();
    for change in &plan.changes {
        match consent(change, consents) {
            Some(consent) => approved.push((change.clone(), consent)),
            None => held.push(change.clone()),
        }
    }
    // One consent covers all restarts, though they happen one after the other.
    held.extend(plan.deferred.iter().filter(|change| consent(change, consents).is_none()).cloned());
    let held_targets: BTreeSet<_> = held.iter().map(|change| change.target.clone()).collect();
    let (blocked, approved): (Vec<_>, Vec<_>) =
        approved.into_iter().partition(|(change, _)| held_targets.contains(&change.target));
    held.extend(blocked.into_iter().map(|(change, _)| change));
    let held = (!held.is_empty()).then(|| held_plan(plan, held));
    let idle = held.iter().flat_map(|held| idle::find(held, consents)).collect();
    Split { approved: ApprovedPlan { unit: plan.unit.clone(), changes: approved }, held, idle }
}

fn held_plan(plan: &UnitPlan, mut changes: Vec<Change>) -> UnitPlan {
    // The same changes are the same plan, whosever turn comes first. Deletions have their order and stay last.
    let builds = |change: &Change| (change.op != Op::Delete).then(|| (change.stage, change.target.clone()));
    changes.sort_by_cached_key(|change| (change.op == Op::Delete, builds(change)));
    let mut held = UnitPlan { changes, ..UnitPlan::empty(plan.unit.clone()) };
    held.waits.insert(WaitingOn::Approval { plan: held.id().short(), changes: held.changes.len() });
    held
}

fn consent(change: &Change, consents: Consents<'_>) -> Option<Consent> {
    match (change.risk, consents.automatic) {
        (Risk::Routine, _) | (Risk::Disruptive, Automatic::Merged) => Some(Consent::Automatic),
        (Risk::Disruptive, Automatic::Rewritten) | (Risk::Destructive, _) => consents
            .approvals
            .iter()
            .find(|approval| grants(approval, change, consents.stored))
            .map(|approval| Consent::Approved { plan: PlanId(approval.plan), file: approval.file.to_string() }),
    }
}

/// Whether an approval is about a change of its plan.
fn names(approval: &Approval, change: &Change) -> bool {
    match &approval.changes {
        ApprovedChanges::All => true,
        ApprovedChanges::Some(ids) => ids.contains(change.id.as_str()),
    }
}

fn grants(approval: &Approval, change: &Change, stored: &BTreeMap<PlanId, StoredChanges>) -> bool {
    let unchanged = stored
        .get(&PlanId(approval.plan))
        .and_then(|changes| changes.get(&change.id))
        .is_some_and(|precondition| *precondition == change.precondition.digest());
    approval.tenant == change.tenant && names(approval, change) && unchanged
}

/// The tenants whose approval a held plan needs.
pub fn consents_needed(held: &UnitPlan) -> BTreeSet<TenantName> {
    held.changes.iter().map(|change| change.tenant.clone()).collect()
}

/// What whoever agrees to a plan agrees to: its changes, and those whose turn comes later.
pub fn stored_changes(plan: &UnitPlan) -> StoredChanges {
    plan.changes.iter().chain(&plan.deferred).map(|change| (change.id.clone(), change.precondition.digest())).collect()
}

#[cfg(test)]
mod tests;
