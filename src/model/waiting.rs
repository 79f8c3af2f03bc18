//! Every reason for "not yet", as data with the numbers that explain it.
//!
//! Input: what a stage lacks. Output: [`WaitingOn`], its text and whether only a person can end it. Waiting is an
//! outcome, never an error. Invariant: one variant for each reason, so that a new reason must be named and worded.

use std::fmt;

use jiff::Timestamp;

use super::channel::ChannelRef;
use super::identity::IdentityRef;
use super::names::RegionName;
use super::object::{Kind, ObjectRef};
use super::unit::UnitId;

/// Why something has not happened yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(tag = "for", rename_all = "camelCase")]
pub enum WaitingOn {
    /// A Secret that a workload mounts does not exist.
    Secret {
        /// Where.
        region: RegionName,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The workload that mounts it.
        needed_by: String,
    },
    /// A unit that this one builds on is not applied yet.
    Unit {
        /// The unit.
        unit: UnitId,
    },
    /// Objects are applied and not ready yet.
    Ready {
        /// The object.
        object: ObjectRef,
        /// What it says about itself.
        detail: String,
    },
    /// An object is being deleted; its successor waits.
    Deletion {
        /// The object.
        object: ObjectRef,
    },
    /// A kind could not be observed completely, so that absent cannot be told from unknown.
    Observation {
        /// Where.
        region: RegionName,
        /// The kind.
        kind: Kind,
        /// Why.
        detail: String,
    },
    /// A region cannot be judged at all.
    Region {
        /// The region.
        region: RegionName,
        /// Why.
        detail: String,
    },
    /// A change that restarts a node, while others of its group are down or restarting.
    Restart {
        /// The workload that would restart.
        object: ObjectRef,
        /// How many of its group are down or restarting.
        down: usize,
        /// How many may be.
        budget: u32,
    },
    /// An authority that an identity needs does not exist yet.
    Authority {
        /// The identity that is to be issued.
        identity: IdentityRef,
        /// What it needs.
        authority: IdentityRef,
    },
    /// Whether an identity is still there could not be seen.
    Identity {
        /// The identity.
        identity: IdentityRef,
    },
    /// An authority is near its end, so that what it signs ends with it.
    AuthorityEnds {
        /// The authority.
        identity: IdentityRef,
        /// Its last second.
        ends: Timestamp,
    },
    /// Whether a channel's first block is kept in a region could not be seen.
    ChannelRecord {
        /// The channel.
        channel: ChannelRef,
        /// Where.
        region: RegionName,
        /// Why.
        detail: String,
    },
    /// A node of a channel is not ready, so that it was not asked.
    NodeStarting {
        /// The channel.
        channel: ChannelRef,
        /// Its workload.
        node: ObjectRef,
    },
    /// A node of a channel is ready, and does not say whether it has the channel.
    NodeSilent {
        /// The channel.
        channel: ChannelRef,
        /// Its workload.
        node: ObjectRef,
        /// Why.
        detail: String,
    },
    /// Consenters of a channel have no leader.
    Leader {
        /// The channel.
        channel: ChannelRef,
        /// How many they count.
        active: u32,
        /// How many there are, as they say; 0 when none says so.
        size: u32,
    },
    /// Steps of a channel that come after others.
    ChannelTurn {
        /// The channel.
        channel: ChannelRef,
        /// How many.
        steps: usize,
        /// What comes first.
        after: ChannelTurn,
    },
    /// A restart of an ordering node that would leave a channel without a majority of those that are in touch.
    Quorum {
        /// The workload that would restart.
        object: ObjectRef,
        /// The channel.
        channel: ChannelRef,
        /// How many of its ordering nodes are in touch; 0 when it has no leader.
        active: u32,
        /// How many there are.
        size: u32,
    },
    /// A person's consent to held changes.
    Approval {
        /// The plan that holds them.
        plan: String,
        /// How many.
        changes: usize,
    },
}

