//! What people do and read in the scenario tests: commits, approvals, reports, and what was done meanwhile.

use std::collections::BTreeMap;

use heddle::app::driver::Summary;
use heddle::model::revision::RepoPath;
use heddle::model::unit::UnitId;
use heddle::plan::outcome::UnitState;
use heddle::plan::unit_plan::PlanId;
use heddle::report::audit::Record;
use heddle::report::plan_document::{self, PlanDocument};
use heddle::report::unit_report;
use heddle::report::unit_status::{self, HeldStatus, UnitStatus};
use heddle::sim::store::read::{Happened, Query};
use heddle::sim::store::resources::Resource;
use serde_json::{Value, json};

use crate::world::{World, all_are, states, unit};

pub(crate) const ACME: &str = "tenants/acme/organizations/acme.yaml";
pub(crate) const ORDERERS: &str = "tenants/platform/organizations/orderer-org.yaml";
pub(crate) const TRADE: &str = "tenants/platform/networks/trade.yaml";
pub(crate) const PLATFORM_TENANT: &str = "tenants/platform/tenant.yaml";
pub(crate) const ACME_TENANT: &str = "tenants/acme/tenant.yaml";

/// The quick-start's organization with a second peer.
pub(crate) fn with_second_peer(text: &str) -> String {
    text.replace("  defaults:", "    - network: platform/trade\n      name: peer2\n      region: local\n  defaults:")
}

/// The same, and the second peer is leaving.
pub(crate) fn with_leaving_peer(text: &str) -> String {
    with_second_peer(text).replace("      name: peer2\n", "      name: peer2\n      lifecycle: Decommissioned\n")
}

/// A document of which every node is leaving.
pub(crate) fn leaving(text: &str) -> String {
    text.replace("      region: local\n", "      region: local\n      lifecycle: Decommissioned\n")
}

/// A fleet with two peers that runs.
pub(crate) async fn begin(world: &World) {
    world.store.set_window(1_000_000);
    world.commit_quick_start();
    world.commit_change(ACME, with_second_peer);
    world.commit_change(ACME_TENANT, |text| text.replace("pods: 20", "pods: 40"));
    let summary = settle(world).await;
    assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
}

/// Processes and the Secrets that they wait for, until nothing more comes.
pub(crate) async fn settle(world: &World) -> Summary {
    let mut summary = world.run_once().await.unwrap();
    while bring_wanted_secrets(world) {
        summary = world.run_once().await.unwrap();
    }
    summary
}

/// Brings every Secret that a report waits for; whether there was one.
fn bring_wanted_secrets(world: &World) -> bool {
    let mut brought = false;
    for wait in statuses(world).values().flat_map(|status| &status.waits) {
        let words: Vec<&str> = wait.split([' ', ',', ';']).collect();
        for secret in words.windows(2).filter(|pair| pair[0] == "Secret").map(|pair| pair[1]) {
            let (namespace, name) = secret.split_once('/').unwrap();
            if world.get("v1", "Secret", namespace, name).is_none() {
                world.create("v1", "Secret", namespace, name, json!({"type": "Opaque"}));
                brought = true;
            }
        }
    }
    brought
}

/// All units' statuses.
pub(crate) fn statuses(world: &World) -> BTreeMap<UnitId, UnitStatus> {
    let files = world.repository.status_files();
    let units = files.into_iter().filter(|(path, _)| path.as_str().ends_with("/status.yaml"));
    let read = units.filter_map(|(_, bytes)| heddle::app::status_yaml::read::<UnitStatus>(&bytes));
    read.map(|status| (status.unit.clone(), status)).collect()
}

/// A unit's status.
pub(crate) fn status(world: &World, of: &str) -> UnitStatus {
    statuses(world).remove(&unit(of)).expect("a status of the unit")
}

/// A unit's report.
pub(crate) fn report(world: &World, of: &str) -> String {
    world.status(&format!("{}/REPORT.md", unit_status::folder(&unit(of)))).unwrap()
}

/// The fleet's report.
pub(crate) fn fleet_report(world: &World) -> String {
    world.status("fleet/REPORT.md").unwrap()
}

