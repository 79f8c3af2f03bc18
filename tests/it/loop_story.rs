//! The whole loop in a simulated world: commits in, objects and reports out.

use std::time::Duration;

use heddle::app::driver::{DriverError, Goal};
use heddle::model::revision::RepoPath;
use heddle::plan::outcome::UnitState;
use heddle::sim::faults::Fault;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::world::{all_are, states, unit, world};

#[test]
fn a_first_commit_waits_for_secrets_and_converges_once_they_are_there() {
    world(1, async |world| {
        world.commit_quick_start();
        let first = world.run_once().await.unwrap();
        assert_eq!(
            states(&first),
            [
                "tenant/acme: Converged",
                "tenant/platform: Converged",
                "organization/acme/acme: Waiting",
                "organization/platform/orderer-org: Waiting",
                "network/platform/trade: Waiting",
            ]
        );
        let report = world.status("tenants/platform/networks/trade/REPORT.md").unwrap();
        assert!(report.contains("needs Secret demo-platform/trade-orderer-org-orderer1-msp"), "{report}");
        world.bring_secrets();
        let second = world.run_once().await.unwrap();
        assert!(
            all_are(&second, UnitState::Converged),
            "{:?} {:?}",
            states(&second),
            world.status("tenants/platform/networks/trade/status.yaml")
        );
    });
}

#[test]
fn a_run_with_nothing_to_do_asks_for_no_object_and_commits_nothing() {
    world(2, async |world| {
        world.commit_quick_start();
        world.run_once().await.unwrap();
        world.bring_secrets();
        world.run_once().await.unwrap();
        let (commits, version) = (world.repository.status_commits(), world.store.version());
        world.take_object_requests();
        let third = world.run_once().await.unwrap();
        assert!(all_are(&third, UnitState::Converged));
        assert_eq!(world.take_object_requests(), []);
        assert_eq!(world.repository.status_commits(), commits);
        // Only the Lease was taken and given back.
        assert!(world.store.version() <= version + 2, "{} after {version}", world.store.version());
    });
}

#[test]
fn a_hand_made_edit_is_put_back() {
    world(3, async |world| {
        world.commit_quick_start();
        world.run_once().await.unwrap();
        let change = json!({"spec": {"selector": {"fabric.heddle.dev/role": "orderer"}}});
        let edited = |world: &crate::world::World| {
            let service = world.get("v1", "Service", "demo-acme", "trade-acme-peer1-a29dd58b").unwrap();
            service.pointer("/spec/selector/fabric.heddle.dev~1role").cloned()
        };
        let before = edited(world);
        world.edit("v1", "Service", "demo-acme", "trade-acme-peer1-a29dd58b", &change);
        assert_ne!(edited(world), before);
        world.run_once().await.unwrap();
        assert_eq!(edited(world), before, "{:?}", world.status("tenants/platform/networks/trade/status.yaml"));
    });
}

#[test]
fn a_broken_file_stops_its_units_only_and_the_last_good_revision_stays_in_force() {
    world(4, async |world| {
        world.commit_quick_start();
        world.run_once().await.unwrap();
        world.commit_change("tenants/acme/tenant.yaml", |text| text.replace("pods: 20", "pods: twenty"));
        world.commit_change("tenants/platform/tenant.yaml", |text| text.replace("pods: 20", "pods: 21"));
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit("tenant/acme")], UnitState::Invalid, "{:?}", states(&summary));
        assert_eq!(summary.units[&unit("tenant/platform")], UnitState::Converged, "{:?}", states(&summary));
        let quota = world.get("v1", "ResourceQuota", "demo-platform", "heddle-quota").unwrap();
        assert_eq!(quota.pointer("/spec/hard/pods"), Some(&json!("21")));
        let report = world.status("tenants/acme/REPORT.md").unwrap();
        assert!(report.contains("HDL2032"), "{report}");
    });
}

#[test]
fn a_second_process_stands_by_and_one_that_never_led_says_so() {
    world(5, async |world| {
        world.commit_quick_start();
        world.run_once().await.unwrap();
        let commits = world.repository.status_commits();
        let first = tokio::spawn(world.driver(Goal::Forever, &CancellationToken::new()).run());
        tokio::time::sleep(Duration::from_secs(20)).await;
        world.edit("v1", "Service", "demo-acme", "acme-ca", &json!({"spec": {"selector": {"x": "y"}}}));
        // Were the loop to turn without a pause, its time would never pass.
        let second = world.run_once().await;
        assert!(matches!(second, Err(DriverError::Led { .. })), "{second:?}");
        first.abort();
        assert!(world.repository.status_commits() >= commits);
    });
}

#[test]
fn a_process_takes_over_from_one_that_died() {
    world(6, async |world| {
        world.commit_quick_start();
        world.faults.at_effect(4, Fault::CrashAfter);
        assert!(world.run_until_crash().await.is_none());
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit("tenant/acme")], UnitState::Converged, "{:?}", states(&summary));
    });
}

#[test]
fn a_status_that_cannot_be_read_is_not_taken_for_a_unit_that_never_was() {
    world(7, async |world| {
        world.commit_quick_start();
        world.run_once().await.unwrap();
        let path = RepoPath::parse("tenants/platform/networks/trade/status.yaml").unwrap();
        let (whole, files) = (world.repository.status_files(), [(path.clone(), Some(b"state: [".to_vec()))]);
        world.repository.commit_status(&files.into(), "Somebody's hand");
        let error = heddle::model::causes::chain(&world.run_once().await.unwrap_err());
        assert!(
            error.contains("tenants/platform/networks/trade/status.yaml of an earlier process cannot be read"),
            "{error}"
        );
        let files = [(path.clone(), Some(whole[&path].clone()))];
        world.repository.commit_status(&files.into(), "Put back");
        assert!(world.run_once().await.is_ok(), "it goes on from what was put back");
    });
}

#[test]
fn what_a_process_was_applying_when_it_died_is_in_force_though_no_status_says_so() {
    world(7, async |world| {
        world.commit_quick_start();
        world.run_once().await.unwrap();
        let pods = |world: &crate::world::World| {
            let quota = world.get("v1", "ResourceQuota", "demo-platform", "heddle-quota").unwrap();
            quota.pointer("/spec/hard/pods").cloned()
        };
        world.commit_change("tenants/platform/tenant.yaml", |text| text.replace("pods: 20", "pods: 21"));
        let begun = world.faults.recorded().last().unwrap().number;
        // The Lease, taken and renewed, and the `started` record come first.
        world.faults.at_effect(begun + 4, Fault::CrashAfter);
        assert!(world.run_until_crash().await.is_none());
        assert_eq!(
            pods(world),
            Some(json!("21")),
            "{:?}",
            world.faults.recorded().split_off(usize::try_from(begun).unwrap())
        );
        world.commit_text("tenants/platform/tenant.yaml", "kind: [");
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit("tenant/platform")], UnitState::Invalid, "{:?}", states(&summary));
        assert_eq!(pods(world), Some(json!("21")));
    });
}
