//! From a changed line to a plan, in process, for fleets of different sizes.
//!
//! Input: fleets of 100, 1000 and 2000 tenants in real repositories, and an empty simulated region. Output: samples of
//! the time from "there is a new commit" to the plans of what it changed, over the code that the loop runs: fetch,
//! listing, parsing, checks, rendering, planning. The clock is held still, so that nothing but the commit makes units
//! due.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use heddle::adapters::fabric::ledgers::FabricLedgers;
use heddle::adapters::fabric::peer::Sources;
use heddle::adapters::git::GitRepository;
use heddle::adapters::git::settings::Settings;
use heddle::app::cycle::{Doing, Ports, Reconciler};
use heddle::model::names::{InstallationId, RegionName};
use heddle::model::object::ClusterUid;
use heddle::ports::clock::Clock;
use heddle::ports::entropy::Entropy;
use heddle::region::access::RegionAccess;
use heddle::region::observe::Observer;
use heddle::sim::entropy::SimEntropy;
use heddle::sim::fabric::dialer::SimDialer;
use heddle::sim::fabric::net::FabricNet;
use heddle::sim::faults::Faults;
use heddle::sim::git_host::{Files, GitHost, Person};
use heddle::sim::kube_port::SimCluster;
use heddle::sim::store::Store;
use heddle::spec::parse::Limits;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::fleet;
use crate::results::Results;

const SIZES: [usize; 3] = [100, 1000, 2000];
const SOMEBODY: Person = Person { name: "Somebody", email: "somebody@example.com" };

/// It is always the same moment.
struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Measures every size.
pub fn measure(results: &mut Results, count: usize) {
    for tenants in SIZES {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(one_size(results, tenants, count));
    }
}

async fn one_size(results: &mut Results, tenants: usize, count: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let host = GitHost::create(&folder.path().join("fleet.git"), "main").expect("a repository");
    let mut documents = fleet::documents(tenants, 4);
    let files: Files = documents.iter().map(|(path, text)| (path.clone(), Some(text.clone()))).collect();
    host.push(SOMEBODY, "Begin", &files).expect("a commit");
    let mut reconciler = reconciler(&host, &folder.path().join("state")).await;
    reconciler.load().await.expect("an empty status branch");
    let begin = Instant::now();
    reconciler.fetch().await.expect("a revision");
    let runs = reconciler.cycle(Doing::Plan, &CancellationToken::new()).await;
    assert_eq!(runs.len(), tenants * 4, "every unit is planned at first");
    results.add(&format!("plan of all of {tenants} tenants at first"), "s", begin.elapsed().as_secs_f64());
    for number in 0..count {
        let path = format!("tenants/t{:04}/networks/net.yaml", 10 + number);
        let text = documents[&path].replace("port: 443", "port: 8443");
        documents.insert(path.clone(), text.clone());
        host.push(SOMEBODY, "Change", &Files::from([(path, Some(text))])).expect("a commit");
        let begin = Instant::now();
        assert!(reconciler.fetch().await.expect("a revision"), "there is a new commit");
        let fetched = begin.elapsed();
        let runs = reconciler.cycle(Doing::Plan, &CancellationToken::new()).await;
        let time = begin.elapsed();
        assert!((1..=4).contains(&runs.len()), "{} units were planned", runs.len());
        results.add(
            &format!("one line in one of {tenants} tenants, until wished"),
            "ms",
            fetched.as_secs_f64() * 1000.0,
        );
        results.add(&format!("one line in one of {tenants} tenants, until planned"), "ms", time.as_secs_f64() * 1000.0);
    }
}

async fn reconciler(host: &GitHost, state: &std::path::Path) -> Reconciler {
    let installation = InstallationId::parse("demo").expect("a name");
    let region = RegionName::parse("local").expect("a name");
    let url = host.path().display().to_string();
    let settings = Settings::new(&url, "main", "heddle/status", state).expect("settings");
    let git = Arc::new(GitRepository::start(settings).expect("a repository"));
    let store = Store::new(Arc::new(|| Timestamp::UNIX_EPOCH), 1);
    let cluster = Arc::new(SimCluster::new(store.clone(), &installation, Arc::new(Faults::default())));
    let access = Arc::new(RegionAccess::new(region.clone(), cluster));
    let pin = store.cluster_uid().map(|uid| ClusterUid::new(&uid));
    let clock: Arc<dyn Clock> = Arc::new(Still);
    let wake = Arc::new(Notify::new());
    Observer { access: access.clone(), pin, clock: clock.clone(), wake }.look().await;
    let entropy: Arc<dyn Entropy> = Arc::new(SimEntropy::new(1));
    let sources = Sources { clock: clock.clone(), entropy: entropy.clone() };
    let net = FabricNet::new(Arc::new(|| Timestamp::UNIX_EPOCH));
    let ports = Ports {
        installation,
        source: git.clone(),
        sink: git,
        clock,
        entropy,
        regions: BTreeMap::from([(region, Ok(access))]),
        ledgers: Arc::new(FabricLedgers::new(Arc::new(SimDialer(net)), sources)),
    };
    Reconciler::new(ports, Limits::default())
}
