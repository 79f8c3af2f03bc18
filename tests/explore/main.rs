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

mod crashes;
mod end;
mod rules;
mod seeds;
mod stories;
mod workers;
#[expect(dead_code, reason = "the world serves two suites, each uses a part of it")]
#[path = "../sim/world.rs"]
mod world;
