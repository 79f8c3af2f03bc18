//! A simulated region, a repository and a configuration, for programs outside of this process.
//!
//! Input: documents, what runs pods. Output: an [`Outside`]. The API server listens on loopback, and the repository lies on
//! disk; heddle's own program finds both by the configuration. Invariant: dropping it ends everything that it began.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use heddle::adapters::system::SystemClock;
use heddle::ports::clock::Clock as _;
use heddle::sim::controllers::{self, Kubelet};
use heddle::sim::faults::Faults;
use heddle::sim::git_host::{GitHost, Person};
use heddle::sim::kube_http::{self, Front};
use heddle::sim::store::resources::Resource;
use heddle::sim::store::write::WriteOptions;
use heddle::sim::store::{Store, Target};
use serde_json::json;

/// Where reports are.
pub(crate) const STATUS_BRANCH: &str = "heddle/status";
const PERSON: Person = Person { name: "Ines", email: "ines@example.com" };

/// The region and what lies around it.
pub(crate) struct Outside {
    /// Its objects.
    pub(crate) store: Arc<Store>,
    /// The repository.
    pub(crate) host: GitHost,
    folder: tempfile::TempDir,
    _front: Front,
    // The last one: everything else ends within it.
    _runtime: tokio::runtime::Runtime,
}

impl Outside {
    /// A region in which nothing was done; `kubelet` makes what runs its pods, which may use the folder.
    pub(crate) fn open<K: Kubelet + 'static>(
        documents: BTreeMap<String, String>,
        kubelet: impl FnOnce(&Arc<Store>, &Path) -> Arc<K>,
    ) -> (Self, Arc<K>) {
        // The front's certificate needs a provider, whoever was first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let folder = tempfile::Builder::new().prefix("heddle-region-").tempdir().expect("a folder");
        let store = Store::new(Arc::new(|| SystemClock.now()), 7);
        let kubelet = kubelet(&store, folder.path());
        let front = kube_http::serve_pods(store.clone(), Arc::new(Faults::default()), kubelet.clone());
        let front = runtime.block_on(front).expect("a free port");
        front.write_kubeconfig(&folder.path().join("kubeconfig")).expect("a file");
        runtime.spawn(controllers::run_with(store.clone(), kubelet.clone()));
        let resource = Resource::by_plural("", "namespaces").expect("it is served");
        let system = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "heddle-system"}});
        let target = Target { resource, namespace: "", name: "" };
        store.create(target, system, WriteOptions::default()).expect("a namespace");
        let host = GitHost::create(&folder.path().join("fleet.git"), "main").expect("a repository");
        let files = documents.into_iter().map(|(path, text)| (path, Some(text))).collect();
        host.push(PERSON, "Begin", &files).expect("a commit");
        let outside = Self { store, host, folder, _front: front, _runtime: runtime };
        outside.write_config();
        (outside, kubelet)
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

    /// heddle's own program.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heddle"));
        command.args(arguments).arg("--config").arg(self.config());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}
