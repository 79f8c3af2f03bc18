//! L8: how the program speaks about itself: logs and error chains.
//!
//! Input: errors, log settings. Output: one line for a chain of causes; a subscriber. Invariant: an error's text is
//! joined with its sources' exactly once, here.

use std::error::Error;

pub mod log;

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
