//! Placeholder.
use crate::contract::server::Case;
/// None yet.
pub const CASES: &[Case] = &[];
