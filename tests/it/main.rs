//! Effects on this machine: a simulated region behind HTTPS, Git repositories on disk and behind a loopback server.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails where it stands; clippy knows only #[test] functions as tests"
)]

mod apply;
mod approvals;
mod bad_days_loop;
mod bad_days_plan;
mod bad_days_region;
mod bad_days_writes;
mod canary;
mod channels;
#[expect(dead_code, reason = "the suite on real servers uses more of it")]
#[path = "../contract/contract.rs"]
mod contract;
mod demo;
mod git;
mod git_bad_days;
mod git_host;
mod git_http;
mod git_publish;
mod git_world;
mod identities;
mod leases;
#[expect(dead_code, reason = "the suite on real nodes uses more of it")]
#[path = "../contract/ledger/ledger.rs"]
mod ledger;
mod ledgers;
mod loop_story;
mod people;
mod program;
mod region_world;
mod sim_contract;
mod sim_fabric;
mod sim_region;
mod tidy;
#[expect(dead_code, reason = "the world serves two suites, each uses a part of it")]
#[path = "../sim/world.rs"]
mod world;
