//! What heddle relies on from ordering nodes and peers, as cases that hold for every [`LedgerWorld`].
//!
//! Input: a network whose nodes run and know no channel. Output: for each case, nothing or a panic that says what was
//! different. The cases are told in their order on one network: three ordering nodes, two organizations with a peer each.
//! They were written against real servers.

pub mod cutting;
pub mod fleet;
pub mod keys;
pub mod network;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use heddle::fabric::metrics::RaftState;
use heddle::fabric::participation::Relation;
use heddle::model::names::ChannelId;
use heddle::model::retry::Retry;
use heddle::ports::ledger::{Joined, LedgerError, OrdererAdmin, PeerAdmin};

/// A node by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// An ordering node, from 0.
    Orderer(usize),
    /// The peer of an organization, from 0.
    Peer(usize),
}

/// As whom a node is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    /// As heddle does.
    Administrator,
    /// With a certificate of the same organization that is for something else: of an ordering node with one of the
    /// authority for metrics, of a peer with the unit of a client.
    WrongPurpose,
    /// With a certificate of another organization.
    Stranger,
    /// With one that has ended.
    Expired,
}

/// A future of a world.
pub type Soon<'a, T = ()> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A network on this machine.
pub trait LedgerWorld {
    /// The channel that is going to be.
    fn channel(&self) -> ChannelId;
    /// Its first block.
    fn genesis(&self) -> Vec<u8>;
    /// An ordering node.
    fn orderer(&self, number: usize, who: As) -> Arc<dyn OrdererAdmin>;
    /// A peer.
    fn peer(&self, number: usize, who: As) -> Arc<dyn PeerAdmin>;
    /// The same, over connections that break when the next long request was answered.
    fn losing_answers(&self, number: usize) -> Arc<dyn OrdererAdmin>;
    /// Starts a node that does not run; done when it answers.
    fn start(&self, node: Node) -> Soon<'_>;
    /// Ends a node without a word.
    fn kill(&self, node: Node) -> Soon<'_>;
    /// Empties the volume of a node that does not run.
    fn wipe(&self, node: Node);
    /// Time passes.
    fn pause(&self, time: Duration) -> Soon<'_>;
}

