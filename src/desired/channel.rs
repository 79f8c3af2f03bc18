//! Channels that should exist: who orders them, and whose peers have them.
//!
//! Input: the renderers. Output: [`DesiredChannel`]. It holds no byte of a block. Invariant: nodes are named by their
//! workloads, so that what is waited for and what is joined is one thing.

use std::collections::BTreeSet;

use crate::model::channel::ChannelRef;
use crate::model::names::RegionName;
use crate::model::object::ObjectRef;

/// One channel that should exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredChannel {
    /// Which.
    pub channel: ChannelRef,
    /// The ordering nodes that its first block names.
    pub consenters: BTreeSet<ObjectRef>,
    /// The peers of its members.
    pub peers: BTreeSet<ObjectRef>,
    /// Where its first block is kept.
    pub homes: BTreeSet<RegionName>,
}
