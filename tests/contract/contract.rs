//! What heddle relies on from an API server, as cases that hold for every [`server::Server`].
//!
//! Input: a server. Output: for each case, nothing or a panic that says what was different. The cases were written
//! against a real kube-apiserver and are the specification of the simulated one. They use no code of heddle.

pub mod access;
pub mod apply;
pub mod canonical;
pub mod http;
pub mod objects;
pub mod reading;
pub mod server;
pub mod writing;

use server::Case;

/// Every case.
pub fn cases() -> Vec<Case> {
    [apply::CASES, reading::CASES, writing::CASES, canonical::CASES, access::CASES].concat()
}
