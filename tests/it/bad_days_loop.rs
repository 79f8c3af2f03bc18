//! Bad days of the loop itself: a status branch that refuses or races, a source without a branch or a fleet.

use heddle::app::driver::{DriverError, Goal};
use heddle::app::exit::Exit;
use heddle::app::status_branch::StatusBranchError;
use heddle::plan::outcome::UnitState;
use heddle::ports::source::SourceError;
use heddle::report::audit::Event;
use heddle::sim::faults::{Effect, Fault};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::people::{
    ACME, ACME_TENANT, ORDERERS, PLATFORM_TENANT, TRADE, begin, deleted_since, fleet_report, image, now, records,
    report, says, settle, status, written,
};
use crate::world::{World, all_are, states, unit, world};

const NETWORK: &str = "network/platform/trade";
const NOTHING: Vec<String> = Vec::new();

// ---- the status branch

#[test]
fn a_status_branch_that_refuses_pushes_keeps_everything_from_beginning() {
    world(38, async |world| {
        begin(world).await;
        let (before, commits) = (world.store.version(), world.repository.status_commits());
        world.faults.fail_pushes(Fault::Refused, u64::MAX);
        world.commit_change(TRADE, |text| text.replace("3.1.5", "3.1.6"));
        written(world);
        let error = world.run_once().await.unwrap_err();
        assert!(matches!(&error, DriverError::StatusBranch(StatusBranchError::Refused { .. })), "{error:?}");
        assert!(heddle::model::causes::chain(&error).contains("pre-receive hook declined"), "{error:?}");
        assert_eq!((written(world), deleted_since(world, before)), (NOTHING, NOTHING));
        assert_eq!(world.repository.status_commits(), commits);
        world.faults.fail_pushes(Fault::Refused, 0);
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        assert!(image(world, "demo-acme", "trade-acme-peer1-a29dd58b").ends_with("3.1.6"));
    });
}

#[test]
fn a_daemon_whose_pushes_are_refused_goes_on_when_they_are_let_through() {
    world(49, async |world| {
        begin(world).await;
        let stop = CancellationToken::new();
        let daemon = tokio::spawn(world.driver(Goal::Forever, &stop).run());
        tokio::time::sleep(std::time::Duration::from_secs(40)).await;
        world.faults.fail_pushes(Fault::Refused, u64::MAX);
        world.commit_change(TRADE, |text| text.replace("3.1.5", "3.1.6"));
        written(world);
        let asked = world.faults.effects();
        tokio::time::sleep(std::time::Duration::from_hours(1)).await;
        assert_eq!(written(world), NOTHING);
        let later = world.faults.recorded().into_iter().filter(|effect| effect.number > asked);
        let pushes = later.filter(|effect| effect.effect == Effect::Publish).count();
        assert!((10..300).contains(&pushes), "{pushes} pushes in an hour");
        world.faults.fail_pushes(Fault::Refused, 0);
        tokio::time::sleep(std::time::Duration::from_mins(10)).await;
        stop.cancel();
        let summary = daemon.await.unwrap().unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        assert!(image(world, "demo-acme", "trade-acme-peer1-a29dd58b").ends_with("3.1.6"));
    });
}

#[test]
fn a_repair_waits_for_no_push_and_a_process_that_cannot_report_says_why() {
    world(39, async |world| {
        begin(world).await;
        world.faults.fail_pushes(Fault::Refused, u64::MAX);
        let change = json!({"spec": {"selector": {"fabric.heddle.dev/role": "nobody"}}});
        world.edit("v1", "Service", "demo-acme", "acme-ca", &change);
        written(world);
        assert!(world.run_once().await.is_err());
        assert_eq!(written(world), ["apply services demo-acme/acme-ca"]);
        world.faults.fail_pushes(Fault::Refused, 0);
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
    });
}

