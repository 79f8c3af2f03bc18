//! An error's own text and those of its causes.
//!
//! Input: errors whose texts do not repeat their sources'. Output: one line. Invariant: texts are joined exactly once,
//! here.

use std::error::Error;

/// An error and its causes in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
