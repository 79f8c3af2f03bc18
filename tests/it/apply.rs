//! One write at a time against a simulated region that fails by plan.

use std::sync::Arc;

use heddle::apply::delete::{self, Delete};
use heddle::apply::write::{self, Write};
use heddle::desired::unit::Stage;
use heddle::k8s::object::Object;
use heddle::k8s::{ownership, projection};
use heddle::model::names::{InstallationId, RegionName, TenantName};
use heddle::model::object::{Kind, ObjectId, ObjectRef};
use heddle::observed::object::ObservedObject;
use heddle::plan::change::{Cause, Change, ChangeSite, Precondition, Risk, Update};
use heddle::plan::outcome::ChangeOutcome;
use heddle::ports::cluster::{ApplyRequest, Cluster, Expect, Identity};
use heddle::region::access::{Leadership, RegionAccess};
use heddle::sim::clock::SimClock;
use heddle::sim::faults::{Fault, Faults};
use heddle::sim::kube_port::SimCluster;
use heddle::sim::store::Store;
use serde_json::json;

struct Region {
    faults: Arc<Faults>,
    cluster: Arc<SimCluster>,
    access: RegionAccess,
    clock: SimClock,
}

fn installation() -> InstallationId {
    InstallationId::parse("demo").unwrap()
}

fn eu() -> RegionName {
    RegionName::parse("eu").unwrap()
}

fn id() -> ObjectId {
    ObjectId::namespaced(Kind::ConfigMap, "ns", "x")
}

/// The object with its evidence; `of` is the name that the evidence speaks of.
fn map(value: &str, of: &str) -> Object {
    let reference = ownership::self_reference(&installation(), &eu(), &ObjectId::namespaced(Kind::ConfigMap, "ns", of));
    let metadata = json!({
        "labels": {ownership::MANAGED_BY: "heddle", ownership::INSTALLATION: "demo"},
        "annotations": {ownership::SELF: reference},
    });
    Object::new(id(), json!({"metadata": metadata, "data": {"k": value}}).as_object().unwrap().clone())
}

fn in_region(test: impl AsyncFnOnce(Region)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let clock = SimClock::new("2026-01-01T00:00:00Z".parse().unwrap());
        let faults = Arc::new(Faults::default());
        let cluster = Arc::new(SimCluster::new(Store::new(clock.source(), 1), &installation(), faults.clone()));
        let access = RegionAccess::new(eu(), cluster.clone());
        access.set_leadership(Leadership::Held { until: "2026-01-02T00:00:00Z".parse().unwrap() });
        let region = Region { faults, cluster, access, clock };
        let namespace = Object::new(ObjectId::cluster(Kind::Namespace, "ns"), serde_json::Map::new());
        region.put(&namespace).await;
        test(region).await;
    });
}

impl Region {
    /// Puts an object there, as an earlier cycle would have.
    async fn put(&self, object: &Object) -> ObservedObject {
        let request = ApplyRequest { object, expect: Expect::Absent, force: false, dry_run: false };
        self.cluster.apply(&Identity::Platform, request).await.unwrap().live
    }

    async fn value(&self) -> Option<String> {
        let live = self.cluster.get(&Identity::Platform, &id()).await.unwrap()?;
        Some(live.body["data"]["k"].as_str().unwrap().to_owned())
    }

    async fn write(&self, object: &Object, change: &Change) -> ChangeOutcome {
        let (region, clock, identity) = (&self.access, &self.clock, &Identity::Platform);
        write::write(Write { region, clock, identity, change, object }).await.outcome
    }

    async fn delete(&self, change: &Change) -> ChangeOutcome {
        let (installation, identity) = (&installation(), &Identity::Platform);
        delete::delete(Delete { installation, region: &self.access, clock: &self.clock, identity, change }).await
    }
}

fn site() -> ChangeSite {
    let target = ObjectRef { region: eu(), id: id() };
    ChangeSite { target, stage: Stage::Support, tenant: TenantName::parse("acme").unwrap() }
}

fn creation(object: &Object) -> Change {
    Change::create(site(), projection::desired_digest(object))
}

fn exists(seen: &ObservedObject) -> Precondition {
    let projection = seen.applied.as_ref().map(|applied| applied.projection);
    Precondition::Exists { uid: seen.uid.clone(), projection, lost: std::collections::BTreeSet::new() }
}

fn update(object: &Object, seen: &ObservedObject) -> Change {
    let (precondition, risk, cause) = (exists(seen), Risk::Routine, Cause::Spec);
    let update = Update { fields: vec![], precondition, risk, cause, correctable: std::collections::BTreeSet::new() };
    Change::update(site(), projection::desired_digest(object), update)
}

#[test]
fn a_create_whose_answer_was_lost_is_looked_at_and_not_sent_again() {
    in_region(async |region| {
        let before = region.faults.effects();
        region.faults.at_effect(before + 1, Fault::LostAnswer);
        let object = map("1", "x");
        assert_eq!(region.write(&object, &creation(&object)).await, ChangeOutcome::DoneBefore);
        assert_eq!(region.faults.effects(), before + 1);
    });
}

#[test]
fn a_create_that_never_arrived_is_sent_again_after_a_look() {
    in_region(async |region| {
        region.faults.at_effect(region.faults.effects() + 1, Fault::LostRequest);
        let object = map("1", "x");
        assert_eq!(region.write(&object, &creation(&object)).await, ChangeOutcome::Done);
        assert_eq!(region.value().await.as_deref(), Some("1"));
    });
}

#[test]
fn a_create_over_somebody_elses_object_leaves_it_alone() {
    in_region(async |region| {
        region.put(&map("theirs", "y")).await;
        let object = map("ours", "x");
        let outcome = region.write(&object, &creation(&object)).await;
        assert!(matches!(outcome, ChangeOutcome::Foreign { .. }), "{outcome:?}");
        assert_eq!(region.value().await.as_deref(), Some("theirs"));
    });
}

#[test]
fn an_update_of_something_that_changed_since_the_plan_is_stale() {
    in_region(async |region| {
        let seen = region.put(&map("1", "x")).await;
        let planned = update(&map("2", "x"), &seen);
        let between = map("between", "x");
        assert_eq!(region.write(&between, &update(&between, &seen)).await, ChangeOutcome::Done);
        let outcome = region.write(&map("2", "x"), &planned).await;
        assert!(matches!(outcome, ChangeOutcome::Stale { .. }), "{outcome:?}");
        assert_eq!(region.value().await.as_deref(), Some("between"));
    });
}

#[test]
fn a_deletion_looks_once_more_whose_object_it_is() {
    in_region(async |region| {
        let theirs = region.put(&map("theirs", "y")).await;
        let outcome = region.delete(&Change::delete(site(), exists(&theirs))).await;
        assert!(matches!(outcome, ChangeOutcome::Foreign { .. }), "{outcome:?}");
        assert_eq!(region.value().await.as_deref(), Some("theirs"));
    });
    in_region(async |region| {
        let ours = region.put(&map("ours", "x")).await;
        assert_eq!(region.delete(&Change::delete(site(), exists(&ours))).await, ChangeOutcome::Done);
        assert_eq!(region.value().await, None);
    });
}
