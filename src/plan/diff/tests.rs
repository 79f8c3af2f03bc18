//! What one object needs, by what is known of it.

use super::*;
use crate::desired::unit::Stage;
use crate::k8s::object::Object;
use crate::model::digest::Digest;
use crate::model::object::{ObjectId, Uid};
use crate::observed::inventory::Inventory;
use crate::plan::planner::tests::{config_map, empty_world, eu, installation, live, unit, wanted, with};

fn claim() -> (ObjectRef, DesiredObject) {
    wanted(
        Object::new(ObjectId::namespaced(Kind::PersistentVolumeClaim, "ns", "x"), serde_json::Map::new()),
        Stage::Support,
    )
}

fn row(wanted: &(ObjectRef, DesiredObject), uid: Option<&str>) -> Row {
    Row { uid: uid.map(Uid::new), ..Row::intended(&wanted.1.tenant, None) }
}

/// A world whose inventory has this row for the one object that the unit wants.
fn recorded(world: World, unit: &UnitId, (target, _): &(ObjectRef, DesiredObject), row: Row) -> World {
    let mut world = world;
    let inventory = Inventory { rows: BTreeMap::from([(target.id.clone(), row)]), stored: None };
    world.get_mut(&eu()).unwrap().inventories.insert(unit.clone(), inventory);
    world
}

fn verdict(desired: &DesiredUnit, world: &World) -> Verdict {
    survey(&installation(), desired, world, &ContendedObjects::new()).into_values().next().unwrap()
}

#[test]
fn a_ledger_that_was_there_once_is_never_created_again() {
    let desired = unit("network/acme/trade", [claim()]);
    let with_row = |uid| recorded(empty_world(), &desired.unit, &claim(), row(&claim(), uid));
    assert_eq!(verdict(&desired, &with_row(Some("u"))), Verdict::Refused(Refusal::Lost { object: claim().0 }));
    assert_eq!(verdict(&desired, &with_row(None)), Verdict::Create, "its creation was only intended");
    assert_eq!(verdict(&desired, &empty_world()), Verdict::Create);
    let settings = unit("network/acme/trade", [config_map("x", "a")]);
    let world = recorded(empty_world(), &settings.unit, &config_map("x", "a"), row(&config_map("x", "a"), Some("u")));
    assert_eq!(verdict(&settings, &world), Verdict::Create, "what holds nothing is made again");
}

#[test]
fn nothing_is_created_where_absent_cannot_be_told_from_unknown() {
    let desired = unit("network/acme/trade", [config_map("x", "a")]);
    for unsure in [Completeness::Stale, Completeness::Forbidden, Completeness::Incomplete { detail: "torn".into() }] {
        let mut world = empty_world();
        world.get_mut(&eu()).unwrap().kinds.insert(Kind::ConfigMap, unsure);
        assert!(matches!(verdict(&desired, &world), Verdict::Waiting(WaitingOn::Observation { .. })));
    }
    assert!(matches!(verdict(&desired, &World::new()), Verdict::Waiting(WaitingOn::Region { .. })));
}

#[test]
fn what_carries_the_evidence_of_something_else_is_refused() {
    let desired = unit("network/acme/trade", [config_map("x", "a")]);
    let ours = || live(&desired.unit, config_map("x", "other"));
    let mut copy = ours();
    copy.owner.self_reference = Some("demo/eu//ConfigMap/ns/y".into());
    let mut bare = ours();
    bare.owner.self_reference = None;
    let mut stranger = ours();
    stranger.owner.installation = Some("prod".into());
    for foreign in [copy, bare, stranger] {
        let found = verdict(&desired, &with(empty_world(), foreign));
        assert!(matches!(found, Verdict::Refused(Refusal::Foreign { .. })), "{found:?}");
    }
    let sibling = live(&UnitId::parse("network/acme/other").unwrap(), config_map("x", "a"));
    let found = verdict(&desired, &with(empty_world(), sibling));
    assert!(matches!(found, Verdict::Refused(Refusal::OtherUnit { .. })), "{found:?}");
    assert_eq!(verdict(&desired, &with(empty_world(), ours())), Verdict::Differs);
}

#[test]
fn what_the_server_made_of_our_wish_is_equal_once_it_settled() {
    let wish = config_map("x", "a");
    let desired = unit("network/acme/trade", [wish.clone()]);
    let kept = live(&desired.unit, config_map("x", "as the server writes it"));
    let projection = kept.applied.as_ref().unwrap().projection;
    let settled = |pair| Row { settled: pair, ..row(&wish, Some("u")) };
    let world = |pair| recorded(with(empty_world(), kept.clone()), &desired.unit, &wish, settled(pair));
    assert_eq!(verdict(&desired, &world(Some((wish.1.digest, projection)))), Verdict::Equal);
    assert_eq!(verdict(&desired, &world(Some((wish.1.digest, Digest::of(b"other"))))), Verdict::Differs);
    assert_eq!(verdict(&desired, &world(None)), Verdict::Differs);
}

#[test]
fn what_is_being_deleted_is_waited_for() {
    let desired = unit("network/acme/trade", [config_map("x", "a")]);
    let mut leaving = live(&desired.unit, config_map("x", "a"));
    leaving.deleting = true;
    let found = verdict(&desired, &with(empty_world(), leaving));
    assert_eq!(found, Verdict::Waiting(WaitingOn::Deletion { object: config_map("x", "a").0 }));
}
