//! Deletions and whose word they wait for, through the whole loop: who grants what, and what the reports say.

use heddle::plan::outcome::UnitState;
use heddle::report::audit::Event;
use heddle::report::unit_report;
use serde_json::json;

use crate::people::{
    ACME, approve, begin, deleted_since, held, names_of, now, records, report, says, settle, status, stored,
    with_leaving_peer, with_second_peer, written,
};
use crate::world::{World, states, unit, world};

const NETWORK: &str = "network/platform/trade";
const PEER: &str = "trade-acme-peer2-a29dd58b";
/// What goes with a peer, in the order of its plan.
const OF_A_PEER: [&str; 3] = ["StatefulSet", "Service", "ConfigMap"];

fn all_of_the_peer() -> Vec<String> {
    ["configmaps", "services", "statefulsets"].map(|kind| format!("{kind} demo-acme/{PEER}")).to_vec()
}

/// The second peer leaves and its deletion is held.
async fn peer_leaves(world: &World) {
    begin(world).await;
    world.commit_change(ACME, with_leaving_peer);
    let summary = world.run_once().await.unwrap();
    assert_eq!(summary.units[&unit(NETWORK)], UnitState::Held, "{:?}", states(&summary));
}

#[test]
fn a_deletion_is_held_and_the_report_has_the_plan_and_the_approval_to_commit() {
    world(11, async |world| {
        begin(world).await;
        let before = now(world);
        world.commit_change(ACME, with_leaving_peer);
        written(world);
        world.run_once().await.unwrap();
        let held = held(world, NETWORK);
        assert_eq!((held.changes, held.restarts, held.approvals_from.as_slice()), (3, 0, &["acme".to_owned()][..]));
        let plan = stored(world, held.plan);
        let named: Vec<_> = plan.changes.iter().map(|c| (c.op.as_str(), c.kind.as_str(), c.name.as_str())).collect();
        assert_eq!(named, OF_A_PEER.map(|kind| ("delete", kind, PEER)));
        let short = held.plan.short();
        let markdown = format!("/plans/{}/{}.md", held.plan.0.short(2), held.plan.0.hex());
        let file = format!("tenants/acme/approvals/{short}.yaml");
        let document = unit_report::approval(&held.plan.to_string(), &short);
        let report = report(world, NETWORK);
        says(&report, &["**Held**", "3 change(s) are held", &markdown, &file, &document]);
        assert!(!report.contains("grant nothing"), "{report}");
        assert!(world.status(markdown.trim_start_matches('/')).unwrap().contains(PEER));
        // The one that stays has no spare any more; that is routine and waits for nobody.
        let routine = vec!["apply poddisruptionbudgets demo-acme/trade-acme-peers-a29dd58b".to_owned()];
        assert_eq!((deleted_since(world, before), written(world)), (vec![], routine));
        // Exactly the text of the report is a document that heddle reads.
        world.commit_text(&file, &document);
        world.run_once().await.unwrap();
        assert_eq!(deleted_since(world, before), all_of_the_peer());
    });
}

#[test]
fn a_neighbours_approval_grants_nothing_and_the_report_says_whose_is_needed() {
    world(12, async |world| {
        peer_leaves(world).await;
        let (before, held_before) = (now(world), held(world, NETWORK));
        written(world);
        approve(world, "platform", held_before.plan);
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit(NETWORK)], UnitState::Held);
        assert_eq!((deleted_since(world, before), written(world)), (vec![], vec![]));
        let file = format!("tenants/platform/approvals/{}.yaml", held_before.plan.short());
        says(&report(world, NETWORK), &[&file, "the folder of platform", "needs the consent of acme"]);
        // The right one beside it works, and nothing is said any more.
        approve(world, "acme", held_before.plan);
        world.run_once().await.unwrap();
        assert_eq!(deleted_since(world, before), all_of_the_peer());
        assert!(!report(world, NETWORK).contains("grant nothing"));
    });
}

#[test]
fn an_approval_of_another_plan_grants_nothing_and_the_report_says_so() {
    world(13, async |world| {
        peer_leaves(world).await;
        let before = now(world);
        let unknown = format!("sha256:{}", "ab".repeat(32));
        let file = "tenants/acme/approvals/abababababab.yaml";
        world.commit_text(file, &unit_report::approval(&unknown, "abababababab"));
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit(NETWORK)], UnitState::Held);
        assert_eq!(deleted_since(world, before), Vec::<String>::new());
        says(&report(world, NETWORK), &[file, "the status branch holds no plan abababababab"]);
        assert_eq!(held(world, NETWORK).idle_approvals.len(), 1);
    });
}

