//! A kubelet whose containers are processes of this machine.
//!
//! Input: pods of a simulated region. Output: real `orderer` and `peer` processes, each on a loopback address of its own, and
//! connections to their ports. A pod is ready when each of its ports was seen to answer. Invariants: a claim is one volume,
//! whichever process runs on it; no process outlives its pod or the kubelet.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use heddle::adapters::system::SystemClock;
use heddle::ports::clock::Clock as _;
use heddle::sim::controllers::{Kubelet, Stream};
use heddle::sim::fabric::container::Container;
use heddle::sim::fabric::kubelet::{claim, mounted};
use heddle::sim::store::resources::Resource;
use heddle::sim::store::write::{PatchKind, WriteOptions};
use heddle::sim::store::{Store, Target};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::container;
use super::process::Process;
use crate::ledger::Node;
use crate::ledger::fleet::{ORDERER_ORG, ORDERERS, PEERS};
use crate::ledger::network::{canonical, nodes};

/// How often a port is tried until it answers.
const EVERY: Duration = Duration::from_millis(20);

/// The kubelet.
pub struct Processes {
    store: Arc<Store>,
    programs: PathBuf,
    folder: PathBuf,
    pods: Arc<Mutex<BTreeMap<Node, Pod>>>,
}

/// What runs for a pod.
pub struct Pod {
    uid: String,
    container: Container,
    root: PathBuf,
    /// None while somebody keeps it down.
    process: Option<Process>,
    /// When it was started, and when all its ports answered.
    pub started: Timestamp,
    pub answered: Option<Timestamp>,
    /// Tries its ports.
    probe: JoinHandle<()>,
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.probe.abort();
    }
}

impl Pod {
    /// The blocks of a channel on its volume, as Fabric keeps them.
    pub fn blocks(&self, channel: &str) -> Option<Vec<u8>> {
        let production = self.root.join("var/hyperledger/production");
        let files = ["orderer/ledger/chains", "ledgersData/chains/chains"].map(|chains| production.join(chains));
        files.iter().find_map(|chains| fs::read(chains.join(channel).join("blockfile_000000")).ok())
    }

    /// What it said last.
    pub fn tail(&self) -> String {
        container::tail(&self.root)
    }

    /// When it first said these words, if it did.
    pub fn said(&self, words: &str) -> Option<Timestamp> {
        let log = self.log();
        let line = log.lines().find(|line| line.contains(words))?;
        let line: Value = serde_json::from_str(line).expect("a log of JSON");
        Timestamp::from_duration(SignedDuration::from_secs_f64(line["ts"].as_f64()?)).ok()
    }

    /// Everything that it said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.root.join("log")).unwrap_or_default()
    }
}

impl Processes {
    /// With programs of one release line, in an empty folder.
    pub fn new(store: Arc<Store>, programs: &Path, folder: &Path) -> Arc<Self> {
        let mut hosts = "127.0.0.1 localhost\n".to_owned();
        for node in nodes() {
            hosts.extend([address(node).as_str(), " ", &canonical(node), "\n"]);
        }
        fs::write(folder.join("hosts"), hosts).expect("a file");
        let programs = programs.canonicalize().expect("a folder");
        Arc::new(Self { store, programs, folder: folder.to_owned(), pods: Arc::default() })
    }

    /// What runs.
    pub fn pods(&self) -> MutexGuard<'_, BTreeMap<Node, Pod>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a node without a word, and keeps it down.
    pub fn kill(&self, node: Node) {
        self.pods().get_mut(&node).expect("it runs").process = None;
    }

    /// Empties the volume of a node that is down.
    pub fn wipe(&self, node: Node) {
        let pods = self.pods();
        let pod = pods.get(&node).expect("it ran");
        assert!(pod.process.is_none(), "{node:?} runs");
        fs::remove_dir_all(pod.root.join("var")).expect("a volume");
        container::lay_out(&pod.container, &pod.root, &address(node));
    }