#[test]
fn work_that_began_ends_and_is_told_by_the_next_process() {
    world(40, async |world| {
        begin(world).await;
        world.commit_change(PLATFORM_TENANT, |text| text.replace("pods: 20", "pods: 21"));
        // The `started` record is let through, then the host refuses.
        let started = world.faults.effects();
        let repository = world.repository.clone();
        let faults = world.faults.clone();
        let commits = repository.status_commits();
        let watcher = tokio::spawn(async move {
            while repository.status_commits() == commits {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            faults.fail_pushes(Fault::Refused, u64::MAX);
        });
        for effect in 1..40 {
            let slow = Fault::Slow(std::time::Duration::from_millis(50));
            world.faults.at_effect(started + effect, slow);
        }
        let error = world.run_once().await.unwrap_err();
        watcher.await.unwrap();
        assert!(matches!(&error, DriverError::StatusBranch(StatusBranchError::Refused { .. })), "{error:?}");
        let quota = world.get("v1", "ResourceQuota", "demo-platform", "heddle-quota").unwrap();
        assert_eq!(quota.pointer("/spec/hard/pods"), Some(&json!("21")), "what began was ended");
        assert!(matches!(records(world, "tenant-platform").last().unwrap().event, Event::Started { .. }));
        world.faults.fail_pushes(Fault::Refused, 0);
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        let last = records(world, "tenant-platform").pop().unwrap();
        assert_eq!((last.unit, last.event), (unit("tenant/platform"), Event::Resumed { state: UnitState::Converged }));
    });
}

#[test]
fn a_push_that_loses_its_race_is_made_on_the_new_tip() {
    world(41, async |world| {
        begin(world).await;
        world.faults.fail_pushes(Fault::Conflict, 3);
        world.commit_change(PLATFORM_TENANT, |text| text.replace("pods: 20", "pods: 21"));
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        assert!(world.status("another-writer").is_some(), "what the other one wrote is kept");
        let records = records(world, "tenant-platform");
        let [.., started, finished] = records.as_slice() else { panic!("{records:?}") };
        assert_eq!((&started.unit, started.plan), (&unit("tenant/platform"), finished.plan));
        assert!(matches!((&started.event, &finished.event), (Event::Started { .. }, Event::Finished { .. })));
        assert!(records.iter().zip(1..).all(|(record, number)| record.number == number), "{records:?}");
    });
}

// ---- what was shown

#[test]
fn what_was_shown_is_done_to_its_end_although_nodes_restart_in_turn() {
    world(50, async |world| {
        begin(world).await;
        world.commit_change(TRADE, |text| text.replace("3.1.5", "3.1.6"));
        let summary = world.apply_what_is_shown().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        for peer in ["trade-acme-peer1-a29dd58b", "trade-acme-peer2-a29dd58b"] {
            assert!(image(world, "demo-acme", peer).ends_with("3.1.6"), "{peer}");
        }
    });
}

// ---- the source

#[test]
fn a_branch_that_is_gone_ends_a_single_run_and_a_daemon_keeps_what_was_wanted() {
    world(44, async |world| {
        begin(world).await;
        let before = now(world);
        let tip = world.run_once().await.unwrap().revision.unwrap();
        let stop = CancellationToken::new();
        let daemon = tokio::spawn(world.driver(Goal::Forever, &stop).run());
        tokio::time::sleep(std::time::Duration::from_secs(40)).await;
        world.repository.remove_branch();
        tokio::time::sleep(std::time::Duration::from_mins(2)).await;
        let change = json!({"spec": {"selector": {"fabric.heddle.dev/role": "nobody"}}});
        world.edit("v1", "Service", "demo-acme", "acme-ca", &change);
        tokio::time::sleep(std::time::Duration::from_mins(2)).await;
        let service = world.get("v1", "Service", "demo-acme", "acme-ca").unwrap();
        assert_ne!(service.pointer("/spec/selector/fabric.heddle.dev~1role"), Some(&json!("nobody")));
        says(&fleet_report(world), &["HDL1007", "branch", "stays in force"]);
        stop.cancel();
        daemon.await.unwrap().unwrap();
        assert_eq!(deleted_since(world, before), NOTHING);
        let error = world.run_once().await.unwrap_err();
        assert!(matches!(&error, DriverError::Source(SourceError::BranchGone { .. })), "{error:?}");
        world.repository.reset(tip);
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        assert!(!fleet_report(world).contains("HDL1007"));
    });
}

/// A fleet document that cannot be used stops nothing that runs and changes nothing.
async fn without_fleet(world: &World, text: Option<&str>, code: &str) {
    begin(world).await;
    let before = now(world);
    let good = status(world, NETWORK).revision;
    written(world);
    match text {
        Some(text) => world.commit_text("fleet.yaml", text),
        None => world.commit_removal("fleet.yaml"),
    };
    let summary = world.run_once().await.unwrap();
    assert!(all_are(&summary, UnitState::Invalid), "{:?}", states(&summary));
    let exit = Exit::worst(summary.units.values().map(|state| Exit::of_state(*state)));
    assert_eq!((exit, summary.problems), (Exit::Person, true));
    assert_eq!((written(world), deleted_since(world, before)), (NOTHING, NOTHING));
    assert_eq!(status(world, NETWORK).revision, good);
    let revision = good.unwrap().to_string();
    says(&report(world, NETWORK), &["the last good ones stay in force", code, "fleet.yaml", &revision]);
    // What was wanted last is still kept up.
    let change = json!({"spec": {"selector": {"fabric.heddle.dev/role": "nobody"}}});
    world.edit("v1", "Service", "demo-acme", "acme-ca", &change);
    world.run_once().await.unwrap();
    assert_eq!(written(world), ["apply services demo-acme/acme-ca"]);
    world.commit_change("fleet.yaml", ToOwned::to_owned);
    let summary = settle(world).await;
    assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
    assert_eq!((written(world), deleted_since(world, before)), (NOTHING, NOTHING));
}

#[test]
fn without_a_fleet_document_the_last_good_revision_stays_in_force() {
    world(45, async |world| without_fleet(world, None, "HDL1004").await);
}

#[test]
fn with_a_broken_fleet_document_the_last_good_revision_stays_in_force() {
    world(46, async |world| without_fleet(world, Some("kind: ["), "HDL2003").await);
}

#[test]
fn an_empty_tree_holds_everything_and_deletes_nothing() {
    world(47, async |world| {
        begin(world).await;
        let before = now(world);
        written(world);
        for file in ["fleet.yaml", TRADE, ORDERERS, ACME, PLATFORM_TENANT, ACME_TENANT] {
            world.commit_removal(file);
        }
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Invalid), "{:?}", states(&summary));
        assert_eq!((written(world), deleted_since(world, before)), (NOTHING, NOTHING));
        says(&report(world, NETWORK), &["HDL1004", "the last good ones stay in force"]);
    });
}
