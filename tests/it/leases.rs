//! Leases: who stands by, who takes over and with what knowledge, and how a process that ends leaves a region.

use std::time::Duration;

use heddle::app::driver::{DriverError, Goal};
use heddle::plan::outcome::UnitState;
use heddle::sim::faults::{Chance, Effect, Fault};
use heddle::sim::store::hooks::Verdict;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::region_world::{
    ACME, Daemon, NETWORK, PEER, asked, delete, edit_role, lives, object_writes, open_plans, pass, report, role,
    settled, status, versions,
};
use crate::world::{World, all_are, states, unit, world};

const LEASE: (&str, &str) = ("coordination.k8s.io/v1", "Lease");
const NAME: &str = "heddle-demo";

fn holder(world: &World) -> Option<String> {
    let lease = world.get(LEASE.0, LEASE.1, "heddle-system", NAME)?;
    lease.pointer("/spec/holderIdentity").and_then(Value::as_str).map(str::to_owned)
}

fn spec(world: &World) -> Value {
    let renewed = format!("{}.000000Z", world.store.now_text().trim_end_matches('Z'));
    json!({"holderIdentity": "another", "leaseDurationSeconds": 15, "renewTime": renewed})
}

/// Another process takes the lease, or renews it.
fn hold(world: &World) {
    match holder(world) {
        None => world.create(LEASE.0, LEASE.1, "heddle-system", NAME, json!({"spec": spec(world)})),
        Some(_) => world.edit(LEASE.0, LEASE.1, "heddle-system", NAME, &json!({"spec": spec(world)})),
    }
}

/// Another process holds the lease for so long.
async fn held_by_another(world: &World, seconds: u64) {
    for _ in 0..seconds / 2 {
        hold(world);
        pass(2).await;
    }
}

/// How many objects were asked to be applied so far.
fn applied(world: &World) -> usize {
    world.faults.recorded().iter().filter(|effect| effect.effect == Effect::Apply).count()
}

#[test]
fn while_another_process_leads_nothing_is_written_and_nothing_is_reported() {
    world(301, async |world| {
        world.commit_quick_start();
        let daemon = Daemon::start(world);
        held_by_another(world, 120).await;
        assert_eq!(object_writes(world), []);
        assert_eq!((asked(world, "create", "leases", NAME), asked(world, "update", "leases", NAME)), (0, 0));
        assert_eq!(world.repository.status_commits(), 0);
        pass(30).await;
        assert!(holder(world).is_some_and(|holder| holder != "another"), "a lease that ended is taken");
        assert_eq!(status(world, ACME).state, UnitState::Converged);
        daemon.stop().await;
    });
}

#[test]
fn a_single_run_says_who_leads() {
    world(302, async |world| {
        world.commit_quick_start();
        hold(world);
        let run =
            tokio::spawn(world.driver(Goal::Rest { timeout: Duration::from_mins(1) }, &CancellationToken::new()).run());
        held_by_another(world, 120).await;
        let error = run.await.unwrap().unwrap_err();
        assert!(matches!(&error, DriverError::Led { holder, .. } if holder == "another"), "{error:?}");
        assert_eq!(error.to_string(), "region local is led by another; nothing was done");
        assert_eq!(object_writes(world), []);
    });
}

#[test]
fn whoever_loses_its_lease_stops_and_looks_anew_when_it_leads_again() {
    world(303, async |world| {
        settled(world).await;
        let daemon = Daemon::start(world);
        pass(30).await;
        hold(world);
        pass(2).await;
        world.cluster.clear_requests();
        let (commits, before) = (world.repository.status_commits(), versions(world));
        edit_role(world);
        world.commit_change("tenants/acme/tenant.yaml", |text| text.replace("pods: 20", "pods: 21"));
        held_by_another(world, 600).await;
        assert_eq!(object_writes(world), []);
        assert_eq!(world.repository.status_commits(), commits);
        assert_eq!(asked(world, "list", "services", ""), 0, "it does not even look");
        // The other one did half of the work before it died.
        world.edit("v1", "ResourceQuota", "demo-acme", "heddle-quota", &json!({"spec": {"hard": {"pods": "22"}}}));
        pass(60).await;
        assert_eq!(asked(world, "list", "services", ""), 1, "what it knew is old");
        assert!(role(world).is_some_and(|role| role != "nobody"));
        assert_eq!(versions(world), before + 2, "the edit and its repair");
        let quota = world.get("v1", "ResourceQuota", "demo-acme", "heddle-quota").unwrap();
        assert_eq!(quota.pointer("/spec/hard/pods"), Some(&json!("21")), "{}", report(world, ACME));
        assert!(all_are(&daemon.stop().await, UnitState::Converged));
    });
}

#[test]
fn whoever_loses_its_lease_in_the_middle_writes_and_reports_nothing_more() {
    world(309, async |world| {
        world.store.set_window(1_000_000);
        world.commit_quick_start();
        let slow = Fault::Slow(Duration::from_secs(1));
        world.faults.by_chance(Some(Chance { seed: 1, per_mille: 1000, faults: vec![slow] }));
        let daemon = Daemon::start(world);
        while applied(world) == 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        hold(world);
        // A renewal takes two slow calls.
        held_by_another(world, 4).await;
        world.cluster.clear_requests();
        let commits = world.repository.status_commits();
        held_by_another(world, 120).await;
        assert_eq!(object_writes(world), []);
        assert_eq!(world.repository.status_commits(), commits, "what it knew is for the next leader to find out");
        assert!(open_plans(world).contains(&"tenant/acme".to_owned()), "{:?}", open_plans(world));
        world.faults.by_chance(None);
        pass(60).await;
        world.bring_secrets();
        pass(700).await;
        assert_eq!(open_plans(world), Vec::<String>::new(), "the plans were taken up");
        assert!(all_are(&daemon.stop().await, UnitState::Converged));
        assert_eq!(lives(world, ("v1", "Namespace"), "", "demo-acme"), 1);
        assert_eq!(lives(world, ("v1", "Service"), "demo-acme", PEER), 1);
    });
}

