//! Joins one node to a channel.
//!
//! Input: a node, the recorded first block. Output: what became of it. Whether the node may be joined is decided elsewhere.
//! Invariants: the node is asked before anything is sent, and again after an unclear answer; a join is sent once; all of it
//! ends before another process may take the region's lease.

use crate::model::causes;
use crate::model::names::ChannelId;
use crate::model::retry::Retry;
use crate::plan::outcome::ChangeOutcome;
use crate::ports::clock::Clock;
use crate::ports::ledger::{Joined, LedgerError, OrdererAdmin, PeerAdmin};
use crate::region::access::RegionAccess;

use super::write;

/// What a join needs.
#[derive(Clone, Copy)]
pub struct Join<'a> {
    /// The region of the node.
    pub region: &'a RegionAccess,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The channel.
    pub channel: &'a ChannelId,
    /// Its recorded first block.
    pub block: &'a [u8],
}

/// Joins an ordering node.
pub async fn orderer(join: Join<'_>, node: &dyn OrdererAdmin) -> ChangeOutcome {
    carry_out(join, Node::Orderer(node)).await
}

/// Joins a peer.
pub async fn peer(join: Join<'_>, node: &dyn PeerAdmin) -> ChangeOutcome {
    carry_out(join, Node::Peer(node)).await
}

/// What a join asks of a node, whichever it is.
#[derive(Clone, Copy)]
enum Node<'a> {
    Orderer(&'a dyn OrdererAdmin),
    Peer(&'a dyn PeerAdmin),
}

impl Node<'_> {
    async fn has(self, join: Join<'_>) -> Result<bool, LedgerError> {
        Ok(match self {
            Self::Orderer(node) => node.channel(join.channel).await?.is_some(),
            Self::Peer(node) => node.height(join.channel).await?.is_some(),
        })
    }

    async fn send(self, join: Join<'_>) -> Result<Joined, LedgerError> {
        match self {
            Self::Orderer(node) => node.join(join.channel, join.block).await,
            Self::Peer(node) => node.join(join.block).await,
        }
    }
}

async fn carry_out(join: Join<'_>, node: Node<'_>) -> ChangeOutcome {
    let attempt = async {
        if node.has(join).await? {
            return Ok(ChangeOutcome::DoneBefore);
        }
        match node.send(join).await {
            Ok(Joined::Now) => Ok(ChangeOutcome::Done),
            Ok(Joined::Before) if node.has(join).await? => Ok(ChangeOutcome::DoneBefore),
            Ok(Joined::Before) => Ok(not_served()),
            // It may have happened; only the node knows.
            Err(error) => match error.retry() {
                Retry::Ambiguous if node.has(join).await? => Ok(ChangeOutcome::Done),
                Retry::Ambiguous | Retry::After(_) | Retry::OnChange | Retry::Never => Err(error),
            },
        }
    };
    match write::within_lease(join.region, join.clock, attempt).await {
        Err(ends) => ends,
        Ok(done) => done.unwrap_or_else(|error| failed(&error)),
    }
}

/// A peer keeps the ledgers of paused channels, and serves none of them.
fn not_served() -> ChangeOutcome {
    let detail = "it says that it has the channel and does not serve it; a paused channel of a peer is resumed with `peer node resume`";
    ChangeOutcome::Failed { category: "ledger".to_owned(), detail: detail.to_owned(), transient: false }
}

fn failed(error: &LedgerError) -> ChangeOutcome {
    let transient = match error.retry() {
        Retry::After(_) | Retry::Ambiguous => true,
        Retry::Never | Retry::OnChange => false,
    };
    ChangeOutcome::Failed { category: error.category().to_owned(), detail: causes::chain(error), transient }
}
