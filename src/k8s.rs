//! L1: what heddle knows of Kubernetes' data, without a client.
//!
//! Input: JSON trees. Output: objects, projections, predicates. No input or output, no clock. Invariant: nothing here
//! decides what should exist; it only says what a tree means.

pub mod difference;
pub mod fields;
pub mod foreign;
pub mod guarded;
pub mod health;
pub mod immutable;
pub mod kinds;
pub mod object;
pub mod ownership;
pub mod projection;
pub mod quantity;
