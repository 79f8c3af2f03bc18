//! The stage: a folder with a repository, an embedded region behind HTTPS, and the loop over the real adapters.
//!
//! Input: a folder. Output: a [`Stage`] on which the story is played. The loop is the one of `run`: it reaches the
//! repository over libgit2 and the region over HTTPS, and nothing of this process but that. Invariants: the folder was
//! empty or new; it is readable by its owner only; dropping the stage ends the region.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::adapters::fabric::ledgers::FabricLedgers;
use crate::adapters::fabric::peer::Sources;
use crate::adapters::git::GitRepository;
use crate::adapters::git::settings::Settings;
use crate::adapters::git::wake::Wakes;
use crate::adapters::kube::KubeCluster;
use crate::adapters::kube::config::{self, Access};
use crate::adapters::kube::forward::PortForward;
use crate::adapters::system::SystemEntropy;
use crate::app::cycle::Ports;
use crate::app::driver::news::Deaf;
use crate::app::driver::{Driver, DriverError, Goal, Options, Summary};
use crate::k8s::ownership::SYSTEM_NAMESPACE;
use crate::model::names::{InstallationId, RegionName};
use crate::model::object::ClusterUid;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::region::access::RegionAccess;
use crate::sim::controllers;
use crate::sim::fabric::kubelet::FabricKubelet;
use crate::sim::fabric::net::FabricNet;
use crate::sim::faults::Faults;
use crate::sim::git_host::GitHost;
use crate::sim::kube_http::{self, Front};
use crate::sim::kubectl::Kubectl;
use crate::sim::store::Store;
use crate::spec::parse::Limits;

use super::DemoError;
use super::check::Eyes;
use super::clock::DemoClock;

/// The installation of the demo.
pub(super) const INSTALLATION: &str = "demo";
/// Its one region, as the quick-start fleet calls it.
const REGION: &str = "local";
const BRANCH: &str = "main";
/// Where the reports are.
pub(super) const STATUS_BRANCH: &str = "heddle/status";
/// How long ordering nodes take to find a leader; real ones take some seconds.
const COUNTED_AFTER: Duration = Duration::from_millis(500);
/// More than two thirds of a year, after which certificates are renewed.
const EIGHT_MONTHS: Duration = Duration::from_hours(245 * 24);
/// Uids repeat between demos, so that printed output can be compared.
const SEED: u64 = 1;

/// Where everything is.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    /// The folder.
    pub(super) folder: PathBuf,
    /// The bare repository.
    pub(super) repository: PathBuf,
    /// The kubeconfig of the region.
    pub(super) kubeconfig: PathBuf,
    /// heddle's configuration.
    pub(super) config: PathBuf,
    /// heddle's cache.
    pub(super) state: PathBuf,
}

impl Paths {
    /// In a folder.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            repository: folder.join("fleet.git"),
            kubeconfig: folder.join("kubeconfig"),
            config: folder.join("heddle.yaml"),
            state: folder.join("state"),
        }
    }
}

/// Everything that runs.
pub(super) struct Stage {
    /// Where everything is.
    pub(super) paths: Paths,
    /// The Git host.
    pub(super) host: GitHost,
    /// The administrator's hands on the region.
    pub(super) kubectl: Kubectl,
    /// heddle's clock and the region's.
    pub(super) clock: Arc<DemoClock>,
    front: Front,
    net: Arc<FabricNet>,
    stop: CancellationToken,
    daemon: JoinHandle<Result<Summary, DriverError>>,
    others: Vec<JoinHandle<()>>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.daemon.abort();
        for task in &self.others {
            task.abort();
        }
    }
}

