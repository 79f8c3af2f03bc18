//! L3: validated specs to the objects that should exist.
//!
//! Input: [`crate::spec::fleet::Fleet`]. Output: [`unit::DesiredUnit`] for each unit. It never looks at what exists.
//! Invariant: rendered objects are complete and canonical: a server stores them as they are written here.

pub mod channel;
pub mod identity;
pub mod naming;
pub mod render;
pub mod unit;
