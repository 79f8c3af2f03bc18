//! Ordering nodes and peers as this process knows them.
//!
//! Input: channels that should exist, regions as seen, keys in custody. Output: what each node says of a channel, the nodes
//! themselves for whoever acts, and the first block of a channel that nobody has. It decides nothing and changes nothing. Invariants: a node whose workload is not ready is
//! not asked; silence is never absence; the keys of clients are read when their generation changes and at no other time.

pub mod blocks;
pub mod custody;
pub mod genesis;
pub mod nodes;
pub mod observe;
pub mod records;
