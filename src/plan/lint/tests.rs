//! Every promise is broken once by a plan that no planner would make.

use std::collections::BTreeMap;

use super::*;
use crate::desired::unit::Stage;
use crate::k8s::object::Object;
use crate::model::channel::ChannelRef;
use crate::model::digest::Digest;
use crate::model::names::{ChannelId, TenantName};
use crate::model::object::{ObjectId, Uid};
use crate::model::unit::{NetworkRef, UnitId};
use crate::observed::channel::ChannelRow;
use crate::observed::inventory::{Inventory, Row};
use crate::plan::change::{Cause, ChangeSite, FieldChange, Update};
use crate::plan::planner::tests::{config_map, empty_world, eu, live, wanted, with};

fn unit_id() -> UnitId {
    UnitId::parse("network/acme/trade").unwrap()
}

fn site(target: &ObjectRef) -> ChangeSite {
    ChangeSite { target: target.clone(), stage: Stage::Support, tenant: TenantName::parse("acme").unwrap() }
}

fn object() -> ObjectRef {
    config_map("x", "a").0
}

fn exists() -> Precondition {
    Precondition::Exists { uid: Uid::new("uid-x"), projection: None, lost: BTreeSet::new() }
}

fn update(target: &ObjectRef, path: &str, risk: Risk, precondition: Precondition) -> Change {
    let fields = vec![FieldChange { path: path.to_owned(), from: None, to: None, taken_by: None }];
    let update = Update { fields, precondition, risk, cause: Cause::Spec, correctable: BTreeSet::new() };
    Change::update(site(target), Digest::of(b"new"), update)
}

/// A world in which the object of [`object`] is there and listed.
fn world() -> World {
    let mut world = with(empty_world(), live(&unit_id(), config_map("x", "a")));
    let row = Row { uid: Some(Uid::new("uid-x")), ..Row::intended(&TenantName::parse("acme").unwrap(), None) };
    let inventory = Inventory { rows: BTreeMap::from([(object().id, row)]), stored: None };
    world.get_mut(&eu()).unwrap().inventories.insert(unit_id(), inventory);
    world
}

fn violations(changes: &[Change], world: &World) -> Vec<Violation> {
    let plan = UnitPlan { changes: changes.to_vec(), ..UnitPlan::empty(unit_id()) };
    lint(&plan, world).into_iter().collect()
}

#[test]
fn a_plan_that_keeps_its_promises_has_no_violation() {
    let deletion = Change::delete(site(&object()), exists());
    assert_eq!(violations(&[deletion], &world()), []);
    assert_eq!(violations(&[Change::create(site(&object()), Digest::of(b"a"))], &empty_world()), []);
    assert_eq!(violations(&[update(&object(), "data.key", Risk::Routine, exists())], &world()), []);
}

#[test]
fn each_broken_promise_is_found() {
    let deletion = || Change::delete(site(&object()), exists());
    let creation = || Change::create(site(&object()), Digest::of(b"a"));
    let unseen = |mut world: World| {
        world.get_mut(&eu()).unwrap().kinds.insert(Kind::ConfigMap, Completeness::Stale);
        world
    };
    let underrated = Change { risk: Risk::Routine, ..deletion() };
    let blind = Change { precondition: exists(), ..creation() };
    assert_eq!(violations(&[deletion()], &unseen(world())), [Violation::DeletesUnseen(object())]);
    assert_eq!(violations(&[deletion()], &empty_world()), [Violation::DeletesUnlisted(object())]);
    assert_eq!(violations(&[underrated], &world()), [Violation::UnderratesDeletion(object())]);
    assert_eq!(violations(&[creation()], &unseen(empty_world())), [Violation::CreatesUnseen(object())]);
    assert_eq!(violations(&[creation()], &world()), [Violation::CreatesUnseen(object())]);
    assert_eq!(violations(&[blind], &empty_world()), [Violation::Unconditioned(object())]);
    assert_eq!(violations(&[deletion(), deletion()], &world()), [Violation::ChangesTwice(object())]);
    let unconditioned = update(&object(), "data.key", Risk::Routine, Precondition::Absent);
    assert_eq!(violations(&[unconditioned], &world()), [Violation::Unconditioned(object())]);
    let set =
        wanted(Object::new(ObjectId::namespaced(Kind::StatefulSet, "ns", "x"), serde_json::Map::new()), Stage::Peers).0;
    let hidden = update(&set, "spec.template.spec.containers", Risk::Routine, exists());
    assert_eq!(violations(&[hidden], &world()), [Violation::HidesRestart(set)]);
    let claim = ObjectRef { region: eu(), id: ObjectId::namespaced(Kind::PersistentVolumeClaim, "ns", "x") };
    let protected = violations(&[Change::delete(site(&claim), exists())], &world());
    assert!(protected.contains(&Violation::DeletesProtected(claim)), "{protected:?}");
}

/// A step of a channel on an object, as a plan would hold it.
fn step(target: ObjectRef, action: ChannelAction) -> Change {
    let channel =
        ChannelRef { network: NetworkRef::parse("acme/trade").unwrap(), id: ChannelId::parse("ch1").unwrap() };
    Change::channel(target, &TenantName::parse("acme").unwrap(), ChannelStep { channel, action })
}

#[test]
fn a_known_channel_gets_no_other_block_and_an_ordering_node_joins_once() {
    let record = config_map("trade--channel-ch1", "a").0;
    let node = ObjectRef { region: eu(), id: ObjectId::namespaced(Kind::StatefulSet, "ns", "o1") };
    let (block, other) = (Digest::of(b"block"), Digest::of(b"other"));
    let told = |world: &World, change: Change| {
        let mut plan = UnitPlan::empty(unit_id());
        plan.changes.push(change);
        lint(&plan, world).into_iter().collect::<Vec<_>>()
    };
    let orderer = |block| step(node.clone(), ChannelAction::JoinOrderer { block });
    let peer = |block| step(node.clone(), ChannelAction::JoinPeer { block });
    let genesis = || step(record.clone(), ChannelAction::Genesis);
    let nothing = empty_world();
    assert!(told(&nothing, genesis()).is_empty() && told(&nothing, orderer(Some(block))).is_empty());
    assert_eq!(told(&nothing, orderer(None)), [Violation::JoinsAnotherBlock(node.clone())]);
    let mut known = empty_world();
    let row =
        ChannelRow { id: ChannelId::parse("ch1").unwrap(), block: Some(block), joined: BTreeSet::from([node.clone()]) };
    let tenant = TenantName::parse("acme").unwrap();
    let row = Row { channel: Some(row), ..Row::intended(&tenant, None) };
    let inventory = Inventory { rows: BTreeMap::from([(record.id.clone(), row)]), stored: None };
    known.get_mut(&eu()).unwrap().inventories.insert(unit_id(), inventory);
    assert_eq!(told(&known, genesis()), [Violation::MakesAnotherBlock(record.clone())]);
    assert_eq!(told(&known, orderer(Some(block))), [Violation::JoinsTwice(node.clone())]);
    assert!(told(&known, peer(Some(block))).is_empty());
    assert_eq!(told(&known, peer(Some(other))), [Violation::JoinsAnotherBlock(node.clone())]);
    let mut hidden = empty_world();
    hidden.get_mut(&eu()).unwrap().kinds.insert(Kind::ConfigMap, Completeness::Stale);
    assert_eq!(told(&hidden, genesis()), [Violation::CreatesUnseen(record.clone())]);
    let mut unconditioned = peer(Some(block));
    unconditioned.precondition = Precondition::Absent;
    assert_eq!(told(&known, unconditioned), [Violation::Unconditioned(node.clone())]);
}
