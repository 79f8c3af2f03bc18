//! Channels that should exist: who orders them, whose peers have them, and as whom these are asked.
//!
//! Input: the renderers. Output: [`DesiredChannel`]. It holds no byte of a block or of a key. Invariant: nodes are named by
//! their workloads, so that what is waited for and what is joined is one thing.

use std::collections::BTreeMap;

use crate::model::channel::ChannelRef;
use crate::model::digest::Digest;
use crate::model::identity::IdentityRef;
use crate::model::names::{MemberName, MspId, RegionName, TenantName};
use crate::model::object::{ObjectId, ObjectRef};
use crate::model::unit::UnitId;

/// One channel that should exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredChannel {
    /// Which.
    pub channel: ChannelRef,
    /// The organizations whose nodes order it.
    pub orderers: Vec<ChannelMember>,
    /// The organizations whose peers have it.
    pub members: Vec<ChannelMember>,
    /// The ordering nodes that its first block names, by workload.
    pub consenters: BTreeMap<ObjectRef, Consenter>,
    /// The peers of its members, by workload.
    pub peers: BTreeMap<ObjectRef, ChannelNode>,
    /// Where its first block is kept.
    pub homes: BTreeMap<RegionName, Home>,
}

impl DesiredChannel {
    /// The digest of what is wanted: who orders, who takes part, where the first block is kept.
    pub fn digest(&self) -> Digest {
        let Self { channel, orderers, members, consenters, peers, homes } = self;
        let mut parts = vec![channel.to_string()];
        let groups = [("orders", orderers), ("member", members)];
        for (role, members) in groups {
            parts.extend(
                members
                    .iter()
                    .map(|of| format!("{role} {} {} {} {}", of.name, of.msp_id, of.organization, of.operator)),
            );
        }
        for (node, of) in consenters {
            let Consenter { node: asked, member, host, port, certificate } = of;
            parts.push(format!("consenter {node} {member} {host}:{port} {certificate} {}", asked.in_words()));
        }
        parts.extend(peers.iter().map(|(node, asked)| format!("peer {node} {}", asked.in_words())));
        parts.extend(homes.iter().map(|(region, home)| format!("kept in {region} {} {}", home.record, home.tenant)));
        Digest::of_parts(parts)
    }
}

/// Where a region keeps the first block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The ConfigMap.
    pub record: ObjectId,
    /// As whom it is written: the tenant in whose namespace it lives.
    pub tenant: TenantName,
    /// Owner labels.
    pub labels: BTreeMap<String, String>,
}

/// An organization in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelMember {
    /// The key of its group; in the channel for ever.
    pub name: MemberName,
    /// Its name on ledgers.
    pub msp_id: MspId,
    /// Its owner.
    pub tenant: TenantName,
    /// The unit that [`Self::operator`] belongs to.
    pub organization: UnitId,
    /// Its operator, whose Secret holds the certificates of its authorities.
    pub operator: IdentityRef,
}

/// An ordering node in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consenter {
    /// How it is asked.
    pub node: ChannelNode,
    /// Whose it is.
    pub member: MemberName,
    /// Its canonical host; in the channel for ever.
    pub host: String,
    /// Its canonical port.
    pub port: u16,
    /// The certificate with which it serves; Raft recognizes it by the key in it.
    pub certificate: IdentityRef,
}

/// How a node is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelNode {
    /// Its owner, as whom the keys of clients are read.
    pub tenant: TenantName,
    /// Its organization's name on ledgers.
    pub msp_id: MspId,
    /// Whose identities [`Self::clients`] are.
    pub organization: UnitId,
    /// As whom it is asked.
    pub clients: Clients,
    /// The port that answers about channels: participation of an ordering node, proposals of a peer.
    pub port: u16,
    /// The port of its metrics.
    pub operations_port: u16,
}

impl ChannelNode {
    fn in_words(&self) -> String {
        let Self { tenant, msp_id, organization, clients, port, operations_port } = self;
        let Clients { administrator, operations } = clients;
        format!("{tenant} {msp_id} {organization} {administrator} {operations} {port} {operations_port}")
    }
}

/// Identities with which an organization's nodes are asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clients {
    /// The administrator: a TLS client of ordering nodes, or the operator who signs proposals to peers.
    pub administrator: IdentityRef,
    /// The TLS client that reads metrics.
    pub operations: IdentityRef,
}
