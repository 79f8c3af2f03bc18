//! Speed, measured beside others in one run: `cargo bench --bench speed [-- --quick] [-- words of a part]`.
//!
//! Input: the same programs as the real suite (see `tests/real/kubernetes/binaries.rs`). Output: a table of medians and
//! ratios, `target/bench/speed.json`, or one line that says why it did not run. It asserts no time: it measures, and
//! `docs/performance.md` says what is wanted. Invariants: everybody who is compared sends the same objects to the same
//! server in the same round; who comes first changes from round to round.

#![expect(
    unreachable_pub,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a program of measurements: what cannot go on ends where it stands, and the result is what it prints"
)]

#[expect(dead_code, reason = "the contract's words for cases are not all needed here")]
#[path = "../../tests/contract"]
mod contract {
    pub mod http;
    pub mod server;
}
#[expect(dead_code, reason = "regions with every controller are for the suite")]
#[path = "../../tests/real/kubernetes"]
mod kubernetes {
    pub mod binaries;
    pub mod chart;
    pub mod etcd;
    pub mod region;
}
#[path = "../../tests/sim/fleet.rs"]
mod fleet;
#[path = "../../tests/sim/outside.rs"]
mod outside;

mod certificates;
mod channels;
mod cold;
mod daemon;
mod installation;
mod kubectl;
mod planning;
mod process;
mod program;
mod raw;
mod results;
mod rounds;

use std::process::ExitCode;

use results::Results;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let words: Vec<&str> = arguments.iter().filter(|word| !word.starts_with("--")).map(String::as_str).collect();
    let is_chosen = |part: &str| words.is_empty() || words.contains(&part);
    let count = if quick { 1 } else { 5 };
    let mut results = Results::default();
    println!("machine: {}", results::machine());
    if is_chosen("program") {
        program::measure(&mut results);
    }
    if is_chosen("planning") {
        planning::measure(&mut results, count);
    }
    if is_chosen("channels") {
        channels::measure(&mut results, count);
    }
    if is_chosen("certificates") {
        certificates::measure(&mut results, count);
    }
    if is_chosen("rounds") || is_chosen("rest") {
        match kubernetes::binaries::find_or_build() {
            Err(why) => println!("rounds, rest: did not run: {why}"),
            Ok(binaries) => {
                for round in 0..if is_chosen("rounds") { count } else { 0 } {
                    rounds::measure(&mut results, &binaries, round);
                }
                if is_chosen("rest") {
                    daemon::measure_rest(&mut results, &binaries);
                }
            }
        }
    }
    results.print();
    results.write()
}
