//! What nodes say of a channel, and how it comes to be by what is seen and decided: on nodes that pods run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use heddle::adapters::fabric::ledgers::FabricLedgers;
use heddle::adapters::fabric::peer::Sources;
use heddle::adapters::system::{SystemClock, SystemEntropy};
use heddle::apply::inventory;
use heddle::desired::channel::{ChannelMember, ChannelNode, Clients, Consenter, DesiredChannel, Home};
use heddle::fabric::genesis::Origin;
use heddle::ledger::blocks::Blocks;
use heddle::ledger::custody::Reachable;
use heddle::ledger::genesis::{self, GenesisError};
use heddle::ledger::nodes::{Node as Port, Nodes, Role};
use heddle::ledger::observe::{self, Said};
use heddle::ledger::records::{self, RecordError};
use heddle::model::causes;
use heddle::model::channel::ChannelRef;
use heddle::model::digest::Digest;
use heddle::model::identity::{IdentityId, IdentityRef};
use heddle::model::names::{ChannelId, MemberName, MspId, RegionName, TenantName};
use heddle::model::object::{Kind, ObjectRef};
use heddle::model::unit::NetworkRef;
use heddle::observed::channel::{ChannelRow, ChannelSeen, OrdererSeen, PeerSeen, RecordSeen};
use heddle::observed::inventory::Row;
use heddle::observed::region::RegionObservation;
use heddle::plan::channel::{self, Decision, Step};
use heddle::plan::refusal::Refusal;
use heddle::ports::clock::Clock as _;
use heddle::ports::cluster::{Applied, ApplyRequest, ClusterError, Expect, Identity};
use heddle::ports::dialer::{ByteStream, DialError, Dialer, Route};
use heddle::region::observe::Observer;
use heddle::sim::fabric::dialer::SimDialer;
use serde_json::json;

use crate::ledger::Node;
use crate::ledger::fleet::{Fleet, ORDERER_ORG, ORDERERS, PEERS};
use crate::ledger::network::{canonical, files, first_block};
use crate::world::{World, fabric_world, id, installation, region, unit};

const NETWORK_UNIT: &str = "network/platform/trade";

/// Counts connections.
struct Counting(SimDialer, AtomicUsize);

#[async_trait]
impl Dialer for Counting {
    async fn dial(&self, route: &Route) -> Result<Box<dyn ByteStream>, DialError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.dial(route).await
    }
}

/// A network in pods, and what this process knows of it.
struct Story<'a> {
    world: &'a World,
    fleet: Fleet,
    desired: DesiredChannel,
    nodes: Nodes,
    regions: Reachable,
    dialer: Arc<Counting>,
}

fn workload(fleet: &Fleet, node: Node) -> ObjectRef {
    let files = files(fleet, node);
    ObjectRef { region: region(), id: id(Kind::StatefulSet, &files.namespace, &files.name) }
}

fn asked(node: Node) -> ChannelNode {
    let ((tenant, organization, msp), administrator, (port, operations_port)) = match node {
        Node::Orderer(_) => (ORDERER_ORG, "orderer-admin-client", (9443, 8443)),
        Node::Peer(number) => ((PEERS[number].0, PEERS[number].0, PEERS[number].1), "operator", (7051, 9443)),
    };
    let custody = format!("demo-{tenant}--{organization}");
    let identity = |name| IdentityRef { region: region(), id: IdentityId::new(&custody, name) };
    ChannelNode {
        tenant: TenantName::parse(tenant).unwrap(),
        msp_id: MspId::parse(msp).unwrap(),
        organization: unit(&format!("organization/{tenant}/{organization}")),
        clients: Clients { administrator: identity(administrator), operations: identity("operations-client") },
        port,
        operations_port,
    }
}

fn member(name: &str, (tenant, organization, msp): (&str, &str, &str)) -> ChannelMember {
    let custody = format!("demo-{tenant}--{organization}");
    ChannelMember {
        name: MemberName::parse(name).unwrap(),
        msp_id: MspId::parse(msp).unwrap(),
        tenant: TenantName::parse(tenant).unwrap(),
        organization: unit(&format!("organization/{tenant}/{organization}")),
        operator: IdentityRef { region: region(), id: IdentityId::new(&custody, "operator") },
    }
}

fn consenter(fleet: &Fleet, node: Node) -> Consenter {
    let files = files(fleet, node);
    let certificate = IdentityId::new(&files.namespace, &format!("{}-tls", files.name));
    Consenter {
        node: asked(node),
        member: MemberName::parse("Orderers").unwrap(),
        host: canonical(node),
        port: 7050,
        certificate: IdentityRef { region: region(), id: certificate },
    }
}

