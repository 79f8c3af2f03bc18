//! Bad days of a plan, through the whole loop: what vanishes, what is too much, what leaves properly, a rewritten
//! history and what belongs to others.

use heddle::plan::outcome::UnitState;
use heddle::report::audit::Event;
use serde_json::json;

use crate::people::{
    ACME, ACME_TENANT, ORDERERS, PLATFORM_TENANT, TRADE, all_approved, approve, begin, deleted_since, fleet_report,
    held, image, leaving, names_of, now, records, report, says, status, statuses, with_leaving_peer, with_second_peer,
    written,
};
use crate::world::{World, all_are, states, unit, world};

const NETWORK: &str = "network/platform/trade";
const ORGANIZATION: &str = "organization/acme/acme";
const NOTHING: Vec<String> = Vec::new();

// ---- budgets

#[test]
fn a_plan_over_the_budget_deletes_nothing_and_says_the_numbers_and_the_way_out() {
    world(31, async |world| {
        begin(world).await;
        let before = now(world);
        written(world);
        world.commit_change(ACME, |text| leaving(&with_second_peer(text)));
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit(NETWORK)], UnitState::Refused, "{:?}", states(&summary));
        assert_eq!((deleted_since(world, before), written(world)), (NOTHING, NOTHING));
        let words = ["HDL4007", "the plan deletes 8 objects, the budget is 5", "smaller steps", "fleet.yaml"];
        says(&report(world, NETWORK), &words);
        assert_eq!(status(world, NETWORK).held, None, "no approval lifts it, so none is asked for");
        // One way out is a smaller step.
        world.commit_change(ACME, with_leaving_peer);
        world.run_once().await.unwrap();
        assert_eq!(held(world, NETWORK).changes, 3);
        // The other is another budget.
        world.commit_change(ACME, |text| leaving(&with_second_peer(text)));
        world.commit_change("fleet.yaml", |text| text.replace("deletes: 5", "deletes: 8"));
        world.run_once().await.unwrap();
        assert_eq!((held(world, NETWORK).changes, deleted_since(world, before)), (8, NOTHING));
    });
}

// ---- what vanishes

#[test]
fn a_node_that_vanishes_is_held_whatever_is_approved_and_its_entry_brings_peace() {
    world(32, async |world| {
        begin(world).await;
        world.commit_change(ACME, with_leaving_peer);
        world.run_once().await.unwrap();
        let (before, plan) = (now(world), held(world, NETWORK).plan);
        // The entry goes before its objects are gone, and somebody approves the plan of yesterday.
        world.commit_change(ACME, ToOwned::to_owned);
        approve(world, "acme", plan);
        approve(world, "platform", plan);
        written(world);
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit(NETWORK)], UnitState::Refused, "{:?}", states(&summary));
        assert_eq!((deleted_since(world, before), written(world)), (NOTHING, NOTHING));
        let words = ["HDL4006", "node trade-acme-peer2-a29dd58b vanished", "lifecycle: Decommissioned"];
        says(&report(world, NETWORK), &words);
        assert_eq!(status(world, NETWORK).held, None);
        world.commit_removal(&format!("tenants/acme/approvals/{}.yaml", plan.short()));
        world.commit_change(ACME, with_second_peer);
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        // Only what routine changed for the leaving peer is put back.
        let routine = vec!["apply poddisruptionbudgets demo-acme/trade-acme-peers-a29dd58b".to_owned()];
        assert_eq!((deleted_since(world, before), written(world)), (NOTHING, routine));
    });
}

/// Files vanish; these units are held as vanished and these are invalid meanwhile; nothing is written, then or later.
async fn vanish(world: &World, files: &[&str], vanished: &[&str], invalid: &[&str]) {
    begin(world).await;
    let before = now(world);
    let at: Vec<_> = files.iter().map(|file| (*file, world.text(file))).collect();
    written(world);
    for file in files {
        world.commit_removal(file);
    }
    let summary = world.run_once().await.unwrap();
    for name in vanished {
        assert_eq!(summary.units[&unit(name)], UnitState::Refused, "{:?}", states(&summary));
        let status = status(world, name);
        assert!(status.refusals.iter().all(|found| found.code == "HDL4006") && status.held.is_none(), "{status:?}");
        says(&report(world, name), &["its unit vanished from the spec", "lifecycle: Decommissioned", "HDL4006"]);
    }
    for name in invalid {
        assert_eq!(summary.units[&unit(name)], UnitState::Invalid, "{:?}", states(&summary));
        says(&report(world, name), &["the last good ones stay in force", "## Problems in the documents"]);
    }
    assert_eq!((deleted_since(world, before), written(world)), (NOTHING, NOTHING));
    for (file, text) in at {
        world.commit_text(file, &text);
    }
    let summary = world.run_once().await.unwrap();
    assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
    assert_eq!((deleted_since(world, before), written(world)), (NOTHING, NOTHING));
}

