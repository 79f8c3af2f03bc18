//! Integration tests: the real code on simulated servers and on real Git repositories on disk.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails where it stands; clippy knows only #[test] functions as tests"
)]

mod sim_region;
