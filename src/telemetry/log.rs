//! The log.
//!
//! Input: a level and a form. Output: lines on the second stream. It keeps nothing. Invariants: results never go to the
//! log; `HEDDLE_LOG` (the syntax of `tracing-subscriber`'s filter) overrides the level; no value of a Secret is logged,
//! because no type that holds one can be printed.

use tracing_subscriber::EnvFilter;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Only what failed.
    Errors,
    /// What a person should look at.
    Warnings,
    /// What is done.
    Steps,
    /// Everything that helps to find a mistake.
    Everything,
}

/// Sets the log up for the process; a second call changes nothing.
pub fn set_up(level: Level, json: bool, colour: bool) {
    let default = match level {
        Level::Errors => "error",
        Level::Warnings => "heddle=warn",
        Level::Steps => "heddle=info",
        Level::Everything => "heddle=debug",
    };
    let filter = std::env::var("HEDDLE_LOG").ok().and_then(|text| EnvFilter::try_new(text).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour);
    // Only the first command of a process sets the log up.
    let _already = if json { builder.json().try_init() } else { builder.compact().try_init() };
}