/// What steps of a channel come after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ChannelTurn {
    /// Its nodes as they should be.
    Nodes,
    /// Its first block.
    Record,
    /// The word of the status branch that there is a first block.
    Branch,
    /// Its ordering nodes with a leader.
    Leader,
}

impl fmt::Display for ChannelTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nodes => "its nodes are as they should be",
            Self::Record => "its first block is kept in every region that orders it",
            Self::Branch => "the status branch remembers its first block",
            Self::Leader => "its ordering nodes have a leader",
        })
    }
}

impl WaitingOn {
    /// Whether only a person can end the wait.
    pub fn needs_person(&self) -> bool {
        match self {
            Self::Secret { .. } | Self::Approval { .. } | Self::AuthorityEnds { .. } => true,
            Self::Unit { .. }
            | Self::Ready { .. }
            | Self::Restart { .. }
            | Self::Deletion { .. }
            | Self::Authority { .. }
            | Self::Identity { .. }
            | Self::Observation { .. }
            | Self::ChannelRecord { .. }
            | Self::NodeStarting { .. }
            | Self::NodeSilent { .. }
            | Self::Leader { .. }
            | Self::ChannelTurn { .. }
            | Self::Quorum { .. }
            | Self::Region { .. } => false,
        }
    }
}

impl fmt::Display for WaitingOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret { region, namespace, name, needed_by } => {
                write!(
                    f,
                    "needs Secret {namespace}/{name} in {region}, which {needed_by} mounts: put it into the cluster"
                )
            }
            Self::Unit { unit } => write!(f, "waits for {unit} to be applied"),
            Self::Ready { object, detail } => write!(f, "{object} is not ready: {detail}"),
            Self::Deletion { object } => write!(f, "{object} is being deleted: if this stays, look at its finalizers"),
            Self::Observation { region, kind, detail } => {
                write!(f, "{region}: {kind} objects could not all be seen ({detail}); nothing is changed on a guess")
            }
            Self::Region { region, detail } => {
                write!(f, "region {region} cannot be judged: {detail}; nothing is changed there")
            }
            Self::Restart { object, down, budget } => {
                write!(f, "{object} must restart, but {down} of its group are down or restarting (budget {budget})")
            }
            Self::Authority { identity, authority } => {
                write!(f, "{identity} is issued when its authority {} exists", authority.id)
            }
            Self::Identity { identity } => {
                write!(f, "{identity} could not be looked at; no key is made and no certificate renewed on a guess")
            }
            Self::AuthorityEnds { identity, ends } => write!(
                f,
                "{identity} is an authority that ends at {ends}, and what it signed ends with it: plan its successor with \
                 the members of its channels, because they name it"
            ),
            Self::ChannelRecord { channel, region, detail } => write!(
                f,
                "whether {region} keeps the first block of {channel} could not be seen ({detail}); nobody is joined on a guess"
            ),
            Self::NodeStarting { channel, node } => write!(f, "{channel} waits for {node} to be ready"),
            Self::NodeSilent { channel, node, detail } => {
                write!(
                    f,
                    "{node} does not say whether it has {channel}: {detail}; nothing is created or joined on a guess"
                )
            }
            Self::Leader { channel, size: 0, .. } => {
                write!(f, "{channel}: no ordering node tells who leads; their operations ports do not answer")
            }
            Self::Leader { channel, active, size } => write!(
                f,
                "{channel} has no leader yet: its ordering nodes count {active} of {size}; more than half must reach each other"
            ),
            Self::ChannelTurn { channel, steps, after } => {
                let steps = if *steps == 1 { "1 more step".to_owned() } else { format!("{steps} more steps") };
                write!(f, "{channel}: {steps}, when {after}")
            }
            Self::Quorum { object, channel, active, size } => write!(
                f,
                "{object} must restart, but only {active} of the {size} ordering nodes of {channel} are in touch, and more than half must stay"
            ),
            Self::Approval { plan, changes } => write!(f, "needs an Approval of plan {plan} ({changes} held changes)"),
        }
    }
}
