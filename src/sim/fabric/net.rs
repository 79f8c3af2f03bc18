//! A network of simulated nodes on one machine.
//!
//! Input: nodes with their addresses and files; starts and kills. Output: who answers where, and what Raft's members know of
//! each other. Invariants: a leader is among the running members and exists only while more than half of them run; what
//! members count lags some seconds behind, as on real nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::container::Container;
use super::node::{Node, NodeError};
use crate::model::digest::Digest;
use crate::sim::store::TimeSource;

/// How long members take to find a leader, and to count who is there.
const COUNTED_AFTER: Duration = Duration::from_secs(4);
/// Bytes on their way in a connection.
const PIPE: usize = 64 * 1024;

/// What Raft's members know of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counted {
    pub(super) leader: Option<usize>,
    pub(super) active: usize,
    pub(super) size: usize,
}

/// Raft's members of one channel, by their keys in the order of the channel.
#[derive(Debug, Clone, Default)]
struct Cluster {
    members: Vec<Digest>,
    counted: Counted,
    changed: Option<Instant>,
}

struct Running {
    node: Arc<Node>,
    alive: CancellationToken,
}

#[derive(Default)]
struct State {
    placed: BTreeMap<String, Container>,
    running: BTreeMap<String, Running>,
    /// Blocks by node and channel: the volumes.
    volumes: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    clusters: BTreeMap<String, Cluster>,
    joined: Vec<(String, String)>,
    counted_after: Duration,
}

/// The network.
pub struct FabricNet {
    state: Mutex<State>,
    now: TimeSource,
}

impl FabricNet {
    /// Without nodes. Certificates are judged by this clock.
    pub fn new(now: TimeSource) -> Arc<Self> {
        Self::counting_after(now, COUNTED_AFTER)
    }

    /// The same, where members take another time to find a leader and to count who is there.
    pub fn counting_after(now: TimeSource, counted_after: Duration) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { counted_after, ..State::default() }), now })
    }

    /// Puts a node at an address; it does not run yet.
    pub fn place(&self, address: &str, container: Container) {
        self.state().placed.insert(address.to_owned(), container);
    }

    /// Starts the node of an address, or says why it would end at its start.
    pub fn start(self: &Arc<Self>, address: &str) -> Result<(), NodeError> {
        let container = self.state().placed.get(address).cloned().ok_or(NodeError::Unknown)?;
        let node = Arc::new(Node::start(&container, address, &self.now)?);
        let mut state = self.state();
        state.running.insert(address.to_owned(), Running { node, alive: CancellationToken::new() });
        state.members_changed();
        Ok(())
    }

    /// Ends it without a word.
    pub fn kill(&self, address: &str) {
        let mut state = self.state();
        if let Some(running) = state.running.remove(address) {
            running.alive.cancel();
            state.members_changed();
        }
    }

    /// Empties the volume of a node.
    pub fn wipe(&self, address: &str) {
        self.state().volumes.remove(address);
    }

    /// A connection to whoever listens there; none when nobody does.
    pub(in crate::sim) fn connect(self: &Arc<Self>, address: &str, port: u16) -> Option<DuplexStream> {
        let state = self.state();
        let running = state.running.get(address)?;
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let (node, alive, net) = (running.node.clone(), running.alive.clone(), self.clone());
        if !node.listens_on(port) {
            return None;
        }
        drop(state);
        tokio::spawn(async move {
            tokio::select! {
                () = node.serve(net, port, theirs) => {}
                () = alive.cancelled() => {}
            }
        });
        Some(ours)
    }

    pub(super) fn now(&self) -> jiff::Timestamp {
        (self.now)()
    }

    /// The block of a node's channel.
    pub(super) fn block(&self, address: &str, channel: &str) -> Option<Vec<u8>> {
        self.state().volumes.get(address)?.get(channel).cloned()
    }

    /// The channels of a node.
    pub(super) fn channels(&self, address: &str) -> Vec<String> {
        self.state().volumes.get(address).into_iter().flat_map(BTreeMap::keys).cloned().collect()
    }

    /// Keeps a channel's first block on a node's volume; false when it has the channel.
    pub(super) fn keep(&self, address: &str, channel: &str, block: &[u8]) -> bool {
        let mut state = self.state();
        let volume = state.volumes.entry(address.to_owned()).or_default();
        if volume.contains_key(channel) {
            return false;
        }
        volume.insert(channel.to_owned(), block.to_vec());
        state.joined.push((address.to_owned(), channel.to_owned()));
        true
    }

    /// Joins that nodes took since the beginning: addresses and channels.
    pub fn joined(&self) -> Vec<(String, String)> {
        self.state().joined.clone()
    }

    /// How many running nodes have a channel.
    pub fn holders(&self, channel: &str) -> usize {
        let state = self.state();
        let has = |address: &&String| state.volumes.get(*address).is_some_and(|volume| volume.contains_key(channel));
        state.running.keys().filter(has).count()
    }

    /// Blocks that nodes were given since the beginning and still have, by channel, each once.
    pub fn blocks(&self) -> BTreeMap<String, BTreeSet<Vec<u8>>> {
        let mut blocks: BTreeMap<String, BTreeSet<Vec<u8>>> = BTreeMap::new();
        for (channel, block) in self.state().volumes.values().flatten() {
            blocks.entry(channel.clone()).or_default().insert(block.clone());
        }
        blocks
    }

    /// A consenter took part: members are the nodes that serve with these keys, in the channel's order.
    pub(super) fn ordered_by(&self, channel: &str, members: Vec<Digest>) {
        let mut state = self.state();
        state.clusters.entry(channel.to_owned()).or_default().members = members;
        state.members_changed();
    }

    /// What a channel's members know by now.
    pub(super) fn counted(&self, channel: &str) -> Option<Counted> {
        let mut state = self.state();
        state.count();
        state.clusters.get(channel).map(|cluster| cluster.counted)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Members notice it after a while.
    fn members_changed(&mut self) {
        self.count();
        for cluster in self.clusters.values_mut() {
            cluster.changed = Some(Instant::now());
        }
    }

    fn count(&mut self) {
        for (channel, cluster) in &mut self.clusters {
            if cluster.changed.is_none_or(|changed| changed.elapsed() < self.counted_after) {
                continue;
            }
            cluster.changed = None;
            let runs = |member: &Digest| {
                let has = |address| self.volumes.get(address).is_some_and(|volume| volume.contains_key(channel));
                let serves = |running: &Running| running.node.server.key_fingerprint() == *member;
                self.running.iter().any(|(address, running)| serves(running) && has(address))
            };
            let active: BTreeSet<usize> =
                (0..).zip(&cluster.members).filter(|(_, member)| runs(member)).map(|(place, _)| place).collect();
            let size = cluster.members.len();
            let leads = |place: &usize| active.contains(place);
            cluster.counted = if active.len() * 2 > size {
                let leader = cluster.counted.leader.filter(leads).or_else(|| active.first().copied());
                Counted { leader, active: active.len(), size }
            } else {
                Counted { leader: None, active: 0, size }
            };
        }
    }
}