/// One fact.
pub type Case = (&'static str, for<'a> fn(&'a dyn LedgerWorld) -> Soon<'a>);

/// All cases, in their order.
pub const CASES: [Case; 14] = [
    ("a fresh node has no channel and says so", |world| Box::pin(fresh(world))),
    ("an administrator's certificate of another authority is refused", |world| Box::pin(wrong_authority(world))),
    ("what is no block of a configuration is refused and joins nothing", |world| Box::pin(garbage(world))),
    ("an ordering node that is down is unreachable, and nothing happened", |world| Box::pin(down(world))),
    ("a channel begins where its first block is joined, and joining again changes nothing", |world| {
        Box::pin(join(world))
    }),
    ("a join whose answer is lost is ambiguous, and the node says that it happened", |world| {
        Box::pin(lost_answer(world))
    }),
    ("three consenters find a leader and count each other", |world| Box::pin(three_active(world))),
    ("a peer joins as its organization's administrator, and again changes nothing", |world| Box::pin(peers(world))),
    ("a peer takes no join from a client, a stranger or somebody whose certificate ended", |world| {
        Box::pin(strangers(world))
    }),
    ("a channel that a peer does not have has no height", |world| Box::pin(no_height(world))),
    ("each node comes back with its channel after it was killed", |world| Box::pin(restarts(world))),
    ("without a quorum nobody leads, and what is kept is still told", |world| Box::pin(no_quorum(world))),
    ("an ordering node whose volume was emptied says that it has no channel", |world| Box::pin(wiped(world))),
    ("nodes that are all silent say nothing about their channels", |world| Box::pin(silent(world))),
];

/// Waits until something holds; half a minute at most.
async fn eventually(world: &dyn LedgerWorld, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let mut left = 75;
    while !holds().await {
        assert!(left > 0, "it never comes to this: {what}");
        left -= 1;
        world.pause(Duration::from_millis(400)).await;
    }
}

async fn raft(world: &dyn LedgerWorld, number: usize) -> Option<RaftState> {
    world.orderer(number, As::Administrator).metrics().await.ok()?.raft(&world.channel())
}

async fn fresh(world: &dyn LedgerWorld) {
    for number in 0..3 {
        let orderer = world.orderer(number, As::Administrator);
        assert_eq!(orderer.channels().await.unwrap(), []);
        assert_eq!(orderer.channel(&world.channel()).await.unwrap(), None);
        assert_eq!(orderer.metrics().await.unwrap().raft(&world.channel()), None);
    }
    for number in 0..2 {
        assert_eq!(world.peer(number, As::Administrator).channels().await.unwrap(), []);
    }
}

async fn wrong_authority(world: &dyn LedgerWorld) {
    for who in [As::WrongPurpose, As::Stranger, As::Expired] {
        let error = world.orderer(0, who).channels().await.unwrap_err();
        assert!(matches!(error, LedgerError::Certificate { .. }), "{who:?}: {error:?}");
        let error = world.orderer(0, who).join(&world.channel(), &world.genesis()).await.unwrap_err();
        assert!(matches!(error, LedgerError::Certificate { .. }), "{who:?}: {error:?}");
    }
    assert_eq!(world.orderer(0, As::Administrator).channels().await.unwrap(), []);
}

async fn garbage(world: &dyn LedgerWorld) {
    let orderer = world.orderer(0, As::Administrator);
    for block in [&b"garbage"[..], b""] {
        let error = orderer.join(&world.channel(), block).await.unwrap_err();
        assert!(matches!(error, LedgerError::Refused { .. }), "{error:?}");
    }
    let mut cut = world.genesis();
    cut.truncate(cut.len() / 2);
    assert!(orderer.join(&world.channel(), &cut).await.is_err());
    assert_eq!(orderer.channels().await.unwrap(), []);
}

async fn down(world: &dyn LedgerWorld) {
    world.kill(Node::Orderer(2)).await;
    let orderer = world.orderer(2, As::Administrator);
    let error = orderer.join(&world.channel(), &world.genesis()).await.unwrap_err();
    assert!(matches!(error, LedgerError::Unreachable(_)), "{error:?}");
    assert!(matches!(error.retry(), Retry::After(_)), "it may be tried again");
    world.start(Node::Orderer(2)).await;
    assert_eq!(orderer.channels().await.unwrap(), []);
}

async fn join(world: &dyn LedgerWorld) {
    for number in 0..2 {
        let orderer = world.orderer(number, As::Administrator);
        assert_eq!(orderer.join(&world.channel(), &world.genesis()).await.unwrap(), Joined::Now);
        assert_eq!(orderer.join(&world.channel(), &world.genesis()).await.unwrap(), Joined::Before);
        let info = orderer.channel(&world.channel()).await.unwrap().unwrap();
        assert_eq!((info.relation, info.height), (Relation::Consenter, 1), "{info:?}");
        assert_eq!(orderer.channels().await.unwrap(), [world.channel()]);
    }
}

async fn lost_answer(world: &dyn LedgerWorld) {
    let orderer = world.losing_answers(2);
    // The connection is there already, so that what breaks is the answer to the join.
    assert_eq!(orderer.channels().await.unwrap(), []);
    let error = orderer.join(&world.channel(), &world.genesis()).await.unwrap_err();
    assert!(matches!(error, LedgerError::Ambiguous { .. }), "{error:?}");
    assert!(matches!(error.retry(), Retry::Ambiguous));
    eventually(world, "the third consenter has the channel", async || {
        let told = world.orderer(2, As::Administrator).channel(&world.channel()).await;
        told.unwrap().is_some_and(|info| info.relation == Relation::Consenter)
    })
    .await;
}

/// Whether exactly one of these leads, and each counts `active` of three.
async fn counts(world: &dyn LedgerWorld, running: &[usize], active: u32) -> bool {
    let mut leaders = 0;
    for number in running {
        match raft(world, *number).await {
            Some(state) if (state.active_nodes, state.cluster_size) == (active, 3) => {
                leaders += u32::from(state.is_leader);
            }
            _ => return false,
        }
    }
    leaders == 1
}

async fn three_active(world: &dyn LedgerWorld) {
    eventually(world, "one leader, three active", async || counts(world, &[0, 1, 2], 3).await).await;
}

async fn peers(world: &dyn LedgerWorld) {
    for number in 0..2 {
        let peer = world.peer(number, As::Administrator);
        assert_eq!(peer.join(&world.genesis()).await.unwrap(), Joined::Now);
        assert_eq!(peer.join(&world.genesis()).await.unwrap(), Joined::Before);
        assert_eq!(peer.channels().await.unwrap(), [world.channel()]);
        assert_eq!(peer.height(&world.channel()).await.unwrap(), Some(1));
        assert_eq!(peer.metrics().await.unwrap().height(&world.channel()), Some(1));
    }
}

async fn strangers(world: &dyn LedgerWorld) {
    for who in [As::WrongPurpose, As::Stranger, As::Expired] {
        let error = world.peer(0, who).join(&world.genesis()).await.unwrap_err();
        assert!(matches!(error, LedgerError::Denied { .. }), "{who:?}: {error:?}");
    }
}

async fn no_height(world: &dyn LedgerWorld) {
    let nowhere = ChannelId::parse("nowhere").unwrap();
    assert_eq!(world.peer(0, As::Administrator).height(&nowhere).await.unwrap(), None);
    assert_eq!(world.orderer(0, As::Administrator).channel(&nowhere).await.unwrap(), None);
}

async fn restarts(world: &dyn LedgerWorld) {
    for number in 0..3 {
        world.kill(Node::Orderer(number)).await;
        world.start(Node::Orderer(number)).await;
        let info = world.orderer(number, As::Administrator).channel(&world.channel()).await.unwrap();
        assert_eq!(info.map(|info| info.relation), Some(Relation::Consenter));
        eventually(world, "one leader, three active", async || counts(world, &[0, 1, 2], 3).await).await;
    }
    for number in 0..2 {
        world.kill(Node::Peer(number)).await;
        world.start(Node::Peer(number)).await;
        assert_eq!(world.peer(number, As::Administrator).channels().await.unwrap(), [world.channel()]);
    }
}

async fn no_quorum(world: &dyn LedgerWorld) {
    world.kill(Node::Orderer(0)).await;
    world.kill(Node::Orderer(1)).await;
    eventually(world, "the last one counts nobody", async || {
        raft(world, 2).await.is_some_and(|state| !state.is_leader && state.active_nodes == 0)
    })
    .await;
    let info = world.orderer(2, As::Administrator).channel(&world.channel()).await.unwrap().unwrap();
    assert_eq!((info.relation, info.height >= 1), (Relation::Consenter, true));
    world.start(Node::Orderer(0)).await;
    world.start(Node::Orderer(1)).await;
    eventually(world, "one leader, three active", async || counts(world, &[0, 1, 2], 3).await).await;
}

async fn wiped(world: &dyn LedgerWorld) {
    world.kill(Node::Orderer(1)).await;
    world.wipe(Node::Orderer(1));
    world.start(Node::Orderer(1)).await;
    assert_eq!(world.orderer(1, As::Administrator).channel(&world.channel()).await.unwrap(), None);
    let other = world.orderer(0, As::Administrator).channel(&world.channel()).await.unwrap();
    assert!(other.is_some_and(|info| info.height >= 1), "the others still have it: {other:?}");
}

async fn silent(world: &dyn LedgerWorld) {
    for number in 0..3 {
        world.kill(Node::Orderer(number)).await;
    }
    for number in 0..3 {
        let orderer = world.orderer(number, As::Administrator);
        assert!(matches!(orderer.channel(&world.channel()).await, Err(LedgerError::Unreachable(_))));
        assert!(matches!(orderer.channels().await, Err(LedgerError::Unreachable(_))));
    }
}
