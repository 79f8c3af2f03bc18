//! What is done about a channel: whether it is created, who joins it, what is lost.
//!
//! Input: a channel that should exist, what was seen of it. Output: a [`Decision`]. It sees no block and asks nobody.
//! Invariants: a first block is made only where nobody has the channel and no place remembers one; unknown never reads as
//! absent; an ordering node that joined once is never joined again; every place is looked at, and the first block read, before
//! anybody is joined, so that a mark in one place is enough and nobody is joined whom the block does not name.

use std::collections::{BTreeMap, BTreeSet};

use super::diff::World;
use super::refusal::Refusal;
use crate::desired::channel::{ChannelNode, Consenter, DesiredChannel};
use crate::fabric::participation::Relation;
use crate::model::channel::ChannelRef;
use crate::model::digest::Digest;
use crate::model::names::RegionName;
use crate::model::object::ObjectRef;
use crate::model::unit::UnitId;
use crate::model::waiting::WaitingOn;
use crate::observed::channel::{ChannelSeen, OrdererSeen, PeerSeen, RecordSeen};

/// Where a channel's first block is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A home region.
    Region(RegionName),
    /// The status branch.
    Branch,
}

/// One step, in the order in which steps are done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The first block is made and kept, where there is none. Planned also for nodes that are yet to come; its turn
    /// ([`turns`]) comes when every node was asked, because a volume may come back with them.
    Genesis,
    /// The first block is kept in a place that lacks it, as it is elsewhere.
    Copy {
        /// Where it lacks.
        to: Place,
        /// The block that the others have.
        block: Digest,
    },
    /// A join that nobody confirmed is confirmed: the node has the channel.
    Confirm {
        /// The ordering node.
        node: ObjectRef,
    },
    /// An ordering node that never had the channel gets its first block.
    JoinOrderer {
        /// The ordering node.
        node: ObjectRef,
    },
    /// A peer that does not have the channel gets its first block; while the channel has a leader.
    JoinPeer {
        /// The peer.
        node: ObjectRef,
    },
}

/// What is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// In their order.
    pub steps: BTreeSet<Step>,
    /// What cannot be decided yet, or is not done yet by others.
    pub waits: BTreeSet<WaitingOn>,
    /// What is not done.
    pub refusals: BTreeSet<Refusal>,
}

/// Who leads a channel, and how many of its consenters the leader counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// The ordering node.
    pub node: ObjectRef,
    /// How many it reaches, itself included.
    pub active: u32,
    /// How many there are.
    pub size: u32,
}

impl Decision {
    /// Whether everybody has the channel, and it is led.
    pub fn is_settled(&self) -> bool {
        *self == Self::default()
    }

    fn refuse(mut self, refusal: Refusal) -> Self {
        self.refusals.insert(refusal);
        self
    }
}

/// The one leader of a channel; none when nobody leads, or more than one says so.
pub fn leader(seen: &ChannelSeen) -> Option<Leader> {
    let mut leaders = seen.orderers.iter().filter_map(|(node, said)| match said {
        OrdererSeen::With { raft: Some(raft), .. } if raft.is_leader => {
            Some(Leader { node: node.clone(), active: raft.active_nodes, size: raft.cluster_size })
        }
        _ => None,
    });
    let first = leaders.next()?;
    leaders.next().is_none().then_some(first)
}

/// A channel that counts on a workload for its majority, as inventories remember: an ordering node that joined.
pub fn ordered_by(unit: &UnitId, world: &World, workload: &ObjectRef) -> Option<ChannelRef> {
    let UnitId::Network(network) = unit else { return None };
    let inventories = world.values().filter_map(|seen| seen.inventories.get(unit));
    let mut rows = inventories.flat_map(|inventory| inventory.rows.values().filter_map(|row| row.channel.as_ref()));
    let row = rows.find(|row| row.joined.contains(workload))?;
    Some(ChannelRef { network: network.clone(), id: row.id.clone() })
}

