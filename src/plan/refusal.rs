//! What a plan refuses to do, with a stable code and what to do instead.
//!
//! Input: findings of the planner. Output: [`Refusal`], convertible to a diagnostic. It holds nothing that can be
//! granted: an approval never lifts a refusal. Invariant: one variant, one code (`HDL4xxx`).

use std::fmt;

use crate::model::channel::ChannelRef;
use crate::model::diagnostic::{Code, Diagnostic};
use crate::model::names::MspId;
use crate::model::object::ObjectRef;
use crate::model::unit::UnitId;

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(tag = "refusal", rename_all = "camelCase")]
pub enum Refusal {
    /// The name is taken, or our labels are on it, but its self-reference is another object's or missing.
    Foreign {
        /// The object.
        object: ObjectRef,
        /// What it says it is.
        says: String,
    },
    /// The object belongs to another unit.
    OtherUnit {
        /// The object.
        object: ObjectRef,
        /// The label found.
        label: String,
    },
    /// Known once and gone: making it anew would hide the loss.
    Lost {
        /// The object.
        object: ObjectRef,
    },
    /// A key that was issued once and is gone.
    LostIdentity {
        /// The Secret that held it.
        object: ObjectRef,
    },
    /// A channel that was created once and that none of its ordering nodes has any more.
    LostChannel {
        /// The channel.
        channel: ChannelRef,
    },
    /// An ordering node that joined a channel once and does not have it any more.
    WipedOrderer {
        /// The channel.
        channel: ChannelRef,
        /// Its workload.
        node: ObjectRef,
    },
    /// A node has a channel of which no first block is remembered.
    UnrecordedChannel {
        /// The channel.
        channel: ChannelRef,
        /// Its workload.
        node: ObjectRef,
    },
    /// Places remember different first blocks of one channel.
    RecordsDiffer {
        /// The channel.
        channel: ChannelRef,
    },
    /// An ordering node that a channel's configuration does not name as a consenter.
    NoConsenter {
        /// The channel.
        channel: ChannelRef,
        /// Its workload.
        node: ObjectRef,
    },
    /// An organization that a channel's configuration does not name.
    NoMember {
        /// The channel.
        channel: ChannelRef,
        /// Its name on ledgers.
        msp_id: MspId,
    },
    /// A first block that is remembered and kept nowhere.
    LostRecord {
        /// The channel.
        channel: ChannelRef,
    },
    /// An ordering node that a channel counts on would go, or lose its volume.
    StillOrders {
        /// What would be changed.
        object: ObjectRef,
        /// The channel.
        channel: ChannelRef,
    },
    /// A field that cannot change in place.
    Immutable {
        /// The object.
        object: ObjectRef,
        /// The fields.
        fields: Vec<String>,
    },
    /// A field new in this revision is held by somebody else, or the policy only reports.
    Conflict {
        /// The object.
        object: ObjectRef,
        /// Path and manager.
        fields: Vec<(String, String)>,
    },
    /// Objects that nobody said should go.
    Vanished {
        /// The object.
        object: ObjectRef,
        /// The node whose entry vanished; none when the whole unit did.
        node: Option<String>,
    },
    /// More deletions than one plan may hold.
    OverBudget {
        /// How many.
        deletes: usize,
        /// How many are allowed.
        budget: u32,
    },
    /// Two units want one object.
    Contended {
        /// The object.
        object: ObjectRef,
        /// The other unit.
        other: UnitId,
    },
}