    /// Starts a node that is down; done when it answers.
    pub fn start_again(&self, node: Node) {
        let hosts = self.folder.join("hosts");
        let mut pods = self.pods();
        let pod = pods.get_mut(&node).expect("it ran");
        let mut process = container::launch(&pod.container, &self.programs, (&pod.root, &hosts));
        container::wait(&mut process, &pod.container, (&pod.root, &address(node)));
        pod.process = Some(process);
    }

    /// Looks at the ports until all answer, and lets the cluster see it.
    fn probe(&self, node: Node, ports: &'static [u16], (namespace, name): (String, String)) -> JoinHandle<()> {
        let (store, pods) = (self.store.clone(), self.pods.clone());
        tokio::spawn(async move {
            for port in ports {
                while TcpStream::connect((address(node).as_str(), *port)).await.is_err() {
                    tokio::time::sleep(EVERY).await;
                }
            }
            let mut pods = pods.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(pod) = pods.get_mut(&node) else { return };
            pod.answered = Some(SystemClock.now());
            drop(pods);
            let resource = Resource::by_plural("", "pods").expect("pods are served");
            let target = Target { resource, namespace: &namespace, name: &name };
            let options = WriteOptions { manager: "kubelet", ..WriteOptions::default() };
            let body = json!({"metadata": {"annotations": {"answers": "on all ports"}}});
            // Whoever deleted the pod meanwhile needs no news of it.
            drop(store.patch(target, PatchKind::Merge, &body, options));
        })
    }
}

#[async_trait]
impl Kubelet for Processes {
    fn start(&self, store: &Store, namespace: &str, pod: &Value) -> Result<(), String> {
        let Some(container) = mounted(store, namespace, pod)? else { return Ok(()) };
        let text = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (name, uid) = (text("/metadata/name"), text("/metadata/uid"));
        let node = node(namespace, &name).ok_or("no node of this network")?;
        let mut pods = self.pods();
        if let Some(running) = pods.get_mut(&node)
            && running.uid == uid
        {
            if running.process.as_mut().is_some_and(Process::has_ended) {
                return Err(format!("{name} ended:\n{}", container::tail(&running.root)));
            }
            return if running.answered.is_some() { Ok(()) } else { Err(format!("{name} does not answer yet")) };
        }
        drop(pods.remove(&node));
        let root = self.folder.join(&name).join(claim(store, namespace, pod));
        container::lay_out(&container, &root, &address(node));
        let process = container::launch(&container, &self.programs, (&root, &self.folder.join("hosts")));
        let probe = self.probe(node, container::ports(&container), (namespace.to_owned(), name.clone()));
        let started = SystemClock.now();
        let process = Some(process);
        pods.insert(node, Pod { uid, container, root, process, started, answered: None, probe });
        Err(format!("{name} begins"))
    }

    fn keep(&self, namespace: &str, kept: &BTreeMap<String, String>) {
        let uids: Vec<&String> = kept.values().collect();
        self.pods().retain(|node, pod| tenant(*node) != namespace || uids.contains(&&pod.uid));
    }

    async fn connect(&self, namespace: &str, pod: &str, port: u16) -> Option<Box<dyn Stream>> {
        let stream = TcpStream::connect((address(node(namespace, pod)?), port)).await.ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Box::new(stream))
    }
}

/// Where a node listens.
fn address(node: Node) -> String {
    match node {
        Node::Orderer(number) => format!("127.78.1.{}", number + 1),
        Node::Peer(number) => format!("127.78.2.{}", number + 1),
    }
}

/// The namespace of a node.
fn tenant(node: Node) -> String {
    match node {
        Node::Orderer(_) => format!("demo-{}", ORDERER_ORG.0),
        Node::Peer(number) => format!("demo-{}", PEERS[number].0),
    }
}

/// Which node a pod runs.
fn node(namespace: &str, pod: &str) -> Option<Node> {
    let marker = |node: &Node| match node {
        Node::Orderer(number) => format!("-{}", ORDERERS[*number]),
        Node::Peer(_) => "-peer1".to_owned(),
    };
    nodes().find(|node| tenant(*node) == namespace && pod.contains(&marker(node)))
}
