//! A network of real processes: three ordering nodes, two peers, each on a loopback address of its own.
//!
//! Input: a folder of programs, a version. Output: a [`LedgerWorld`]. Of the rendered files nothing is changed but the paths
//! of mounts and the address to listen on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use heddle::adapters::fabric::dial::TcpDialer;
use heddle::adapters::fabric::orderer::Orderer;
use heddle::adapters::fabric::peer::{Peer, Signer, Sources};
use heddle::adapters::fabric::{Client, Endpoint};
use heddle::adapters::system::{SystemClock, SystemEntropy};
use heddle::fabric::genesis::{
    Batch, CapabilityNames, ChannelFacts, Consenter, OrdererOrganization, Origin, PeerOrganization, genesis,
};
use heddle::fabric::msp::{Authorities, Msp};
use heddle::model::names::{ChannelId, MemberName, MspId};
use heddle::ports::clock::Clock;
use heddle::ports::dialer::{Dialer, Route};
use heddle::ports::ledger::{OrdererAdmin, PeerAdmin};
use heddle::x509::certificate::Certificate;
use heddle::x509::profile::Profile;

use super::fleet::{DOMAIN, Fleet, NodeFiles, ORDERER_ORG, ORDERERS, PEERS};
use super::keys::{self, Issued};
use super::process::Process;
use crate::ledger::cutting::CuttingDialer;
use crate::ledger::{As, LedgerWorld, Node, Soon};

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The network.
pub struct Network {
    fleet: Fleet,
    programs: PathBuf,
    folder: tempfile::TempDir,
    running: RefCell<BTreeMap<Node, Process>>,
    runtime: tokio::runtime::Runtime,
    genesis: Vec<u8>,
}

impl Network {
    /// Starts all nodes.
    pub fn start(programs: &Path, version: &str) -> Self {
        let fleet = Fleet::bring_up(version);
        let folder = tempfile::Builder::new().prefix("heddle-fabric-").tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let genesis = first_block(&fleet);
        let programs = programs.canonicalize().expect("a folder");
        let running = RefCell::default();
        let network = Self { fleet, programs, folder, running, runtime: runtime.expect("a runtime"), genesis };
        network.lay_out();
        for node in Self::nodes() {
            network.begin(node);
        }
        network
    }

