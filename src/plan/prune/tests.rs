//! What is deleted, what is held, and what is left alone.

use std::collections::BTreeMap;

use super::*;
use crate::desired::unit::DesiredObject;
use crate::k8s::object::Object;
use crate::model::names::ChannelId;
use crate::model::object::{ObjectId, Uid};
use crate::observed::channel::ChannelRow;
use crate::observed::inventory::Inventory;
use crate::observed::region::RegionUnknown;
use crate::plan::planner::tests::{config_map, empty_world, eu, installation, live, plan_of, unit, wanted, with};

type Wanted = (ObjectRef, DesiredObject);

fn of_kind(kind: Kind, name: &str) -> Wanted {
    wanted(Object::new(ObjectId::namespaced(kind, "ns", name), serde_json::Map::new()), Stage::Support)
}

fn unit_id() -> UnitId {
    UnitId::parse("network/acme/trade").unwrap()
}

/// A row of this object's live copy.
fn row(of: &Wanted) -> Row {
    Row { uid: Some(Uid::new(&format!("uid-{}", of.0.id.name))), ..Row::intended(&of.1.tenant, None) }
}

/// Objects that exist and stand in the inventory, as `change` leaves both.
fn world(objects: &[Wanted], change: impl Fn(&mut Row, &mut ObservedObject)) -> World {
    let mut world = empty_world();
    let mut rows = BTreeMap::new();
    for object in objects {
        let (mut row, mut copy) = (row(object), live(&unit_id(), object.clone()));
        change(&mut row, &mut copy);
        rows.insert(object.0.id.clone(), row);
        world = with(world, copy);
    }
    world.get_mut(&eu()).unwrap().inventories.insert(unit_id(), Inventory { rows, stored: None });
    world
}

fn told(world: &World) -> Vec<String> {
    let prune = prune(&installation(), Declared::Yes(&unit("network/acme/trade", [])), world);
    let deletions = prune.deletions.iter().map(|change| format!("delete {}", change.target));
    let refusals = prune.refusals.iter().map(ToString::to_string);
    deletions.chain(refusals).chain(prune.waits.iter().map(ToString::to_string)).collect()
}

#[test]
fn what_is_listed_ours_and_no_longer_wanted_goes() {
    let world = world(&[config_map("x", "a")], |_, _| {});
    assert_eq!(told(&world), ["delete eu: ConfigMap ns/x"]);
    let desired = unit("network/acme/trade", [config_map("x", "a")]);
    assert!(prune(&installation(), Declared::Yes(&desired), &world).deletions.is_empty());
}

#[test]
fn one_key_is_not_enough() {
    let listed_only = |change: &dyn Fn(&mut Row, &mut ObservedObject)| told(&world(&[config_map("x", "a")], change));
    assert_eq!(listed_only(&|row, _| row.uid = None), [""; 0], "its creation was only intended");
    assert_eq!(listed_only(&|row, _| row.uid = Some(Uid::new("earlier"))), [""; 0], "another life of the name");
    let foreign = listed_only(&|_, live| live.owner.self_reference = Some("demo/eu//ConfigMap/ns/y".into()));
    assert_eq!(foreign.len(), 1);
    assert!(foreign[0].contains("belongs to somebody else"), "{foreign:?}");
    let unlisted = with(empty_world(), live(&unit_id(), config_map("x", "a")));
    assert_eq!(told(&unlisted), [""; 0]);
}

#[test]
fn what_holds_a_ledger_is_never_deleted() {
    assert_eq!(told(&world(&[of_kind(Kind::PersistentVolumeClaim, "x")], |_, _| {})), [""; 0]);
    let namespace =
        wanted(Object::new(ObjectId::cluster(Kind::Namespace, "x"), serde_json::Map::new()), Stage::Namespace);
    assert_eq!(told(&world(&[namespace], |_, _| {})), [""; 0]);
}

#[test]
fn what_no_plan_deletes_is_told_while_it_is_there() {
    let claim = of_kind(Kind::PersistentVolumeClaim, "x");
    let left = |desired: &DesiredUnit, change: &dyn Fn(&mut Row, &mut ObservedObject)| {
        let world = world(std::slice::from_ref(&claim), change);
        prune(&installation(), Declared::Yes(desired), &world).left_behind.len()
    };
    let nothing_wanted = unit("network/acme/trade", []);
    assert_eq!(left(&nothing_wanted, &|_, _| {}), 1);
    assert_eq!(left(&nothing_wanted, &|row, _| row.uid = Some(Uid::new("earlier"))), 0, "another life of the name");
    assert_eq!(left(&unit("network/acme/trade", [claim.clone()]), &|_, _| {}), 0);
}

#[test]
fn a_deletion_is_judged_by_itself_and_not_by_the_rest_of_its_unit() {
    // One object goes; another one is a stranger's, and a second region cannot be seen at all.
    let mut world = world(&[config_map("x", "a")], |_, _| {});
    let mut stranger = live(&unit_id(), config_map("y", "a"));
    stranger.owner.self_reference = Some("demo/eu//ConfigMap/ns/z".into());
    world = with(world, stranger);
    let region = crate::model::names::RegionName::parse("us").unwrap();
    let why = crate::observed::region::RegionUnknown::NotConfigured;
    world.insert(region.clone(), RegionObservation::unknown(region.clone(), why));
    let mut elsewhere = config_map("w", "a");
    elsewhere.0.region = region;
    let plan = plan_of(&unit("network/acme/trade", [config_map("y", "a"), elsewhere]), &world, &BTreeMap::new());
    assert_eq!(plan.changes.iter().map(|c| c.target.to_string()).collect::<Vec<_>>(), ["eu: ConfigMap ns/x"]);
    assert_eq!((plan.refusals.len(), plan.waits.len()), (1, 1));
}

