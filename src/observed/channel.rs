//! What was seen of a channel: records of its first block, marks of joins, what its nodes say.
//!
//! Input: regions, the status branch, ordering nodes and peers. Output: [`ChannelSeen`]. It decides nothing. Invariants:
//! unknown is a value of its own; a node that was not asked, or whose answer nobody understood, is silent, and has the
//! channel or not only by its own word.

use std::collections::{BTreeMap, BTreeSet};

use crate::fabric::config::{ChannelConfig, Consensus};
use crate::fabric::metrics::RaftState;
use crate::fabric::participation::Relation;
use crate::model::digest::Digest;
use crate::model::names::{ChannelId, MspId, RegionName};
use crate::model::object::ObjectRef;

/// A record of a channel's first block, in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordSeen {
    /// Nobody could look.
    Unknown {
        /// Why.
        detail: String,
    },
    /// There certainly is none.
    Absent,
    /// It is remembered.
    Present {
        /// The digest of the block.
        block: Digest,
        /// Whether the block itself is there; not when only the inventory knows it any more.
        kept: bool,
        /// Nodes whose join was confirmed.
        joined: BTreeSet<ObjectRef>,
    },
}

/// What a row of an inventory knows of the channel whose first block its ConfigMap keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRow {
    /// The channel.
    pub id: ChannelId,
    /// The digest of its first block; none before the answer of the ConfigMap's creation is known.
    pub block: Option<Digest>,
    /// Ordering nodes whose join was confirmed, by workload. One is never taken out.
    pub joined: BTreeSet<ObjectRef>,
}

/// What an ordering node says of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrdererSeen {
    /// Its workload is certainly not there yet.
    Planned,
    /// Its workload is there and not ready, so that it was not asked.
    Starting,
    /// It says nothing.
    Silent {
        /// Why.
        detail: String,
    },
    /// It says that it does not have the channel.
    Without,
    /// It has it.
    With {
        /// As what.
        relation: Relation,
        /// How many blocks it has.
        height: u64,
        /// What Raft knows on it; none when its metrics do not tell.
        raft: Option<RaftState>,
    },
}

/// What a peer says of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerSeen {
    /// Its workload is certainly not there yet.
    Planned,
    /// Its workload is there and not ready, so that it was not asked.
    Starting,
    /// It says nothing.
    Silent {
        /// Why.
        detail: String,
    },
    /// It says that it does not have the channel.
    Without,
    /// It has it.
    With {
        /// How many blocks it has.
        height: u64,
    },
}

/// Whom a first block names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Founders {
    /// Its consenters, as `host:port`.
    pub consenters: BTreeSet<String>,
    /// The organizations whose peers take part.
    pub members: BTreeSet<MspId>,
}

impl Founders {
    /// As its configuration says.
    pub fn of(config: &ChannelConfig) -> Self {
        let consenters = match &config.consensus {
            Consensus::Raft(consenters) => consenters.iter().map(|of| format!("{}:{}", of.host, of.port)).collect(),
            Consensus::Other(_) => BTreeSet::new(),
        };
        Self { consenters, members: config.applications.values().map(|of| of.msp_id.clone()).collect() }
    }
}

/// What was seen of one channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelSeen {
    /// Records by home region.
    pub records: BTreeMap<RegionName, RecordSeen>,
    /// The record of the status branch; none when that has none.
    pub branch: Option<(Digest, BTreeSet<ObjectRef>)>,
    /// Whom the first block names; none when it could not be read.
    pub founders: Option<Founders>,
    /// Ordering nodes.
    pub orderers: BTreeMap<ObjectRef, OrdererSeen>,
    /// Peers.
    pub peers: BTreeMap<ObjectRef, PeerSeen>,
}
