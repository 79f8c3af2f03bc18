//! A whole world in memory: a repository, one simulated region with its controllers, a clock that is paused.
//!
//! A process in it is [`World::run_once`]: everything that it knew is gone when it ends or crashes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use heddle::adapters::fabric::ledgers::FabricLedgers;
use heddle::adapters::fabric::peer::Sources;
use heddle::app::cycle::Ports;
use heddle::app::driver::news::Deaf;
use heddle::app::driver::{Driver, DriverError, Goal, Options, Summary};
use heddle::app::preview::{Subject, preview};
use heddle::model::names::{InstallationId, RegionName};
use heddle::model::object::{ClusterUid, Kind, ObjectId};
use heddle::model::revision::{RepoPath, Revision};
use heddle::model::unit::UnitId;
use heddle::plan::approval::{self, StoredChanges};
use heddle::plan::outcome::UnitState;
use heddle::ports::ledger::Ledgers;
use heddle::region::access::RegionAccess;
use heddle::sim::branch::SimRepository;
use heddle::sim::clock::SimClock;
use heddle::sim::controllers::{self, Kubelet, NoKubelet};
use heddle::sim::entropy::SimEntropy;
use heddle::sim::fabric::dialer::SimDialer;
use heddle::sim::fabric::kubelet::FabricKubelet;
use heddle::sim::fabric::net::FabricNet;
use heddle::sim::faults::{Effect, Faults};
use heddle::sim::kube_port::{Request, SimCluster};
use heddle::sim::ledger_port::SimLedgers;
use heddle::sim::store::delete::DeleteOptions;
use heddle::sim::store::read::Query;
use heddle::sim::store::resources::Resource;
use heddle::sim::store::write::{PatchKind, WriteOptions};
use heddle::sim::store::{Store, Target};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The names of the Secrets that the quick-start's nodes mount, and where.
pub(crate) const STAND_INS: [(&str, &[&str]); 2] = [
    (
        "demo-acme",
        &[
            "acme-ca-bootstrap",
            "acme-ca-ca",
            "acme-ca-tls",
            "trade-acme-peer1-a29dd58b-msp",
            "trade-acme-peer1-a29dd58b-tls",
        ],
    ),
    (
        "demo-platform",
        &[
            "orderer-org-ca-bootstrap",
            "orderer-org-ca-ca",
            "orderer-org-ca-tls",
            "trade-orderer-org-orderer1-msp",
            "trade-orderer-org-orderer1-tls",
        ],
    ),
];

pub(crate) struct World {
    pub(crate) store: Arc<Store>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) repository: Arc<SimRepository>,
    pub(crate) clock: SimClock,
    pub(crate) entropy: Arc<SimEntropy>,
    pub(crate) cluster: Arc<SimCluster>,
    /// Ordering nodes and peers, where pods run such.
    pub(crate) net: Arc<FabricNet>,
    /// The uid that the configuration names for the region.
    pub(crate) pin: std::cell::RefCell<Option<ClusterUid>>,
    processes: std::cell::Cell<u32>,
    passing: std::cell::Cell<Duration>,
}

/// Runs a test in a new world with paused time.
pub(crate) fn world<T>(seed: u64, test: impl AsyncFnOnce(&World) -> T) -> T {
    world_at(seed, "2026-01-01T00:00:00Z".parse().unwrap(), test)
}

/// The same at another time.
pub(crate) fn world_at<T>(seed: u64, now: Timestamp, test: impl AsyncFnOnce(&World) -> T) -> T {
    world_whose_pods(|_| Arc::new(NoKubelet), (seed, now), test)
}

/// The same, where pods of ordering nodes and peers run such.
pub(crate) fn fabric_world<T>(seed: u64, now: Timestamp, test: impl AsyncFnOnce(&World) -> T) -> T {
    world_whose_pods(|world| FabricKubelet::new(world.net.clone()), (seed, now), test)
}