#[test]
fn an_organization_that_vanishes_is_held_and_comes_back_without_a_write() {
    world(33, async |world| vanish(world, &[ACME], &[ORGANIZATION], &[NETWORK]).await);
}

#[test]
fn a_network_that_vanishes_is_held_and_comes_back_without_a_write() {
    let organizations = [ORGANIZATION, "organization/platform/orderer-org"];
    world(34, async |world| vanish(world, &[TRADE], &[NETWORK], &organizations).await);
}

#[test]
fn a_tenants_folder_that_vanishes_is_held_and_comes_back_without_a_write() {
    let vanished = ["tenant/acme", ORGANIZATION];
    world(35, async |world| vanish(world, &[ACME_TENANT, ACME], &vanished, &[NETWORK]).await);
}

#[test]
fn what_builds_on_a_unit_that_vanished_is_still_kept_up() {
    world(48, async |world| {
        begin(world).await;
        world.commit_removal(ACME);
        world.run_once().await.unwrap();
        let change = json!({"spec": {"selector": {"fabric.heddle.dev/role": "nobody"}}});
        world.edit("v1", "Service", "demo-acme", "trade-acme-peer1-a29dd58b", &change);
        written(world);
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit(NETWORK)], UnitState::Invalid, "{:?}", states(&summary));
        assert_eq!(written(world), ["apply services demo-acme/trade-acme-peer1-a29dd58b"]);
    });
}

// ---- what leaves properly

#[test]
fn whole_units_that_leave_keep_their_claims_and_namespaces_and_say_so_until_these_are_gone_too() {
    world(36, async |world| {
        begin(world).await;
        let secrets = names_of(world, "v1", "Secret");
        world.commit_change("fleet.yaml", |text| text.replace("deletes: 5", "deletes: 20"));
        let files = [TRADE, ORDERERS, ACME, PLATFORM_TENANT, ACME_TENANT];
        for file in files {
            let text = leaving(&world.text(file)).replacen("\nspec:\n", "\nspec:\n  lifecycle: Decommissioned\n", 1);
            world.commit_text(file, &text);
        }
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Held), "{:?}", states(&summary));
        let summary = all_approved(world).await;
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        let inventories = |world: &World| names_of(world, "v1", "ConfigMap");
        assert!(inventories(world).iter().all(|name| name.starts_with("heddle-system/")), "{:?}", inventories(world));
        for (version, kind) in [("apps/v1", "StatefulSet"), ("v1", "Service"), ("v1", "ServiceAccount")] {
            assert_eq!(names_of(world, version, kind), NOTHING, "{kind}");
        }
        let claims = names_of(world, "v1", "PersistentVolumeClaim");
        assert_eq!((claims.len(), names_of(world, "v1", "Secret")), (5, secrets));
        assert!(world.get("v1", "Namespace", "", "demo-acme").is_some());
        // The files go. What is left is told, and nothing else happens.
        for file in files {
            world.commit_removal(file);
        }
        written(world);
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        assert_eq!((written(world), names_of(world, "v1", "PersistentVolumeClaim")), (NOTHING, claims.clone()));
        says(&report(world, ORGANIZATION), &["## Left behind", "PersistentVolumeClaim demo-acme/acme-ca-1"]);
        says(&report(world, "tenant/acme"), &["## Left behind", "Namespace demo-acme"]);
        // A person deletes them. Then nothing speaks of the units any more but the audit log.
        for claim in &claims {
            let (namespace, name) = claim.split_once('/').unwrap();
            world.delete("v1", "PersistentVolumeClaim", namespace, name);
        }
        world.delete("v1", "Namespace", "", "demo-acme");
        world.delete("v1", "Namespace", "", "demo-platform");
        world.run_once().await.unwrap();
        assert_eq!(statuses(world).keys().map(ToString::to_string).collect::<Vec<_>>(), NOTHING);
        assert!(!records(world, "tenant-acme").is_empty());
        assert_eq!(world.status("tenants/acme/REPORT.md"), None);
    });
}

// ---- rewritten history

