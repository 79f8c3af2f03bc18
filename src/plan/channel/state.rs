//! How a channel stands, in classes that stay the same while nothing happens.
//!
//! Input: a channel that should exist, what was seen of it. Output: [`ChannelState`], for reports. It decides nothing.
//! Invariant: no height and no count that moves by itself is in it.

use std::collections::{BTreeMap, BTreeSet};

use super::{leader, orderer, peer, records};
use crate::desired::channel::DesiredChannel;
use crate::model::digest::Digest;
use crate::model::object::ObjectRef;
use crate::observed::channel::ChannelSeen;

/// What a node is to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NodeState {
    /// It has the channel; an ordering node as a consenter.
    Joined,
    /// It has the channel and does not order it, although it should.
    Follows,
    /// It does not have the channel.
    NotJoined,
    /// It is not ready.
    NotReady,
    /// It does not say.
    Silent,
}

/// How a channel stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelState {
    /// The digest of its first block, once that is kept.
    pub block: Option<Digest>,
    /// Ordering nodes whose join was confirmed.
    pub confirmed: BTreeSet<ObjectRef>,
    /// Whether its ordering nodes have a leader.
    pub has_leader: bool,
    /// Its ordering nodes.
    pub orderers: BTreeMap<ObjectRef, NodeState>,
    /// Its peers.
    pub peers: BTreeMap<ObjectRef, NodeState>,
}

/// How a channel stands.
pub fn state(desired: &DesiredChannel, seen: &ChannelSeen) -> ChannelState {
    let orderers = desired.consenters.keys().map(|node| (node.clone(), node_state(&orderer(seen, node))));
    let peers = desired.peers.keys().map(|node| {
        let state = match node_state(&peer(seen, node)) {
            NodeState::Follows => NodeState::Joined,
            other => other,
        };
        (node.clone(), state)
    });
    ChannelState {
        block: records(seen).map(|(block, _)| block).next(),
        confirmed: records(seen).flat_map(|(_, joined)| joined).cloned().collect(),
        has_leader: leader(seen).is_some(),
        orderers: orderers.collect(),
        peers: peers.collect(),
    }
}

fn node_state(standing: &super::Standing<'_>) -> NodeState {
    use super::Standing;
    match standing {
        Standing::With { orders: true } => NodeState::Joined,
        Standing::With { orders: false } => NodeState::Follows,
        Standing::Without => NodeState::NotJoined,
        Standing::Planned | Standing::Starting => NodeState::NotReady,
        Standing::Silent(_) => NodeState::Silent,
    }
}
