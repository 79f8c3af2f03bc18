//! Bad days of a region: what the whole loop does and does not do, and what its reports tell people to do next.

use std::time::Duration;

use heddle::app::exit::Exit;
use heddle::model::object::{ClusterUid, Kind};
use heddle::plan::outcome::UnitState;
use heddle::sim::faults::{Chance, Fault};
use serde_json::json;

use crate::region_world::{
    ACME, Daemon, FLEET, NETWORK, PEER, a_peer_leaves, asked, delete, edit_role, exit, lives, object_writes,
    open_plans, pass, report, role, says, settled, status, versions, writes,
};
use crate::world::{World, all_are, states, unit, world};

#[test]
fn a_region_without_a_pin_is_written_nothing_and_the_report_says_how_to_pin_it() {
    world(101, async |world| {
        let pin = world.pin.replace(None).unwrap();
        world.commit_quick_start();
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Unknown), "{:?}", states(&summary));
        assert_eq!(exit(&summary), Exit::Unknown);
        assert_eq!(writes(world), [], "not even a Lease");
        let hint = format!("write `clusterUid: {pin}`");
        assert!(summary.regions.values().all(|state| state.contains(&hint)), "{:?}", summary.regions);
        says(&report(world, FLEET), &["its configuration has no clusterUid", &pin.to_string()]);
        says(&report(world, ACME), &["its configuration has no clusterUid", "nothing is changed there"]);
        world.pin.replace(Some(pin));
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit("tenant/acme")], UnitState::Converged, "{:?}", states(&summary));
    });
}

#[test]
fn another_cluster_than_the_pinned_one_is_written_nothing() {
    world(102, async |world| {
        settled(world).await;
        let before = versions(world);
        edit_role(world);
        let wrong = ClusterUid::new("00000000-0000-4000-8000-000000000000");
        let right = world.pin.replace(Some(wrong.clone())).unwrap();
        let daemon = Daemon::start(world);
        pass(300).await;
        let summary = daemon.stop().await;
        assert!(all_are(&summary, UnitState::Unknown), "{:?}", states(&summary));
        assert_eq!(writes(world), [], "not even a Lease");
        says(&report(world, FLEET), &["another cluster answers", &wrong.to_string(), &right.to_string(), "kubeconfig"]);
        says(&report(world, NETWORK), &["nothing is changed there"]);
        world.pin.replace(Some(right));
        assert!(all_are(&world.run_once().await.unwrap(), UnitState::Converged));
        assert_eq!(versions(world), before + 2, "the edit and its repair");
    });
}

#[test]
fn a_kind_that_may_not_be_listed_stops_what_needs_it_until_it_may() {
    world(103, async |world| {
        world.store.set_window(1_000_000);
        world.faults.forbid_list(Kind::Service, true);
        world.commit_quick_start();
        let daemon = Daemon::start(world);
        pass(30).await;
        assert_eq!(object_writes(world).iter().filter(|write| write.resource == "services").count(), 0);
        assert_eq!(status(world, ACME).state, UnitState::Converged, "it has no Services");
        assert_eq!(status(world, NETWORK).state, UnitState::Unknown);
        let words = "the observer may not list it: grant `heddle-observer` the verbs get, list and watch on it";
        assert!(status(world, NETWORK).waits.iter().any(|wait| wait.contains("Service") && wait.contains(words)));
        says(&report(world, FLEET), &["Service is not seen completely: the observer may not list it"]);
        world.faults.forbid_list(Kind::Service, false);
        pass(120).await;
        world.bring_secrets();
        pass(660).await;
        let summary = daemon.stop().await;
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        assert_eq!(lives(world, ("v1", "Service"), "demo-acme", PEER), 1);
        assert_eq!(asked(world, "apply", "services", PEER), 1);
    });
}