/// Decides about one channel.
pub fn decide(desired: &DesiredChannel, seen: &ChannelSeen) -> Decision {
    let blocks: BTreeSet<Digest> = records(seen).map(|(block, _)| block).collect();
    let mut blocks = blocks.into_iter();
    match (blocks.next(), blocks.next()) {
        (None, _) => create(desired, seen),
        (Some(block), None) => complete(desired, seen, block),
        (Some(_), Some(_)) => Decision::default().refuse(Refusal::RecordsDiffer { channel: desired.channel.clone() }),
    }
}

fn records(seen: &ChannelSeen) -> impl Iterator<Item = (Digest, &BTreeSet<ObjectRef>)> {
    let in_regions = seen.records.values().filter_map(|record| match record {
        RecordSeen::Present { block, joined, .. } => Some((*block, joined)),
        RecordSeen::Absent | RecordSeen::Unknown { .. } => None,
    });
    in_regions.chain(seen.branch.iter().map(|(block, joined)| (*block, joined)))
}

/// A wait for each home region in which nobody could look.
fn unseen_places(desired: &DesiredChannel, seen: &ChannelSeen) -> BTreeSet<WaitingOn> {
    let why = |region: &RegionName| match seen.records.get(region) {
        Some(RecordSeen::Present { .. } | RecordSeen::Absent) => None,
        Some(RecordSeen::Unknown { detail }) => Some(detail.clone()),
        None => Some("nobody looked".to_owned()),
    };
    let wait = |region: &RegionName| {
        let (channel, region) = (desired.channel.clone(), region.clone());
        why(&region).map(|detail| WaitingOn::ChannelRecord { channel, region, detail })
    };
    desired.homes.keys().filter_map(wait).collect()
}

/// What a node that should have a channel is to it, an ordering node or a peer.
enum Standing<'a> {
    /// It has it; as a consenter, if it orders.
    With { orders: bool },
    /// It certainly does not have it.
    Without,
    /// Its workload is yet to come.
    Planned,
    /// It cannot be told yet.
    Starting,
    /// It cannot be told.
    Silent(&'a str),
}

fn orderer<'a>(seen: &'a ChannelSeen, node: &ObjectRef) -> Standing<'a> {
    match seen.orderers.get(node) {
        None => Standing::Silent("nobody asked it"),
        Some(OrdererSeen::Planned) => Standing::Planned,
        Some(OrdererSeen::Starting) => Standing::Starting,
        Some(OrdererSeen::Silent { detail }) => Standing::Silent(detail),
        Some(OrdererSeen::Without) => Standing::Without,
        Some(OrdererSeen::With { relation, .. }) => Standing::With { orders: *relation == Relation::Consenter },
    }
}

fn peer<'a>(seen: &'a ChannelSeen, node: &ObjectRef) -> Standing<'a> {
    match seen.peers.get(node) {
        None => Standing::Silent("nobody asked it"),
        Some(PeerSeen::Planned) => Standing::Planned,
        Some(PeerSeen::Starting) => Standing::Starting,
        Some(PeerSeen::Silent { detail }) => Standing::Silent(detail),
        Some(PeerSeen::Without) => Standing::Without,
        Some(PeerSeen::With { .. }) => Standing::With { orders: false },
    }
}

fn starting(channel: &ChannelRef, node: &ObjectRef) -> WaitingOn {
    WaitingOn::NodeStarting { channel: channel.clone(), node: node.clone() }
}

fn silent(channel: &ChannelRef, node: &ObjectRef, detail: &str) -> WaitingOn {
    WaitingOn::NodeSilent { channel: channel.clone(), node: node.clone(), detail: detail.to_owned() }
}

