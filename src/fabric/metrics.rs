//! What the metrics of nodes say of channels.
//!
//! Input: the text of `/metrics` in Prometheus' form. Output: [`Samples`], and from them what Raft knows. It averages nothing.
//! Invariants: bounded; a series that is not there is none and never zero, because a node has none for channels that it
//! does not order.

use std::collections::BTreeMap;

use crate::model::names::ChannelId;

/// The longest text that is read, in bytes.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;

/// What Raft knows of a channel, as one of its nodes counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RaftState {
    /// Whether this node leads.
    pub is_leader: bool,
    /// How many nodes it counts as reachable; 0 without a leader. Seconds old after a stop.
    pub active_nodes: u32,
    /// How many there are.
    pub cluster_size: u32,
    /// The last block that is committed.
    pub committed_block: Option<u64>,
}

/// Samples that carry a label `channel` and nothing else, by name and channel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples(BTreeMap<(String, String), f64>);

impl Samples {
    /// Reads the text; what is no sample of a channel is passed over.
    pub fn read(text: &str) -> Self {
        let lines = text.get(..text.len().min(BYTES_MAX)).unwrap_or_default().lines();
        let sample = |line: &str| {
            let (name, rest) = line.split_once("{channel=\"")?;
            let (channel, value) = rest.split_once("\"} ")?;
            let value: f64 = value.split(' ').next()?.parse().ok()?;
            value.is_finite().then(|| ((name.to_owned(), channel.to_owned()), value))
        };
        Self(lines.filter(|line| !line.starts_with('#')).filter_map(sample).collect())
    }

    /// A sample.
    pub fn of(&self, name: &str, channel: &ChannelId) -> Option<f64> {
        self.0.get(&(name.to_owned(), channel.to_string())).copied()
    }

    fn count(&self, name: &str, channel: &ChannelId) -> Option<u64> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and within 2^53")]
        let whole = |value: f64| value as u64;
        self.of(name, channel).filter(|value| (0.0..=9e15).contains(value) && value.fract() == 0.0).map(whole)
    }

    /// What Raft knows of a channel; none when the node does not order it.
    pub fn raft(&self, channel: &ChannelId) -> Option<RaftState> {
        let small = |name: &str| self.count(name, channel).and_then(|count| u32::try_from(count).ok());
        Some(RaftState {
            is_leader: small("consensus_etcdraft_is_leader")? == 1,
            active_nodes: small("consensus_etcdraft_active_nodes")?,
            cluster_size: small("consensus_etcdraft_cluster_size")?,
            committed_block: self.count("consensus_etcdraft_committed_block_number", channel),
        })
    }

    /// How many blocks a node has.
    pub fn height(&self, channel: &ChannelId) -> Option<u64> {
        self.count("ledger_blockchain_height", channel)
    }
}