#[test]
fn a_deleted_lease_is_made_anew() {
    world(304, async |world| {
        settled(world).await;
        let daemon = Daemon::start(world);
        pass(30).await;
        let before = holder(world);
        delete(world, LEASE, "heddle-system", NAME);
        pass(3).await;
        assert_eq!(holder(world), before);
        daemon.stop().await;
    });
}

#[test]
fn a_lease_that_cannot_be_renewed_ends_all_writes_before_it_ends() {
    world(305, async |world| {
        settled(world).await;
        let daemon = Daemon::start(world);
        pass(30).await;
        world.store.add_hook("no-leases", |_, target, _| match target.resource.info().plural {
            "leases" => Verdict::Deny("not now".into()),
            _ => Verdict::Allow,
        });
        // The last renewal is at most two seconds old. The lease lasts a moment more, and is no longer certain.
        tokio::time::sleep(Duration::from_millis(12_500)).await;
        world.cluster.clear_requests();
        let records = |world: &World| {
            let files = world.repository.status_files();
            files.keys().filter(|path| path.as_str().starts_with("audit/")).count()
        };
        let before = records(world);
        edit_role(world);
        world.commit_change("tenants/acme/tenant.yaml", |text| text.replace("pods: 20", "pods: 21"));
        pass(100).await;
        assert_eq!(object_writes(world), [], "no inventory either");
        assert_eq!(records(world), before, "nothing was begun");
        assert_eq!(status(world, ACME).state, UnitState::Failed);
        assert!(
            report(world, ACME).contains("nothing was begun, because this process does not hold the lease of region")
        );
        world.store.remove_hook("no-leases");
        pass(320).await;
        assert!(role(world).is_some_and(|role| role != "nobody"));
        assert!(all_are(&daemon.stop().await, UnitState::Converged));
    });
}

#[test]
fn a_standby_takes_over_from_the_dead_with_a_new_look_and_does_nothing_twice() {
    world(306, async |world| {
        world.store.set_window(1_000_000);
        world.commit_quick_start();
        let first = Daemon::start(world);
        pass(5).await;
        let second = Daemon::start(world);
        pass(30).await;
        world.bring_secrets();
        pass(700).await;
        assert_eq!(holder(world).as_deref(), Some("process-1"));
        first.kill().await;
        let begun = Instant::now();
        world.cluster.clear_requests();
        let before = versions(world);
        edit_role(world);
        while role(world).is_some_and(|role| role == "nobody") {
            pass(1).await;
        }
        let took = begun.elapsed();
        assert!((13..=30).contains(&took.as_secs()), "a lease lasts 15 seconds: {took:?}");
        assert_eq!(holder(world).as_deref(), Some("process-2"));
        pass(60).await;
        assert_eq!(versions(world), before + 2, "the edit and its repair");
        let others =
            object_writes(world).into_iter().filter(|write| write.name != PEER && write.namespace != "heddle-system");
        assert_eq!(others.collect::<Vec<_>>(), [], "it knows what the first one did");
        assert!(all_are(&second.stop().await, UnitState::Converged));
    });
}

#[test]
fn a_clean_stop_gives_the_lease_back() {
    world(307, async |world| {
        settled(world).await;
        let daemon = Daemon::start(world);
        pass(30).await;
        assert!(holder(world).is_some());
        daemon.stop().await;
        assert_eq!(holder(world), None);
        let begun = Instant::now();
        assert!(all_are(&world.run_once().await.unwrap(), UnitState::Converged));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    });
}

#[test]
fn a_clean_stop_in_the_middle_ends_what_was_begun_and_reports_it() {
    world(308, async |world| {
        world.store.set_window(1_000_000);
        world.commit_quick_start();
        let slow = Fault::Slow(Duration::from_millis(500));
        world.faults.by_chance(Some(Chance { seed: 1, per_mille: 1000, faults: vec![slow] }));
        let daemon = Daemon::start(world);
        while applied(world) < 3 {
            pass(1).await;
        }
        let summary = daemon.stop().await;
        assert!(!summary.timed_out);
        assert_eq!(holder(world), None, "the lease was given back");
        assert_eq!(open_plans(world), Vec::<String>::new(), "what was begun was ended and recorded");
        assert_eq!(summary.units[&unit("tenant/acme")], UnitState::Converged, "{:?}", states(&summary));
        assert_eq!(status(world, ACME).state, UnitState::Converged, "{}", report(world, ACME));
        assert!(world.status(&format!("{NETWORK}/status.yaml")).is_none(), "nothing more was begun");
        assert!(world.get("apps/v1", "StatefulSet", "demo-acme", PEER).is_none());
        world.faults.by_chance(None);
        world.run_once().await.unwrap();
        world.bring_secrets();
        assert!(all_are(&world.run_once().await.unwrap(), UnitState::Converged));
        assert_eq!(lives(world, ("v1", "Namespace"), "", "demo-acme"), 1);
    });
}
