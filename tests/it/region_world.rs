//! What stories of bad days share: processes that go on, what was written, what the reports say.

use std::collections::BTreeSet;
use std::time::Duration;

use heddle::app::driver::{DriverError, Goal, Summary};
use heddle::app::exit::Exit;
use heddle::plan::outcome::UnitState;
use heddle::report::unit_report;
use heddle::report::unit_status::UnitStatus;
use heddle::sim::kube_port::Request;
use heddle::sim::store::Target;
use heddle::sim::store::delete::DeleteOptions;
use heddle::sim::store::read::Query;
use heddle::sim::store::resources::Resource;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::{World, all_are, states, unit};

/// A peer of the quick-start: its Service and its StatefulSet.
pub(crate) const PEER: &str = "trade-acme-peer1-a29dd58b";
pub(crate) const ACME: &str = "tenants/acme";
pub(crate) const ACME_ORGANIZATION: &str = "tenants/acme/organizations/acme";
pub(crate) const NETWORK: &str = "tenants/platform/networks/trade";
pub(crate) const FLEET: &str = "fleet";

/// A process that goes on until it is stopped or killed.
pub(crate) struct Daemon {
    task: JoinHandle<Result<Summary, DriverError>>,
    stop: CancellationToken,
}

impl Daemon {
    pub(crate) fn start(world: &World) -> Self {
        let stop = CancellationToken::new();
        Self { task: tokio::spawn(world.driver(Goal::Forever, &stop).run()), stop }
    }

    /// As SIGTERM does.
    pub(crate) async fn stop(self) -> Summary {
        self.stop.cancel();
        self.task.await.unwrap().unwrap()
    }

    /// As SIGKILL does.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// The quick-start with all its Secrets, at rest.
pub(crate) async fn settled(world: &World) {
    world.store.set_window(1_000_000);
    world.commit_quick_start();
    world.run_once().await.unwrap();
    world.bring_secrets();
    let summary = world.run_once().await.unwrap();
    assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
    world.cluster.clear_requests();
}

/// Lets so many seconds pass.
pub(crate) async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// How a command ends that came to this.
pub(crate) fn exit(summary: &Summary) -> Exit {
    Exit::worst(summary.units.values().map(|state| Exit::of_state(*state)))
}

/// Requests that write, Leases too.
pub(crate) fn writes(world: &World) -> Vec<Request> {
    let is_write = |request: &Request| matches!(request.verb, "apply" | "delete" | "create" | "update");
    world.cluster.requests().into_iter().filter(is_write).collect()
}

/// Requests that write anything but Leases.
pub(crate) fn object_writes(world: &World) -> Vec<Request> {
    writes(world).into_iter().filter(|request| request.resource != "leases").collect()
}

/// How often something was asked for since the requests were cleared.
pub(crate) fn asked(world: &World, verb: &str, resource: &str, name: &str) -> usize {
    let requests = world.cluster.requests();
    requests.iter().filter(|found| (found.verb, found.resource, &*found.name) == (verb, resource, name)).count()
}

/// The uids of an object's lives, one for each version that was stored.
fn history(world: &World, (api_version, kind): (&str, &str), namespace: &str, name: &str) -> Vec<String> {
    let resource = Resource::by_kind(api_version, kind).unwrap();
    let told = world.store.events_since(&Query::all(resource), 0).unwrap().0;
    let text = |object: &Value, field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    let is_it = |object: &Value| text(object, "name") == name && text(object, "namespace") == namespace;
    told.iter().filter(|told| is_it(&told.object)).map(|told| text(&told.object, "uid")).collect()
}

/// How many lives an object had.
pub(crate) fn lives(world: &World, kind: (&str, &str), namespace: &str, name: &str) -> usize {
    history(world, kind, namespace, name).into_iter().collect::<BTreeSet<_>>().len()
}

/// How many versions the peer's Service had.
pub(crate) fn versions(world: &World) -> usize {
    history(world, ("v1", "Service"), "demo-acme", PEER).len()
}

pub(crate) fn delete(world: &World, (api_version, kind): (&str, &str), namespace: &str, name: &str) {
    let resource = Resource::by_kind(api_version, kind).unwrap();
    world.store.delete(Target { resource, namespace, name }, DeleteOptions::default()).unwrap();
}

/// `REPORT.md` of a folder.
pub(crate) fn report(world: &World, folder: &str) -> String {
    world.status(&format!("{folder}/REPORT.md")).unwrap_or_default()
}

/// `status.yaml` of a unit's folder.
pub(crate) fn status(world: &World, folder: &str) -> UnitStatus {
    heddle::app::status_yaml::read(world.status(&format!("{folder}/status.yaml")).unwrap().as_bytes()).unwrap()
}

/// A report says all of this.
pub(crate) fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is not in:\n{text}");
    }
}