impl Stage {
    /// Sets everything up in an empty folder. `stop` ends the loop.
    pub(super) async fn build(paths: Paths, stop: CancellationToken) -> Result<Self, DemoError> {
        let host = GitHost::create(&paths.repository, BRANCH)?;
        let clock = Arc::new(DemoClock::behind(EIGHT_MONTHS));
        let of_region = clock.clone();
        let store = Store::new(Arc::new(move || of_region.now()), SEED);
        let of_nodes = clock.clone();
        let net = FabricNet::counting_after(Arc::new(move || of_nodes.now()), COUNTED_AFTER);
        let kubelet = FabricKubelet::new(net.clone());
        let front = kube_http::serve_pods(store.clone(), Arc::new(Faults::default()), kubelet.clone()).await?;
        front.write_kubeconfig(&paths.kubeconfig).map_err(|source| DemoError::file(&paths.kubeconfig, source))?;
        let controllers = tokio::spawn(controllers::run_with(store, kubelet));
        let kubectl = Kubectl::new(&paths.kubeconfig).await?;
        let system = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}});
        kubectl.create("/api/v1/namespaces", &system).await?;
        let uid = uid_of(kubectl.get("/api/v1/namespaces/kube-system").await?.as_ref());
        write_config(&paths, &uid)?;
        let (driver, wakes) = driver(&paths, &uid, (clock.clone(), stop.clone())).await?;
        let watch = wakes.map(|wakes| tokio::spawn(wake(wakes, driver.source_wake())));
        let daemon = tokio::spawn(driver.run());
        let others = std::iter::once(controllers).chain(watch).collect();
        Ok(Self { paths, host, kubectl, clock, front, net, stop, daemon, others })
    }

    /// Where the region listens.
    pub(super) fn url(&self) -> String {
        self.front.url()
    }

    /// Whether the loop has ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.daemon.is_finished()
    }

    /// Ends the loop and waits for its last report. An error is why it had ended before.
    pub(super) async fn close(mut self) -> Result<(), DemoError> {
        self.stop.cancel();
        match (&mut self.daemon).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(DemoError::Loop(error)),
            Err(_) => Err(DemoError::LoopPanicked),
        }
    }
}

impl Eyes for Stage {
    async fn report(&self, path: &str) -> Result<Option<Value>, DemoError> {
        if self.has_ended() {
            return Err(DemoError::LoopEnded);
        }
        let text = self.host.read(STATUS_BRANCH, path)?;
        Ok(text.and_then(|text| crate::yaml::read(text.as_bytes()).ok()))
    }

    async fn object(&self, path: &str) -> Result<Option<Value>, DemoError> {
        Ok(self.kubectl.get(path).await?)
    }

    async fn workloads(&self) -> Result<Vec<Value>, DemoError> {
        Ok(self.kubectl.list("/apis/apps/v1/statefulsets").await?)
    }

    async fn holders(&self, channel: &str) -> Result<usize, DemoError> {
        Ok(self.net.holders(channel))
    }
}

fn uid_of(namespace: Option<&Value>) -> String {
    let uid = namespace.and_then(|namespace| namespace.pointer("/metadata/uid")).and_then(Value::as_str);
    uid.unwrap_or_default().to_owned()
}

/// JSON, which is YAML too.
fn write_config(paths: &Paths, uid: &str) -> Result<(), DemoError> {
    let config = json!({
        "installation": INSTALLATION,
        "stateDir": paths.state,
        "repository": {"url": paths.repository, "branch": BRANCH, "statusBranch": STATUS_BRANCH},
        "regions": [{"name": REGION, "kubeconfig": paths.kubeconfig, "clusterUid": uid}],
    });
    let text = crate::yaml::write(&config).map_err(DemoError::Config)?;
    std::fs::write(&paths.config, text).map_err(|source| DemoError::file(&paths.config, source))
}

async fn driver(
    paths: &Paths,
    uid: &str,
    (clock, stop): (Arc<DemoClock>, CancellationToken),
) -> Result<(Driver, Option<Wakes>), DemoError> {
    let installation = InstallationId::parse(INSTALLATION)?;
    let region = RegionName::parse(REGION)?;
    let url = paths.repository.display().to_string();
    let settings = Settings::new(&url, BRANCH, STATUS_BRANCH, &paths.state)?;
    let wakes = Wakes::watch(&settings);
    let repository = Arc::new(GitRepository::start(settings)?);
    let access = Access::File { path: paths.kubeconfig.clone(), context: None };
    let cluster = KubeCluster::new(config::client(&access).await?, &installation);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let sources = Sources { clock: clock.clone(), entropy: entropy.clone() };
    let ports = Ports {
        installation,
        source: repository.clone(),
        sink: repository,
        clock,
        entropy,
        regions: BTreeMap::from([(region.clone(), Ok(Arc::new(RegionAccess::new(region.clone(), Arc::new(cluster)))))]),
        ledgers: Arc::new(FabricLedgers::new(Arc::new(PortForward::new(access)), sources)),
    };
    let options = Options {
        goal: Goal::Forever,
        // Where the system cannot watch folders, asking often is the next best.
        poll: if wakes.is_some() { Duration::from_secs(30) } else { Duration::from_secs(1) },
        limits: Limits::default(),
        holder: format!("demo-{}", std::process::id()),
        wait_for_lead: true,
        seen: None,
    };
    let pins = BTreeMap::from([(region, Some(ClusterUid::new(uid)))]);
    Ok((Driver::new(ports, pins, options, Arc::new(Deaf), stop), wakes))
}

async fn wake(mut wakes: Wakes, source: Arc<tokio::sync::Notify>) {
    loop {
        wakes.next().await;
        source.notify_one();
    }
}