fn home() -> Home {
    let labels = [
        ("app.kubernetes.io/managed-by", "heddle"),
        ("heddle.dev/installation", "demo"),
        ("heddle.dev/unit", &unit(NETWORK_UNIT).label()),
    ];
    Home {
        record: id(Kind::ConfigMap, "demo-platform", "trade-channel-ch1"),
        tenant: TenantName::parse("platform").unwrap(),
        labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
    }
}

fn origin() -> Origin {
    Origin { nonce: [7; 24], at: "2026-01-01T00:00:00Z".parse().unwrap() }
}

fn desired(fleet: &Fleet) -> DesiredChannel {
    let consenters = (0..ORDERERS.len()).map(Node::Orderer);
    let peers = (0..PEERS.len()).map(Node::Peer);
    DesiredChannel {
        channel: ChannelRef {
            network: NetworkRef::parse("platform/trade").unwrap(),
            id: ChannelId::parse("ch1").unwrap(),
        },
        orderers: vec![member("Orderers", ORDERER_ORG)],
        members: PEERS.iter().map(|(name, msp)| member(name, (name, name, msp))).collect(),
        consenters: consenters.map(|node| (workload(fleet, node), consenter(fleet, node))).collect(),
        peers: peers.map(|node| (workload(fleet, node), asked(node))).collect(),
        homes: BTreeMap::from([(region(), home())]),
    }
}