#[test]
fn after_rewritten_history_routine_changes_run_and_restarts_wait_for_one_approval() {
    world(37, async |world| {
        begin(world).await;
        let good = world.commit_text("notes.md", "what everybody knows");
        world.commit_text("notes.md", "what heddle acted on");
        world.run_once().await.unwrap();
        world.repository.reset(good);
        world.commit_change(TRADE, |text| text.replace("3.1.5", "3.1.6"));
        world.commit_change(PLATFORM_TENANT, |text| text.replace("pods: 20", "pods: 21"));
        let before = image(world, "demo-acme", "trade-acme-peer1-a29dd58b");
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit(NETWORK)], UnitState::Held, "{:?}", states(&summary));
        let quota = world.get("v1", "ResourceQuota", "demo-platform", "heddle-quota").unwrap();
        assert_eq!(quota.pointer("/spec/hard/pods"), Some(&json!("21")));
        says(&fleet_report(world), &["History was rewritten", "needs an approval", "Routine changes go on"]);
        says(&report(world, NETWORK), &["3 change(s) are held (3 restart a node)"]);
        let asked = held(world, NETWORK);
        assert_eq!((asked.restarts, asked.approvals_from.join(" ")), (3, "acme platform".to_owned()));
        // A commit of somebody who knows nothing of it grants nothing, in whichever process.
        world.commit_change(PLATFORM_TENANT, |text| text.replace("pods: 20", "pods: 22"));
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit(NETWORK)], UnitState::Held, "{:?}", states(&summary));
        assert_eq!(image(world, "demo-acme", "trade-acme-peer1-a29dd58b"), before);
        assert_eq!(held(world, NETWORK).plan, asked.plan);
        // One approval of each tenant covers its nodes, which still restart one after the other.
        approve(world, "acme", asked.plan);
        world.run_once().await.unwrap();
        assert_ne!(image(world, "demo-acme", "trade-acme-peer1-a29dd58b"), before);
        assert_ne!(image(world, "demo-acme", "trade-acme-peer2-a29dd58b"), before);
        assert_eq!(held(world, NETWORK).approvals_from, ["platform"]);
        approve(world, "platform", asked.plan);
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        let approved: Vec<String> = records(world, "tenant-platform")
            .iter()
            .filter_map(|record| match &record.event {
                Event::Finished { changes, .. } => Some(changes),
                Event::Started { .. } | Event::Resumed { .. } => None,
            })
            .flatten()
            .filter_map(|change| change.approved_by.clone())
            .collect();
        assert_eq!(approved.len(), 3, "{approved:?}");
        // Nothing is held any more: the next commit is a commit as any other.
        world.commit_change(TRADE, |text| text.replace("3.1.5", "3.1.7"));
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        assert!(!fleet_report(world).contains("History was rewritten"));
    });
}

// ---- what belongs to others

#[test]
fn what_another_installation_claims_is_never_touched_and_the_report_names_the_other_one() {
    world(42, async |world| {
        begin(world).await;
        let claim = json!({"metadata": {"labels": {"heddle.dev/installation": "other"}}});
        world.edit("v1", "Service", "demo-acme", "acme-ca", &claim);
        let selector = json!({"spec": {"selector": {"fabric.heddle.dev/role": "theirs"}}});
        world.edit("v1", "Service", "demo-acme", "acme-ca", &selector);
        let theirs = world.get("v1", "Service", "demo-acme", "acme-ca");
        written(world);
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit(ORGANIZATION)], UnitState::Refused, "{:?}", states(&summary));
        assert_eq!((written(world), world.get("v1", "Service", "demo-acme", "acme-ca")), (NOTHING, theirs.clone()));
        says(&report(world, ORGANIZATION), &["Service demo-acme/acme-ca", "HDL4001", "installation other"]);
        // Nor is it deleted when it is not wanted any more.
        world.commit_change(ACME, |text| {
            let text = leaving(&with_second_peer(text));
            text.replacen("\nspec:\n", "\nspec:\n  lifecycle: Decommissioned\n", 1)
        });
        world.commit_change(TRADE, |text| text.replacen("\nspec:\n", "\nspec:\n  lifecycle: Decommissioned\n", 1));
        world.commit_change(ORDERERS, leaving);
        world.commit_change("fleet.yaml", |text| text.replace("deletes: 5", "deletes: 20"));
        world.run_once().await.unwrap();
        all_approved(world).await;
        assert_eq!(world.get("v1", "Service", "demo-acme", "acme-ca"), theirs);
        assert_eq!(world.get("apps/v1", "StatefulSet", "demo-acme", "acme-ca"), None);
    });
}

#[test]
fn a_name_that_another_installation_took_first_is_not_taken_over() {
    world(43, async |world| {
        let labels = json!({"app.kubernetes.io/managed-by": "heddle", "heddle.dev/installation": "other"});
        world.create("v1", "Namespace", "", "demo-acme", json!({"metadata": {"labels": labels}}));
        let theirs = world.get("v1", "Namespace", "", "demo-acme");
        world.commit_quick_start();
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit("tenant/acme")], UnitState::Refused, "{:?}", states(&summary));
        assert_eq!(world.get("v1", "Namespace", "", "demo-acme"), theirs);
        let words = ["Namespace demo-acme", "belongs to somebody else", "installation other"];
        says(&report(world, "tenant/acme"), &words);
    });
}