/// The words of a report, each of which must be there.
pub(crate) fn says(report: &str, words: &[&str]) {
    for wanted in words {
        assert!(report.contains(wanted), "`{wanted}` is missing in:\n{report}");
    }
}

/// What is held of a unit.
pub(crate) fn held(world: &World, of: &str) -> HeldStatus {
    let status = status(world, of);
    status.held.expect("something that is held")
}

/// A stored plan.
pub(crate) fn stored(world: &World, plan: PlanId) -> PlanDocument {
    let text = world.status(&format!("{}.json", plan_document::path_stem(&plan))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Commits an approval of a plan into a tenant's folder, as a report words it.
pub(crate) fn approve(world: &World, tenant: &str, plan: PlanId) {
    let path = format!("tenants/{tenant}/approvals/{}.yaml", plan.short());
    world.commit_text(&path, &unit_report::approval(&plan.to_string(), &plan.short()));
}

/// Commits every approval that a report asks for until none does.
pub(crate) async fn all_approved(world: &World) -> Summary {
    loop {
        let held: Vec<HeldStatus> = statuses(world).into_values().filter_map(|status| status.held).collect();
        for (tenant, plan) in held.iter().flat_map(|held| held.approvals_from.iter().map(|tenant| (tenant, held.plan)))
        {
            approve(world, tenant, plan);
        }
        let summary = world.run_once().await.unwrap();
        if held.is_empty() {
            return summary;
        }
    }
}

/// A moment that [`deleted_since`] counts from.
pub(crate) fn now(world: &World) -> u64 {
    world.store.version()
}

/// What was deleted, as `kind namespace/name`, but for pods, leases and events.
pub(crate) fn deleted_since(world: &World, since: u64) -> Vec<String> {
    let mut deleted = Vec::new();
    for resource in Resource::all() {
        let info = resource.info();
        if matches!(info.plural, "pods" | "leases" | "events" | "controllerrevisions") {
            continue;
        }
        for told in world.store.events_since(&Query::all(resource), since).unwrap().0 {
            if told.happened == Happened::Deleted {
                let text = |pointer: &str| told.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
                deleted.push(format!("{} {}/{}", info.plural, text("/metadata/namespace"), text("/metadata/name")));
            }
        }
    }
    deleted.sort();
    deleted
}

/// All objects of a kind, as `namespace/name`.
pub(crate) fn names_of(world: &World, api_version: &str, kind: &str) -> Vec<String> {
    let resource = Resource::by_kind(api_version, kind).unwrap();
    let text =
        |object: &Value, pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let objects = world.store.list(&Query::all(resource), 0, None).unwrap().objects;
    objects.iter().map(|o| format!("{}/{}", text(o, "/metadata/namespace"), text(o, "/metadata/name"))).collect()
}

/// What a workload runs.
pub(crate) fn image(world: &World, namespace: &str, name: &str) -> String {
    let set = world.get("apps/v1", "StatefulSet", namespace, name).unwrap();
    set.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str).unwrap().to_owned()
}

/// What heddle wrote since the last call, as `verb resource namespace/name`.
pub(crate) fn written(world: &World) -> Vec<String> {
    let requests = world.take_object_requests();
    let writes = requests.into_iter().filter(|request| !matches!(request.verb, "get" | "list" | "watch"));
    let mut writes: Vec<String> =
        writes.map(|r| format!("{} {} {}/{}", r.verb, r.resource, r.namespace, r.name)).collect();
    // A field that somebody took is taken back with a second request.
    writes.dedup();
    writes
}

/// The audit records of a chain, in order.
pub(crate) fn records(world: &World, chain: &str) -> Vec<Record> {
    let files = world.repository.status_files();
    let prefix = format!("audit/{chain}/");
    let of_chain = files.iter().filter(|(path, _): &(&RepoPath, _)| path.as_str().starts_with(&prefix));
    let mut records: Vec<Record> = of_chain.map(|(_, bytes)| serde_json::from_slice(bytes).unwrap()).collect();
    records.sort_by_key(|record| record.number);
    records
}
