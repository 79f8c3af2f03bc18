//! The program itself as a process: its commands in one story, its exit codes, and signals in the middle of its work.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use heddle::sim::controllers;
use heddle::sim::faults::{Fault, Faults};
use heddle::sim::git_host::{Files, GitHost, Person};
use heddle::sim::kube_http::{self, Front};
use heddle::sim::kubectl::Kubectl;
use heddle::sim::store::Store;
use serde_json::json;

const ANN: Person = Person { name: "Ann", email: "ann@fleet.example" };
/// The effect in whose middle the signal comes: some objects are there, others are not.
const MIDDLE: u64 = 20;

struct Stage {
    folder: tempfile::TempDir,
    store: Arc<Store>,
    faults: Arc<Faults>,
    host: GitHost,
    _front: Front,
}

/// A region behind HTTPS, a repository on disk with a fleet of CA servers in it, and a configuration for both.
async fn stage() -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(Arc::new(jiff::Timestamp::now), 1);
    let faults = Arc::new(Faults::default());
    let front = kube_http::serve(store.clone(), faults.clone()).await.unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    front.write_kubeconfig(&kubeconfig).unwrap();
    tokio::spawn(controllers::run(store.clone()));
    let kubectl = Kubectl::new(&kubeconfig).await.unwrap();
    let system = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "heddle-system"}});
    kubectl.create("/api/v1/namespaces", &system).await.unwrap();
    let host = GitHost::create(&folder.path().join("fleet.git"), "main").unwrap();
    let files: Files = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fabric-ca"));
    host.push(ANN, "Begin", &files).unwrap();
    let config = json!({
        "installation": "demo",
        "stateDir": "state",
        "repository": {"url": host.path(), "branch": "main"},
        "regions": [{"name": "local", "kubeconfig": "kubeconfig", "clusterUid": store.cluster_uid()}],
    });
    std::fs::write(folder.path().join("heddle.yaml"), config.to_string()).unwrap();
    Stage { folder, store, faults, host, _front: front }
}

