//! Approvals that were meant for what is held and grant nothing of it.
//!
//! Input: a held plan, the approvals in the source, the stored plans that they name. Output: [`IdleApproval`]s, so that
//! whoever approved hears why nothing happened. It grants nothing. Invariants: an approval that did its work is silent;
//! so is one of another unit's plan, and one that left a change out on purpose.

use std::collections::BTreeSet;
use std::fmt;

use super::{Consents, consents_needed, names};
use crate::model::names::TenantName;
use crate::model::object::ObjectRef;
use crate::plan::change::Change;
use crate::plan::unit_plan::{PlanId, UnitPlan};
use crate::spec::approval::Approval;

/// An approval that grants nothing of what is held, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct IdleApproval {
    /// Its file.
    pub file: String,
    /// Why.
    pub why: Idle,
}

/// Why an approval grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(tag = "idle", rename_all = "camelCase")]
pub enum Idle {
    /// No plan of that id is on the status branch.
    UnknownPlan {
        /// The id.
        plan: PlanId,
    },
    /// What its plan was made for is not there any more.
    Changed {
        /// The objects.
        objects: BTreeSet<ObjectRef>,
    },
    /// Others must consent.
    OtherTenant {
        /// In whose folder it lies.
        tenant: TenantName,
        /// Whose consent is needed.
        needed: BTreeSet<TenantName>,
    },
}

/// The approvals that grant nothing of a held plan although they seem to be meant for it.
pub(super) fn find(held: &UnitPlan, consents: Consents<'_>) -> BTreeSet<IdleApproval> {
    let idle = |approval: &Approval| {
        let why = why(held, approval, consents)?;
        Some(IdleApproval { file: approval.file.to_string(), why })
    };
    consents.approvals.iter().filter_map(idle).collect()
}

fn why(held: &UnitPlan, approval: &Approval, consents: Consents<'_>) -> Option<Idle> {
    let needed = consents_needed(held);
    let plan = PlanId(approval.plan);
    let Some(stored) = consents.stored.get(&plan) else {
        return needed.contains(&approval.tenant).then_some(Idle::UnknownPlan { plan });
    };
    let meant: Vec<&Change> =
        held.changes.iter().filter(|change| stored.contains_key(&change.id) && names(approval, change)).collect();
    let changed = |change: &&&Change| stored.get(&change.id) != Some(&change.precondition.digest());
    let objects: BTreeSet<ObjectRef> = meant.iter().filter(changed).map(|change| change.target.clone()).collect();
    if !objects.is_empty() {
        return Some(Idle::Changed { objects });
    }
    let others = meant.iter().any(|change| change.tenant != approval.tenant);
    others.then(|| Idle::OtherTenant { tenant: approval.tenant.clone(), needed })
}

impl fmt::Display for IdleApproval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        match &self.why {
            Idle::UnknownPlan { plan } => {
                write!(f, "the status branch holds no plan {}, so nobody knows what it grants", plan.short())
            }
            Idle::Changed { objects } => {
                let objects: Vec<String> = objects.iter().map(ToString::to_string).collect();
                write!(f, "not as they were in the plan that it names: {}", objects.join(", "))
            }
            Idle::OtherTenant { tenant, needed } => {
                let needed: Vec<String> = needed.iter().map(ToString::to_string).collect();
                write!(f, "it lies in the folder of {tenant}, what is held needs the consent of {}", needed.join(", "))
            }
        }
    }
}
