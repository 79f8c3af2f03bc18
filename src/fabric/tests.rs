//! The room against what real servers and tools made: `tests/vectors/fabric`.
//!
//! Input: recorded blocks, answers and metrics. Output: what they mean. How they were made stands in the README there.

mod answers;
mod channel;
mod material;
mod random;

use std::path::PathBuf;

/// A recorded file.
fn vector(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/fabric").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
