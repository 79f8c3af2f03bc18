//! From settings to ports: the only place where an adapter is chosen.
//!
//! Input: settings of the repository and of the regions. Output: [`Wired`]. It sends nothing. Invariants: a region that
//! cannot be reached by its configuration is a region that is unknown, never an error of the program; no simulated
//! server can be named here.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::adapters::fabric::dial::{ByRegion, TcpDialer};
use crate::adapters::fabric::ledgers::FabricLedgers;
use crate::adapters::fabric::peer::Sources;
use crate::adapters::git::GitRepository;
use crate::adapters::git::settings::Settings;
use crate::adapters::git::wake::Wakes;
use crate::adapters::kube::KubeCluster;
use crate::adapters::kube::config::{self, Access};
use crate::adapters::kube::forward::PortForward;
use crate::adapters::system::{SystemClock, SystemEntropy};
use crate::model::names::{InstallationId, RegionName};
use crate::model::object::ClusterUid;
use crate::observed::region::RegionUnknown;
use crate::ports::clock::Clock;
use crate::ports::dialer::Dialer;
use crate::ports::entropy::Entropy;
use crate::ports::source::SourceError;
use crate::region::access::RegionAccess;

use super::cycle::{Ports, Regions};

/// One region as the configuration says.
#[derive(Debug, Clone)]
pub struct RegionSettings {
    /// Its name.
    pub name: RegionName,
    /// How its cluster is reached.
    pub access: Access,
    /// The uid that its cluster must have.
    pub cluster_uid: Option<ClusterUid>,
}

/// The ports of a process.
pub struct Wired {
    /// The ports.
    pub ports: Ports,
    /// The uids that the regions' clusters must have.
    pub pins: BTreeMap<RegionName, Option<ClusterUid>>,
    /// The clusters, for counts of requests.
    pub clusters: BTreeMap<RegionName, Arc<KubeCluster>>,
}

/// Wires a process.
pub async fn wire(
    installation: &InstallationId,
    repository: Settings,
    regions: &[RegionSettings],
) -> Result<Wired, SourceError> {
    let git = Arc::new(GitRepository::start(repository)?);
    let mut accesses = Regions::new();
    let mut clusters = BTreeMap::new();
    let mut dialer = ByRegion::default();
    for region in regions {
        dialer.0.insert(region.name.clone(), way_to(&region.access));
        let access = match config::client(&region.access).await {
            Ok(client) => {
                let cluster = Arc::new(KubeCluster::new(client, installation));
                clusters.insert(region.name.clone(), cluster.clone());
                Ok(Arc::new(RegionAccess::new(region.name.clone(), cluster)))
            }
            Err(error) => Err(RegionUnknown::Unreachable { detail: error.detail() }),
        };
        accesses.insert(region.name.clone(), access);
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let sources = Sources { clock: clock.clone(), entropy: entropy.clone() };
    let ports = Ports {
        installation: installation.clone(),
        source: git.clone(),
        sink: git,
        clock,
        entropy,
        regions: accesses,
        ledgers: Arc::new(FabricLedgers::new(Arc::new(dialer), sources)),
    };
    let pins = regions.iter().map(|region| (region.name.clone(), region.cluster_uid.clone())).collect();
    Ok(Wired { ports, pins, clusters })
}

/// How nodes of a region are reached: from inside by their Services, from outside through the API server.
fn way_to(access: &Access) -> Arc<dyn Dialer> {
    match access {
        Access::InCluster => Arc::new(TcpDialer),
        Access::File { .. } => Arc::new(PortForward::new(access.clone())),
    }
}

/// Notifies whenever a repository on this machine changed; none for others.
pub fn wake_on_push(repository: &Settings, wake: Arc<Notify>) -> Option<JoinHandle<()>> {
    let mut wakes = Wakes::watch(repository)?;
    Some(tokio::spawn(async move {
        loop {
            wakes.next().await;
            wake.notify_one();
        }
    }))
}

/// A name for this process that no other one has.
pub fn holder(clock: &dyn Clock) -> String {
    let host = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    let host = host.or_else(|| std::fs::read_to_string("/etc/hostname").ok().map(|name| name.trim().to_owned()));
    let started = clock.now().as_microsecond();
    format!("{}-{}-{started:x}", host.unwrap_or_else(|| "heddle".to_owned()), std::process::id())
}
