//! L7: the other side of the wire, simulated.
//!
//! Input: requests as real servers get them. Output: answers as real servers gave them. It shares no decision code
//! with the rest. Invariant: `run` cannot reach it; only the demo and tests can.

pub mod branch;
pub mod clock;
pub mod controllers;
pub mod entropy;
pub mod fabric;
pub mod faults;
pub mod git_host;
pub mod kube_http;
pub mod kube_port;
pub mod kubectl;
pub mod ledger_port;
pub mod store;