#[test]
fn what_changed_after_the_plan_is_asked_for_anew() {
    world(14, async |world| {
        peer_leaves(world).await;
        let (before, first) = (now(world), held(world, NETWORK).plan);
        let change = json!({"spec": {"selector": {"fabric.heddle.dev/role": "somebody-uses-it"}}});
        world.edit("v1", "Service", "demo-acme", PEER, &change);
        approve(world, "acme", first);
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit(NETWORK)], UnitState::Held);
        // What is as it was goes, for that was approved; the Service stays.
        let others: Vec<String> = all_of_the_peer().into_iter().filter(|name| !name.starts_with("services")).collect();
        assert_eq!(deleted_since(world, before), others);
        let second = held(world, NETWORK);
        assert_ne!(second.plan, first);
        assert_eq!(second.changes, 1);
        let file = format!("tenants/acme/approvals/{}.yaml", first.short());
        let service = format!("Service demo-acme/{PEER}");
        says(&report(world, NETWORK), &[&file, "not as they were in the plan that it names", &service]);
        approve(world, "acme", second.plan);
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit(NETWORK)], UnitState::Converged);
        assert_eq!(deleted_since(world, before), all_of_the_peer());
    });
}

#[test]
fn a_good_approval_deletes_what_it_names_once_and_the_audit_log_says_by_whose_word() {
    world(15, async |world| {
        peer_leaves(world).await;
        let (before, plan) = (now(world), held(world, NETWORK).plan);
        written(world);
        approve(world, "acme", plan);
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit(NETWORK)], UnitState::Converged);
        let deletions = OF_A_PEER.map(|kind| format!("delete {}s demo-acme/{PEER}", kind.to_lowercase()));
        assert_eq!(written(world), deletions);
        assert_eq!(deleted_since(world, before), all_of_the_peer());
        assert!(names_of(world, "v1", "PersistentVolumeClaim").iter().any(|name| name.contains(PEER)));
        let file = format!("tenants/acme/approvals/{}.yaml", plan.short());
        let records = records(world, "tenant-platform");
        let of_plan: Vec<_> = records.iter().filter(|record| record.plan == plan).collect();
        let [started, finished] = of_plan.as_slice() else { panic!("{of_plan:?}") };
        let (Event::Started { changes: intended }, Event::Finished { changes: done, state }) =
            (&started.event, &finished.event)
        else {
            panic!("{of_plan:?}")
        };
        assert_eq!((intended.len(), done.len(), *state), (3, 3, UnitState::Converged));
        for change in intended.iter().chain(done) {
            assert_eq!((change.op.as_str(), change.approved_by.as_ref()), ("delete", Some(&file)), "{change:?}");
        }
        assert!(done.iter().all(|change| change.outcome.as_deref() == Some("done")), "{done:?}");
        let status = status(world, NETWORK);
        let last = status.last_change.unwrap();
        assert_eq!((last.plan, last.deleted, last.not_done, status.held), (plan, 3, 0, None));
        // The file may stay: another process finds nothing to do.
        let commits = world.repository.status_commits();
        world.run_once().await.unwrap();
        assert_eq!((written(world), world.repository.status_commits()), (vec![], commits));
    });
}

#[test]
fn an_approval_that_was_used_grants_nothing_in_another_life() {
    world(16, async |world| {
        peer_leaves(world).await;
        let first = held(world, NETWORK).plan;
        approve(world, "acme", first);
        world.run_once().await.unwrap();
        // The peer comes back and leaves again: the same names, other objects.
        world.commit_change(ACME, with_second_peer);
        let summary = settle(world).await;
        assert_eq!(summary.units[&unit(NETWORK)], UnitState::Converged, "{:?}", states(&summary));
        let before = now(world);
        world.commit_change(ACME, with_leaving_peer);
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit(NETWORK)], UnitState::Held);
        assert_eq!(deleted_since(world, before), Vec::<String>::new());
        assert_ne!(held(world, NETWORK).plan, first);
        let file = format!("tenants/acme/approvals/{}.yaml", first.short());
        says(&report(world, NETWORK), &[&file, "not as they were in the plan that it names"]);
    });
}
