//! The quick-start on a region that knows heddle only by the chart's accounts.
//!
//! Input: a fresh region and the programs. Output: cases. The daemon's own program runs against Git's own server over
//! HTTPS with a password. What it did is read from the API server's audit log, from what the Git server was asked, and
//! from the repository, never from heddle.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use serde_json::{Value, json};

use super::binaries::Binaries;
use super::region::{ControlPlane, Region};
use super::{chart, status_writer::StatusWriter};
use crate::contract::server::{Api, Server, expect};
use crate::git::server::{self as git_server, BOB, Demands, GitServer, git};
use crate::runner::Case;

/// Their names.
pub const NAMES: [&str; 2] = [FIRST_LIGHT, KEYS];
const FIRST_LIGHT: &str =
    "first light: a fleet with CA servers comes up, needs its Secrets, and then nothing more is done";
const KEYS: &str = "keys: the quick-start comes up with keys that heddle issues, and then nothing more is done";

/// The cases.
pub fn cases(plane: &Arc<ControlPlane>, binaries: &Arc<Binaries>) -> Vec<Case> {
    if let Some(why) = binaries.helm.as_ref().err().cloned().or_else(git_server::missing) {
        return NAMES.map(|name| Case::skipped(name, why.clone())).into();
    }
    let case = |name, check: fn(&ControlPlane, &Binaries)| {
        let (plane, binaries) = (Arc::clone(plane), Arc::clone(binaries));
        Case::new(name, move || check(&plane, &binaries))
    };
    vec![case(FIRST_LIGHT, first_light), case(KEYS, keys)]
}

fn keys(plane: &ControlPlane, binaries: &Binaries) {
    let region = plane.region("keys");
    chart::install(binaries, &region).expect("helm is there");
    let _writer = StatusWriter::start(Arc::clone(&region) as Arc<dyn Server + Send + Sync>);
    let api = Api::admin(&*region);
    let remote = GitServer::start(region.folder(), Demands { tls: true, password: Some(BOB) });
    let config = write_config(&region, &remote, "examples/quick-start");

    let first = run(&config);
    assert_eq!(first.status.code(), Some(0), "{}", told(&first));
    let secrets = api.get("/api/v1/secrets").body["items"].as_array().expect("a list").clone();
    let issued: Vec<&Value> =
        secrets.iter().filter(|secret| secret["metadata"]["annotations"]["heddle.dev/issued"].is_string()).collect();
    assert_eq!(issued.len(), 3 * 11 + 5 * 2, "three organizations and five nodes");
    assert!(issued.iter().all(|secret| secret["immutable"] == true), "a key that can be changed");
    let sets = api.get("/apis/apps/v1/statefulsets");
    let sets = sets.body["items"].as_array().expect("a list");
    assert!(sets.len() == 5 && sets.iter().all(|set| set["status"]["readyReplicas"] == 1), "a node is not ready");
    let pod = |namespace: &str| api.get(&format!("/api/v1/namespaces/{namespace}/pods")).body["items"].clone();
    assert_eq!(pod("demo-acme--acme"), json!([]), "a workload beside the keys");

    let (before, seen) = (head(&remote), audit(&region).len());
    let quiet = run(&config);
    assert_eq!(quiet.status.code(), Some(0), "{}", told(&quiet));
    assert_eq!(head(&remote), before, "a new commit although nothing changed");
    let events = audit(&region);
    let asked: Vec<String> = events.iter().skip(seen).filter(|event| is_object_request(event)).map(line).collect();
    assert!(asked.is_empty(), "object requests although nothing changed: {asked:#?}");
    let made = events
        .iter()
        .skip(seen)
        .filter(|event| event["verb"] == "create" && event["objectRef"]["resource"] == "secrets");
    assert_eq!(made.count(), 0, "a key although nothing changed");
}

fn first_light(plane: &ControlPlane, binaries: &Binaries) {
    let region = plane.region("local");
    chart::install(binaries, &region).expect("helm is there");
    let _writer = StatusWriter::start(Arc::clone(&region) as Arc<dyn Server + Send + Sync>);
    let api = Api::admin(&*region);
    let remote = GitServer::start(region.folder(), Demands { tls: true, password: Some(BOB) });
    let config = write_config(&region, &remote, "examples/fabric-ca");

    let first = run(&config);
    assert_eq!(first.status.code(), Some(3), "{}", told(&first));
    let status = heddle(&["status"], &config);
    assert!(told(&status).contains("needs Secret"), "{}", told(&status));

    make_secrets(&api);
    let second = run(&config);
    assert_eq!(second.status.code(), Some(0), "{}", told(&second));
    let sets = api.get("/apis/apps/v1/statefulsets");
    let sets = sets.body["items"].as_array().expect("a list");
    assert_eq!(sets.len(), 4, "two authorities, an orderer and a peer");
    assert!(sets.iter().all(|set| set["status"]["readyReplicas"] == 1), "a node is not ready");

    let writes = audit(&region).iter().filter(|event| is_object_request(event)).count();
    assert!(writes >= 44, "only {writes} object requests were seen, so that their absence would prove nothing");
    let (before, seen, asked_git) = (head(&remote), audit(&region).len(), remote.seen().len());
    let quiet = run(&config);
    assert_eq!(quiet.status.code(), Some(0), "{}", told(&quiet));
    assert_eq!(head(&remote), before, "a new commit although nothing changed");
    let posts: Vec<String> =
        remote.seen().into_iter().skip(asked_git).filter(|request| request.starts_with("POST")).collect();
    assert!(posts.is_empty(), "more than a look at the branches although nothing changed: {posts:#?}");
    let asked: Vec<String> =
        audit(&region).iter().skip(seen).filter(|event| is_object_request(event)).map(line).collect();
    assert!(asked.is_empty(), "object requests although nothing changed: {asked:#?}");
}