impl Refusal {
    /// Its stable code.
    pub fn code(&self) -> Code {
        Code(match self {
            Self::Foreign { .. } => 4001,
            Self::OtherUnit { .. } => 4002,
            Self::Lost { .. } => 4003,
            Self::Immutable { .. } => 4004,
            Self::Conflict { .. } => 4005,
            Self::Vanished { .. } => 4006,
            Self::OverBudget { .. } => 4007,
            Self::Contended { .. } => 4008,
            Self::LostIdentity { .. } => 4009,
            Self::LostChannel { .. } => 4010,
            Self::WipedOrderer { .. } => 4011,
            Self::UnrecordedChannel { .. } => 4012,
            Self::RecordsDiffer { .. } => 4013,
            Self::NoConsenter { .. } => 4014,
            Self::LostRecord { .. } => 4015,
            Self::StillOrders { .. } => 4016,
            Self::NoMember { .. } => 4017,
        })
    }

    /// The object that it is about; none when it is about a channel, or about many.
    pub fn object(&self) -> Option<&ObjectRef> {
        match self {
            Self::Foreign { object, .. }
            | Self::OtherUnit { object, .. }
            | Self::Lost { object }
            | Self::LostIdentity { object }
            | Self::StillOrders { object, .. }
            | Self::Immutable { object, .. }
            | Self::Conflict { object, .. }
            | Self::Vanished { object, .. }
            | Self::Contended { object, .. } => Some(object),
            Self::LostChannel { .. }
            | Self::WipedOrderer { .. }
            | Self::UnrecordedChannel { .. }
            | Self::RecordsDiffer { .. }
            | Self::NoConsenter { .. }
            | Self::NoMember { .. }
            | Self::LostRecord { .. }
            | Self::OverBudget { .. } => None,
        }
    }

