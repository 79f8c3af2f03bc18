//! Machines of real processes, each on a loopback address of its own.
//!
//! Input: a folder of programs, a fleet. Output: [`Machines`]. Of the rendered files nothing is changed but the paths of
//! mounts and the address to listen on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use heddle::adapters::fabric::dial::TcpDialer;
use heddle::ports::dialer::{Dialer, Route};

use super::process::Process;
use crate::ledger::fleet::{Fleet, NodeFiles};
use crate::ledger::network::{Machines, canonical, files, nodes};
use crate::ledger::{Node, Soon};

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Processes of this machine.
pub struct Processes {
    fleet: Rc<Fleet>,
    programs: PathBuf,
    folder: tempfile::TempDir,
    running: RefCell<BTreeMap<Node, Process>>,
}

impl Processes {
    /// Starts all nodes.
    pub fn start_all(programs: &Path, fleet: Rc<Fleet>) -> Self {
        let folder = tempfile::Builder::new().prefix("heddle-fabric-").tempdir().expect("a folder");
        let programs = programs.canonicalize().expect("a folder");
        let processes = Self { fleet, programs, folder, running: RefCell::default() };
        processes.lay_out();
        for node in nodes() {
            processes.begin(node);
        }
        processes
    }

    fn files(&self, node: Node) -> &NodeFiles {
        files(&self.fleet, node)
    }

    fn address(node: Node) -> String {
        match node {
            Node::Orderer(number) => format!("127.77.1.{}", number + 1),
            Node::Peer(number) => format!("127.77.2.{}", number + 1),
        }
    }

    fn root(&self, node: Node) -> PathBuf {
        self.folder.path().join(&self.files(node).name)
    }

    fn lay_out(&self) {
        let mut hosts = "127.0.0.1 localhost\n".to_owned();
        for node in nodes() {
            let (files, address, root) = (self.files(node), Self::address(node), self.root(node));
            let service = files.service();
            hosts.extend([address.as_str(), " ", &service, ".cluster.local ", &service, " ", &canonical(node), "\n"]);
            let moved = |path: &str| root.join(path.trim_start_matches('/'));
            for folder in &files.container.folders {
                fs::create_dir_all(moved(folder)).expect("a folder");
            }
            for (path, bytes) in &files.container.files {
                let into = moved(path);
                fs::create_dir_all(into.parent().expect("a parent")).expect("a folder");
                let is_config = Path::new(path).extension().is_some_and(|end| end == "yaml");
                let bytes = if is_config { adjusted(bytes, &root, &address) } else { bytes.clone() };
                fs::write(into, bytes).expect("a file");
            }
        }
        fs::write(self.folder.path().join("hosts"), hosts).expect("a file");
    }

    /// Starts a node and waits until it answers.
    fn begin(&self, node: Node) {
        let (files, root) = (self.files(node), self.root(node));
        let moved = |value: &str| match value.strip_prefix('/') {
            Some(path) if path.starts_with("etc/") => root.join(path).display().to_string(),
            _ => value.to_owned(),
        };
        let env: Vec<_> = files.container.env.iter().map(|(key, value)| (key.clone(), moved(value))).collect();
        let (program, arguments) = files.container.command.split_first().expect("a command");
        let (hosts, log) = (self.folder.path().join("hosts"), root.join("log"));
        let mut process = Process::start(&self.programs.join(program), arguments, &env, (&hosts, &log));
        let ports: &[u16] = match node {
            Node::Orderer(_) => &[7050, 8443, 9443],
            Node::Peer(_) => &[7051, 9443],
        };
        let begun = std::time::Instant::now();
        let answers = |port: &u16| TcpStream::connect((Self::address(node).as_str(), *port)).is_ok();
        while !ports.iter().all(answers) {
            let ended = process.has_ended();
            assert!(!ended && begun.elapsed() < PATIENCE, "{node:?} does not answer:\n{}", tail(&log));
            std::thread::sleep(Duration::from_millis(30));
        }
        self.running.borrow_mut().insert(node, process);
    }
}

impl Machines for Processes {
    fn dialer(&self) -> Arc<dyn Dialer> {
        Arc::new(TcpDialer)
    }

    fn route(&self, node: Node, port: u16) -> Route {
        Route::Declared { host: Self::address(node), port }
    }

    fn start(&self, node: Node) -> Soon<'_> {
        Box::pin(async move { self.begin(node) })
    }

    fn kill(&self, node: Node) -> Soon<'_> {
        Box::pin(async move { drop(self.running.borrow_mut().remove(&node)) })
    }

    fn wipe(&self, node: Node) {
        assert!(!self.running.borrow().contains_key(&node), "{node:?} runs");
        let data = self.root(node).join("var/hyperledger/production");
        fs::remove_dir_all(&data).expect("a volume");
        for folder in &self.files(node).container.folders {
            fs::create_dir_all(self.root(node).join(folder.trim_start_matches('/'))).expect("a folder");
        }
    }

    fn pause(&self, time: Duration) -> Soon<'_> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// A configuration file with the paths of this machine and an address of its own.
fn adjusted(bytes: &[u8], root: &Path, address: &str) -> Vec<u8> {
    let text = String::from_utf8(bytes.to_vec()).expect("YAML");
    let text = text.replace("/etc/heddle/", &format!("{}/etc/heddle/", root.display()));
    let text = text.replace("/var/hyperledger/", &format!("{}/var/hyperledger/", root.display()));
    // Each has the loopback of its own pod.
    text.replace("0.0.0.0", address).replace("127.0.0.1", address).into_bytes()
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}
