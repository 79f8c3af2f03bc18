//! What the demo shows.
//!
//! Input: acts and what was seen. Output: text for a terminal or a pipe. It judges nothing. Invariant: colour and
//! nothing else depends on whether it is a terminal.

use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::check::{Seen, Wanted};

/// Longer values are cut; one that is not as expected is shown whole.
const VALUE_MAX: usize = 44;
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const TITLE: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();

/// Writes the demo.
pub(super) struct Printer<'a> {
    out: &'a mut dyn Write,
    colour: bool,
}

impl<'a> Printer<'a> {
    /// To a writer.
    pub(super) fn new(out: &'a mut dyn Write, colour: bool) -> Self {
        Self { out, colour }
    }

    /// A line as it is.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// A heading.
    pub(super) fn title(&mut self, text: &str) -> io::Result<()> {
        let text = self.styled(TITLE, text);
        self.line(&text)
    }

    /// What somebody does.
    pub(super) fn act(&mut self, who: &str, does: &str) -> io::Result<()> {
        let who = self.styled(TITLE, who);
        self.line(&format!("   {who} {does}"))
    }

    /// A remark.
    pub(super) fn remark(&mut self, text: &str) -> io::Result<()> {
        let text = self.styled(QUIET, text);
        self.line(&format!("   {text}"))
    }

    /// What was expected and what was seen, side by side.
    pub(super) fn seen(&mut self, round: &[Seen]) -> io::Result<()> {
        let rows: Vec<[String; 3]> = round.iter().map(row).collect();
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max().unwrap_or(0).max(8)
        };
        let (what, wanted) = (width(0), width(1));
        let head = format!("       {:<5}{:<what$}  {:<wanted$}  {}", "", "", "expected", "seen");
        let head = self.styled(QUIET, &head);
        self.line(&head)?;
        for (seen, [its, expected, found]) in round.iter().zip(&rows) {
            let mark = if seen.holds() { self.styled(GOOD, "✓") } else { self.styled(BAD, "✗") };
            let witness = self.styled(QUIET, &format!("{:<5}", seen.expectation.look.witness()));
            self.line(&format!("     {mark} {witness}{its:<what$}  {expected:<wanted$}  {found}"))?;
        }
        Ok(())
    }

    /// How long it took.
    pub(super) fn took(&mut self, time: Duration) -> io::Result<()> {
        let text = self.styled(QUIET, &format!("{:.1} s", time.as_secs_f64()));
        self.line(&format!("   {text}\n"))
    }

    /// How it ended.
    pub(super) fn verdict(&mut self, good: bool, text: &str) -> io::Result<()> {
        let mark = if good { self.styled(GOOD, "✓") } else { self.styled(BAD, "✗") };
        self.line(&format!("{mark} {text}"))
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

fn row(seen: &Seen) -> [String; 3] {
    let expectation = &seen.expectation;
    let wanted = match &expectation.wanted {
        Wanted::Not(before) if seen.holds() => format!("not {}", cut(before)),
        wanted => wanted.words(),
    };
    let found = match &expectation.wanted {
        _ if !seen.holds() => return [expectation.what.clone(), wanted, seen.seen.clone()],
        Wanted::Has(part) if seen.seen.chars().count() > VALUE_MAX => format!("… {part} …"),
        _ => cut(&seen.seen),
    };
    [expectation.what.clone(), cut(&wanted), found]
}

/// Ids by their beginning, as people name them; other long texts by as much of it as fits.
fn cut(text: &str) -> String {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    if digits.len() >= 40 && digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return digits.chars().take(7).collect();
    }
    if text.chars().count() <= VALUE_MAX {
        return text.to_owned();
    }
    text.chars().take(VALUE_MAX - 1).chain(['…']).collect()
}