/// All files below a folder.
fn files(root: &Path) -> Files {
    let (mut files, mut folders) = (Files::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, Some(std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    files
}

impl Stage {
    fn start(&self, arguments: &[&str]) -> Child {
        let config: PathBuf = self.folder.path().join("heddle.yaml");
        Command::new(env!("CARGO_BIN_EXE_heddle"))
            .args(arguments)
            .arg("--config")
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    async fn run_once(&self) -> Output {
        self.heddle(&["run", "--once", "--timeout", "2m"]).await
    }

    async fn heddle(&self, arguments: &[&str]) -> Output {
        end(self.start(arguments)).await
    }

    /// Somebody adds a peer.
    fn add_peer(&self, name: &str) {
        let path = "tenants/acme/organizations/acme.yaml";
        let text = self.host.read("main", path).unwrap().unwrap();
        let peer = format!("    - {{network: platform/trade, name: {name}, region: local}}\n  defaults:");
        let files = Files::from([(path.to_owned(), Some(text.replacen("  defaults:", &peer, 1)))]);
        self.host.push(ANN, "Add a peer", &files).unwrap();
    }

    /// Waits until the program is in the middle of its work.
    async fn in_the_middle(&self) {
        let mut news = self.store.subscribe();
        while self.faults.effects() < MIDDLE {
            news.changed().await.unwrap();
        }
    }

    fn units(&self) -> BTreeMap<String, String> {
        let text = self.host.read("heddle/status", "fleet/status.yaml").unwrap().unwrap();
        let units = text.lines().skip_while(|line| *line != "units:").skip(1);
        units.filter_map(|line| line.trim().split_once(": ")).map(|(unit, state)| (unit.into(), state.into())).collect()
    }

    /// Plans that started and did not end, as the audit log's heads say.
    fn open_plans(&self) -> Vec<String> {
        ["tenant-acme", "tenant-platform"]
            .into_iter()
            .filter_map(|chain| self.host.read("heddle/status", &format!("audit/heads/{chain}.json")).unwrap())
            .filter(|head| head.contains("\"open\""))
            .collect()
    }
}

async fn end(child: Child) -> Output {
    tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap()
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn told(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{}\n{out}\n{err}", output.status)
}

fn test(body: impl AsyncFnOnce()) {
    drop(rustls::crypto::ring::default_provider().install_default());
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(body());
}

#[test]
fn a_termination_lets_the_plan_end_and_reports_it() {
    test(async || {
        let stage = stage().await;
        stage.faults.at_effect(MIDDLE, Fault::Slow(Duration::from_millis(300)));
        let child = stage.start(&["run"]);
        stage.in_the_middle().await;
        signal(&child, "-TERM");
        let output = end(child).await;
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        assert_eq!(stage.open_plans(), [""; 0]);
        let output = stage.run_once().await;
        assert_eq!(output.status.code(), Some(3), "{}", told(&output));
        assert_eq!(stage.units()["network/platform/trade"], "Waiting");
    });
}

#[test]
fn a_kill_in_the_middle_is_made_good_by_the_next_start() {
    test(async || {
        let stage = stage().await;
        stage.faults.at_effect(MIDDLE, Fault::Slow(Duration::from_mins(1)));
        let child = stage.start(&["run"]);
        stage.in_the_middle().await;
        signal(&child, "-KILL");
        assert_eq!(end(child).await.status.code(), None);
        assert_ne!(stage.open_plans(), [""; 0], "the plan was on record before its first effect");
        let output = stage.run_once().await;
        assert_eq!(output.status.code(), Some(3), "{}", told(&output));
        assert_eq!(stage.open_plans(), [""; 0]);
        let units = stage.units();
        assert_eq!(units["network/platform/trade"], "Waiting", "{units:?}");
        assert_eq!(units["tenant/acme"], "Converged", "{units:?}");
    });
}

#[test]
fn the_commands_tell_one_story_and_end_with_its_codes() {
    test(async || {
        let stage = stage().await;
        let plan = stage.folder.path().join("plan.json");
        let plan = plan.to_str().unwrap();
        let check = async |arguments: &[&str], code: i32, says: &str| {
            let output = stage.heddle(arguments).await;
            let told = told(&output);
            assert_eq!(output.status.code(), Some(code), "heddle {}: {told}", arguments.join(" "));
            assert!(told.contains(says), "heddle {} does not say {says:?}: {told}", arguments.join(" "));
        };
        check(&["status"], 4, "Nothing is reported yet").await;
        check(&["plan"], 2, "+ local: Namespace demo-acme").await;
        check(&["apply"], 64, "nobody can be asked").await;
        check(&["apply", "--yes"], 3, "network/platform/trade").await;
        check(&["status"], 3, "needs Secret demo-acme/").await;
        check(&["status", "-o", "json"], 3, "\"state\": \"Waiting\"").await;
        check(&["plan"], 3, "0 to create, 0 to update, 0 to delete").await;
        stage.add_peer("peer2");
        check(&["plan", "-o", "markdown"], 3, "### `network/platform/trade`").await;
        check(&["plan", "--out", plan], 3, "peer2").await;
        check(&["apply", "--plan", plan, "--yes"], 3, "5 of 5 changes done").await;
        check(&["plan", "--unit", "network/platform/trade", "--out", plan], 3, "no changes").await;
        stage.add_peer("peer3");
        check(&["apply", "--plan", plan, "--yes"], 5, "the plan was made from revision").await;
        check(&["plan", "--unit", "tenant/nobody"], 64, "there is no unit `tenant/nobody`").await;
        check(&["run", "--once"], 3, "at rest").await;
        check(&["status", "--unit", "network/platform/trade"], 3, "trade-acme-peer3").await;
    });
}