fn world_whose_pods<T>(
    run: impl FnOnce(&World) -> Arc<dyn Kubelet>,
    (seed, now): (u64, Timestamp),
    test: impl AsyncFnOnce(&World) -> T,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(seed, now);
        let controllers = tokio::spawn(controllers::run_with(world.store.clone(), run(&world)));
        let result = test(&world).await;
        controllers.abort();
        result
    })
}

pub(crate) fn installation() -> InstallationId {
    InstallationId::parse("demo").unwrap()
}

pub(crate) fn region() -> RegionName {
    RegionName::parse("local").unwrap()
}

impl World {
    fn new(seed: u64, now: Timestamp) -> Self {
        let clock = SimClock::new(now);
        let store = Store::new(clock.source(), seed);
        let faults = Arc::new(Faults::default());
        let repository = Arc::new(SimRepository::new("main", "heddle/status", faults.clone()));
        let cluster = Arc::new(SimCluster::new(store.clone(), &installation(), faults.clone()));
        let net = FabricNet::new(clock.source());
        let pin = std::cell::RefCell::new(store.cluster_uid().map(|uid| ClusterUid::new(&uid)));
        let entropy = Arc::new(SimEntropy::new(seed));
        let world = Self {
            store,
            faults,
            repository,
            clock,
            entropy,
            cluster,
            net,
            pin,
            processes: std::cell::Cell::new(0),
            passing: std::cell::Cell::default(),
        };
        world.create("v1", "Namespace", "", "heddle-system", json!({}));
        world
    }

    /// Creates an object as an administrator.
    pub(crate) fn create(&self, api_version: &str, kind: &str, namespace: &str, name: &str, mut body: Value) {
        let resource = Resource::by_kind(api_version, kind).unwrap();
        body["apiVersion"] = json!(api_version);
        body["kind"] = json!(kind);
        body["metadata"]["name"] = json!(name);
        if !namespace.is_empty() {
            body["metadata"]["namespace"] = json!(namespace);
        }
        let target = Target { resource, namespace, name };
        self.store.create(target, body, WriteOptions { manager: "kubectl-create", ..WriteOptions::default() }).unwrap();
    }

    /// Changes an object as a person with `kubectl edit` does.
    pub(crate) fn edit(&self, api_version: &str, kind: &str, namespace: &str, name: &str, change: &Value) {
        let resource = Resource::by_kind(api_version, kind).unwrap();
        let options = WriteOptions { manager: "kubectl-edit", ..WriteOptions::default() };
        self.store.patch(Target { resource, namespace, name }, PatchKind::Merge, change, options).unwrap();
    }

    /// Deletes an object as an administrator.
    pub(crate) fn delete(&self, api_version: &str, kind: &str, namespace: &str, name: &str) {
        let resource = resource(api_version, kind);
        self.store.delete(Target { resource, namespace, name }, DeleteOptions::default()).unwrap();
    }

    /// An object as the server keeps it.
    pub(crate) fn get(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let resource = resource(api_version, kind);
        self.store.get(Target { resource, namespace, name }).ok().map(|object| (*object).clone())
    }

    /// Commits the fleet of three ordering nodes and two organizations with peers, for which heddle issues.
    pub(crate) fn commit_network(&self) -> Revision {
        self.commit_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quick-start"))
    }

    /// Commits the fleet of two organizations with CA servers.
    pub(crate) fn commit_quick_start(&self) -> Revision {
        self.commit_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fabric-ca"))
    }

    /// Commits the same fleet, for whose organizations heddle itself issues.
    pub(crate) fn commit_builtin(&self) {
        self.commit_quick_start();
        self.issue_by_itself();
    }

