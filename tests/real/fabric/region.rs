//! A region whose pods are real nodes, a repository, and heddle's own program.
//!
//! Input: programs of one release line. Output: a region that is driven by nothing but commits and `heddle run`. The API
//! server is the simulated one, behind HTTPS; nodes are reached through it, as from outside of a cluster.

use std::path::Path;
use std::process::{Child, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle::model::names::ChannelId;
use heddle::report::unit_status::{ChannelStatus, UnitStatus};
use heddle::sim::store::read::Query;
use heddle::sim::store::resources::Resource;
use serde_json::Value;

use super::kubelet::Processes;
use crate::ledger::fleet;
use crate::outside::{Outside, STATUS_BRANCH};

const NETWORK: &str = "tenants/platform/networks/trade.yaml";
/// The channel of the network.
pub const CHANNEL: &str = "ch1";
/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);
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
    outside: Outside,
    /// What its pods run.
    pub processes: Arc<Processes>,
}

impl Region {
    /// A region whose repository has a network with a channel, and in which nothing was done.
    pub fn open(programs: &Path, version: &str) -> Self {
        let mut documents = fleet::documents(version);
        let network = documents.get_mut(NETWORK).expect("the fleet has a network");
        network.extend(["  channels:\n    - {name: ", CHANNEL, ", members: [Acme, Bravo]}\n"]);
        let (outside, processes) =
            Outside::open(documents, |store, folder| Processes::new(store.clone(), programs, folder));
        Self { outside, processes }
    }

    /// Starts `heddle run --once`.
    pub fn begin(&self) -> Program {
        Program(Some(self.outside.command(&["run", "--once"]).spawn().expect("heddle starts")))
    }

    /// Runs heddle to its end.
    pub fn heddle(&self, arguments: &[&str]) -> Output {
        self.outside.command(arguments).output().expect("heddle starts")
    }

    /// Objects of a kind.
    pub fn objects(&self, group: &str, plural: &str) -> Vec<Arc<Value>> {
        let resource = Resource::by_plural(group, plural).expect("it is served");
        self.outside.store.list(&Query::all(resource), 0, None).expect("a list").objects
    }

    /// What is reported of the network.
    pub fn status(&self) -> Option<UnitStatus> {
        let text =
            self.outside.host.read(STATUS_BRANCH, "tenants/platform/networks/trade/status.yaml").expect("a repository");
        heddle::app::status_yaml::read(text?.as_bytes())
    }

    /// What is reported of the channel.
    pub fn channel(&self) -> Option<ChannelStatus> {
        let id = ChannelId::parse(CHANNEL).expect("a name");
        self.status()?.channels.remove(&id)
    }

    /// The commit of the newest report.
    pub fn head(&self) -> String {
        let repository = git2::Repository::open_bare(self.outside.host.path()).expect("a repository");
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
            let word = if pod.answered.is_some() { "answers" } else { "silent" };
            text.extend([&format!("{node:?}, {word}:"), "\n", &pod.tail(), "\n"]);
        }
        text
    }
}