/// No place remembers a first block.
fn create(desired: &DesiredChannel, seen: &ChannelSeen) -> Decision {
    let channel = &desired.channel;
    let mut decision = Decision { waits: unseen_places(desired, seen), ..Decision::default() };
    let orderers = desired.consenters.keys().map(|node| (node, orderer(seen, node)));
    let peers = desired.peers.keys().map(|node| (node, peer(seen, node)));
    for (node, standing) in orderers.chain(peers) {
        match standing {
            Standing::With { .. } => {
                let (channel, node) = (channel.clone(), node.clone());
                decision.refusals.insert(Refusal::UnrecordedChannel { channel, node });
            }
            Standing::Without | Standing::Planned => {}
            Standing::Starting => drop(decision.waits.insert(starting(channel, node))),
            Standing::Silent(detail) => drop(decision.waits.insert(silent(channel, node, detail))),
        }
    }
    if decision.refusals.is_empty() && decision.waits.is_empty() {
        decision.steps.insert(Step::Genesis);
        decision.steps.extend(desired.consenters.keys().map(|node| Step::JoinOrderer { node: node.clone() }));
        decision.steps.extend(desired.peers.keys().map(|node| Step::JoinPeer { node: node.clone() }));
    }
    decision
}

/// What consenters say, by what follows from it.
#[derive(Default)]
struct Consenters<'a> {
    /// They have the channel.
    with: BTreeSet<&'a ObjectRef>,
    /// They joined once and say that they do not have it.
    gone: BTreeSet<&'a ObjectRef>,
    /// They do not have it, or will not when they exist.
    never: BTreeSet<&'a ObjectRef>,
    /// Nobody can tell.
    unknown: BTreeMap<&'a ObjectRef, WaitingOn>,
}

/// A first block is remembered: its creation goes on, or it is lost.
fn complete(desired: &DesiredChannel, seen: &ChannelSeen, block: Digest) -> Decision {
    let channel = &desired.channel;
    let joined: BTreeSet<&ObjectRef> = records(seen).flat_map(|(_, joined)| joined).collect();
    let mut decision = Decision { waits: unseen_places(desired, seen), ..Decision::default() };
    let every_place_was_seen = decision.waits.is_empty();
    let keeps = |(region, record): (&RegionName, &RecordSeen)| {
        matches!(record, RecordSeen::Present { kept: true, .. }).then(|| region.clone())
    };
    let kept_in = seen.records.iter().find_map(keeps);
    let is_kept = kept_in.is_some();
    if let Some(region) = kept_in {
        decision.steps.extend(lacking(desired, seen).map(|to| Step::Copy { to, block }));
        if seen.founders.is_none() {
            let (channel, detail) = (channel.clone(), "its first block cannot be read".to_owned());
            decision.waits.insert(WaitingOn::ChannelRecord { channel, region, detail });
        }
    } else if every_place_was_seen {
        // The branch remembers that there is a block, and not its bytes.
        decision.refusals.insert(Refusal::LostRecord { channel: channel.clone() });
    }
    // Whom the block names is not guessed, nor what a place says in which nobody could look.
    let may_join = every_place_was_seen && is_kept && seen.founders.is_some();
    let no_consenter = |node: &ObjectRef| Refusal::NoConsenter { channel: channel.clone(), node: node.clone() };
    let mut consenters = Consenters::default();
    for (node, wanted) in &desired.consenters {
        match orderer(seen, node) {
            Standing::With { orders: true } => {
                if !is_consenter(seen, wanted) {
                    decision.refusals.insert(no_consenter(node));
                }
                consenters.with.insert(node);
            }
            Standing::With { orders: false } => drop(decision.refusals.insert(no_consenter(node))),
            Standing::Without | Standing::Planned if !is_consenter(seen, wanted) => {
                decision.refusals.insert(no_consenter(node));
            }
            Standing::Without if joined.contains(node) => drop(consenters.gone.insert(node)),
            // It joined: its workload must have been there, and comes again with its volume.
            Standing::Planned if joined.contains(node) => {
                drop(consenters.unknown.insert(node, starting(channel, node)));
            }
            Standing::Without | Standing::Planned => drop(consenters.never.insert(node)),
            Standing::Starting => drop(consenters.unknown.insert(node, starting(channel, node))),
            Standing::Silent(detail) => drop(consenters.unknown.insert(node, silent(channel, node, detail))),
        }
    }
    decision.waits.extend(consenters.unknown.values().cloned());
    let unconfirmed = consenters.with.iter().filter(|node| !joined.contains(**node));
    decision.steps.extend(unconfirmed.map(|node| Step::Confirm { node: (*node).clone() }));
    if is_lost(desired, seen, &consenters) {
        return decision.refuse(Refusal::LostChannel { channel: channel.clone() });
    }
    for node in &consenters.gone {
        let (channel, node) = (channel.clone(), (*node).clone());
        decision.refusals.insert(Refusal::WipedOrderer { channel, node });
    }
    if may_join {
        decision.steps.extend(consenters.never.iter().map(|node| Step::JoinOrderer { node: (*node).clone() }));
    }
    let leader = leader(seen);
    if leader.is_none() && consenters.never.is_empty() && !consenters.with.is_empty() {
        let (active, size) = counted(seen);
        decision.waits.insert(WaitingOn::Leader { channel: channel.clone(), active, size });
    }
    join_peers(desired, seen, may_join, &mut decision);
    if !is_kept {
        decision.steps.retain(|step| matches!(step, Step::Confirm { .. }));
    }
    decision
}

