//! The contract of ordering nodes and peers, on the simulated ones that pods of a simulated region run.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use heddle::apply::join::{self, Join};
use heddle::fabric::metrics::Samples;
use heddle::fabric::participation::ChannelInfo;
use heddle::model::names::ChannelId;
use heddle::plan::outcome::ChangeOutcome;
use heddle::ports::clock::Clock as _;
use heddle::ports::dialer::{Dialer, Route};
use heddle::ports::ledger::{Joined, LedgerError, OrdererAdmin, PeerAdmin};
use heddle::region::access::{Leadership, RegionAccess};
use heddle::sim::fabric::dialer::SimDialer;

use crate::ledger::fleet::Fleet;
use crate::ledger::network::{Machines, Network, files};
use crate::ledger::{As, CASES, LedgerWorld as _, Node, Soon};
use crate::world::{World, fabric_world, region};

/// The nodes that pods of a region run.
struct Pods<'a> {
    fleet: Rc<Fleet>,
    world: &'a World,
}

impl Pods<'_> {
    fn service(&self, node: Node) -> String {
        files(&self.fleet, node).service()
    }
}

impl Machines for Pods<'_> {
    fn dialer(&self) -> Arc<dyn Dialer> {
        Arc::new(SimDialer(Arc::clone(&self.world.net)))
    }

    fn route(&self, node: Node, port: u16) -> Route {
        let files = files(&self.fleet, node);
        Route::Service {
            region: crate::world::region(),
            namespace: files.namespace.clone(),
            name: files.name.clone(),
            port,
        }
    }

    fn start(&self, node: Node) -> Soon<'_> {
        Box::pin(async move { self.world.net.start(&self.service(node)).expect("it starts") })
    }

    fn kill(&self, node: Node) -> Soon<'_> {
        Box::pin(async move { self.world.net.kill(&self.service(node)) })
    }

    fn wipe(&self, node: Node) {
        self.world.net.wipe(&self.service(node));
    }

    fn pause(&self, time: Duration) -> Soon<'_> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// Runs a test with a network whose nodes run in pods.
fn in_pods(version: &str, test: impl AsyncFnOnce(&World, &Network<Pods<'_>>, &Fleet)) {
    fabric_world(11, heddle::adapters::system::SystemClock.now(), async |world| {
        let fleet = Rc::new(Fleet::bring_up_in(world, version).await);
        let network = Network::new(Rc::clone(&fleet), Pods { fleet: Rc::clone(&fleet), world });
        test(world, &network, &fleet).await;
    });
}

#[test]
fn simulated_nodes_keep_the_contract_of_real_ones() {
    for version in ["2.5.16", "3.1.5"] {
        in_pods(version, async |_, network, _| {
            for (name, check) in CASES {
                println!("{version}: {name}");
                check(network).await;
            }
        });
    }
}

/// Lets the region do what it does by itself.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

fn channel() -> ChannelId {
    ChannelId::parse("ch1").unwrap()
}

#[test]
fn a_pod_that_is_made_anew_runs_its_node_on_the_same_volume_and_another_claim_is_an_empty_one() {
    in_pods("3.1.5", async |world, network, fleet| {
        let orderer = network.orderer(0, As::Administrator);
        orderer.join(&channel(), &network.genesis()).await.unwrap();
        let (namespace, name) = (&files(fleet, Node::Orderer(0)).namespace, &files(fleet, Node::Orderer(0)).name);
        let pod = format!("{name}-0");
        world.delete("v1", "Pod", namespace, &pod);
        settle().await;
        assert_eq!(orderer.channels().await.unwrap(), [channel()]);
        let claim = claim_of(world, namespace, &pod);
        world.delete("v1", "PersistentVolumeClaim", namespace, &claim);
        world.delete("v1", "Pod", namespace, &pod);
        settle().await;
        assert!(
            matches!(orderer.channels().await, Err(LedgerError::Unreachable(_))),
            "without its claim it is not ready"
        );
        assert!(!is_ready(world, namespace, &pod));
        // A person who makes the claim anew.
        let body = serde_json::json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}});
        world.create("v1", "PersistentVolumeClaim", namespace, &claim, body);
        settle().await;
        assert!(is_ready(world, namespace, &pod));
        assert_eq!(orderer.channels().await.unwrap(), []);
    });
}

#[test]
fn a_pod_whose_node_would_end_at_its_start_is_not_ready() {
    in_pods("3.1.5", async |world, _, fleet| {
        let (namespace, name) = (&files(fleet, Node::Peer(0)).namespace, &files(fleet, Node::Peer(0)).name);
        let pod = format!("{name}-0");
        assert!(is_ready(world, namespace, &pod));
        // Its certificate lasts a year.
        world.clock_forward(Duration::from_hours(400 * 24)).await;
        world.delete("v1", "Pod", namespace, &pod);
        settle().await;
        assert!(!is_ready(world, namespace, &pod));
    });
}

