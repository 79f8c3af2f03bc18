//! Where a command writes.
//!
//! Input: text and lines with a tone. Output: two streams. It formats nothing. Invariants: results go to the first
//! stream, everything else to the second; each stream has colour of its own accord: on a terminal (unless `NO_COLOR` or
//! a dumb terminal says no), or when somebody asks for it; without colour no escape sequence goes out, not even one
//! from a user's file.

use std::io::{self, IsTerminal, Write};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use super::args::{Color, Global, LogFormat};
use super::failure::CliError;
use crate::report::plan_text::{Line, Tone};
use crate::telemetry::log;

/// One stream.
struct Side {
    to: Box<dyn Write + Send>,
    is_terminal: bool,
    is_coloured: bool,
}

/// Two streams and how to use them.
pub(super) struct Output {
    out: Side,
    err: Side,
    in_is_terminal: bool,
    quiet: bool,
    logs_json: bool,
}

impl Output {
    /// The process's own streams.
    pub(super) fn of_process() -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let is_coloured = |choice| choice != ColorChoice::Never;
        Self {
            in_is_terminal: io::stdin().is_terminal(),
            out: Side {
                is_terminal: out.is_terminal(),
                is_coloured: is_coloured(AutoStream::choice(&out)),
                to: Box::new(out),
            },
            err: Side {
                is_terminal: err.is_terminal(),
                is_coloured: is_coloured(AutoStream::choice(&err)),
                to: Box::new(err),
            },
            quiet: false,
            logs_json: false,
        }
    }

    /// Other streams, none of them a terminal.
    #[cfg(test)]
    pub(super) fn into(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        let side = |to| Side { to, is_terminal: false, is_coloured: false };
        Self { out: side(out), err: side(err), in_is_terminal: false, quiet: false, logs_json: false }
    }

    /// Takes in what the command line says about output, and sets the log up.
    pub(super) fn set_up(&mut self, global: &Global) -> Result<(), CliError> {
        match global.color {
            Color::Auto => {}
            Color::Always => (self.out.is_coloured, self.err.is_coloured) = (true, true),
            Color::Never => (self.out.is_coloured, self.err.is_coloured) = (false, false),
        }
        self.quiet = global.quiet;
        self.logs_json = global.log_format == LogFormat::Json;
        let level = match (global.quiet, global.verbose) {
            (true, _) => log::Level::Errors,
            // Whoever collects logs as JSON gets no progress, so that the log has to tell what happens.
            (false, 0) if self.logs_json => log::Level::Steps,
            (false, 0) => log::Level::Warnings,
            (false, 1) => log::Level::Steps,
            (false, _) => log::Level::Everything,
        };
        let wanted = std::env::var("HEDDLE_LOG").ok();
        log::set_up(wanted.as_deref(), level, self.logs_json, self.err.is_coloured).map_err(CliError::LogFilter)
    }

    /// Whether results may hold colour.
    pub(super) fn is_coloured(&self) -> bool {
        self.out.is_coloured
    }

    /// Whether somebody can be asked.
    pub(super) fn can_ask(&self) -> bool {
        self.in_is_terminal && self.err.is_terminal
    }

    /// Whether the second stream is a terminal that may be redrawn.
    pub(super) fn shows_progress(&self) -> bool {
        self.err.is_terminal && !self.quiet
    }

    /// Whether the second stream belongs to programs that read the log.
    pub(super) fn logs_json(&self) -> bool {
        self.logs_json
    }

    /// Whether only results are wanted.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Writes a result as it is.
    pub(super) fn text(&mut self, text: &str) -> Result<(), CliError> {
        self.out.to.write_all(text.as_bytes())?;
        self.out.to.flush()?;
        Ok(())
    }

    /// Writes a result that holds colour.
    pub(super) fn styled(&mut self, text: &str) -> Result<(), CliError> {
        if self.out.is_coloured { self.text(text) } else { self.text(&strip_str(text).to_string()) }
    }

    /// Writes a result as indented JSON.
    pub(super) fn json(&mut self, value: &impl serde::Serialize) -> Result<(), CliError> {
        let mut text = serde_json::to_string_pretty(value)?;
        text.push('\n');
        self.text(&text)
    }

    /// Writes lines of a result.
    pub(super) fn lines(&mut self, lines: &[Line]) -> Result<(), CliError> {
        let text: Vec<String> = lines.iter().map(|line| word(line.tone, &line.text) + "\n").collect();
        self.styled(&text.concat())
    }

    /// Writes a remark that may hold colour, such as an error or what comes next.
    pub(super) fn note(&mut self, text: &str) -> Result<(), CliError> {
        if self.err.is_coloured {
            self.err.to.write_all(text.as_bytes())?;
        } else {
            write!(self.err.to, "{}", strip_str(text))?;
        }
        self.err.to.flush()?;
        Ok(())
    }

    /// Writes a remark that is not needed.
    pub(super) fn remark(&mut self, text: &str) -> Result<(), CliError> {
        if self.quiet { Ok(()) } else { self.note(text) }
    }

    /// The first stream itself.
    pub(super) fn writer(&mut self) -> &mut (dyn Write + Send) {
        &mut *self.out.to
    }
}

/// A text in the colour of a tone.
pub(super) fn word(tone: Tone, word: &str) -> String {
    let style = style(tone);
    format!("{style}{word}{style:#}")
}

/// The colour of a tone.
fn style(tone: Tone) -> Style {
    match tone {
        Tone::Heading => Style::new().bold(),
        Tone::Added => AnsiColor::Green.on_default(),
        Tone::Changed | Tone::Waiting => AnsiColor::Yellow.on_default(),
        Tone::Removed | Tone::Refused => AnsiColor::Red.on_default(),
        Tone::Plain => Style::new(),
    }
}
