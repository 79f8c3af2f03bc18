//! Bytes to text, and places in it.
//!
//! Input: bytes, and ranges of the event parser. Output: text, [`Span`]s. Invariants: a span lies inside the text, its
//! end is not before its start, its offsets lie on character boundaries.

use serde_saphyr::granit_parser::{Marker, Span as Range};

use super::tree::{Defect, DefectKind};
use crate::model::diagnostic::{Position, Span};

/// The text of a file, or where it stops being text.
pub(super) fn decode(bytes: &[u8]) -> Result<&str, Defect> {
    let defect =
        |kind, span, message: &str, hint| Defect { kind, span, message: message.to_owned(), hint, first: None };
    let source = match std::str::from_utf8(bytes) {
        Ok(source) => source,
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).and_then(|good| std::str::from_utf8(good).ok()).unwrap_or("");
            let at = position(good, good.len());
            let hint = Some("save the file as UTF-8");
            return Err(defect(
                DefectKind::Encoding,
                Span { start: at, end: at },
                "the file is not UTF-8 from here on",
                hint,
            ));
        }
    };
    if source.starts_with('\u{feff}') {
        let span = Span { start: position(source, 0), end: position(source, '\u{feff}'.len_utf8()) };
        let hint = Some("save the file as UTF-8 without a byte order mark");
        return Err(defect(DefectKind::Character, span, "the file starts with a byte order mark", hint));
    }
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if let Some((offset, found)) = source.char_indices().find(|(_, c)| control(*c)) {
        let span = Span { start: position(source, offset), end: position(source, offset + found.len_utf8()) };
        let message = format!("the control character U+{:04X} cannot stand here", u32::from(found));
        return Err(defect(DefectKind::Character, span, &message, Some("remove it")));
    }
    Ok(source)
}

/// The position of a byte offset; the nearest character boundary before it.
pub(super) fn position(source: &str, offset: usize) -> Position {
    let before = source.get(..offset).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count());
    let line = before.bytes().filter(|b| *b == b'\n').count();
    Position { line: number(line + 1), column: number(column + 1), offset: number(before.len()) }
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Turns the parser's ranges into spans.
pub(super) struct Places<'s> {
    source: &'s str,
}

impl<'s> Places<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self { source }
    }

    /// The place of a document that is not there.
    pub(super) fn empty(&self) -> Span {
        let at = position(self.source, 0);
        Span { start: at, end: at }
    }

    fn marker(&self, marker: &Marker) -> Position {
        let offset = marker.byte_offset().unwrap_or(self.source.len()).min(self.source.len());
        Position { line: number(marker.line()), column: number(marker.col() + 1), offset: number(offset) }
    }

    /// The span of a range.
    pub(super) fn span(&self, range: Range) -> Span {
        let start = self.marker(&range.start);
        Span { start, end: self.marker(&range.end).max(start) }
    }

    /// The span of a list or map: its end is where its own end stands, or the end of its last part in block style.
    pub(super) fn around(&self, start: Range, end: Range, last: Option<Span>) -> Span {
        let open = self.span(start).start;
        let close = self.span(end);
        let end = if close.start == close.end { last.map_or(open, |last| last.end) } else { close.end };
        Span { start: open, end: end.max(open) }
    }

    /// The tab in the white space before the first character of the line in question, if there is one.
    pub(super) fn tab_indentation(&self, range: Range) -> Option<Span> {
        let number_of = |line: usize| line.checked_sub(1);
        let index = number_of(range.start.line())?;
        let (start, line) = self.lines().nth(index)?;
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        let tab = line.get(..blank)?.find('\t')?;
        Some(Span { start: position(self.source, start + tab), end: position(self.source, start + tab + 1) })
    }

    fn lines(&self) -> impl Iterator<Item = (usize, &'s str)> {
        self.source.split_inclusive('\n').scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start, line))
        })
    }
}