    /// Runs a case.
    pub fn run(&self, check: for<'a> fn(&'a dyn LedgerWorld) -> Soon<'a>) {
        self.runtime.block_on(check(self));
    }

    fn nodes() -> impl Iterator<Item = Node> {
        (0..ORDERERS.len()).map(Node::Orderer).chain((0..PEERS.len()).map(Node::Peer))
    }

    fn files(&self, node: Node) -> &NodeFiles {
        let (tenant, marker) = match node {
            Node::Orderer(number) => (ORDERER_ORG.0, format!("-{}", ORDERERS[number])),
            Node::Peer(number) => (PEERS[number].0, "-peer1".to_owned()),
        };
        let namespace = format!("demo-{tenant}");
        let mut of_tenant = self.fleet.nodes.values().filter(|files| files.namespace == namespace);
        of_tenant.find(|files| files.name.contains(&marker)).expect("the node is rendered")
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
        for node in Self::nodes() {
            let (files, address, root) = (self.files(node), Self::address(node), self.root(node));
            let (name, namespace) = (&files.name, &files.namespace);
            let service = format!("{name}.{namespace}.svc");
            hosts.extend([address.as_str(), " ", &service, ".cluster.local ", &service, " ", &canonical(node), "\n"]);
            let moved = |path: &str| root.join(path.trim_start_matches('/'));
            for folder in &files.folders {
                fs::create_dir_all(moved(folder)).expect("a folder");
            }
            for (path, bytes) in &files.files {
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
        let env: Vec<_> = files.env.iter().map(|(key, value)| (key.clone(), moved(value))).collect();
        let (program, arguments) = files.command.split_first().expect("a command");
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

    fn endpoint(&self, node: Node, port: u16, client: Client) -> Endpoint {
        let (tenant, organization) = match node {
            Node::Orderer(_) => (ORDERER_ORG.0, ORDERER_ORG.1),
            Node::Peer(number) => (PEERS[number].0, PEERS[number].0),
        };
        let roots = self.fleet.secret(&custody(tenant, organization), "tls-root-1", "ca.crt");
        Endpoint {
            route: Route::Declared { host: Self::address(node), port },
            server_name: format!("{}.{}.svc", self.files(node).name, self.files(node).namespace),
            roots: Certificate::bundle(&roots).expect("a root"),
            client,
        }
    }

    fn client(&self, tenant: &str, organization: &str, name: &str) -> Client {
        let (chain, key) = keys::kept(&self.fleet, &custody(tenant, organization), name, ("client.crt", "client.key"));
        Client { chain, key: key.to_pem().expect("PEM") }
    }

    fn orderer_over(&self, number: usize, who: As, dialer: &Arc<dyn Dialer>) -> Arc<dyn OrdererAdmin> {
        let (tenant, organization, msp) = ORDERER_ORG;
        let own = custody(tenant, organization);
        let issue = |profile, has_ended| keys::issue(&self.fleet, &own, msp, profile, has_ended).client();
        let admin = match who {
            As::Administrator => self.client(tenant, organization, "orderer-admin-client-1"),
            As::WrongPurpose => issue(Profile::OperationsClient, false),
            As::Stranger => self.client(PEERS[0].0, PEERS[0].0, "orderer-admin-client-1"),
            As::Expired => issue(Profile::OrdererAdminClient, true),
        };
        let operations = self.client(tenant, organization, "operations-client-1");
        let node = Node::Orderer(number);
        let orderer = Orderer::new(self.endpoint(node, 9443, admin), self.endpoint(node, 8443, operations), dialer);
        Arc::new(orderer.expect("certificates can be used"))
    }
}

impl LedgerWorld for Network {
    fn channel(&self) -> ChannelId {
        ChannelId::parse("ch1").expect("a name")
    }

    fn genesis(&self) -> Vec<u8> {
        self.genesis.clone()
    }

    fn orderer(&self, number: usize, who: As) -> Arc<dyn OrdererAdmin> {
        self.orderer_over(number, who, &(Arc::new(TcpDialer) as Arc<dyn Dialer>))
    }

    fn losing_answers(&self, number: usize) -> Arc<dyn OrdererAdmin> {
        let cutting: Arc<dyn Dialer> = Arc::new(CuttingDialer(Arc::new(TcpDialer)));
        self.orderer_over(number, As::Administrator, &cutting)
    }

    fn peer(&self, number: usize, who: As) -> Arc<dyn PeerAdmin> {
        let (tenant, msp) = PEERS[number];
        let own = custody(tenant, tenant);
        let operator = |tenant: &str, msp: &str| {
            let (chain, key) =
                keys::kept(&self.fleet, &custody(tenant, tenant), "operator-1", ("signcert.pem", "key.pem"));
            let certificate = chain.into_iter().next().expect("a certificate");
            Signer { msp_id: MspId::parse(msp).expect("an id"), certificate, key }
        };
        let issue = |profile, has_ended| {
            let Issued { certificate, key, .. } = keys::issue(&self.fleet, &own, msp, profile, has_ended);
            Signer { msp_id: MspId::parse(msp).expect("an id"), certificate, key }
        };
        let other = PEERS[(number + 1) % PEERS.len()];
        let signer = match who {
            As::Administrator => operator(tenant, msp),
            As::WrongPurpose => issue(Profile::Application, false),
            As::Stranger => operator(other.0, other.1),
            As::Expired => issue(Profile::Operator, true),
        };
        let operations = self.client(tenant, tenant, "operations-client-1");
        let sources = Sources { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
        let node = Node::Peer(number);
        let (endorser, operations) =
            (self.endpoint(node, 7051, operations.clone()), self.endpoint(node, 9443, operations));
        let dialer: Arc<dyn Dialer> = Arc::new(TcpDialer);
        Arc::new(Peer::new(endorser, operations, &dialer, (signer, sources)).expect("certificates can be used"))
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
        for folder in &self.files(node).folders {
            fs::create_dir_all(self.root(node).join(folder.trim_start_matches('/'))).expect("a folder");
        }
    }

    fn pause(&self, time: Duration) -> Soon<'_> {
        Box::pin(tokio::time::sleep(time))
    }
}

fn custody(tenant: &str, organization: &str) -> String {
    format!("demo-{tenant}--{organization}")
}

fn canonical(node: Node) -> String {
    match node {
        Node::Orderer(number) => format!("{}-{}.{DOMAIN}", ORDERERS[number], ORDERER_ORG.1),
        Node::Peer(number) => format!("peer1-{}.{DOMAIN}", PEERS[number].0),
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

/// The first block of the channel, from what heddle issued.
fn first_block(fleet: &Fleet) -> Vec<u8> {
    let msp = |tenant: &str, organization: &str, id: &str| {
        let of = |name: &str| {
            Certificate::bundle(&fleet.secret(&custody(tenant, organization), &format!("{name}-1"), "ca.crt"))
                .expect("a certificate")
        };
        let authorities = Authorities {
            roots: of("identity-root"),
            issuing: of("identity-issuing"),
            tls_roots: of("tls-root"),
            tls_issuing: of("tls-issuing"),
        };
        Msp::new(MspId::parse(id).expect("an id"), authorities).expect("a membership")
    };
    let name = |name: &str| MemberName::parse(name).expect("a name");
    let consenter = |number: usize| {
        let secret = format!("trade-{}-{}-tls-1", ORDERER_ORG.1, ORDERERS[number]);
        let chain = Certificate::bundle(&fleet.secret("demo-platform", &secret, "server.crt")).expect("a chain");
        let certificate = chain.into_iter().next().expect("a certificate");
        Consenter { host: canonical(Node::Orderer(number)), port: 7050, certificate }
    };
    let consenters: Vec<Consenter> = (0..ORDERERS.len()).map(consenter).collect();
    let endpoints = consenters.iter().map(|consenter| format!("{}:{}", consenter.host, consenter.port)).collect();
    let facts = ChannelFacts {
        id: ChannelId::parse("ch1").expect("a name"),
        orderers: vec![OrdererOrganization {
            name: name("Orderers"),
            msp: msp(ORDERER_ORG.0, ORDERER_ORG.1, ORDERER_ORG.2),
            endpoints,
        }],
        applications: PEERS
            .iter()
            .map(|(tenant, id)| PeerOrganization { name: name(tenant), msp: msp(tenant, tenant, id) })
            .collect(),
        consenters,
        batch: Batch::default(),
        capabilities: CapabilityNames::default(),
    };
    genesis(&facts, Origin { nonce: [5; 24], at: SystemClock.now() }).expect("a channel")
}
