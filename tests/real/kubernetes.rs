//! Suite `kubernetes`: the contract and heddle itself on a real control plane.
//!
//! Input: the words that choose cases. Output: their tally. Invariant: the servers are stopped when this returns, also
//! after a panic.

pub mod binaries;
pub mod chart;
pub mod etcd;
pub mod first_light;
pub mod fixpoint;
pub mod heddle;
pub mod region;
pub mod status_writer;

use std::sync::Arc;

use crate::contract;
use crate::contract::server::Server;
use crate::runner::{self, Case, Suite, Tally};

use region::ControlPlane;

/// Runs the suite.
pub fn run(words: &[String]) -> Tally {
    let names: Vec<&str> = contract::cases()
        .iter()
        .map(|case| case.name)
        .chain(fixpoint::NAMES)
        .chain(heddle::NAMES)
        .chain(first_light::NAMES)
        .collect();
    if !names.iter().any(|name| runner::is_chosen("kubernetes", name, words)) {
        return Tally::default();
    }
    let binaries = match binaries::find_or_build() {
        Ok(binaries) => Arc::new(binaries),
        Err(why) => {
            let cases = names.iter().map(|name| Case::skipped(*name, why.clone())).collect();
            return runner::run(Suite { name: "kubernetes", cases }, words);
        }
    };
    let plane = Arc::new(ControlPlane::start(&binaries));
    let region = plane.region("one");
    let granted = chart::install(&binaries, &region);
    let writer = status_writer::StatusWriter::start(Arc::clone(&region) as Arc<dyn Server + Send + Sync>);
    let mut cases: Vec<Case> = Vec::new();
    for case in contract::cases() {
        let region = Arc::clone(&region);
        cases.push(match &granted {
            Err(why) if case.name.contains("chart") => Case::skipped(case.name, why.clone()),
            _ => Case::new(case.name, move || (case.run)(&*region)),
        });
    }
    cases.extend(fixpoint::cases(&region));
    cases.extend(heddle::cases(&region));
    cases.extend(first_light::cases(&plane, &binaries));
    let tally = runner::run(Suite { name: "kubernetes", cases }, words);
    drop(writer);
    tally
}
