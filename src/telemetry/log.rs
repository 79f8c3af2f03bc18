//! The log.
//!
//! Input: a level and a form. Output: lines on the second stream. It keeps nothing. Invariants: results never go to the
//! log; a filter (the syntax of `tracing-subscriber`, from `HEDDLE_LOG`) overrides the
//! level; no value of a Secret is logged,
//! because no type that holds one can be printed.

use thiserror::Error;
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

/// The filter is none.
#[derive(Debug, Error)]
#[error("`{text}` is no filter for the log")]
pub struct FilterError {
    // Without its cause, which says the same thing twice and never where.
    text: String,
}

/// Sets the log up for the process; a second call changes nothing. `filter` overrides `level`.
pub fn set_up(filter: Option<&str>, level: Level, json: bool, colour: bool) -> Result<(), FilterError> {
    let filter = parse(filter, level)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour);
    // Only the first command of a process sets the log up.
    let _already = if json { builder.json().try_init() } else { builder.compact().try_init() };
    Ok(())
}

fn parse(filter: Option<&str>, level: Level) -> Result<EnvFilter, FilterError> {
    let default = match level {
        Level::Errors => "error",
        Level::Warnings => "heddle=warn",
        Level::Steps => "heddle=info",
        Level::Everything => "heddle=debug",
    };
    match filter {
        None | Some("") => Ok(EnvFilter::new(default)),
        Some(text) => EnvFilter::try_new(text).map_err(|_| FilterError { text: text.escape_debug().to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, parse};

    #[test]
    fn a_filter_overrides_the_level_and_a_wrong_one_is_said() {
        assert_eq!(parse(None, Level::Steps).unwrap().to_string(), "heddle=info");
        assert_eq!(parse(Some("kube=trace"), Level::Steps).unwrap().to_string(), "kube=trace");
        let error = parse(Some("heddle=loud=er"), Level::Steps).unwrap_err();
        assert_eq!(error.to_string(), "`heddle=loud=er` is no filter for the log");
    }
}
