//! The plan of one unit.
//!
//! Input: `plan::planner`. Output: [`UnitPlan`], its id and its parts. It is stored and shown by `report`. Invariants:
//! changes are in the order in which they happen; the id covers (change id, precondition) and nothing else.

use std::collections::BTreeSet;
use std::fmt;

use super::change::{Change, Op, Risk};
use super::refusal::Refusal;
use crate::model::digest::Digest;
use crate::model::names::NameError;
use crate::model::object::ObjectRef;
use crate::model::unit::UnitId;
use crate::model::waiting::WaitingOn;

/// The id of a plan. Text: 64 hexadecimal digits after `sha256:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct PlanId(pub Digest);

impl PlanId {
    /// The id of these changes in this order.
    pub fn of<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Self {
        let parts = changes.into_iter().flat_map(|c| [c.id.as_str().to_owned(), c.precondition.digest().to_string()]);
        Self(Digest::of_parts(parts))
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Digest::parse(text).map(Self)
    }

    /// The first twelve digits, for people and file names.
    pub fn short(&self) -> String {
        self.0.short(12)
    }
}
impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A field in a guarded place that is not ours: reported, never removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct ForeignField {
    /// The object.
    pub object: ObjectRef,
    /// The field.
    pub path: String,
    /// Who put it there.
    pub manager: String,
}

/// What one unit needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitPlan {
    /// The unit.
    pub unit: UnitId,
    /// What changes, in order: creations and updates by stage, then deletions in reverse.
    pub changes: Vec<Change>,
    /// Changes whose turn comes later, each with its wait: known already, so that one consent can cover all of them.
    pub deferred: Vec<Change>,
    /// What it waits for.
    pub waits: BTreeSet<WaitingOn>,
    /// What it does not do.
    pub refusals: BTreeSet<Refusal>,
    /// What others added.
    pub foreign_fields: BTreeSet<ForeignField>,
    /// What exists and is not wanted any more, of a kind that no plan deletes.
    pub left_behind: BTreeSet<ObjectRef>,
}

impl UnitPlan {
    /// A plan without anything in it.
    pub fn empty(unit: UnitId) -> Self {
        Self {
            unit,
            changes: Vec::new(),
            deferred: Vec::new(),
            waits: BTreeSet::new(),
            refusals: BTreeSet::new(),
            foreign_fields: BTreeSet::new(),
            left_behind: BTreeSet::new(),
        }
    }

    /// Its id.
    pub fn id(&self) -> PlanId {
        PlanId::of(&self.changes)
    }

    /// Whether everything that the unit wants exists as it wants it; readiness is another matter.
    pub fn is_applied(&self) -> bool {
        let waits_for_state = self.waits.iter().any(|wait| match wait {
            WaitingOn::Unit { .. }
            | WaitingOn::Deletion { .. }
            | WaitingOn::Observation { .. }
            | WaitingOn::Region { .. }
            | WaitingOn::Authority { .. }
            | WaitingOn::Identity { .. }
            | WaitingOn::ChannelRecord { .. }
            | WaitingOn::NodeStarting { .. }
            | WaitingOn::NodeSilent { .. }
            | WaitingOn::ChannelTurn { .. }
            | WaitingOn::Quorum { .. }
            | WaitingOn::Restart { .. } => true,
            WaitingOn::Secret { .. }
            | WaitingOn::Ready { .. }
            | WaitingOn::AuthorityEnds { .. }
            | WaitingOn::Leader { .. }
            | WaitingOn::Approval { .. } => false,
        });
        let builds = self.changes.iter().any(|change| match change.op {
            Op::Create | Op::Update(_) | Op::Issue(_) | Op::Channel(_) => true,
            Op::Delete => false,
        });
        !builds && !waits_for_state && self.refusals.iter().all(Refusal::is_about_deletions)
    }

    /// Counts by operation: created, updated, deleted.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for change in &self.changes {
            match change.op {
                Op::Create => counts.create += 1,
                Op::Issue(_) => counts.issue += 1,
                Op::Channel(_) => counts.channel += 1,
                Op::Update(_) => counts.update += 1,
                Op::Delete => counts.delete += 1,
            }
            counts.disruptive += usize::from(change.risk == Risk::Disruptive);
        }
        counts
    }
}

/// How many changes of each sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Counts {
    /// Issued.
    pub issue: usize,
    /// Created.
    pub create: usize,
    /// Updated.
    pub update: usize,
    /// Deleted.
    pub delete: usize,
    /// Steps of channels.
    pub channel: usize,
    /// Of the updated, those that restart a node.
    pub disruptive: usize,
}
impl Counts {
    /// The sum over several plans.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            issue: self.issue + other.issue,
            create: self.create + other.create,
            update: self.update + other.update,
            delete: self.delete + other.delete,
            channel: self.channel + other.channel,
            disruptive: self.disruptive + other.disruptive,
        }
    }
}
/// A number of steps in words.
pub fn steps(count: usize) -> String {
    if count == 1 { "1 step".to_owned() } else { format!("{count} steps") }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.issue > 0 {
            write!(f, "{} to issue, ", self.issue)?;
        }
        write!(f, "{} to create, {} to update, {} to delete", self.create, self.update, self.delete)?;
        if self.channel > 0 {
            write!(f, ", {} of channels", steps(self.channel))?;
        }
        if self.disruptive > 0 {
            write!(f, " ({} restart a node)", self.disruptive)?;
        }
        Ok(())
    }
}
