//! The network of the contract: three ordering nodes and two organizations' peers, on machines of some kind.
//!
//! Input: a fleet at rest and [`Machines`] that run its nodes. Output: a [`LedgerWorld`], asked by our own adapters.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use heddle::adapters::fabric::orderer::Orderer;
use heddle::adapters::fabric::peer::{Peer, Signer, Sources};
use heddle::adapters::fabric::{Client, Endpoint, Way};
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

use super::cutting::CuttingDialer;
use super::fleet::{DOMAIN, Fleet, NodeFiles, ORDERER_ORG, ORDERERS, PEERS};
use super::keys::{self, Issued};
use super::{As, LedgerWorld, Node, Soon};

/// What runs nodes.
pub trait Machines {
    /// Connections to nodes.
    fn dialer(&self) -> Arc<dyn Dialer>;
    /// Where a node of a Service is.
    fn route(&self, node: Node, port: u16) -> Route;
    /// Starts a node that does not run; done when it answers.
    fn start(&self, node: Node) -> Soon<'_>;
    /// Ends a node without a word.
    fn kill(&self, node: Node) -> Soon<'_>;
    /// Empties the volume of a node that does not run.
    fn wipe(&self, node: Node);
    /// Time passes.
    fn pause(&self, time: Duration) -> Soon<'_>;
}

/// The network.
pub struct Network<M> {
    fleet: Rc<Fleet>,
    machines: M,
    genesis: Vec<u8>,
}

/// All nodes.
pub fn nodes() -> impl Iterator<Item = Node> {
    (0..ORDERERS.len()).map(Node::Orderer).chain((0..PEERS.len()).map(Node::Peer))
}

/// What a node finds.
pub fn files(fleet: &Fleet, node: Node) -> &NodeFiles {
    let (tenant, marker) = match node {
        Node::Orderer(number) => (ORDERER_ORG.0, format!("-{}", ORDERERS[number])),
        Node::Peer(number) => (PEERS[number].0, "-peer1".to_owned()),
    };
    let namespace = format!("demo-{tenant}");
    let mut of_tenant = fleet.nodes.values().filter(|files| files.namespace == namespace);
    of_tenant.find(|files| files.name.contains(&marker)).expect("the node is rendered")
}

/// The address of a node in channels.
pub fn canonical(node: Node) -> String {
    match node {
        Node::Orderer(number) => format!("{}-{}.{DOMAIN}", ORDERERS[number], ORDERER_ORG.1),
        Node::Peer(number) => format!("peer1-{}.{DOMAIN}", PEERS[number].0),
    }
}

impl<M: Machines> Network<M> {
    /// Of a fleet whose nodes these machines run.
    pub fn new(fleet: Rc<Fleet>, machines: M) -> Self {
        let genesis = first_block(&fleet, Origin { nonce: [5; 24], at: SystemClock.now() });
        Self { fleet, machines, genesis }
    }

    fn endpoint(&self, node: Node, port: u16, client: Client) -> Endpoint {
        let (tenant, organization) = match node {
            Node::Orderer(_) => (ORDERER_ORG.0, ORDERER_ORG.1),
            Node::Peer(number) => (PEERS[number].0, PEERS[number].0),
        };
        let roots = self.fleet.secret(&custody(tenant, organization), "tls-root-1", "ca.crt");
        Endpoint {
            route: self.machines.route(node, port),
            server_name: files(&self.fleet, node).service(),
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
        let way = Way { dialer: dialer.clone(), clock: Arc::new(SystemClock) };
        let orderer = Orderer::new(self.endpoint(node, 9443, admin), self.endpoint(node, 8443, operations), &way);
        Arc::new(orderer.expect("certificates can be used"))
    }
}

impl<M: Machines> LedgerWorld for Network<M> {
    fn channel(&self) -> ChannelId {
        ChannelId::parse("ch1").expect("a name")
    }

    fn genesis(&self) -> Vec<u8> {
        self.genesis.clone()
    }

    fn orderer(&self, number: usize, who: As) -> Arc<dyn OrdererAdmin> {
        self.orderer_over(number, who, &self.machines.dialer())
    }

    fn losing_answers(&self, number: usize) -> Arc<dyn OrdererAdmin> {
        let cutting: Arc<dyn Dialer> = Arc::new(CuttingDialer(self.machines.dialer()));
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
        let dialer = self.machines.dialer();
        Arc::new(Peer::new(endorser, operations, &dialer, (signer, sources)).expect("certificates can be used"))
    }

    fn start(&self, node: Node) -> Soon<'_> {
        self.machines.start(node)
    }

    fn kill(&self, node: Node) -> Soon<'_> {
        self.machines.kill(node)
    }

    fn wipe(&self, node: Node) {
        self.machines.wipe(node);
    }

    fn pause(&self, time: Duration) -> Soon<'_> {
        self.machines.pause(time)
    }
}

fn custody(tenant: &str, organization: &str) -> String {
    format!("demo-{tenant}--{organization}")
}

/// The first block of the channel, from what heddle issued.
pub fn first_block(fleet: &Fleet, origin: Origin) -> Vec<u8> {
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
    genesis(&facts, origin).expect("a channel")
}