#[test]
fn nothing_is_deleted_while_one_kind_is_unseen_whoever_approved_it() {
    world(104, async |world| {
        a_peer_leaves(world).await;
        // A kind of which nothing is to be deleted.
        world.faults.forbid_list(Kind::RoleBinding, true);
        let daemon = Daemon::start(world);
        pass(30).await;
        assert_eq!(world.cluster.requests().iter().filter(|request| request.verb == "delete").count(), 0);
        assert_eq!(status(world, NETWORK).state, UnitState::Unknown);
        says(&report(world, NETWORK), &["RoleBinding objects could not all be seen", "nothing is changed on a guess"]);
        world.faults.forbid_list(Kind::RoleBinding, false);
        pass(240).await;
        let gone = "trade-acme-peer2-a29dd58b";
        assert_eq!(status(world, NETWORK).state, UnitState::Converged, "{}", report(world, NETWORK));
        assert!(world.get("apps/v1", "StatefulSet", "demo-acme", gone).is_none());
        assert_eq!(asked(world, "delete", "statefulsets", gone), 1);
        assert!(world.get("apps/v1", "StatefulSet", "demo-acme", PEER).is_some());
        daemon.stop().await;
    });
}

#[test]
fn a_watch_that_says_nothing_for_three_minutes_is_stale_and_ends_in_a_list() {
    world(105, async |world| {
        settled(world).await;
        let daemon = Daemon::start(world);
        pass(30).await;
        world.cluster.clear_requests();
        let before = versions(world);
        world.faults.silence_watches(true);
        edit_role(world);
        pass(120).await;
        assert_eq!(object_writes(world), [], "nobody was told");
        // Slow enough for a look at the unit while the list is under way.
        let slow = Fault::Slow(Duration::from_secs(1));
        world.faults.by_chance(Some(Chance { seed: 1, per_mille: 1000, faults: vec![slow] }));
        let mut said = String::new();
        for _ in 0..150 {
            pass(1).await;
            said.push_str(&report(world, FLEET));
        }
        says(&said, &["is not seen completely: no news for three minutes"]);
        assert!(role(world).is_some_and(|role| role != "nobody"), "the list shows what no watch told");
        world.faults.by_chance(None);
        world.faults.silence_watches(false);
        pass(400).await;
        assert!(all_are(&daemon.stop().await, UnitState::Converged));
        assert_eq!(versions(world), before + 2, "the edit and its repair");
    });
}

/// An edit by hand while watches fail for some seconds is put back once, and everything is at rest again; `lists` says
/// whether Services and Namespaces are listed anew for it.
fn check_watch(seed: u64, begin: impl Fn(&World), seconds: u64, lists: (bool, bool)) {
    world(seed, async |world| {
        settled(world).await;
        let daemon = Daemon::start(world);
        pass(30).await;
        world.cluster.clear_requests();
        let before = versions(world);
        begin(world);
        edit_role(world);
        pass(seconds).await;
        world.faults.tear_watches_after(None);
        pass(210).await;
        assert!(role(world).is_some_and(|role| role != "nobody"));
        assert_eq!(versions(world), before + 2, "the edit and its repair");
        let listed = |resource| asked(world, "list", resource, "") > 0;
        assert_eq!((listed("services"), listed("namespaces")), lists);
        assert!(asked(world, "watch", "services", "") > 0);
        assert!(all_are(&daemon.stop().await, UnitState::Converged), "{}", report(world, NETWORK));
    });
}

#[test]
fn a_torn_watch_goes_on_from_where_it_was() {
    check_watch(106, |world| world.faults.tear_watches_after(Some(1)), 90, (false, false));
}

#[test]
fn watches_that_break_again_and_again_end_in_a_new_look_at_the_region() {
    check_watch(107, |world| world.faults.tear_watches_after(Some(0)), 90, (true, true));
}

#[test]
fn a_watch_whose_version_is_gone_ends_in_a_list() {
    let begin = |world: &World| {
        world.faults.tear_watches_after(Some(1));
        world.faults.expire_next_watch();
    };
    check_watch(108, begin, 1, (true, false));
}

