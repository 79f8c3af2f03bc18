//! A region whose pods are real nodes, a repository, and heddle's own program.
//!
//! Input: programs of one release line. Output: a region that is driven by nothing but commits and `heddle run`. The API
//! server is the simulated one, behind HTTPS; nodes are reached through it, as from outside of a cluster.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle::adapters::system::SystemClock;
use heddle::model::names::ChannelId;
use heddle::ports::clock::Clock as _;
use heddle::report::unit_status::{ChannelStatus, UnitStatus};
use heddle::sim::controllers;
use heddle::sim::faults::Faults;
use heddle::sim::git_host::{GitHost, Person};
use heddle::sim::kube_http::{self, Front};
use heddle::sim::store::read::Query;
use heddle::sim::store::resources::Resource;
use heddle::sim::store::write::WriteOptions;
use heddle::sim::store::{Store, Target};
use serde_json::{Value, json};

use super::kubelet::Processes;
use crate::ledger::fleet;

const STATUS_BRANCH: &str = "heddle/status";
const NETWORK: &str = "tenants/platform/networks/trade.yaml";
/// The channel of the network.
pub const CHANNEL: &str = "ch1";
const PERSON: Person = Person { name: "Ines", email: "ines@example.com" };
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the world is looked at.
const EVERY: Duration = Duration::from_millis(3);

/// heddle while it runs.
pub struct Program(Option<Child>);

impl Program {
    /// Waits for its end.
    pub fn end(&mut self) -> Output {
        self.0.take().expect("it runs").wait_with_output().expect("it ends")
    }

    /// Ends it without a word, with SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.0.take() {
            // It may have ended already.
            let _ended = child.kill();
            let _ended = child.wait();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The region and everything around it.
pub struct Region {
    /// Its objects.
    pub store: Arc<Store>,
    /// What its pods run.
    pub processes: Arc<Processes>,
    /// The repository.
    host: GitHost,
    folder: tempfile::TempDir,
    _front: Front,
    // The last one: everything else ends within it.
    _runtime: tokio::runtime::Runtime,
}

impl Region {
    /// A region whose repository has a network with a channel, and in which nothing was done.
    pub fn open(programs: &Path, version: &str) -> Self {
        // The front's certificate needs a provider, whoever was first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let folder = tempfile::Builder::new().prefix("heddle-region-").tempdir().expect("a folder");
        let store = Store::new(Arc::new(|| SystemClock.now()), 7);
        let processes = Processes::new(store.clone(), programs, folder.path());
        let front = kube_http::serve_pods(store.clone(), Arc::new(Faults::default()), processes.clone());
        let front = runtime.block_on(front).expect("a free port");
        front.write_kubeconfig(&folder.path().join("kubeconfig")).expect("a file");
        runtime.spawn(controllers::run_with(store.clone(), processes.clone()));
        let resource = Resource::by_plural("", "namespaces").expect("it is served");
        let system = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "heddle-system"}});
        store
            .create(Target { resource, namespace: "", name: "" }, system, WriteOptions::default())
            .expect("a namespace");
        let host = GitHost::create(&folder.path().join("fleet.git"), "main").expect("a repository");
        let region = Self { store, processes, host, folder, _front: front, _runtime: runtime };
        region.write_config();
        let mut documents = fleet::documents(version);
        let network = documents.get_mut(NETWORK).expect("the fleet has a network");
        network.extend(["  channels:\n    - {name: ", CHANNEL, ", members: [Acme, Bravo]}\n"]);
        let files = documents.into_iter().map(|(path, text)| (path, Some(text))).collect();
        region.host.push(PERSON, "Begin", &files).expect("a commit");
        region
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("heddle.yaml")
    }

    fn write_config(&self) {
        let folder = self.folder.path();
        let config = json!({
            "installation": "demo",
            "stateDir": folder.join("state"),
            "repository": {"url": self.host.path(), "branch": "main", "statusBranch": STATUS_BRANCH},
            "regions": [{
                "name": "local",
                "kubeconfig": folder.join("kubeconfig"),
                "clusterUid": self.store.cluster_uid().expect("a cluster has one"),
            }],
        });
        std::fs::write(self.config(), config.to_string()).expect("a file");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heddle"));
        command.args(arguments).arg("--config").arg(self.config());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts `heddle run --once`.
    pub fn begin(&self) -> Program {
        Program(Some(self.command(&["run", "--once"]).spawn().expect("heddle starts")))
    }

    /// Runs heddle to its end.
    pub fn heddle(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("heddle starts")
    }

    /// Objects of a kind.
    pub fn objects(&self, group: &str, plural: &str) -> Vec<Arc<Value>> {
        let resource = Resource::by_plural(group, plural).expect("it is served");
        self.store.list(&Query::all(resource), 0, None).expect("a list").objects
    }

    /// What is reported of the network.
    pub fn status(&self) -> Option<UnitStatus> {
        let text = self.host.read(STATUS_BRANCH, "tenants/platform/networks/trade/status.yaml").expect("a repository");
        heddle::app::status_yaml::read(text?.as_bytes())
    }

    /// What is reported of the channel.
    pub fn channel(&self) -> Option<ChannelStatus> {
        let id = ChannelId::parse(CHANNEL).expect("a name");
        self.status()?.channels.remove(&id)
    }

    /// The commit of the newest report.
    pub fn head(&self) -> String {
        let repository = git2::Repository::open_bare(self.host.path()).expect("a repository");
        repository.refname_to_id(&format!("refs/heads/{STATUS_BRANCH}")).expect("something is reported").to_string()
    }

    /// Waits until something holds.
    pub fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < PATIENCE, "it never comes to this: {what}\n{}", self.told());
            std::thread::sleep(EVERY);
        }
    }

    /// How it stands, for whoever reads a failure.
    fn told(&self) -> String {
        let status = self.heddle(&["status", "--unit", "network/platform/trade"]);
        let mut text = String::from_utf8_lossy(&status.stdout).into_owned();
        for (node, pod) in self.processes.pods().iter() {
            text +=
                &format!("{node:?}, {}:\n{}\n", if pod.answered.is_some() { "answers" } else { "silent" }, pod.tail());
        }
        text
    }
}
