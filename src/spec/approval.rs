//! An approval: a tenant's consent to held changes.
//!
//! Input: `tenants/<tenant>/approvals/<plan id>.yaml`. Output: [`Approval`]. Who may approve is whoever may merge
//! there. Invariant: it names one plan by its whole id, so that it can never widen to another one.

use std::collections::BTreeSet;

use crate::model::digest::Digest;
use crate::model::names::TenantName;
use crate::model::revision::RepoPath;

/// A consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// In whose folder it lies.
    pub tenant: TenantName,
    /// The file.
    pub file: RepoPath,
    /// The plan.
    pub plan: Digest,
    /// Which of its changes.
    pub changes: ApprovedChanges,
    /// Why.
    pub reason: String,
}

/// Which changes of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovedChanges {
    /// All that the stored plan holds.
    All,
    /// These.
    Some(BTreeSet<String>),
}