/// Whether the first block names a node, as far as anybody knows.
fn is_consenter(seen: &ChannelSeen, wanted: &Consenter) -> bool {
    let address = format!("{}:{}", wanted.host, wanted.port);
    seen.founders.as_ref().is_none_or(|founders| founders.consenters.contains(&address))
}

/// Whether nobody has the channel who should: every consenter says so, and each had it or a peer still has it.
fn is_lost(desired: &DesiredChannel, seen: &ChannelSeen, consenters: &Consenters<'_>) -> bool {
    let nowhere = consenters.with.is_empty() && consenters.unknown.is_empty();
    let kept = desired.peers.keys().any(|node| matches!(peer(seen, node), Standing::With { .. }));
    nowhere && (consenters.never.is_empty() && !consenters.gone.is_empty() || kept)
}

/// Places that certainly lack the record.
fn lacking(desired: &DesiredChannel, seen: &ChannelSeen) -> impl Iterator<Item = Place> {
    let absent = |region: &&RegionName| {
        matches!(seen.records.get(*region), Some(RecordSeen::Absent | RecordSeen::Present { kept: false, .. }))
    };
    let regions = desired.homes.keys().filter(absent).cloned().map(Place::Region);
    regions.chain(seen.branch.is_none().then_some(Place::Branch))
}

/// What the channel's consenters count while nobody leads: the most that one of them says.
pub(super) fn counted(seen: &ChannelSeen) -> (u32, u32) {
    let states = seen.orderers.values().filter_map(|said| match said {
        OrdererSeen::With { raft: Some(raft), .. } => Some((raft.active_nodes, raft.cluster_size)),
        _ => None,
    });
    states.max().unwrap_or_default()
}

fn join_peers(desired: &DesiredChannel, seen: &ChannelSeen, may_join: bool, decision: &mut Decision) {
    let outside = |of: &ChannelNode| seen.founders.as_ref().is_some_and(|f| !f.members.contains(&of.msp_id));
    for (node, wanted) in &desired.peers {
        match peer(seen, node) {
            Standing::With { .. } => {}
            // It would have a ledger that nobody gives it blocks for.
            _ if outside(wanted) => {
                let (channel, msp_id) = (desired.channel.clone(), wanted.msp_id.clone());
                decision.refusals.insert(Refusal::NoMember { channel, msp_id });
            }
            // A peer that lost its ledger gets it again from the ordering nodes.
            Standing::Without | Standing::Planned if may_join => {
                decision.steps.insert(Step::JoinPeer { node: node.clone() });
            }
            Standing::Without | Standing::Planned => {}
            Standing::Starting => drop(decision.waits.insert(starting(&desired.channel, node))),
            Standing::Silent(detail) => drop(decision.waits.insert(silent(&desired.channel, node, detail))),
        }
    }
}

pub mod state;
pub mod turns;

#[cfg(test)]
pub(crate) mod tests;
