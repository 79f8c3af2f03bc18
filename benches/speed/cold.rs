//! heddle on an empty region, and what its log tells about it.
//!
//! Input: an installation. Output: when the last object was applied, how long the process ran, what it asked.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use serde_json::Value;

use crate::installation::Installation;
use crate::process::{self, Ended};

/// A run of heddle.
pub struct Run {
    /// The process.
    pub ended: Ended,
    /// From the start of the process to the answer to the last change.
    pub applied: Duration,
    /// Changes that were made.
    pub changes: usize,
    /// The counts of requests, as heddle says them at its end.
    pub requests: String,
    /// Requests on managed objects.
    pub object_requests: u64,
}

/// `heddle run --once`; it ends with 3, because the nodes wait for Secrets that nobody brings here.
pub fn run_once(installation: &Installation, label: &str) -> Run {
    let log = installation.folder.join(format!("{label}.log"));
    let ended = process::run(&mut installation.command(&["run", "--once"]), &log);
    assert_eq!(ended.code, Some(3), "{}", tail(&ended.log));
    read(ended)
}

fn read(ended: Ended) -> Run {
    let started = ended.started.duration_since(UNIX_EPOCH).expect("a time after 1970");
    let (mut applied, mut changes, mut requests, mut object_requests) = (Duration::ZERO, 0, String::new(), 0);
    for line in ended.log.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        match line["fields"]["message"].as_str() {
            Some("change") => {
                assert_eq!(line["fields"]["done"], true, "{line}");
                let at: Timestamp = line["timestamp"].as_str().expect("a time").parse().expect("a time");
                let at = Duration::try_from(at.duration_since(Timestamp::UNIX_EPOCH)).expect("a time after 1970");
                applied = applied.max(at.saturating_sub(started));
                changes += 1;
            }
            Some("requests") => {
                line["fields"]["all"].as_str().unwrap_or_default().clone_into(&mut requests);
                object_requests = line["fields"]["object_requests"].as_u64().unwrap_or(u64::MAX);
            }
            _ => {}
        }
    }
    Run { ended, applied, changes, requests, object_requests }
}

/// The end of a log.
pub fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().rev().take(20).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
