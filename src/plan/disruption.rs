//! Which of the changes that restart nodes may happen now.
//!
//! Input: a unit's updates, its desired workloads and the world. Output: the updates that fit the budget, and a wait
//! for each that does not. It does not know quorums of channels. Invariants: a node that is down already may always
//! change (that mends it and disturbs nothing); otherwise at most `budgets.restarts` nodes of one group are down or
//! restarting at any time, counted over all regions. A group is the ordering nodes of a network, or one
//! organization's nodes of another role.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, Risk};
use super::diff::World;
use crate::desired::unit::DesiredUnit;
use crate::k8s::health::{self, Health};
use crate::k8s::object::Object;
use crate::model::object::{Kind, ObjectRef};
use crate::model::waiting::WaitingOn;
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
pub fn admit(changes: Vec<Change>, desired: &DesiredUnit, world: &World, budget: u32) -> Admitted {
    let mut down = down_by_group(desired, world);
    let mut admitted = Admitted::default();
    for change in changes {
        let healthy = change.risk == Risk::Disruptive && is_healthy(&change.target, world);
        if !healthy {
            admitted.changes.push(change);
            continue;
        }
        let group = desired.objects.get(&change.target).and_then(|wanted| group_of(&wanted.object));
        let in_group = down.entry(group).or_default();
        if *in_group < budget as usize {
            *in_group += 1;
            admitted.changes.push(change);
        } else {
            admitted.waits.insert(WaitingOn::Restart { object: change.target.clone(), down: *in_group, budget });
            admitted.deferred.push(change);
        }
    }
    admitted
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