    /// Lets heddle issue for both organizations, whatever else their files say.
    pub(crate) fn issue_by_itself(&self) {
        let served = "    mode: fabric-ca\n    version: 1.5.21\n    regions: [local]\n    storage: {profile: standard, size: 1Gi}\n";
        for path in ["tenants/acme/organizations/acme.yaml", "tenants/platform/organizations/orderer-org.yaml"] {
            let text = self.text(path);
            assert!(text.contains(served), "{text}");
            self.commit_text(path, &text.replace(served, "    mode: builtin\n    regions: [local]\n"));
        }
    }

    /// Lets time pass before the next process begins.
    pub(crate) fn let_pass(&self, time: Duration) {
        self.passing.set(self.passing.get() + time);
    }

    fn commit_folder(&self, folder: &Path) -> Revision {
        let mut documents = BTreeMap::new();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                    documents.insert(RepoPath::parse(name).unwrap(), Some(std::fs::read(&path).unwrap()));
                }
            }
        }
        self.repository.commit(&documents, "Begin")
    }

    /// Commits one file as it is after a change of its text.
    pub(crate) fn commit_change(&self, path: &str, change: impl Fn(&str) -> String) -> Revision {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fabric-ca");
        let text = std::fs::read_to_string(folder.join(path)).unwrap();
        self.commit_text(path, &change(&text))
    }

    /// Commits one file.
    pub(crate) fn commit_text(&self, path: &str, text: &str) -> Revision {
        let documents = BTreeMap::from([(RepoPath::parse(path).unwrap(), Some(text.as_bytes().to_vec()))]);
        self.repository.commit(&documents, "Change")
    }

    /// A file of the spec branch.
    pub(crate) fn text(&self, path: &str) -> String {
        let bytes = self.repository.file(&RepoPath::parse(path).unwrap()).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Removes one file.
    pub(crate) fn commit_removal(&self, path: &str) -> Revision {
        self.repository.commit(&BTreeMap::from([(RepoPath::parse(path).unwrap(), None)]), "Remove")
    }

    /// The Secrets that an administrator brings.
    pub(crate) fn bring_secrets(&self) {
        for (namespace, names) in STAND_INS {
            for name in names {
                self.create("v1", "Secret", namespace, name, json!({"type": "Opaque"}));
            }
        }
    }

    /// Lets time pass while no process runs.
    pub(crate) async fn clock_forward(&self, by: Duration) {
        tokio::time::advance(by).await;
    }

    /// How many effects of a kind were asked for so far.
    pub(crate) fn effects_of(&self, effect: Effect) -> usize {
        self.faults.recorded().iter().filter(|recorded| recorded.effect == effect).count()
    }

    /// Takes away everything that the region itself remembers of what is heddle's.
    pub(crate) fn forget_inventories(&self) {
        let all = Query::all(resource("v1", "ConfigMap"));
        for object in self.store.list(&all, 0, None).unwrap().objects {
            let metadata = &object["metadata"];
            if metadata["labels"]["heddle.dev/inventory-of"].is_string() {
                self.delete("v1", "ConfigMap", "heddle-system", metadata["name"].as_str().unwrap());
            }
        }
    }

    /// The ports as a new process finds them.
    pub(crate) fn ports(&self) -> Ports {
        let access = Arc::new(RegionAccess::new(region(), self.cluster.clone()));
        Ports {
            installation: installation(),
            source: self.repository.clone(),
            sink: self.repository.clone(),
            clock: Arc::new(self.clock),
            entropy: self.entropy.clone(),
            regions: BTreeMap::from([(region(), Ok(access))]),
            ledgers: self.ledgers(),
        }
    }

    fn ledgers(&self) -> Arc<dyn Ledgers> {
        let sources = Sources { clock: Arc::new(self.clock), entropy: self.entropy.clone() };
        let nodes = FabricLedgers::new(Arc::new(SimDialer(self.net.clone())), sources);
        Arc::new(SimLedgers::new(Arc::new(nodes), self.faults.clone()))
    }

    /// A new process that has not begun.
    pub(crate) fn driver(&self, goal: Goal, stop: &CancellationToken) -> Driver {
        self.driver_of(goal, None, stop)
    }

    fn driver_of(&self, goal: Goal, seen: Option<BTreeMap<UnitId, StoredChanges>>, stop: &CancellationToken) -> Driver {
        self.processes.set(self.processes.get() + 1);
        let options = Options {
            goal,
            poll: Duration::from_secs(30),
            limits: heddle::spec::parse::Limits::default(),
            holder: format!("process-{}", self.processes.get()),
            wait_for_lead: true,
            seen,
        };
        let pins = BTreeMap::from([(region(), self.pin.borrow().clone())]);
        Driver::new(self.ports(), pins, options, Arc::new(Deaf), stop.clone())
    }

    /// A process that does only what a preview of this moment shows.
    pub(crate) async fn apply_what_is_shown(&self) -> Result<Summary, DriverError> {
        let pins = BTreeMap::from([(region(), self.pin.borrow().clone())]);
        let limits = heddle::spec::parse::Limits::default();
        let shown = preview(self.ports(), &pins, limits, Subject::Tip).await.unwrap().runs;
        let seen = shown.iter().map(|run| (run.outcome.unit.clone(), approval::stored_changes(&run.plan))).collect();
        let goal = Goal::Rest { timeout: Duration::from_mins(10) };
        self.driver_of(goal, Some(seen), &CancellationToken::new()).run().await
    }

    /// A process that runs until everything is at rest.
    pub(crate) async fn run_once(&self) -> Result<Summary, DriverError> {
        tokio::time::advance(self.passing.take()).await;
        let goal = Goal::Rest { timeout: Duration::from_mins(10) };
        self.driver(goal, &CancellationToken::new()).run().await
    }

    /// A process that may be killed by a planned fault; `None` when it was.
    pub(crate) async fn run_until_crash(&self) -> Option<Result<Summary, DriverError>> {
        let result = tokio::select! {
            result = self.run_once() => Some(result),
            () = self.faults.crashed() => None,
        };
        self.faults.revive();
        result
    }

    /// A document on the status branch.
    pub(crate) fn status(&self, path: &str) -> Option<String> {
        let files = self.repository.status_files();
        files.get(&RepoPath::parse(path).unwrap()).map(|bytes| String::from_utf8(bytes.clone()).unwrap())
    }

    /// Requests on managed objects since the last call.
    pub(crate) fn take_object_requests(&self) -> Vec<Request> {
        let requests = self.cluster.requests();
        self.cluster.clear_requests();
        let system = |request: &Request| request.namespace == "heddle-system";
        let is_object = |request: &Request| match (request.verb, request.resource) {
            (_, "secrets" | "leases") | ("list" | "watch", _) => false,
            ("get", "namespaces") => request.name != "kube-system",
            // A process reads the first block of a channel once.
            ("get", "configmaps") => !request.name.contains("--channel-"),
            _ => true,
        };
        requests.into_iter().filter(|request| is_object(request) && !system(request)).collect()
    }
}

fn resource(api_version: &str, kind: &str) -> Resource {
    Resource::by_kind(api_version, kind).unwrap()
}

/// Where units stand, as `unit: state` lines.
pub(crate) fn states(summary: &Summary) -> Vec<String> {
    summary.units.iter().map(|(unit, state)| format!("{unit}: {state:?}")).collect()
}

/// Whether every unit is in one state.
pub(crate) fn all_are(summary: &Summary, state: UnitState) -> bool {
    !summary.units.is_empty() && summary.units.values().all(|found| *found == state)
}

/// A unit by its text.
pub(crate) fn unit(text: &str) -> UnitId {
    UnitId::parse(text).unwrap()
}

/// An object's id in a namespace.
pub(crate) fn id(kind: Kind, namespace: &str, name: &str) -> ObjectId {
    ObjectId::namespaced(kind, namespace, name)
}
