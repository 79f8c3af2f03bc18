//! Where a command writes.
//!
//! Input: text and lines with a tone. Output: two streams. It formats nothing. Invariants: results go to the first
//! stream, everything else to the second; colour is used on a terminal only, unless somebody asks for it; without
//! `NO_COLOR`.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use super::args::{Color, Global, LogFormat};
use super::failure::CliError;
use crate::report::plan_text::{Line, Tone};
use crate::telemetry::log;

/// Two streams and how to use them.
pub(super) struct Output {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    out_is_terminal: bool,
    err_is_terminal: bool,
    in_is_terminal: bool,
    colour: Option<bool>,
    quiet: bool,
}

impl Output {
    /// The process's own streams.
    pub(super) fn of_process() -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        Self {
            out_is_terminal: out.is_terminal(),
            err_is_terminal: err.is_terminal(),
            in_is_terminal: io::stdin().is_terminal(),
            out: Box::new(out),
            err: Box::new(err),
            colour: std::env::var_os("NO_COLOR").filter(|value| !value.is_empty()).map(|_| false),
            quiet: false,
        }
    }

    /// Other streams, none of them a terminal.
    #[cfg(test)]
    pub(super) fn into(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            out,
            err,
            out_is_terminal: false,
            err_is_terminal: false,
            in_is_terminal: false,
            colour: None,
            quiet: false,
        }
    }

    /// Takes in what the command line says about output.
    pub(super) fn set_up(&mut self, global: &Global) {
        self.colour = match global.color {
            Color::Always => Some(true),
            Color::Never => Some(false),
            Color::Auto => self.colour,
        };
        self.quiet = global.quiet;
        let level = match (global.quiet, global.verbose) {
            (true, _) => log::Level::Errors,
            (false, 0) => log::Level::Warnings,
            (false, 1) => log::Level::Steps,
            (false, _) => log::Level::Everything,
        };
        let colour = self.colour.unwrap_or(self.err_is_terminal);
        log::set_up(level, global.log_format == LogFormat::Json, colour);
    }

    /// Whether results may hold colour.
    pub(super) fn is_coloured(&self) -> bool {
        self.colour.unwrap_or(self.out_is_terminal)
    }

    /// Whether remarks may hold colour.
    fn err_is_coloured(&self) -> bool {
        self.colour.unwrap_or(self.err_is_terminal)
    }

    /// Whether somebody can be asked.
    pub(super) fn can_ask(&self) -> bool {
        self.in_is_terminal && self.err_is_terminal
    }

    /// Whether the second stream is a terminal that may be redrawn.
    pub(super) fn shows_progress(&self) -> bool {
        self.err_is_terminal && !self.quiet
    }

    /// Whether only results are wanted.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Writes a result as it is.
    pub(super) fn text(&mut self, text: &str) -> Result<(), CliError> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()?;
        Ok(())
    }

    /// Writes a result as indented JSON.
    pub(super) fn json(&mut self, value: &impl serde::Serialize) -> Result<(), CliError> {
        let mut text = serde_json::to_string_pretty(value)?;
        text.push('\n');
        self.text(&text)
    }

    /// Writes lines of a result.
    pub(super) fn lines(&mut self, lines: &[Line]) -> Result<(), CliError> {
        let mut text = String::new();
        for line in lines {
            let style = if self.is_coloured() { style(line.tone) } else { Style::new() };
            text.push_str(&format_line(style, &line.text));
        }
        self.text(&text)
    }

    /// Writes a remark, such as an error or what comes next.
    pub(super) fn note(&mut self, text: &str) -> Result<(), CliError> {
        self.err.write_all(text.as_bytes())?;
        self.err.flush()?;
        Ok(())
    }

    /// Writes a remark that is not needed.
    pub(super) fn remark(&mut self, text: &str) -> Result<(), CliError> {
        if self.quiet { Ok(()) } else { self.note(text) }
    }

    /// A word in colour for the second stream.
    pub(super) fn err_word(&self, tone: Tone, word: &str) -> String {
        if self.err_is_coloured() { format!("{}{word}{:#}", style(tone), style(tone)) } else { word.to_owned() }
    }

    /// The first stream itself.
    pub(super) fn writer(&mut self) -> &mut (dyn Write + Send) {
        &mut *self.out
    }
}

fn format_line(style: Style, text: &str) -> String {
    if style.is_plain() { format!("{text}\n") } else { format!("{style}{text}{style:#}\n") }
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
