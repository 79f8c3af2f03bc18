//! Units, worlds and plans as small as the rules need them.

use serde_json::json;

use super::*;
use crate::desired::unit::{Leaving, Stage};
use crate::k8s::object::Object;
use crate::k8s::projection;
use crate::k8s::projection::tests::samples::sample;
use crate::model::names::{RegionName, TenantName};
use crate::model::object::{ClusterUid, Kind, ObjectId, ResourceVersion, Uid};
use crate::observed::ingest;
use crate::observed::object::{Applied, ObservedObject, OwnerEvidence};
use crate::observed::region::{Completeness, RegionObservation, RegionUnknown};

pub(crate) fn installation() -> InstallationId {
    InstallationId::parse("demo").unwrap()
}

pub(crate) fn eu() -> RegionName {
    RegionName::parse("eu").unwrap()
}

pub(crate) fn wanted(object: Object, stage: Stage) -> (ObjectRef, DesiredObject) {
    let target = ObjectRef { region: eu(), id: object.id().clone() };
    let wanted = DesiredObject {
        digest: projection::desired_digest(&object),
        object: object.into(),
        stage,
        tenant: TenantName::parse("acme").unwrap(),
        node: None,
        secrets: BTreeSet::new(),
    };
    (target, wanted)
}

pub(crate) fn config_map(name: &str, value: &str) -> (ObjectRef, DesiredObject) {
    let body = json!({"data": {"key": value}});
    let id = ObjectId::namespaced(Kind::ConfigMap, "ns", name);
    wanted(Object::new(id, body.as_object().unwrap().clone()), Stage::Support)
}

pub(crate) fn unit(name: &str, objects: impl IntoIterator<Item = (ObjectRef, DesiredObject)>) -> DesiredUnit {
    DesiredUnit {
        unit: UnitId::parse(name).unwrap(),
        depends_on: BTreeSet::new(),
        regions: BTreeSet::from([eu()]),
        objects: objects.into_iter().collect(),
        identities: BTreeMap::new(),
        channels: BTreeMap::new(),
        leaving: Leaving::default(),
        decommissioned: false,
    }
}

/// A completely observed region without objects.
pub(crate) fn empty_world() -> World {
    let mut seen = RegionObservation::unknown(eu(), RegionUnknown::NotConfigured);
    seen.cluster = Ok(ClusterUid::new("c"));
    seen.kinds = Kind::ALL.into_iter().map(|kind| (kind, Completeness::Complete)).collect();
    World::from([(eu(), seen)])
}

/// What an object of ours says about itself.
pub(crate) fn owned(unit: &UnitId, target: &ObjectRef) -> OwnerEvidence {
    OwnerEvidence {
        installation: Some("demo".into()),
        unit: Some(unit.label().into()),
        self_reference: Some(ownership::self_reference(&installation(), &target.region, &target.id).into()),
    }
}

/// The live object that an apply of this content left behind.
pub(crate) fn live(unit: &UnitId, (target, wanted): (ObjectRef, DesiredObject)) -> ObservedObject {
    ObservedObject {
        owner: owned(unit, &target),
        uid: Uid::new(&format!("uid-{}", target.id.name)),
        resource_version: ResourceVersion::new("1"),
        generation: None,
        deleting: false,
        applied: Some(Applied { api_version: "v1".into(), projection: wanted.digest, foreign: Box::default() }),
        health: crate::k8s::health::HealthInputs::None,
        id: target.id,
    }
}

/// A world with one more object.
pub(crate) fn with(mut world: World, object: ObservedObject) -> World {
    world.get_mut(&eu()).unwrap().objects.insert(object.id.clone(), object);
    world
}

/// A plan where nothing but desired, world and contention matters.
pub(crate) fn plan_of(desired: &DesiredUnit, world: &World, contended: &ContendedObjects) -> UnitPlan {
    plan(Input {
        installation: &installation(),
        declared: Declared::Yes(desired),
        previous: None,
        world,
        bodies: &BTreeMap::new(),
        contended,
        unmet: &BTreeSet::new(),
        policy: ApplyPolicy { conflicts: ConflictPolicy::Correct },
        budgets: Budgets { deletes: 10, restarts: 1 },
        identities: &Decisions::default(),
        channels: &BTreeMap::new(),
    })
}

