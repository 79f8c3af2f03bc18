//! Bad days of writes: refusals, unclear answers and damaged inventories, and what the reports tell people to do next.

use heddle::app::exit::Exit;
use heddle::k8s::ownership;
use heddle::model::object::Kind;
use heddle::plan::outcome::UnitState;
use heddle::sim::faults::Answer;
use heddle::sim::store::failure::Failure;
use heddle::sim::store::hooks::{Operation, Verdict};
use heddle::sim::store::resources::Resource;
use serde_json::{Value, json};

use crate::region_world::{
    ACME, ACME_ORGANIZATION, Daemon, NETWORK, PEER, a_peer_leaves, add_peer, asked, delete, exit, lives, object_writes,
    open_plans, pass, report, says, settled, status,
};
use crate::world::{World, all_are, installation, states, unit, world};

const CA: &str = "acme-ca";

/// Services get this answer for the first minutes of a fleet: everything that needs none goes on, the report has these
/// words, and when the answer ends all is made, once.
fn check(failure: &Failure, asked_at_most: usize, words: &[&str]) {
    world(201, async |world| {
        world.store.set_window(1_000_000);
        world.faults.answer_writes(Kind::Service, u32::MAX, Answer { failure: failure.clone(), done: false });
        world.commit_quick_start();
        let daemon = Daemon::start(world);
        pass(100).await;
        assert_eq!(status(world, ACME).state, UnitState::Converged, "it has no Services");
        let organization = status(world, ACME_ORGANIZATION);
        assert_eq!(organization.state, UnitState::Failed);
        assert_eq!(Exit::of_state(organization.state), Exit::Error);
        assert_eq!(organization.failures.len(), 1, "{:?}", organization.failures);
        says(&report(world, ACME_ORGANIZATION), &["Service demo-acme/acme-ca: ", "heddle tries again"]);
        says(&report(world, ACME_ORGANIZATION), words);
        says(&report(world, NETWORK), &["waits for organization/acme/acme to be applied"]);
        assert!(asked(world, "apply", "services", CA) <= asked_at_most, "{}", asked(world, "apply", "services", CA));
        world.faults.answer_writes(Kind::Service, 0, Answer { failure: failure.clone(), done: false });
        pass(400).await;
        assert_eq!(status(world, ACME_ORGANIZATION).state, UnitState::Waiting, "{}", report(world, ACME_ORGANIZATION));
        assert_eq!(lives(world, ("v1", "Service"), "demo-acme", CA), 1);
        assert_eq!(open_plans(world), Vec::<String>::new());
        assert_eq!(exit(&daemon.stop().await), Exit::Person, "Secrets are missing");
    });
}

#[test]
fn a_quota_that_is_used_up_is_a_matter_for_a_person_and_asked_again_seldom() {
    let words = "services \"acme-ca\" is forbidden: exceeded quota: limits, requested: services=1, used: services=5, \
                 limited: services=5";
    check(
        &Failure::new(403, "Forbidden", words),
        3,
        &["a quota is used up", "exceeded quota: limits", "raise that quota"],
    );
}

#[test]
fn a_namespace_that_ends_is_waited_for() {
    let service = Resource::by_kind("v1", "Service").unwrap();
    check(
        &Failure::terminating(service, CA, "demo-acme"),
        60,
        &["namespace demo-acme is being deleted", "look at what is left in it and at finalizers"],
    );
}

#[test]
fn a_permission_that_is_missing_is_named() {
    let words = "services \"acme-ca\" is forbidden: User \"x\" cannot patch resource \"services\"";
    check(
        &Failure::new(403, "Forbidden", words),
        24,
        &["cannot patch resource", "grant it; heddle's chart has the roles that it needs"],
    );
}

#[test]
fn an_object_that_the_server_finds_invalid_is_reported_with_its_words() {
    check(
        &Failure::new(422, "Invalid", "Service \"acme-ca\" is invalid: spec.ports[0].port: Invalid value: 0"),
        3,
        &["the API server finds it invalid", "spec.ports", "please report it"],
    );
}

