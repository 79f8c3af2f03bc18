//! What became of a plan: the nouns that `apply` fills in and `report` reads.
//!
//! Input: none. Output: [`ChangeOutcome`], [`UnitOutcome`], [`UnitState`]. Pure nouns. Invariants: waiting, held and
//! stale are outcomes and never errors; every change of an approved plan has an outcome, reached or not.

use std::collections::{BTreeMap, BTreeSet};

use super::approval::Consent;
use super::approval::idle::IdleApproval;
use super::change::Change;
use super::channel::state::ChannelState;
use super::identity::Issued;
use super::refusal::Refusal;
use super::unit_plan::{Counts, ForeignField, UnitPlan};
use crate::model::diagnostic::Diagnostic;
use crate::model::digest::Digest;
use crate::model::identity::IdentityRef;
use crate::model::names::ChannelId;
use crate::model::object::ObjectRef;
use crate::model::revision::Revision;
use crate::model::unit::UnitId;
use crate::model::waiting::WaitingOn;

/// What became of one change.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "result", rename_all = "camelCase")]
pub enum ChangeOutcome {
    /// It happened.
    Done,
    /// It had happened already: an answer was lost, or somebody did the same.
    DoneBefore,
    /// What was found is not what the plan was made for.
    Stale {
        /// What differs.
        found: String,
    },
    /// The object belongs to somebody else.
    Foreign {
        /// What it says it is.
        says: String,
    },
    /// Others hold fields that may not be taken.
    Conflict {
        /// Path and manager.
        fields: Vec<(String, String)>,
    },
    /// The server stores something else than what it was sent.
    NotSettled {
        /// In which way.
        detail: String,
    },
    /// It failed.
    Failed {
        /// A bounded word.
        category: String,
        /// The chain of causes, masked.
        detail: String,
        /// Whether trying again without any change can help.
        transient: bool,
    },
    /// An earlier change did not work out.
    NotReached,
}

impl ChangeOutcome {
    /// Whether the object is now as the plan wanted it.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done | Self::DoneBefore)
    }
}

/// One change and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeResult {
    /// The change.
    pub change: Change,
    /// Whose consent it had.
    pub consent: Consent,
    /// What became of it.
    pub outcome: ChangeOutcome,
}

/// Where a unit stands. Sorted from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum UnitState {
    /// Everything is as wanted and ready.
    Converged,
    /// It gets there by itself.
    Progressing,
    /// It waits for what only a person brings.
    Waiting,
    /// Changes are held for an approval.
    Held,
    /// Something is refused.
    Refused,
    /// Its documents cannot be used; the last good ones stay in force.
    Invalid,
    /// A precondition did not hold; the next cycle plans anew.
    Stale,
    /// It cannot be judged.
    Unknown,
    /// Something failed.
    Failed,
}

impl UnitState {
    /// Nothing happens any more without a person, a commit or a change in the world.
    pub fn is_at_rest(self) -> bool {
        match self {
            Self::Converged | Self::Waiting | Self::Held | Self::Refused | Self::Invalid => true,
            Self::Progressing | Self::Stale | Self::Unknown | Self::Failed => false,
        }
    }
}

/// Everything that one cycle found and did for one unit.
#[derive(Debug, Clone)]
pub struct UnitOutcome {
    /// The unit.
    pub unit: UnitId,
    /// The revision whose wish is in force.
    pub revision: Option<Revision>,
    /// The digest of that wish, whichever revision it is read from; none when there is no wish.
    pub wish: Option<Digest>,
    /// Problems of its documents, when a newer revision's are in the way.
    pub diagnostics: Vec<Diagnostic>,
    /// The whole plan of this cycle.
    pub counts: Counts,
    /// What was done.
    pub results: Vec<ChangeResult>,
    /// What is held.
    pub held: Option<UnitPlan>,
    /// Approvals that grant nothing of it.
    pub idle_approvals: BTreeSet<IdleApproval>,
    /// What it waits for.
    pub waits: BTreeSet<WaitingOn>,
    /// What is refused.
    pub refusals: BTreeSet<Refusal>,
    /// What others added in guarded places.
    pub foreign_fields: BTreeSet<ForeignField>,
    /// What exists and is not wanted any more, of a kind that no plan deletes.
    pub left_behind: BTreeSet<ObjectRef>,
    /// What kept the plan from being carried out at all.
    pub failure: Option<Failure>,
    /// Changes that could have been made and are not made yet.
    pub pending: usize,
    /// Its workloads: which exist, which are ready.
    pub workloads: Vec<Workload>,
    /// Its identities that are known to be issued.
    pub identities: BTreeMap<IdentityRef, Issued>,
    /// Its channels.
    pub channels: BTreeMap<ChannelId, ChannelState>,
}

