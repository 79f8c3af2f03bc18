//! Which steps of a unit's channels may be done now, and which come after others.
//!
//! Input: a unit's channels, what was seen of them, the nodes whose objects this plan changes. Output: [`Turns`]. It decides
//! nothing that [`super::decide`] did not. Invariants: a first block is made when every node of its channel was asked; nobody
//! is joined before the first block is kept in every home region and the status branch remembers it; a peer is joined
//! while the channel has a leader; nothing is done about a node whose objects change, and no first block names one that does
//! not run as it is declared.

use std::collections::{BTreeMap, BTreeSet};

use super::{Decision, Place, Step, decide, leader, records};
use crate::desired::channel::DesiredChannel;
use crate::desired::unit::DesiredUnit;
use crate::model::digest::Digest;
use crate::model::names::{ChannelId, RegionName, TenantName};
use crate::model::object::ObjectRef;
use crate::model::waiting::{ChannelTurn, WaitingOn};
use crate::observed::channel::{ChannelSeen, OrdererSeen, PeerSeen};
use crate::plan::change::{Change, ChannelAction, ChannelStep, Op};
use crate::plan::refusal::Refusal;

/// Channels as seen; one that is not in it was not looked at.
pub type Seen = BTreeMap<ChannelId, ChannelSeen>;

/// What a unit's channels come to.
#[derive(Debug, Clone, Default)]
pub struct Turns {
    /// What is done now.
    pub changes: Vec<Change>,
    /// What is done after others.
    pub deferred: Vec<Change>,
    /// What is waited for.
    pub waits: BTreeSet<WaitingOn>,
    /// What is not done.
    pub refusals: BTreeSet<Refusal>,
}

/// What else a unit's plan comes to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// What is done now.
    pub changes: &'a [Change],
    /// What is done later.
    pub deferred: &'a [Change],
    /// What is not done.
    pub refusals: Option<&'a BTreeSet<Refusal>>,
}

/// The turns of all channels of a unit, beside what else its plan comes to.
pub fn turns(desired: &DesiredUnit, seen: &Seen, beside: Beside<'_>) -> Turns {
    let mut turns = Turns::default();
    let busy = busy(desired, beside.changes.iter());
    let refused = beside.refusals.into_iter().flatten().filter_map(Refusal::object);
    let refused = refused.filter_map(|target| node_of(desired, target));
    let unsettled = busy.union(&self::busy(desired, beside.deferred.iter())).cloned().chain(refused).collect();
    let nobody_looked = ChannelSeen::default();
    for (id, channel) in &desired.channels {
        let seen = seen.get(id).unwrap_or(&nobody_looked);
        let decision = decide(channel, seen);
        turns.waits.extend(decision.waits.iter().cloned());
        turns.refusals.extend(decision.refusals.iter().cloned());
        let queue = Queue { desired: channel, seen, decision: &decision, busy: &busy, unsettled: &unsettled };
        let mut later: BTreeMap<ChannelTurn, usize> = BTreeMap::new();
        for step in &decision.steps {
            let Some(change) = queue.change(step) else { continue };
            match queue.comes_after(step) {
                None => turns.changes.push(change),
                Some(after) => {
                    *later.entry(after).or_default() += 1;
                    turns.deferred.push(change);
                }
            }
        }
        let turn = |(after, steps)| WaitingOn::ChannelTurn { channel: channel.channel.clone(), steps, after };
        turns.waits.extend(later.into_iter().map(turn));
    }
    turns
}

/// Joins that nobody confirmed and that nodes tell of, by channel.
pub fn unconfirmed(desired: &DesiredUnit, seen: &Seen) -> BTreeMap<ChannelId, BTreeSet<ObjectRef>> {
    let mut found = BTreeMap::new();
    for (id, channel) in &desired.channels {
        let Some(seen) = seen.get(id) else { continue };
        let confirms = decide(channel, seen).steps.into_iter().filter_map(|step| match step {
            Step::Confirm { node } => Some(node),
            Step::Genesis | Step::Copy { .. } | Step::JoinOrderer { .. } | Step::JoinPeer { .. } => None,
        });
        let nodes: BTreeSet<ObjectRef> = confirms.collect();
        if !nodes.is_empty() {
            found.insert(id.clone(), nodes);
        }
    }
    found
}

/// A node's workload, by region and name.
type NodeName = (RegionName, Box<str>);

/// The node that an object is part of.
fn node_of(desired: &DesiredUnit, target: &ObjectRef) -> Option<NodeName> {
    let node = desired.objects.get(target)?.node.clone()?;
    Some((target.region.clone(), node))
}

