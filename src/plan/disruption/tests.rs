//! Which restarts are admitted.

use serde_json::json;

use super::*;
use crate::desired::unit::{DesiredObject, Stage};
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
    let id = UnitId::parse("network/platform/trade").unwrap();
    let desired = unit("network/platform/trade", nodes.iter().cloned());
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
    let admitted = admit(nodes.iter().map(restart).collect(), &desired, &world, budget);
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