/// What kept a plan from being carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// What would happen is not what was shown.
    Stale(String),
    /// A panic, or a step before or after the changes: the chain of causes.
    Error(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stale(text) => write!(f, "the plan is stale: {text}"),
            Self::Error(text) => f.write_str(text),
        }
    }
}

/// A workload and whether it is ready.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Workload {
    /// The StatefulSet.
    pub object: ObjectRef,
    /// What its observation says.
    pub state: WorkloadState,
}

/// How a workload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum WorkloadState {
    /// Ready at this revision.
    Ready,
    /// It exists and is not ready.
    NotReady,
    /// It does not exist.
    Absent,
    /// It could not be observed.
    Unknown,
}

impl UnitOutcome {
    /// An outcome with nothing in it.
    pub fn empty(unit: UnitId) -> Self {
        Self {
            unit,
            revision: None,
            wish: None,
            diagnostics: Vec::new(),
            counts: Counts::default(),
            results: Vec::new(),
            held: None,
            idle_approvals: BTreeSet::new(),
            waits: BTreeSet::new(),
            refusals: BTreeSet::new(),
            foreign_fields: BTreeSet::new(),
            left_behind: BTreeSet::new(),
            failure: None,
            pending: 0,
            workloads: Vec::new(),
            identities: BTreeMap::new(),
            channels: BTreeMap::new(),
        }
    }

    /// Where the unit stands: the worst of what it holds.
    pub fn state(&self) -> UnitState {
        let mut worst = UnitState::Converged;
        let mut see = |state: UnitState| worst = worst.max(state);
        match &self.failure {
            Some(Failure::Stale(_)) => see(UnitState::Stale),
            Some(Failure::Error(_)) => see(UnitState::Failed),
            None => {}
        }
        if self.pending > 0 {
            see(UnitState::Progressing);
        }
        if !self.diagnostics.is_empty() {
            see(UnitState::Invalid);
        }
        if !self.refusals.is_empty() {
            see(UnitState::Refused);
        }
        if self.held.is_some() {
            see(UnitState::Held);
        }
        self.waits.iter().for_each(|wait| see(state_of_wait(wait)));
        self.results.iter().for_each(|result| see(state_of_outcome(&result.outcome)));
        worst
    }
}

fn state_of_wait(wait: &WaitingOn) -> UnitState {
    match wait {
        WaitingOn::Secret { .. } | WaitingOn::AuthorityEnds { .. } => UnitState::Waiting,
        WaitingOn::Approval { .. } => UnitState::Held,
        WaitingOn::Region { .. }
        | WaitingOn::Observation { .. }
        | WaitingOn::Identity { .. }
        | WaitingOn::ChannelRecord { .. }
        | WaitingOn::NodeSilent { .. } => UnitState::Unknown,
        WaitingOn::Unit { .. }
        | WaitingOn::Authority { .. }
        | WaitingOn::Ready { .. }
        | WaitingOn::Deletion { .. }
        | WaitingOn::NodeStarting { .. }
        | WaitingOn::Leader { .. }
        | WaitingOn::ChannelTurn { .. }
        | WaitingOn::Quorum { .. }
        | WaitingOn::Restart { .. } => UnitState::Progressing,
    }
}

fn state_of_outcome(outcome: &ChangeOutcome) -> UnitState {
    match outcome {
        ChangeOutcome::Done | ChangeOutcome::DoneBefore => UnitState::Converged,
        ChangeOutcome::NotReached => UnitState::Progressing,
        ChangeOutcome::Stale { .. } => UnitState::Stale,
        ChangeOutcome::Foreign { .. } | ChangeOutcome::Conflict { .. } => UnitState::Refused,
        ChangeOutcome::NotSettled { .. } | ChangeOutcome::Failed { .. } => UnitState::Failed,
    }
}