fn claim_of(world: &World, namespace: &str, pod: &str) -> String {
    let pod = world.get("v1", "Pod", namespace, pod).unwrap();
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let claim = volumes.iter().find_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
    claim.expect("it has a volume").to_owned()
}

fn is_ready(world: &World, namespace: &str, pod: &str) -> bool {
    let pod = world.get("v1", "Pod", namespace, pod);
    pod.is_some_and(|pod| pod["status"]["conditions"][0]["status"] == "True")
}

/// An ordering node whose joins are counted.
struct Counted(Arc<dyn OrdererAdmin>, AtomicUsize);

#[async_trait]
impl OrdererAdmin for Counted {
    async fn channels(&self) -> Result<Vec<ChannelId>, LedgerError> {
        self.0.channels().await
    }

    async fn channel(&self, channel: &ChannelId) -> Result<Option<ChannelInfo>, LedgerError> {
        self.0.channel(channel).await
    }

    async fn join(&self, channel: &ChannelId, block: &[u8]) -> Result<Joined, LedgerError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.join(channel, block).await
    }

    async fn metrics(&self) -> Result<Samples, LedgerError> {
        self.0.metrics().await
    }
}

/// The region, led or not.
fn access(world: &World, leads: bool) -> Arc<RegionAccess> {
    let access = world.ports().regions.remove(&region()).unwrap().unwrap();
    if leads {
        let until = world.clock.now() + jiff::SignedDuration::from_secs(30);
        access.set_leadership(Leadership::Held { until });
    }
    access
}

/// A peer whose channel is paused: it keeps the ledger and does not open it.
struct Paused;

#[async_trait]
impl PeerAdmin for Paused {
    async fn channels(&self) -> Result<Vec<ChannelId>, LedgerError> {
        Ok(Vec::new())
    }

    async fn height(&self, _: &ChannelId) -> Result<Option<u64>, LedgerError> {
        Ok(None)
    }

    async fn join(&self, _: &[u8]) -> Result<Joined, LedgerError> {
        Ok(Joined::Before)
    }

    async fn metrics(&self) -> Result<Samples, LedgerError> {
        Ok(Samples::default())
    }
}

#[test]
fn a_peer_that_has_a_channel_and_does_not_serve_it_is_a_persons_matter() {
    in_pods("3.1.5", async |world, network, _| {
        let (access, channel) = (access(world, true), channel());
        let join = Join { region: &access, clock: &world.clock, channel: &channel, block: &network.genesis() };
        let outcome = join::peer(join, &Paused).await;
        assert!(matches!(outcome, ChangeOutcome::Failed { transient: false, .. }), "{outcome:?}");
    });
}

/// Joins a node as a step of a plan does, under a lease that ends then; tells what became of it and how often it was sent.
async fn joined(world: &World, node: Arc<dyn OrdererAdmin>, block: &[u8], leads: bool) -> (ChangeOutcome, usize) {
    let access = access(world, leads);
    let counted = Counted(node, AtomicUsize::new(0));
    let channel = channel();
    let outcome =
        join::orderer(Join { region: &access, clock: &world.clock, channel: &channel, block }, &counted).await;
    (outcome, counted.1.load(Ordering::Relaxed))
}

#[test]
fn a_join_is_sent_once_and_after_a_lost_answer_the_node_is_asked() {
    in_pods("3.1.5", async |world, network, _| {
        let block = network.genesis();
        let lost = network.losing_answers(0);
        assert_eq!(lost.channels().await.unwrap(), [], "the connection is there already");
        assert_eq!(joined(world, lost, &block, true).await, (ChangeOutcome::Done, 1));
        let orderer = |number| network.orderer(number, As::Administrator);
        assert_eq!(joined(world, orderer(0), &block, true).await, (ChangeOutcome::DoneBefore, 0));
        assert_eq!(joined(world, orderer(1), &block, true).await, (ChangeOutcome::Done, 1));
    });
}

#[test]
fn without_the_lease_nobody_is_joined_and_a_refusal_or_silence_fails_the_step() {
    in_pods("3.1.5", async |world, network, _| {
        let block = network.genesis();
        let orderer = |number| network.orderer(number, As::Administrator);
        let (outcome, sent) = joined(world, orderer(0), &block, false).await;
        assert!(!outcome.is_done() && sent == 0, "{outcome:?}");
        let failed = async |node, block: &[u8]| match joined(world, node, block, true).await {
            (ChangeOutcome::Failed { category, transient, .. }, sent) => (category, transient, sent),
            other => unreachable!("{other:?}"),
        };
        assert_eq!(failed(orderer(0), b"garbage").await, ("refused".to_owned(), false, 1));
        network.kill(Node::Orderer(0)).await;
        assert_eq!(failed(orderer(0), &block).await, ("unreachable".to_owned(), true, 0));
    });
}
