//! Which restarts are admitted.

use serde_json::json;

use super::*;
use crate::desired::unit::{DesiredObject, Stage};
use crate::fabric::metrics::RaftState;
use crate::fabric::participation::Relation;
use crate::k8s::health::HealthInputs;
use crate::model::digest::Digest;
use crate::model::object::{ObjectId, Uid};
use crate::model::unit::UnitId;
use crate::plan::change::{Cause, ChangeSite, Precondition, Update};
use crate::plan::planner::tests::{empty_world, live, unit, wanted, with};

fn node(name: &str, role: &str, organization: &str) -> (ObjectRef, DesiredObject) {
    let labels = json!({
        "fabric.heddle.dev/network": "platform.trade",
        "fabric.heddle.dev/organization": organization,
        "fabric.heddle.dev/role": role,
    });
    let body = json!({"spec": {"template": {"metadata": {"labels": labels}}}});
    let id = ObjectId::namespaced(Kind::StatefulSet, "ns", name);
    wanted(Object::new(id, body.as_object().unwrap().clone()), Stage::Orderers)
}

fn restart((target, wanted): &(ObjectRef, DesiredObject)) -> Change {
    let site = ChangeSite { target: target.clone(), stage: wanted.stage, tenant: wanted.tenant.clone() };
    let precondition = Precondition::Exists { uid: Uid::new("u"), projection: None, lost: BTreeSet::new() };
    let (risk, cause) = (Risk::Disruptive, Cause::Spec);
    Change::update(
        site,
        Digest::of(b"new"),
        Update { fields: vec![], precondition, risk, cause, correctable: BTreeSet::new() },
    )
}

/// Restarts of all nodes, of which `down` are not ready: names of those that are admitted.
fn admitted(nodes: &[(ObjectRef, DesiredObject)], down: &[&str], budget: u32) -> Vec<String> {
    admitted_with(nodes, down, budget, None)
}

/// The same, when the nodes order a channel whose leader (the last of them, if there is one) counts so many.
fn admitted_with(
    nodes: &[(ObjectRef, DesiredObject)],
    down: &[&str],
    budget: u32,
    ordered: Option<(bool, u32)>,
) -> Vec<String> {
    let id = UnitId::parse("network/platform/trade").unwrap();
    let mut desired = unit("network/platform/trade", nodes.iter().cloned());
    let mut channels = turns::Seen::new();
    if let Some((leads, active)) = ordered {
        let mut channel = channel::tests::desired();
        channel.consenters =
            nodes.iter().map(|(target, _)| (target.clone(), channel::tests::consenter(&target.id.name))).collect();
        let raft = |is_leader| RaftState {
            is_leader,
            active_nodes: if is_leader { active } else { 0 },
            cluster_size: u32::try_from(nodes.len()).unwrap(),
            committed_block: None,
        };
        let last = &nodes.last().unwrap().0;
        let said = |target: &ObjectRef| OrdererSeen::With {
            relation: Relation::Consenter,
            height: 1,
            raft: Some(raft(leads && target == last)),
        };
        let orderers = nodes.iter().map(|(target, _)| (target.clone(), said(target))).collect();
        channels.insert(channel.channel.id.clone(), ChannelSeen { orderers, ..ChannelSeen::default() });
        desired.channels.insert(channel.channel.id.clone(), channel);
    }
    let mut world = empty_world();
    for node in nodes {
        let mut copy = live(&id, node.clone());
        let ready = i64::from(!down.contains(&&*node.0.id.name));
        copy.generation = Some(1);
        copy.health = HealthInputs::StatefulSet {
            observed_generation: Some(1),
            replicas: 1,
            ready,
            updated: 1,
            revision_current: true,
        };
        world = with(world, copy);
    }
    let admitted = admit(nodes.iter().map(restart).collect(), &desired, (&world, &channels), budget);
    assert_eq!(admitted.changes.len() + admitted.waits.len(), nodes.len());
    admitted.changes.iter().map(|change| change.target.id.name.to_string()).collect()
}

#[test]
fn one_ordering_node_restarts_at_a_time_whoever_owns_it() {
    let nodes = [node("a", "orderer", "one"), node("b", "orderer", "two"), node("c", "orderer", "one")];
    assert_eq!(admitted(&nodes, &[], 1), ["a"]);
    assert_eq!(admitted(&nodes, &[], 2), ["a", "b"]);
}

#[test]
fn peers_count_by_organization() {
    let nodes = [node("a", "peer", "one"), node("b", "peer", "two"), node("c", "peer", "one")];
    assert_eq!(admitted(&nodes, &[], 1), ["a", "b"]);
}

#[test]
fn a_node_that_is_down_uses_the_budget_and_may_be_mended() {
    let nodes = [node("a", "orderer", "one"), node("b", "orderer", "one"), node("c", "orderer", "one")];
    assert_eq!(admitted(&nodes, &["b"], 1), ["b"]);
    assert_eq!(admitted(&nodes, &["a", "b"], 1), ["a", "b"]);
}

#[test]
fn an_ordering_node_restarts_only_while_more_than_half_of_its_channels_others_are_in_touch() {
    let three = ["a", "b", "c"].map(|name| node(name, "orderer", "one"));
    let of_three = |budget, leads, active| admitted_with(&three, &[], budget, Some((leads, active)));
    assert_eq!(of_three(1, true, 3), ["a"]);
    // The port of one accepts, and it has not caught up.
    assert!(of_three(1, true, 2).is_empty());
    assert!(of_three(1, false, 0).is_empty());
    // A budget is no leave to stop a channel.
    assert_eq!(of_three(3, true, 3), ["a"]);
    let five = ["a", "b", "c", "d", "e"].map(|name| node(name, "orderer", "one"));
    assert_eq!(admitted_with(&five, &[], 5, Some((true, 5))), ["a", "b"]);
    assert_eq!(admitted_with(&five, &[], 5, Some((true, 4))), ["a"]);
    // Of one or two nothing can be spared; they restart in turn while all are there.
    let two = ["a", "b"].map(|name| node(name, "orderer", "one"));
    assert_eq!(admitted_with(&two, &[], 2, Some((true, 2))), ["a"]);
    assert_eq!(admitted_with(&two[..1], &[], 1, Some((true, 1))), ["a"]);
    assert!(admitted_with(&two, &[], 2, Some((true, 1))).is_empty());
    // One that is down is mended whatever its channel says.
    assert_eq!(admitted_with(&three, &["b"], 1, Some((true, 2))), ["b"]);
}
