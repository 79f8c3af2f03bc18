//! Suite `fabric`: real ordering nodes and peers from our own configuration and keys.
//!
//! Input: `HEDDLE_FABRIC_BIN_3_1` and `HEDDLE_FABRIC_BIN_2_5`, folders with `orderer` and `peer` of that line. Output: the
//! cases of the contract for each line. Fabric is in no package registry, so without a folder its cases did not run. The
//! network is a fleet that heddle brought up in a simulated region: what its pods mount is laid out in a folder, and the
//! processes run on loopback addresses of their own. Invariant: no process outlives its network.

mod container;
mod kubelet;
mod process;
mod processes;
mod region;
mod story;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::ledger;
use crate::ledger::fleet::Fleet;
use crate::ledger::network::Network;
use crate::runner::{self, Case, Suite, Tally};
use processes::Processes;

/// A release line: its name, the version that its nodes are rendered for, where its programs are.
const LINES: [(&str, &str, &str); 2] =
    [("3.1", "3.1.5", "HEDDLE_FABRIC_BIN_3_1"), ("2.5", "2.5.16", "HEDDLE_FABRIC_BIN_2_5")];

/// A network and what drives its clients.
struct Running {
    runtime: tokio::runtime::Runtime,
    network: Network<Processes>,
}

impl Running {
    fn start(programs: &Path, version: &str) -> Self {
        let fleet = Rc::new(Fleet::bring_up(version));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let processes = Processes::start_all(programs, Rc::clone(&fleet));
        Self { runtime: runtime.expect("a runtime"), network: Network::new(fleet, processes) }
    }
}

/// Runs the suite.
pub fn run(words: &[String]) -> Tally {
    let mut cases = Vec::new();
    for (line, version, variable) in LINES {
        let found = programs(variable).and_then(|folder| process::hosts_can_be_named().map(|()| folder));
        let network: Rc<OnceCell<Running>> = Rc::default();
        for (name, check) in ledger::CASES {
            let full = format!("{line}: {name}");
            cases.push(match &found {
                Err(why) => Case::skipped(full, why.clone()),
                Ok(folder) => {
                    let (network, folder) = (Rc::clone(&network), folder.clone());
                    Case::new(full, move || {
                        let running = network.get_or_init(|| Running::start(&folder, version));
                        running.runtime.block_on(check(&running.network));
                    })
                }
            });
        }
        for (name, check) in story::CASES {
            let full = format!("{line}: {name}");
            cases.push(match &found {
                Err(why) => Case::skipped(full, why.clone()),
                Ok(folder) => {
                    let folder = folder.clone();
                    Case::new(full, move || check(&folder, version))
                }
            });
        }
        // Dropped with the last case of its line, so that two networks never run at once.
    }
    if !cases.iter().any(|case| runner::is_chosen("fabric", &case.name, words)) {
        return Tally::default();
    }
    runner::run(Suite { name: "fabric", cases }, words)
}

fn programs(variable: &str) -> Result<PathBuf, String> {
    let folder =
        std::env::var_os(variable).ok_or_else(|| format!("{variable} names no folder with orderer and peer"))?;
    let folder = PathBuf::from(folder);
    for program in ["orderer", "peer"] {
        if !folder.join(program).is_file() {
            return Err(format!("{} holds no {program}", folder.display()));
        }
    }
    Ok(folder)
}
