//! L8: how the program speaks about itself.
//!
//! Input: log settings. Output: a subscriber. Invariant: what is logged passes the filter that the user chose.

pub mod log;
