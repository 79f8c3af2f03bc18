//! L7: the real clients, one room for each outside system.
//!
//! Input: settings. Output: implementations of the ports. They decide nothing. Invariants: no adapter uses another;
//! foreign crates are named here and nowhere below; every call has a deadline and every answer a bound.

pub mod fabric;
pub mod folder;
pub mod git;
pub mod kube;
pub mod system;