#[test]
fn a_busy_server_is_asked_when_it_said_and_the_report_says_that_it_is_busy() {
    let busy = Failure { retry_after: Some(10), ..Failure::new(429, "TooManyRequests", "too many requests") };
    check(&busy, 11, &["the API server asks to slow down"]);
}

#[test]
fn a_server_that_does_nothing_and_says_500_is_looked_at_between_writes() {
    let failure = Failure::new(500, "InternalError", "etcdserver: request timed out");
    check(&failure, 60, &["no clear answer from the API server: etcdserver: request timed out"]);
}

#[test]
fn a_write_that_happened_although_the_server_said_500_is_not_sent_again() {
    world(202, async |world| {
        world.store.set_window(1_000_000);
        let failure = Failure::new(500, "InternalError", "etcdserver: request timed out");
        world.faults.answer_writes(Kind::Service, u32::MAX, Answer { failure, done: true });
        world.commit_quick_start();
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit("organization/acme/acme")], UnitState::Waiting, "{:?}", states(&summary));
        for name in [CA, PEER] {
            assert_eq!(asked(world, "apply", "services", name), 1);
            assert_eq!(lives(world, ("v1", "Service"), "demo-acme", name), 1);
        }
        assert_eq!(status(world, ACME_ORGANIZATION).failures, Vec::<String>::new());
        assert_eq!(exit(&summary), Exit::Person, "only Secrets are missing");
    });
}

#[test]
fn a_race_on_a_create_is_looked_at_and_ends_well() {
    world(203, async |world| {
        let conflict = Failure::new(409, "Conflict", "Operation cannot be fulfilled on services \"acme-ca\"");
        world.faults.answer_writes(Kind::Service, 2, Answer { failure: conflict, done: false });
        world.commit_quick_start();
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit("organization/acme/acme")], UnitState::Waiting, "{:?}", states(&summary));
        assert_eq!(status(world, ACME_ORGANIZATION).failures, Vec::<String>::new());
        assert!(world.get("v1", "Service", "demo-acme", CA).is_some());
    });
}

#[test]
fn a_policy_that_denies_is_quoted_and_stops_its_unit_only() {
    world(204, async |world| {
        settled(world).await;
        world.store.add_hook("policy.example.com", |operation, target, _| {
            let is_denied = operation != Operation::Delete && target.resource.info().plural == "resourcequotas";
            if is_denied { Verdict::Deny("ask the platform team first".into()) } else { Verdict::Allow }
        });
        world.commit_change("tenants/acme/tenant.yaml", |text| text.replace("pods: 20", "pods: 21"));
        world.commit_change("tenants/acme/organizations/acme.yaml", |text| text.replace("1.5.21", "1.5.20"));
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit("tenant/acme")], UnitState::Failed, "{:?}", states(&summary));
        assert_eq!((exit(&summary), summary.timed_out), (Exit::Error, false), "what waits for it holds nobody up");
        let words = ["policy.example.com", "ask the platform team first", "change the spec, or ask whoever keeps that"];
        says(&report(world, ACME), &words);
        assert_eq!(
            asked(world, "apply", "resourcequotas", "heddle-quota"),
            1,
            "the same question gets the same answer"
        );
        says(&report(world, ACME_ORGANIZATION), &["waits for tenant/acme to be applied"]);
        assert_eq!(summary.units[&unit("tenant/platform")], UnitState::Converged);
        world.store.remove_hook("policy.example.com");
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        assert_eq!(open_plans(world), Vec::<String>::new());
    });
}

fn inventory_of(world: &World, name: &str) -> (String, Value) {
    let name = ownership::inventory_name(&installation(), &unit(name));
    let rows = world.get("v1", "ConfigMap", "heddle-system", &name).unwrap()["data"]["rows"].clone();
    (name, rows)
}

fn lines(rows: &Value) -> Vec<Value> {
    rows.as_str().unwrap().lines().map(|row| serde_json::from_str(row).unwrap()).collect()
}

fn put_rows(world: &World, name: &str, rows: &Value) {
    world.edit("v1", "ConfigMap", "heddle-system", name, &json!({"data": {"rows": rows}}));
}

