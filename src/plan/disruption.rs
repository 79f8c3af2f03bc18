//! Which of the changes that restart nodes may happen now.
//!
//! Input: a unit's updates, its desired workloads and the world. Output: the updates that fit the budget, and a wait
//! for each that does not. Invariants: a node that is down already may always change (that mends it and disturbs nothing);
//! otherwise at most `budgets.restarts` nodes of one group are down or restarting at any time, counted over all regions,
//! and as far as its leader tells, more than half of a channel's ordering nodes stay in touch. A group is the ordering
//! nodes of a network, or one organization's nodes of another role.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, Risk};
use super::channel::{self, turns};
use super::diff::World;
use crate::desired::channel::DesiredChannel;
use crate::desired::unit::DesiredUnit;
use crate::k8s::health::{self, Health};
use crate::k8s::object::Object;
use crate::model::names::ChannelId;
use crate::model::object::{Kind, ObjectRef};
use crate::model::waiting::WaitingOn;
use crate::observed::channel::{ChannelSeen, OrdererSeen};
use crate::observed::region::Presence;

/// What may go on and what waits.
#[derive(Debug, Clone, Default)]
pub struct Admitted {
    /// Changes that may happen.
    pub changes: Vec<Change>,
    /// Changes that may not happen yet.
    pub deferred: Vec<Change>,
    /// A wait for each change that may not yet.
    pub waits: BTreeSet<WaitingOn>,
}

/// Splits changes by the budget of restarts.
pub fn admit(
    changes: Vec<Change>,
    desired: &DesiredUnit,
    (world, channels): (&World, &turns::Seen),
    budget: u32,
) -> Admitted {
    let mut down = down_by_group(desired, world);
    let mut quorums = Quorums { desired, channels, taken: BTreeMap::new() };
    let mut admitted = Admitted::default();
    for change in changes {
        let healthy = change.risk == Risk::Disruptive && is_healthy(&change.target, world);
        if !healthy {
            admitted.changes.push(change);
            continue;
        }
        let group = desired.objects.get(&change.target).and_then(|wanted| group_of(&wanted.object));
        let in_group = down.entry(group).or_default();
        let waits = match quorums.in_the_way(&change.target) {
            _ if *in_group >= budget as usize => {
                vec![WaitingOn::Restart { object: change.target.clone(), down: *in_group, budget }]
            }
            quorums => quorums,
        };
        if waits.is_empty() {
            *in_group += 1;
            quorums.take(&change.target);
            admitted.changes.push(change);
        } else {
            admitted.waits.extend(waits);
            admitted.deferred.push(change);
        }
    }
    admitted
}

/// How many ordering nodes of each channel are in touch, less those that restart now.
struct Quorums<'a> {
    desired: &'a DesiredUnit,
    channels: &'a turns::Seen,
    taken: BTreeMap<&'a ChannelId, u32>,
}

impl<'a> Quorums<'a> {
    /// Channels that a workload orders, as seen.
    fn ordered_by(&self, workload: &ObjectRef) -> impl Iterator<Item = (&'a DesiredChannel, &'a ChannelSeen)> {
        let channels = self.channels;
        self.desired.channels.iter().filter_map(move |(id, channel)| {
            let seen = channels.get(id)?;
            matches!(seen.orderers.get(workload), Some(OrdererSeen::With { .. })).then_some((channel, seen))
        })
    }

    /// Channels that would be left without a majority. One whose nodes are all silent stops nothing: a restart may be what
    /// mends them.
    fn in_the_way(&self, workload: &ObjectRef) -> Vec<WaitingOn> {
        let wait = |(desired, seen): (&DesiredChannel, &ChannelSeen)| {
            let (active, size) = match channel::leader(seen) {
                Some(leader) => (leader.active, leader.size),
                None => (0, channel::counted(seen).1),
            };
            let taken = self.taken.get(&desired.channel.id).copied().unwrap_or_default();
            let left = active.saturating_sub(taken + 1);
            // Of one or two nodes none can be spared, so that all of them being there is as good as it gets.
            let whole = taken == 0 && active == size;
            let object = workload.clone();
            (left * 2 <= size && !whole).then(|| WaitingOn::Quorum {
                object,
                channel: desired.channel.clone(),
                active,
                size,
            })
        };
        self.ordered_by(workload).filter_map(wait).collect()
    }

    fn take(&mut self, workload: &ObjectRef) {
        for (desired, _) in self.ordered_by(workload).collect::<Vec<_>>() {
            *self.taken.entry(&desired.channel.id).or_default() += 1;
        }
    }
}

type Group = Option<(String, String, String)>;

fn group_of(object: &Object) -> Group {
    let label = |name: &str| {
        let labels = object.pointer("/spec/template/metadata/labels")?;
        labels.get(format!("fabric.heddle.dev/{name}"))?.as_str().map(ToOwned::to_owned)
    };
    let role = label("role")?;
    let organization = if role == "orderer" { String::new() } else { label("organization")? };
    Some((label("network").unwrap_or_default(), organization, role))
}

fn down_by_group(desired: &DesiredUnit, world: &World) -> BTreeMap<Group, usize> {
    let mut down = BTreeMap::new();
    for (target, wanted) in &desired.objects {
        if target.id.kind == Kind::StatefulSet && !is_healthy(target, world) {
            *down.entry(group_of(&wanted.object)).or_default() += 1;
        }
    }
    down
}

fn is_healthy(target: &ObjectRef, world: &World) -> bool {
    let Some(seen) = world.get(&target.region) else { return false };
    match seen.look_up(&target.id) {
        Presence::Present(live) => health::judge(live.generation, &live.health) == Health::Healthy,
        Presence::Absent | Presence::Unknown(_) => false,
    }
}

#[cfg(test)]
mod tests;
