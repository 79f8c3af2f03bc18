//! Explores what crashes, lost answers and refusals at any effect do to whole stories.
//!
//! Input: stories in the simulated world. Output: for each effect and each fault, the proof that the world ends as it
//! does without. `HEDDLE_SEEDS` says how many random worlds are told, `HEDDLE_SEED` repeats one, `HEDDLE_EXHAUSTIVE=1`
//! tries every effect instead of a sample.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails where it stands; clippy knows only #[test] functions as tests"
)]
// The world serves two suites; each uses a part of it.
#![allow(dead_code, unused_imports, reason = "the world serves two suites, each uses a part of it")]

mod crashes;
mod end;
mod rules;
mod seeds;
mod stories;
mod workers;
#[path = "../sim/world.rs"]
mod world;