/// The texts of everything in a plan.
pub(crate) fn told(plan: &UnitPlan) -> Vec<String> {
    let changes = plan.changes.iter().map(|change| format!("{} {}", change.op.word(), change.target));
    let waits = plan.waits.iter().map(ToString::to_string);
    let refusals = plan.refusals.iter().map(ToString::to_string);
    let foreign = plan.foreign_fields.iter().map(|field| format!("{} {} {}", field.object, field.path, field.manager));
    changes.chain(waits).chain(refusals).chain(foreign).collect()
}

#[test]
fn an_object_that_another_unit_wants_too_is_refused_whatever_is_there() {
    let desired = unit("tenant/a", [config_map("x", "new"), config_map("y", "new")]);
    let other = UnitId::parse("tenant/b").unwrap();
    let contended = ContendedObjects::from([(config_map("x", "").0, other.clone())]);
    let refused = "eu: ConfigMap ns/x is wanted by tenant/b too";
    let create = "create eu: ConfigMap ns/y";
    let theirs = live(&other, config_map("x", "theirs"));
    let equal = live(&desired.unit, config_map("x", "new"));
    let older = live(&desired.unit, config_map("x", "old"));
    for there in [None, Some(theirs), Some(equal), Some(older)] {
        let world = there.map_or_else(empty_world, |object| with(empty_world(), object));
        let plan = plan_of(&desired, &world, &contended);
        assert_eq!(told(&plan), [create, refused]);
        assert!(!plan.is_applied());
        assert_eq!(bodies_needed(&installation(), &desired, &world, &contended), BTreeSet::new());
    }
    let plan = plan_of(&desired, &empty_world(), &ContendedObjects::new());
    assert_eq!(told(&plan), ["create eu: ConfigMap ns/x", create]);
}

#[test]
fn what_is_equal_needs_nothing() {
    let desired = unit("tenant/a", [config_map("x", "same")]);
    let world = with(empty_world(), live(&desired.unit, config_map("x", "same")));
    assert_eq!(told(&plan_of(&desired, &world, &ContendedObjects::new())), Vec::<String>::new());
}

/// An object as a real server keeps it after somebody added to it, under our own evidence.
fn injected(unit: &UnitId, kind: Kind, text: &str) -> ObservedObject {
    let mut live = ingest::ingest(kind, &serde_json::from_str(text).unwrap(), "heddle/demo").unwrap();
    live.owner = owned(unit, &ObjectRef { region: eu(), id: live.id.clone() });
    live
}

#[test]
fn what_others_added_beside_equal_fields_is_reported_without_a_change_or_a_look_at_the_body() {
    let cases = [
        (
            Kind::StatefulSet,
            include_str!("../../k8s/testdata/StatefulSet-injected.json"),
            &["containers[name=\"peer\"].env[name=\"X\"] kubectl-edit", "containers[name=\"side\"] kubectl-edit"][..],
        ),
        (
            Kind::ConfigMap,
            include_str!("../../k8s/testdata/ConfigMap-injected.json"),
            &["ConfigMap demo-acme/x data.extra kubectl-edit"],
        ),
        (
            Kind::NetworkPolicy,
            include_str!("../../k8s/testdata/NetworkPolicy-injected.json"),
            &["NetworkPolicy demo-acme/x spec.ingress kubectl-edit"],
        ),
    ];
    let none = ContendedObjects::new();
    for (kind, text, expected) in cases {
        let desired = unit("tenant/a", [wanted(sample(kind), Stage::Support)]);
        let world = with(empty_world(), injected(&desired.unit, kind, text));
        assert_eq!(bodies_needed(&installation(), &desired, &world, &none), BTreeSet::new());
        let plan = plan_of(&desired, &world, &none);
        assert!(plan.changes.is_empty() && plan.refusals.is_empty());
        let told: Vec<_> = told(&plan).into_iter().filter(|text| text.contains("kubectl-edit")).collect();
        assert_eq!(told.len(), expected.len(), "{told:?}");
        assert!(told.iter().zip(expected).all(|(told, end)| told.ends_with(end)), "{told:?}");
    }
}