#[test]
fn a_damaged_inventory_stops_the_region_until_somebody_mends_it() {
    for rows in ["{\"kind\":", ""] {
        world(205, async |world| {
            a_peer_leaves(world).await;
            let (name, kept) = inventory_of(world, "network/platform/trade");
            put_rows(world, &name, &json!(rows));
            let summary = world.run_once().await.unwrap();
            assert!(all_are(&summary, UnitState::Unknown), "{:?}", states(&summary));
            assert_eq!(exit(&summary), Exit::Unknown);
            assert_eq!(object_writes(world), []);
            let place = format!("ConfigMap heddle-system/{name} cannot be read");
            says(&report(world, NETWORK), &[&place, "restore it from the cluster's backup, or delete it"]);
            put_rows(world, &name, &kept);
            let summary = world.run_once().await.unwrap();
            assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
            assert_eq!(asked(world, "delete", "statefulsets", "trade-acme-peer2-a29dd58b"), 1);
        });
    }
}

#[test]
fn an_inventory_that_is_damaged_under_a_running_process_stops_its_unit() {
    world(206, async |world| {
        settled(world).await;
        let daemon = Daemon::start(world);
        pass(30).await;
        let (name, kept) = inventory_of(world, "network/platform/trade");
        put_rows(world, &name, &json!("{"));
        add_peer(world);
        world.commit_change("tenants/platform/tenant.yaml", |text| text.replace("pods: 20", "pods: 21"));
        pass(100).await;
        assert_eq!(status(world, NETWORK).state, UnitState::Failed);
        assert!(world.get("apps/v1", "StatefulSet", "demo-acme", "trade-acme-peer2-a29dd58b").is_none());
        let place = format!("ConfigMap heddle-system/{name} cannot be read");
        says(&report(world, NETWORK), &[&place, "restore it from the cluster's backup, or delete it"]);
        assert_eq!(status(world, "tenants/platform").state, UnitState::Converged, "others go on");
        put_rows(world, &name, &kept);
        pass(700).await;
        assert_eq!(status(world, NETWORK).state, UnitState::Waiting, "{}", report(world, NETWORK));
        assert_eq!(lives(world, ("apps/v1", "StatefulSet"), "demo-acme", "trade-acme-peer2-a29dd58b"), 1);
        daemon.stop().await;
    });
}

#[test]
fn an_inventory_that_is_deleted_under_a_running_process_is_stored_anew_with_all_its_rows() {
    world(207, async |world| {
        settled(world).await;
        let daemon = Daemon::start(world);
        pass(30).await;
        let (name, kept) = inventory_of(world, "network/platform/trade");
        delete(world, ("v1", "ConfigMap"), "heddle-system", &name);
        add_peer(world);
        pass(700).await;
        assert_eq!(status(world, NETWORK).state, UnitState::Waiting, "{}", report(world, NETWORK));
        let rows = inventory_of(world, "network/platform/trade").1;
        let rows: Vec<Value> = lines(&rows);
        for row in lines(&kept) {
            let same = |other: &&Value| ["kind", "name", "uid"].into_iter().all(|field| other[field] == row[field]);
            assert!(rows.iter().find(same).is_some(), "{row} is not in {rows:?}");
        }
        daemon.stop().await;
    });
}

#[test]
fn a_copy_of_an_inventory_is_not_taken_for_it() {
    world(208, async |world| {
        settled(world).await;
        let name = ownership::inventory_name(&installation(), &unit("network/platform/trade"));
        let mut copy = world.get("v1", "ConfigMap", "heddle-system", &name).unwrap();
        let metadata = copy["metadata"].as_object_mut().unwrap();
        metadata.retain(|field, _| matches!(field.as_str(), "labels" | "annotations"));
        world.create("v1", "ConfigMap", "heddle-system", "z-backup", copy);
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Unknown), "{:?}", states(&summary));
        let words = format!("heddle-system/z-backup cannot be read: it is a copy of {name}");
        assert!(summary.regions.values().all(|state| state.contains(&words)), "{:?}", summary.regions);
        delete(world, ("v1", "ConfigMap"), "heddle-system", "z-backup");
        assert!(all_are(&world.run_once().await.unwrap(), UnitState::Converged));
        assert_eq!(object_writes(world), []);
    });
}
