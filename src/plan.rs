//! L4: what has to change, in which order, with whose consent.
//!
//! Input: desired units, observations, inventories, approvals. Output: plans with every change, wait and refusal.
//! Pure: no effects, no logging, no clock. Invariants: a plan holds every decision, so that applying it makes none;
//! unknown never reads as absent; the same input gives the same plan, byte for byte.

pub mod approval;
pub mod change;
pub mod channel;
pub mod contention;
pub mod diff;
pub mod disruption;
pub mod identity;
pub mod lint;
pub mod outcome;
pub mod planner;
pub mod prune;
pub mod readiness;
pub mod refusal;
pub mod unit_plan;
