//! L6: makes an approved plan true.
//!
//! Input: an [`crate::plan::approval::ApprovedPlan`] and the ports. Output: what became of each change. It makes no
//! decisions: order, consent and force are in the plan. Invariants: the newest copy is checked just before each write
//! and its version goes with it; an unclear answer is followed by a read; a row is in the inventory before its object
//! exists and leaves after the object is gone.

pub mod bodies;
pub mod channel;
pub mod delete;
pub mod execute;
pub mod inventory;
pub mod issue;
pub mod join;
pub mod secrets;
pub mod write;