/// Tells a story of a network that heddle brought up.
fn story(tell: impl AsyncFnOnce(&mut Story<'_>)) {
    fabric_world(11, SystemClock.now(), async |world| {
        let fleet = Fleet::bring_up_in(world, "3.1.5").await;
        let dialer = Arc::new(Counting(SimDialer(Arc::clone(&world.net)), AtomicUsize::new(0)));
        let sources = Sources { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
        let nodes = Nodes::new(Arc::new(FabricLedgers::new(Arc::clone(&dialer) as Arc<dyn Dialer>, sources)));
        let access = world.ports().regions.remove(&region()).unwrap().unwrap();
        let regions = Reachable::from([(region(), access)]);
        let desired = desired(&fleet);
        tell(&mut Story { world, fleet, desired, nodes, regions, dialer }).await;
    });
}

impl Story<'_> {
    async fn world_seen(&self) -> BTreeMap<RegionName, RegionObservation> {
        let access = &self.regions[&region()];
        let observer = Observer {
            access: Arc::clone(access),
            pin: self.world.pin.borrow().clone(),
            clock: Arc::new(self.world.clock),
            wake: Arc::default(),
        };
        observer.look().await;
        let DesiredChannel { orderers, members, consenters, peers, .. } = &self.desired;
        let record = home().record;
        let nodes = consenters.keys().chain(peers.keys()).map(|workload| &workload.id);
        let ids: Vec<_> = nodes.chain([&record]).collect();
        let organizations = orderers.iter().chain(members).map(|member| member.organization.clone()).collect();
        BTreeMap::from([(region(), access.slice(&unit(NETWORK_UNIT), &organizations, &ids))])
    }

    async fn said(&self) -> Said {
        observe::ask(&self.nodes, &self.regions, &self.world_seen().await, &self.desired).await
    }

    async fn seen(&self) -> ChannelSeen {
        let Said { orderers, peers } = self.said().await;
        let records = records::look(&installation(), &self.regions, &self.world_seen().await, &self.desired).await;
        // The branch remembers what the region does.
        let branch = match &records[&region()] {
            RecordSeen::Present { block, joined, .. } => Some((*block, joined.clone())),
            RecordSeen::Absent | RecordSeen::Unknown { .. } => None,
        };
        let founders = match &branch {
            Some((block, _)) => {
                let block = Blocks::default().get(&self.regions, &self.desired, *block).await;
                block.ok().map(|block| block.founders.clone())
            }
            None => None,
        };
        ChannelSeen { records, branch, founders, orderers, peers }
    }

    async fn decide(&self) -> Decision {
        channel::decide(&self.desired, &self.seen().await)
    }

    async fn first_block(&self) -> Result<Vec<u8>, GenesisError> {
        genesis::first_block(&self.regions, &self.world_seen().await, &self.desired, origin()).await
    }

    /// Creates the record of a first block; its answer may be lost.
    async fn record(&self, block: &[u8]) -> Result<Applied, ClusterError> {
        let object = records::draft(&installation(), &region(), &home(), block);
        let writer = Identity::writer_of(object.id(), &home().tenant).unwrap();
        let request = ApplyRequest { object: &object, expect: Expect::Absent, force: false, dry_run: false };
        self.regions[&region()].cluster().apply(&writer, request).await
    }

    /// Writes to the inventory what is known of the channel.
    async fn remember(&self, joined: &[ObjectRef]) {
        let world = self.world_seen().await;
        let seen = &world[&region()];
        let block = records::read(&self.regions, &region(), &home(), None).await.unwrap();
        let before = &seen.inventories[&unit(NETWORK_UNIT)];
        let mut after = before.clone();
        let known = before.channel(&self.desired.channel.id).map(|(_, row)| row.joined.clone()).unwrap_or_default();
        let channel = ChannelRow {
            id: self.desired.channel.id.clone(),
            block: Some(Digest::of(&block)),
            joined: known.iter().chain(joined).cloned().collect(),
        };
        let uid = seen.objects.get(&home().record).map(|live| live.uid.clone());
        let row = Row { uid, channel: Some(channel), ..Row::intended(&home().tenant, None) };
        after.rows.insert(home().record, row);
        let access = &self.regions[&region()];
        inventory::store(&installation(), access, &unit(NETWORK_UNIT), before, after).await.unwrap();
    }

    async fn join(&mut self, node: &ObjectRef) {
        let block = records::read(&self.regions, &region(), &home(), None).await.unwrap();
        let world = self.world_seen().await;
        let (asked, role) = match self.desired.consenters.get(node) {
            Some(consenter) => (&consenter.node, Role::Orderer),
            None => (&self.desired.peers[node], Role::Peer),
        };
        match self.nodes.get(&self.regions, &world, (node, asked, role)).await.unwrap() {
            Port::Orderer(port) => drop(port.join(&self.desired.channel.id, &block).await.unwrap()),
            Port::Peer(port) => drop(port.join(&block).await.unwrap()),
        }
    }

    async fn act(&mut self, decision: &Decision) {
        for step in &decision.steps {
            match step {
                Step::Genesis => {
                    self.record(&self.first_block().await.unwrap()).await.unwrap();
                    self.remember(&[]).await;
                }
                Step::Copy { .. } => unreachable!("both places are one here"),
                Step::Confirm { node } => self.remember(std::slice::from_ref(node)).await,
                Step::JoinOrderer { node } | Step::JoinPeer { node } => self.join(node).await,
            }
        }
    }

    /// Until everything is at rest.
    async fn settle(&mut self) {
        for _ in 0..10 {
            let decision = self.decide().await;
            if decision.is_settled() {
                return;
            }
            self.act(&decision).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        unreachable!("it does not come to rest: {:?}", self.decide().await);
    }

    fn service(&self, node: Node) -> String {
        files(&self.fleet, node).service()
    }
}

#[test]
fn the_first_block_is_made_of_what_was_issued() {
    story(async |story| {
        assert_eq!(story.first_block().await.unwrap(), first_block(&story.fleet, origin()));
        let words = async |story: &Story<'_>| causes::chain(&story.first_block().await.unwrap_err());
        story.desired.members[0].operator.id.name = "nobody".into();
        let told = words(story).await;
        assert!(told.contains("identity demo-acme--acme/nobody is not issued yet"), "{told}");
        story.desired.members.remove(0);
        story.desired.members[0].msp_id = MspId::parse("OrdererMSP").unwrap();
        story.desired.orderers.clear();
        let told = words(story).await;
        assert!(told.contains("at least one ordering organization"), "{told}");
        story.world.delete("v1", "Secret", "demo-bravo--bravo", "operator-1");
        let told = words(story).await;
        assert!(told.contains("Secret demo-bravo--bravo/operator-1"), "{told}");
    });
}

#[test]
fn a_channel_comes_to_be_and_then_nothing_more_is_done() {
    story(async |story| {
        let first = story.decide().await;
        assert_eq!((first.steps.len(), first.waits.len(), first.refusals.len()), (6, 0, 0), "{first:?}");
        story.settle().await;
        let seen = story.seen().await;
        let leader = channel::leader(&seen).expect("one leads");
        assert_eq!((leader.active, leader.size), (3, 3));
        assert!(seen.peers.values().all(|said| *said == PeerSeen::With { height: 1 }), "{seen:?}");
    });
}

#[test]
fn a_record_whose_answer_was_lost_is_found_and_a_second_one_is_refused() {
    story(async |story| {
        let block = story.first_block().await.unwrap();
        story.record(&block).await.unwrap();
        // No row tells of it.
        let present = RecordSeen::Present { block: Digest::of(&block), kept: true, joined: BTreeSet::new() };
        assert_eq!(story.seen().await.records[&region()], present);
        assert!(!story.decide().await.steps.contains(&Step::Genesis));
        assert!(matches!(story.record(b"another").await, Err(ClusterError::Conflict)));
        story.settle().await;
    });
}

#[test]
fn what_an_inventory_remembers_counts_when_the_record_is_gone_and_a_strangers_record_is_none() {
    story(async |story| {
        story.settle().await;
        let before = story.seen().await.records;
        let RecordSeen::Present { block, joined, .. } = &before[&region()] else { unreachable!("{before:?}") };
        assert_eq!(joined.len(), 3);
        story.world.delete("v1", "ConfigMap", "demo-platform", "trade-channel-ch1");
        let lost = RecordSeen::Present { block: *block, kept: false, joined: joined.clone() };
        assert_eq!(story.seen().await.records, BTreeMap::from([(region(), lost)]));
        let gone = records::read(&story.regions, &region(), &home(), Some(*block)).await;
        assert!(matches!(gone, Err(RecordError::Unusable { .. })));
        story.record(b"another").await.unwrap();
        let other = records::read(&story.regions, &region(), &home(), Some(*block)).await;
        assert!(matches!(other, Err(RecordError::Unusable { .. })));
        story.world.delete("v1", "ConfigMap", "demo-platform", "trade-channel-ch1");
        let labels: BTreeMap<_, _> = home().labels;
        let body = json!({"metadata": {"labels": labels}});
        story.world.create("v1", "ConfigMap", "demo-platform", "trade-channel-ch1", body);
        let seen = story.seen().await;
        assert!(matches!(seen.records[&region()], RecordSeen::Unknown { .. }), "{seen:?}");
    });
}

#[test]
fn nodes_are_asked_again_over_the_connections_that_are_there_and_no_key_is_read_twice() {
    story(async |story| {
        story.settle().await;
        let dials = story.dialer.1.load(Ordering::Relaxed);
        assert_eq!(dials, 8, "two ports of each ordering node, one of each peer");
        story.world.cluster.clear_requests();
        assert!(story.decide().await.is_settled());
        assert_eq!(story.dialer.1.load(Ordering::Relaxed), dials);
        let of_secrets = |request: &heddle::sim::kube_port::Request| request.resource == "secrets";
        assert!(!story.world.cluster.requests().iter().any(of_secrets));
    });
}

#[test]
fn a_node_that_is_down_is_silent_and_one_whose_pod_is_not_ready_is_not_asked() {
    story(async |story| {
        story.settle().await;
        let first = workload(&story.fleet, Node::Orderer(0));
        story.world.net.kill(&story.service(Node::Orderer(0)));
        let said = story.said().await;
        assert!(matches!(said.orderers[&first], OrdererSeen::Silent { .. }), "{said:?}");
        assert!(said.orderers.values().filter(|said| matches!(said, OrdererSeen::With { .. })).count() == 2);
        let nobody: [usize; 3] = [0, 1, 2];
        for number in nobody {
            story.world.net.kill(&story.service(Node::Orderer(number)));
        }
        let decision = story.decide().await;
        assert!(decision.steps.is_empty() && decision.waits.len() == 3, "{decision:?}");
        // Its Secret is gone and its pod made anew: the pod never becomes ready.
        let (namespace, name) =
            (files(&story.fleet, Node::Peer(0)).namespace.clone(), files(&story.fleet, Node::Peer(0)).name.clone());
        story.world.delete("v1", "ConfigMap", &namespace, &name);
        story.world.delete("v1", "Pod", &namespace, &format!("{name}-0"));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let said = story.said().await;
        assert_eq!(said.peers[&workload(&story.fleet, Node::Peer(0))], PeerSeen::Starting);
    });
}

#[test]
fn a_node_that_was_started_again_is_asked_over_a_new_connection_at_once() {
    story(async |story| {
        story.settle().await;
        let before = story.said().await.peers;
        for number in 0..2 {
            let address = story.service(Node::Peer(number));
            story.world.net.kill(&address);
            story.world.net.start(&address).unwrap();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(story.said().await.peers, before);
    });
}

#[test]
fn an_ordering_node_whose_volume_was_emptied_is_refused_and_a_peer_gets_its_ledger_again() {
    story(async |story| {
        story.settle().await;
        for node in [Node::Orderer(1), Node::Peer(1)] {
            let address = story.service(node);
            story.world.net.kill(&address);
            story.world.net.wipe(&address);
            story.world.net.start(&address).unwrap();
        }
        tokio::time::sleep(Duration::from_secs(6)).await;
        let decision = story.decide().await;
        let wiped = workload(&story.fleet, Node::Orderer(1));
        let refusal = Refusal::WipedOrderer { channel: story.desired.channel.clone(), node: wiped };
        assert_eq!(decision.refusals, BTreeSet::from([refusal]));
        assert_eq!(decision.steps, BTreeSet::from([Step::JoinPeer { node: workload(&story.fleet, Node::Peer(1)) }]));
    });
}