#[test]
fn nothing_is_deleted_in_a_region_that_was_not_seen_completely() {
    for unsure in [Kind::ConfigMap, Kind::Service] {
        let mut world = world(&[config_map("x", "a")], |_, _| {});
        world.get_mut(&eu()).unwrap().kinds.insert(unsure, Completeness::Stale);
        let prune = prune(&installation(), Declared::Yes(&unit("network/acme/trade", [])), &world);
        let wait = prune.waits.iter().next().unwrap();
        assert!(matches!(wait, WaitingOn::Observation { kind, .. } if *kind == unsure), "{wait}");
        assert_eq!((prune.deletions.len(), prune.refusals.len(), prune.waits.len()), (0, 0, 1));
    }
}

#[test]
fn what_was_seen_before_a_region_was_lost_is_no_reason_to_delete() {
    let lost = |mut world: World| {
        let why = RegionUnknown::Unreachable { detail: "connection refused".into() };
        world.get_mut(&eu()).unwrap().cluster = Err(why);
        world
    };
    let waits = ["region eu cannot be judged: connection refused; nothing is changed there"];
    let left = lost(world(&[config_map("x", "a")], |_, _| {}));
    assert_eq!(told(&left), waits);
    let desired = unit("network/acme/trade", [config_map("x", "a")]);
    assert!(prune(&installation(), Declared::Yes(&desired), &left).waits.is_empty(), "everything is wanted");
    let never_seen = lost(empty_world());
    assert_eq!(told(&never_seen), [""; 0]);
    let vanished = prune(&installation(), Declared::Vanished(&unit_id()), &never_seen);
    assert_eq!(vanished.waits.iter().map(ToString::to_string).collect::<Vec<_>>(), waits);
}

#[test]
fn what_vanished_without_a_word_is_held() {
    let world_of_node = world(&[config_map("x", "a")], |row, _| row.node = Some("trade-acme-p1".into()));
    let held = "eu: ConfigMap ns/x exists, but node trade-acme-p1 vanished from the spec without being decommissioned";
    assert_eq!(told(&world_of_node), [held]);
    let mut leaving = unit("network/acme/trade", []);
    leaving.leaving.declared_nodes.insert("trade-acme-p1".into());
    let prune_of = |declared| prune(&installation(), declared, &world_of_node);
    assert_eq!(prune_of(Declared::Yes(&leaving)).deletions.len(), 1, "it said that it leaves");
    let vanished = prune_of(Declared::Vanished(&unit_id()));
    assert!(vanished.deletions.is_empty() && vanished.refusals.len() == 1);
}

#[test]
fn the_first_block_of_a_channel_is_never_deleted_and_is_told_when_its_unit_leaves() {
    let record = |row: &mut Row, _: &mut ObservedObject| {
        let id = ChannelId::parse("ch1").unwrap();
        row.channel = Some(ChannelRow { id, block: None, joined: BTreeSet::new() });
    };
    let world = world(&[config_map("trade-channel-ch1", "a")], record);
    assert_eq!(told(&world), [""; 0]);
    let stays = unit("network/acme/trade", []);
    let leaving = DesiredUnit { decommissioned: true, ..stays.clone() };
    let left = |declared| prune(&installation(), declared, &world).left_behind.len();
    assert_eq!(left(Declared::Yes(&stays)), 0);
    assert_eq!(left(Declared::Yes(&leaving)), 1);
    assert_eq!(left(Declared::Vanished(&unit_id())), 1);
    let deletions = prune(&installation(), Declared::Yes(&leaving), &world).deletions;
    assert!(deletions.is_empty(), "{deletions:?}");
}

#[test]
fn what_is_being_deleted_is_waited_for_and_not_deleted_again() {
    let world = world(&[config_map("x", "a")], |_, live| live.deleting = true);
    assert_eq!(told(&world), [WaitingOn::Deletion { object: config_map("x", "a").0 }.to_string()]);
}

#[test]
fn workloads_go_before_what_they_need() {
    let objects = [config_map("x", "a"), of_kind(Kind::StatefulSet, "x"), of_kind(Kind::ServiceAccount, "x")];
    let order = ["delete eu: StatefulSet ns/x", "delete eu: ConfigMap ns/x", "delete eu: ServiceAccount ns/x"];
    assert_eq!(told(&world(&objects, |_, _| {})), order);
}

#[test]
fn a_plan_over_its_budget_of_deletions_deletes_nothing() {
    use crate::plan::planner::{self, Input};
    use crate::spec::fleet::{ApplyPolicy, Budgets, ConflictPolicy};
    let world = world(&[config_map("x", "a"), config_map("y", "a")], |_, _| {});
    let desired = unit("network/acme/trade", []);
    let deletions = |deletes| {
        let plan = planner::plan(Input {
            installation: &installation(),
            declared: Declared::Yes(&desired),
            previous: None,
            world: &world,
            bodies: &BTreeMap::new(),
            contended: &BTreeMap::new(),
            unmet: &BTreeSet::new(),
            policy: ApplyPolicy { conflicts: ConflictPolicy::Correct },
            budgets: Budgets { deletes, restarts: 1 },
            identities: &crate::plan::identity::Decisions::default(),
            channels: &BTreeMap::new(),
        });
        (plan.changes.len(), plan.refusals.len())
    };
    assert_eq!(deletions(2), (2, 0));
    assert_eq!(deletions(1), (0, 1));
}
