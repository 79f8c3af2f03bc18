//! L6: one region's cluster as this process sees it.
//!
//! Input: a [`crate::ports::cluster::Cluster`]. Output: observations that stay fresh by watches, and the leadership of
//! this installation. It plans nothing. Invariants: a region whose pin does not hold is unknown as a whole; the answer
//! to a write is known before its watch event; an older event never replaces a newer copy.

pub mod access;
pub mod lease;
pub mod observe;