/// Workloads of nodes whose objects change, as far as they are not only taken away.
fn busy<'a>(desired: &DesiredUnit, changes: impl Iterator<Item = &'a Change>) -> BTreeSet<NodeName> {
    let changing = changes.filter(|change| match change.op {
        Op::Create | Op::Update(_) | Op::Issue(_) => true,
        Op::Delete | Op::Channel(_) => false,
    });
    let node = |change: &Change| {
        let of_identity = || match &change.op {
            Op::Issue(issue) => desired.identities.get(&issue.identity).and_then(|wanted| wanted.node.clone()),
            Op::Create | Op::Update(_) | Op::Delete | Op::Channel(_) => None,
        };
        node_of(desired, &change.target).or_else(|| Some((change.target.region.clone(), of_identity()?)))
    };
    changing.filter_map(node).collect()
}

struct Queue<'a> {
    desired: &'a DesiredChannel,
    seen: &'a ChannelSeen,
    decision: &'a Decision,
    busy: &'a BTreeSet<NodeName>,
    /// The same, and nodes whose objects are to change later or are refused: what runs there has another key than is declared.
    unsettled: &'a BTreeSet<NodeName>,
}

impl Queue<'_> {
    /// The change that a step is; none for what is only written down.
    fn change(&self, step: &Step) -> Option<Change> {
        let Self { desired, .. } = self;
        let (target, tenant, action): (ObjectRef, &TenantName, ChannelAction) = match step {
            Step::Genesis => {
                let (region, home) = desired.homes.first_key_value()?;
                let target = ObjectRef { region: region.clone(), id: home.record.clone() };
                (target, &home.tenant, ChannelAction::Genesis)
            }
            Step::Copy { to: Place::Region(region), block } => {
                let home = desired.homes.get(region)?;
                let target = ObjectRef { region: region.clone(), id: home.record.clone() };
                (target, &home.tenant, ChannelAction::Copy { block: *block })
            }
            // Both are written down without a step: the report does the one, the inventory the other.
            Step::Copy { to: Place::Branch, .. } | Step::Confirm { .. } => return None,
            Step::JoinOrderer { node } => {
                let tenant = &desired.consenters.get(node)?.node.tenant;
                (node.clone(), tenant, ChannelAction::JoinOrderer { block: self.block() })
            }
            Step::JoinPeer { node } => {
                let tenant = &desired.peers.get(node)?.tenant;
                (node.clone(), tenant, ChannelAction::JoinPeer { block: self.block() })
            }
        };
        Some(Change::channel(target, tenant, ChannelStep { channel: desired.channel.clone(), action }))
    }

    /// The first block that is remembered; places that differ give no step.
    fn block(&self) -> Option<Digest> {
        records(self.seen).map(|(block, _)| block).next()
    }

    /// What must come before a step; none when its turn has come.
    fn comes_after(&self, step: &Step) -> Option<ChannelTurn> {
        let Self { desired, seen, decision, .. } = self;
        let mut nodes = desired.consenters.keys().chain(desired.peers.keys());
        let steps = &decision.steps;
        let copies = |place: fn(&Place) -> bool| steps.iter().any(|s| matches!(s, Step::Copy { to, .. } if place(to)));
        match step {
            Step::Genesis => {
                let is_ready = |node: &ObjectRef| self.was_asked(node, self.unsettled);
                nodes.any(|node| !is_ready(node)).then_some(ChannelTurn::Nodes)
            }
            Step::Copy { .. } | Step::Confirm { .. } => None,
            Step::JoinOrderer { node } | Step::JoinPeer { node } if !self.was_asked(node, self.busy) => {
                Some(ChannelTurn::Nodes)
            }
            _ if steps.contains(&Step::Genesis) || copies(|to| matches!(to, Place::Region(_))) => {
                Some(ChannelTurn::Record)
            }
            _ if copies(|to| matches!(to, Place::Branch)) => Some(ChannelTurn::Branch),
            Step::JoinPeer { .. } if leader(seen).is_none() => Some(ChannelTurn::Leader),
            Step::JoinOrderer { .. } | Step::JoinPeer { .. } => None,
        }
    }

    /// Whether a node said that it does not have the channel, and nothing else is done about it.
    fn was_asked(&self, node: &ObjectRef, busy: &BTreeSet<NodeName>) -> bool {
        let says_no = match (self.seen.orderers.get(node), self.seen.peers.get(node)) {
            (Some(said), _) => matches!(said, OrdererSeen::Without),
            (None, Some(said)) => matches!(said, PeerSeen::Without),
            (None, None) => false,
        };
        says_no && !busy.contains(&(node.region.clone(), node.id.name.clone()))
    }
}