/// A request of heddle for one object, inventories too. Lists, watches, the uid check, Lease renewals and anything on
/// Secrets are none.
fn is_object_request(event: &Value) -> bool {
    let by_heddle = event["user"]["username"] == "system:serviceaccount:heddle-system:heddle";
    let reference = &event["objectRef"];
    let aside = match reference["resource"].as_str().unwrap_or("") {
        "secrets" | "leases" => true,
        "namespaces" => reference["name"] == "kube-system",
        _ => false,
    };
    by_heddle && !aside && !matches!(event["verb"].as_str(), Some("list" | "watch"))
}

fn line(event: &Value) -> String {
    format!("{} {}", event["verb"], event["requestURI"])
}

/// Finished requests so far.
fn audit(region: &Region) -> Vec<Value> {
    let text = fs::read_to_string(region.folder().join("audit.log")).expect("the API server writes its audit log");
    text.lines().map(|line| serde_json::from_str(line).expect("an event is JSON")).collect()
}

/// Stand-ins for everything that a set mounts and that is not there.
fn make_secrets(api: &Api<'_>) {
    for set in api.get("/apis/apps/v1/statefulsets").body["items"].as_array().into_iter().flatten() {
        let namespace = set["metadata"]["namespace"].as_str().expect("a namespace");
        for volume in set["spec"]["template"]["spec"]["volumes"].as_array().into_iter().flatten() {
            let plain = volume["secret"]["secretName"].as_str();
            let projected = volume["projected"]["sources"].as_array().into_iter().flatten();
            for name in plain.into_iter().chain(projected.filter_map(|source| source["secret"]["name"].as_str())) {
                let path = format!("/api/v1/namespaces/{namespace}/secrets");
                if api.get(&format!("{path}/{name}")).status == 404 {
                    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}});
                    expect(&api.post(&path, &secret), 201);
                }
            }
        }
    }
}

/// heddle's configuration for the region and the Git server, which holds the fleet from now on.
fn write_config(region: &Region, remote: &GitServer, fleet: &str) -> PathBuf {
    let work = region.folder().join("fleet");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(fleet), &work);
    // Nothing runs in these pods that could have a channel.
    let network = work.join("tenants/platform/networks/trade.yaml");
    let text = fs::read_to_string(&network).expect("the fleet has a network");
    let without: Vec<&str> = text.lines().take_while(|line| !line.contains("channel")).collect();
    fs::write(&network, without.join("\n") + "\n").expect("the copy can be written");
    git(&work, &["init", "-q", "-b", "main"]);
    git(&work, &["add", "."]);
    git(&work, &["commit", "-q", "-m", "Begin"]);
    git(&work, &["push", "-q", &remote.repository().display().to_string(), "main"]);
    fs::write(region.folder().join("token"), BOB.0).expect("the region's folder can be written");
    let uid = Api::admin(region).get("/api/v1/namespaces/kube-system").body["metadata"]["uid"].clone();
    let config = json!({
        "installation": "demo",
        "stateDir": "state",
        "repository": {
            "url": remote.url(),
            "branch": "main",
            "statusBranch": "heddle/status",
            "caFile": remote.ca_file(),
            "credentials": {"file": "token", "for": format!("{}/", remote.origin())},
        },
        "regions": [{"name": "local", "kubeconfig": region.kubeconfig(), "clusterUid": uid}],
    });
    let path = region.folder().join("heddle.yaml");
    fs::write(&path, config.to_string()).expect("the region's folder can be written");
    path
}

fn run(config: &Path) -> Output {
    heddle(&["run", "--once"], config)
}

fn heddle(arguments: &[&str], config: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_heddle"))
        .args(arguments)
        .arg("--config")
        .arg(config)
        .output()
        .expect("heddle starts")
}

fn told(output: &Output) -> String {
    let code = output.status.code();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("exit {code:?}\n{out}\n{err}")
}

fn head(remote: &GitServer) -> String {
    git(&remote.repository(), &["rev-parse", "heddle/status"])
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