#[test]
fn somebody_elses_object_of_a_wanted_name_stays_and_is_missed_by_nobody_when_it_goes() {
    world(110, async |world| {
        world.commit_quick_start();
        world.create("v1", "Namespace", "", "demo-acme", json!({"metadata": {"labels": {"theirs": "yes"}}}));
        let theirs = world.get("v1", "Namespace", "", "demo-acme");
        let daemon = Daemon::start(world);
        pass(30).await;
        assert_eq!(status(world, ACME).state, UnitState::Refused);
        says(&report(world, ACME), &["Namespace demo-acme", "belongs to somebody else", "rename it or delete it"]);
        assert_eq!(status(world, "tenants/platform").state, UnitState::Converged, "others go on");
        says(&report(world, NETWORK), &["waits for organization/acme/acme to be applied"]);
        pass(180).await;
        says(&report(world, ACME), &["`HDL4001`", "Hint: rename it or delete it"]);
        assert_eq!(world.get("v1", "Namespace", "", "demo-acme"), theirs);
        let commits = world.repository.status_commits();
        pass(3600).await;
        assert_eq!(world.repository.status_commits(), commits, "it says so once");
        delete(world, ("v1", "Namespace"), "", "demo-acme");
        pass(120).await;
        assert_eq!(status(world, ACME).state, UnitState::Converged, "{}", report(world, ACME));
        assert_eq!(exit(&daemon.stop().await), Exit::Person, "Secrets are missing");
        assert_eq!(open_plans(world), Vec::<String>::new());
    });
}

#[test]
fn an_object_that_two_units_want_is_made_for_neither() {
    world(111, async |world| {
        world.commit_quick_start();
        for (network, organization, msp) in [("a", "b-c", "BcMSP"), ("a-b", "c", "CMSP")] {
            world.commit_text(
                &format!("tenants/platform/networks/{network}.yaml"),
                &format!(
                    "apiVersion: heddle.dev/v1alpha1\nkind: Network\nmetadata: {{name: {network}}}\nspec:\n  fabric: \
                     {{version: 3.1.5}}\n  endpoints: {{domain: {network}.example.com, port: 443}}\n  members:\n    - \
                     {{name: Orderers, organization: platform/{organization}, role: orderer}}\n"
                ),
            );
            world.commit_text(
                &format!("tenants/platform/organizations/{organization}.yaml"),
                &format!(
                    "apiVersion: heddle.dev/v1alpha1\nkind: Organization\nmetadata: {{name: {organization}}}\nspec:\n  \
                     mspId: {msp}\n  ca: {{mode: fabric-ca, version: 1.5.21, regions: [local], storage: {{profile: \
                     standard, size: 1Gi}}}}\n  orderers:\n    - {{network: platform/{network}, name: o1, region: \
                     local}}\n  defaults: {{storage: {{profile: standard, size: 1Gi}}}}\n"
                ),
            );
        }
        let summary = world.run_once().await.unwrap();
        for network in ["a", "a-b"] {
            assert_eq!(summary.units[&unit(&format!("network/platform/{network}"))], UnitState::Refused);
        }
        assert_eq!(exit(&summary), Exit::Person);
        assert!(world.get("apps/v1", "StatefulSet", "demo-platform", "a-b-c-o1").is_none());
        says(
            &report(world, "tenants/platform/networks/a"),
            &["`HDL4008`", "StatefulSet demo-platform/a-b-c-o1 is wanted by network/platform/a-b too", "rename one"],
        );
        assert!(world.get("apps/v1", "StatefulSet", "demo-acme", PEER).is_some(), "others go on");
        world.commit_removal("tenants/platform/networks/a-b.yaml");
        world.commit_removal("tenants/platform/organizations/c.yaml");
        world.run_once().await.unwrap();
        assert!(world.get("apps/v1", "StatefulSet", "demo-platform", "a-b-c-o1").is_some());
    });
}

#[test]
fn a_unit_that_vanished_is_not_said_to_be_at_rest_while_its_region_is_out_of_reach() {
    world(112, async |world| {
        settled(world).await;
        world.commit_removal("tenants/acme/organizations/acme.yaml");
        world.commit_change("tenants/platform/networks/trade.yaml", |text| {
            text.replace("    - name: Acme\n      organization: acme/acme\n      role: peer\n", "")
        });
        world.pin.replace(Some(ClusterUid::new("00000000-0000-4000-8000-000000000000")));
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Unknown), "{:?}", states(&summary));
        says(&report(world, "tenants/acme/organizations/acme"), &["another cluster answers"]);
    });
}
