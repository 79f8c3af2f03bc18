//! Suites against real servers: `cargo test --test real -- [words of a case]`.
//!
//! Output: what passed, failed and did not run, and why. It builds the servers once into a cache; see
//! [`kubernetes::binaries`].

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program of tests: a case that cannot go on fails where it stands, and the result is what it prints"
)]

#[expect(dead_code, reason = "the simulated server uses more of it")]
#[path = "../contract/contract.rs"]
mod contract;
mod fabric;
mod git;
#[path = "../it/git_http.rs"]
mod git_http;
mod kubernetes;
#[path = "../contract/ledger/ledger.rs"]
mod ledger;
#[path = "../sim/outside.rs"]
mod outside;
mod runner;
#[expect(dead_code, reason = "the world serves other suites too")]
#[path = "../sim/world.rs"]
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    // The flags of cargo's own harness mean nothing here.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let tallies = [git::run(&words), fabric::run(&words), kubernetes::run(&words)];
    if runner::total(&tallies) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