    /// Whether it only keeps something from being deleted: what is wanted exists all the same.
    pub fn is_about_deletions(&self) -> bool {
        match self {
            Self::Vanished { .. } | Self::OverBudget { .. } => true,
            Self::Foreign { .. }
            | Self::OtherUnit { .. }
            | Self::Lost { .. }
            | Self::LostIdentity { .. }
            | Self::LostChannel { .. }
            | Self::WipedOrderer { .. }
            | Self::UnrecordedChannel { .. }
            | Self::RecordsDiffer { .. }
            | Self::NoConsenter { .. }
            | Self::LostRecord { .. }
            | Self::StillOrders { .. }
            | Self::NoMember { .. }
            | Self::Immutable { .. }
            | Self::Conflict { .. }
            | Self::Contended { .. } => false,
        }
    }

    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Foreign { .. } => {
                "rename it or delete it, if nobody needs it; heddle never adopts what it did not make"
            }
            Self::OtherUnit { .. } => {
                "if it moved between units, let the old one delete it first; else rename one of the two"
            }
            Self::Contended { .. } => {
                "rename one of the two, so that each unit has its own; until then neither is changed"
            }
            Self::Lost { .. } => {
                "restore the volume under its name, or replace the node: raise its `incarnation` in the spec"
            }
            Self::LostIdentity { .. } => {
                "restore the Secret from a backup of the cluster; a node can be replaced instead (raise its `incarnation` in the \
                 spec), an authority cannot: another key is another organization to every channel"
            }
            Self::LostChannel { .. } => {
                "restore the volumes of its ordering nodes, most of them at least, from before the loss; a new channel would be \
                 another ledger: give that another name"
            }
            Self::WipedOrderer { .. } => {
                "restore its volume; without it the node must not come back to its place among the consenters, because it may have \
                 voted already, and another one takes that place only by a change of the channel's configuration, which heddle \
                 cannot make yet"
            }
            Self::UnrecordedChannel { .. } => {
                "restore heddle's records from a backup if they were deleted; if somebody else made this channel, choose another \
                 name; heddle never adopts a channel that it did not make"
            }
            Self::RecordsDiffer { .. } => {
                "compare them with the first block of a node that has the channel; then put the right ConfigMap back, and its digest into the \
                 inventory of the unit (heddle-system) and into its status.yaml on the status branch, wherever they differ"
            }
            Self::NoConsenter { .. } => {
                "the channel's configuration does not name this node, or not at the address that is declared now; a node that was added after the channel \
                 was created becomes one of its consenters only by a change of that configuration, which heddle cannot make yet"
            }
            Self::NoMember { .. } => {
                "an organization that comes after the channel was created takes part only by a change of the channel's configuration, \
                 which its members sign and heddle cannot make yet; take it out of `members` until then"
            }
            Self::LostRecord { .. } => {
                "restore the ConfigMap from a backup of the cluster; nodes that have the channel go on, but nobody can be joined"
            }
            Self::StillOrders { .. } => {
                "take the change back; an ordering node goes only after the channel's configuration stopped counting on it, and \
                 heddle cannot change that configuration yet"
            }
            Self::Immutable { .. } => "take the change back, or replace the node: raise its `incarnation` in the spec",
            Self::Conflict { .. } => {
                "let the other manager give the field up (`kubectl apply --server-side` without it); under \
                 `conflicts: correct` heddle takes back only fields that it had before"
            }
            Self::Vanished { .. } => {
                "put the entry back with `lifecycle: Decommissioned`; when its objects are gone the entry may go"
            }
            Self::OverBudget { .. } => {
                "delete in smaller steps, or raise `spec.budgets.deletes` of fleet.yaml in a commit of its own first; nothing of \
                 this plan is deleted meanwhile"
            }
        }
    }

    /// As a diagnostic.
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::error(self.code(), self.to_string()).hint(self.hint())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign { object, says } => {
                write!(f, "{object} exists and says it is `{says}`: it belongs to somebody else")
            }
            Self::OtherUnit { object, label } => {
                write!(f, "{object} belongs to another unit (its label heddle.dev/unit is `{label}`)")
            }
            Self::Lost { object } => write!(
                f,
                "{object} was created once and is gone, with the data on it; it is not made anew without a word"
            ),
            Self::LostIdentity { object } => {
                write!(
                    f,
                    "{object} held a key that was issued once, and it is gone or replaced; no other key takes its place"
                )
            }
            Self::LostChannel { channel } => {
                write!(
                    f,
                    "{channel} was created once, and none of its ordering nodes has it any more; it is not created again"
                )
            }
            Self::WipedOrderer { channel, node } => {
                write!(
                    f,
                    "{node} joined {channel} once and does not have it any more: its volume was emptied; it is not joined again"
                )
            }
            Self::UnrecordedChannel { channel, node } => {
                write!(f, "{node} has {channel}, but heddle remembers no first block of it")
            }
            Self::RecordsDiffer { channel } => {
                write!(f, "the records of {channel} differ: two places keep different first blocks")
            }
            Self::NoConsenter { channel, node } => {
                write!(f, "{node} should order {channel}, but is none of its consenters")
            }
            Self::NoMember { channel, msp_id } => {
                write!(
                    f,
                    "peers of {msp_id} should have {channel}, but its configuration does not name that organization"
                )
            }
            Self::LostRecord { channel } => {
                write!(f, "the first block of {channel} is remembered, but no region keeps it any more")
            }
            Self::StillOrders { object, channel } => {
                write!(f, "{object} belongs to an ordering node that {channel} counts on for its majority")
            }
            Self::Immutable { object, fields } => {
                write!(f, "{object} cannot change in place: {}", fields.join(", "))
            }
            Self::Conflict { object, fields } => {
                let fields: Vec<String> = fields.iter().map(|(path, by)| format!("{path} (held by {by})")).collect();
                write!(f, "{object} has fields that others hold: {}", fields.join(", "))
            }
            Self::Vanished { object, node: Some(node) } => {
                write!(f, "{object} exists, but node {node} vanished from the spec without being decommissioned")
            }
            Self::Vanished { object, node: None } => {
                write!(f, "{object} exists, but its unit vanished from the spec without being decommissioned")
            }
            Self::OverBudget { deletes, budget } => {
                write!(f, "the plan deletes {deletes} objects, the budget is {budget}")
            }
            Self::Contended { object, other } => write!(f, "{object} is wanted by {other} too"),
        }
    }
}
