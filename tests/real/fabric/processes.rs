//! Machines of real processes, each on a loopback address of its own.
//!
//! Input: a folder of programs, a fleet. Output: [`Machines`].

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use heddle::adapters::fabric::dial::TcpDialer;
use heddle::ports::dialer::{Dialer, Route};

use super::container;
use super::process::Process;
use crate::ledger::fleet::{Fleet, NodeFiles};
use crate::ledger::network::{Machines, canonical, files, nodes};
use crate::ledger::{Node, Soon};

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
            container::lay_out(&files.container, &root, &address);
        }
        fs::write(self.folder.path().join("hosts"), hosts).expect("a file");
    }

    /// Starts a node and waits until it answers.
    fn begin(&self, node: Node) {
        let (files, root) = (self.files(node), self.root(node));
        let hosts = self.folder.path().join("hosts");
        let mut process = container::launch(&files.container, &self.programs, (&root, &hosts));
        container::wait(&mut process, &files.container, (&root, &Self::address(node)));
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