/// Commits the approvals that a unit's report asks for.
fn approve(world: &World, folder: &str) {
    let held = status(world, folder).held.unwrap();
    for tenant in held.approvals_from {
        let path = format!("tenants/{tenant}/approvals/{}.yaml", held.plan.short());
        world.commit_text(&path, &unit_report::approval(&held.plan.to_string(), &held.plan.short()));
    }
}

/// Plans that started and have no end in the audit log.
pub(crate) fn open_plans(world: &World) -> Vec<String> {
    let files = world.repository.status_files();
    let heads = files.iter().filter(|(path, _)| path.as_str().starts_with(heddle::report::audit::HEADS));
    let open = heads.flat_map(|(path, bytes)| {
        let head = heddle::report::audit::read_head(Some(bytes.as_slice()), path.as_str()).unwrap();
        head.open.keys().map(ToString::to_string).collect::<Vec<_>>()
    });
    open.collect()
}

/// The role that the peer's Service selects.
pub(crate) fn role(world: &World) -> Option<Value> {
    world.get("v1", "Service", "demo-acme", PEER)?.pointer("/spec/selector/fabric.heddle.dev~1role").cloned()
}

/// Changes the role that the peer's Service selects, by hand.
pub(crate) fn edit_role(world: &World) {
    let change = json!({"spec": {"selector": {"fabric.heddle.dev/role": "nobody"}}});
    world.edit("v1", "Service", "demo-acme", PEER, &change);
}

const ACME_PATH: &str = "tenants/acme/organizations/acme.yaml";

/// The document of the organization with a second peer; `more` are further lines of that peer.
fn with_second_peer(text: &str, more: &str) -> String {
    let second = "    - network: platform/trade\n      name: peer2\n      region: local\n";
    text.replace("  defaults:", &format!("{second}{more}  defaults:"))
}

/// Commits a second peer.
pub(crate) fn add_peer(world: &World) {
    world.commit_change("tenants/acme/tenant.yaml", |text| text.replace("\"8\"", "\"32\"").replace("8Gi", "64Gi"));
    world.commit_change(ACME_PATH, |text| with_second_peer(text, ""));
}

/// The quick-start with a second peer at rest, which then is to leave with consent.
pub(crate) async fn a_peer_leaves(world: &World) {
    world.commit_quick_start();
    add_peer(world);
    world.run_once().await.unwrap();
    world.bring_secrets();
    for part in ["msp", "tls"] {
        let name = format!("trade-acme-peer2-a29dd58b-{part}");
        world.create("v1", "Secret", "demo-acme", &name, json!({"type": "Opaque"}));
    }
    let summary = world.run_once().await.unwrap();
    assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
    world.commit_change(ACME_PATH, |text| with_second_peer(text, "      lifecycle: Decommissioned\n"));
    let summary = world.run_once().await.unwrap();
    assert_eq!(summary.units[&unit("network/platform/trade")], UnitState::Held, "{:?}", states(&summary));
    approve(world, NETWORK);
    world.cluster.clear_requests();
}
