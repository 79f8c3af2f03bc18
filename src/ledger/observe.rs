//! Asks every node of a channel what it has.
//!
//! Input: a channel that should exist, regions as seen. Output: what each ordering node and each peer says. Invariants: nodes
//! are asked at the same time, each about this channel only; a node that does not answer, or whose answer nobody
//! understands, is silent; a failure of one node says nothing of another.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::stream;

use super::custody::{Reachable, World};
use super::nodes::{Node, Nodes, Role};
use crate::desired::channel::{ChannelNode, DesiredChannel};
use crate::k8s::health::{self, Health};
use crate::model::causes;
use crate::model::names::ChannelId;
use crate::model::object::ObjectRef;
use crate::observed::channel::{OrdererSeen, PeerSeen};
use crate::observed::region::Presence;
use crate::ports::ledger::{LedgerError, OrdererAdmin, PeerAdmin};

/// Nodes that are asked at once, for each channel.
const AT_ONCE: usize = 32;

/// What nodes say of a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Ordering nodes.
    pub orderers: BTreeMap<ObjectRef, OrdererSeen>,
    /// Peers.
    pub peers: BTreeMap<ObjectRef, PeerSeen>,
}

/// A workload that is not asked.
enum NotAsked {
    Planned,
    Starting,
    Silent(String),
}

/// Asks all nodes of a channel that are ready.
pub async fn ask(nodes: &Nodes, regions: &Reachable, world: &World, channel: &DesiredChannel) -> Said {
    let id = &channel.channel.id;
    let at = At { nodes, regions, world, id };
    let orderers: Vec<_> = channel.consenters.iter().map(|(workload, of)| at.orderer(workload, &of.node)).collect();
    let peers: Vec<_> = channel.peers.iter().map(|(workload, node)| at.peer(workload, node)).collect();
    let (orderers, peers) = futures::join!(
        stream::iter(orderers).buffer_unordered(AT_ONCE).collect::<Vec<_>>(),
        stream::iter(peers).buffer_unordered(AT_ONCE).collect::<Vec<_>>(),
    );
    Said { orderers: orderers.into_iter().collect(), peers: peers.into_iter().collect() }
}

/// Where nodes are, and what they are asked about.
#[derive(Clone, Copy)]
struct At<'a> {
    nodes: &'a Nodes,
    regions: &'a Reachable,
    world: &'a World,
    id: &'a ChannelId,
}

impl At<'_> {
    async fn orderer(self, workload: &ObjectRef, node: &ChannelNode) -> (ObjectRef, OrdererSeen) {
        let Self { nodes, regions, world, id } = self;
        let said = match reach(nodes, regions, world, (workload, node, Role::Orderer)).await {
            Ok(Node::Orderer(port)) => orderer(&*port, id).await,
            Ok(Node::Peer(_)) => OrdererSeen::Silent { detail: "it is a peer".to_owned() },
            Err(NotAsked::Planned) => OrdererSeen::Planned,
            Err(NotAsked::Starting) => OrdererSeen::Starting,
            Err(NotAsked::Silent(detail)) => OrdererSeen::Silent { detail },
        };
        (workload.clone(), said)
    }

    async fn peer(self, workload: &ObjectRef, node: &ChannelNode) -> (ObjectRef, PeerSeen) {
        let Self { nodes, regions, world, id } = self;
        let said = match reach(nodes, regions, world, (workload, node, Role::Peer)).await {
            Ok(Node::Peer(port)) => peer(&*port, id).await,
            Ok(Node::Orderer(_)) => PeerSeen::Silent { detail: "it is an ordering node".to_owned() },
            Err(NotAsked::Planned) => PeerSeen::Planned,
            Err(NotAsked::Starting) => PeerSeen::Starting,
            Err(NotAsked::Silent(detail)) => PeerSeen::Silent { detail },
        };
        (workload.clone(), said)
    }
}

async fn reach(
    nodes: &Nodes,
    regions: &Reachable,
    world: &World,
    (workload, node, role): (&ObjectRef, &ChannelNode, Role),
) -> Result<Node, NotAsked> {
    let seen = world.get(&workload.region).map(|seen| seen.look_up(&workload.id));
    match seen {
        Some(Presence::Absent) => Err(NotAsked::Planned),
        Some(Presence::Present(live)) if health::judge(live.generation, &live.health) != Health::Healthy => {
            Err(NotAsked::Starting)
        }
        Some(Presence::Present(_)) => {
            let got = nodes.get(regions, world, (workload, node, role)).await;
            got.map_err(|error| NotAsked::Silent(causes::chain(&error)))
        }
        Some(Presence::Unknown(_)) | None => Err(NotAsked::Silent("its workload could not be seen".to_owned())),
    }
}

async fn orderer(port: &dyn OrdererAdmin, channel: &ChannelId) -> OrdererSeen {
    match port.channel(channel).await {
        Ok(None) => OrdererSeen::Without,
        Ok(Some(info)) => {
            // Without metrics the channel is there all the same; only its leader is not known.
            let raft = port.metrics().await.ok().and_then(|samples| samples.raft(channel));
            OrdererSeen::With { relation: info.relation, height: info.height, raft }
        }
        Err(error) => OrdererSeen::Silent { detail: detail(&error) },
    }
}

async fn peer(port: &dyn PeerAdmin, channel: &ChannelId) -> PeerSeen {
    match port.height(channel).await {
        Ok(None) => PeerSeen::Without,
        Ok(Some(height)) => PeerSeen::With { height },
        Err(error) => PeerSeen::Silent { detail: detail(&error) },
    }
}

fn detail(error: &LedgerError) -> String {
    causes::chain(error)
}
