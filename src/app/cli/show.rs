//! Problems as people read them.
//!
//! Input: diagnostics and the texts that they speak of. Output: snippets with a marker, in colour, or JSON. It judges
//! nothing. Invariants: a text is masked when it comes in; places are found by line and column, which masking keeps; a
//! snippet is a few lines, however long the file is.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use super::failure::CliError;
use super::output::{self, Output};
use crate::app::config::ConfigError;
use crate::model::diagnostic::{Diagnostic, Position, Severity, Span};
use crate::model::revision::RepoPath;
use crate::report::plan_text::Tone;
use crate::spec::secrets;

/// A longer line is not shown: nobody would find the place in it.
const LINE_MAX: usize = 2000;
/// How many lines before and after the place are shown.
const AROUND: u32 = 1;

/// Texts by file, without anything secret.
#[derive(Debug, Default)]
pub(super) struct Texts {
    folder: PathBuf,
    masked: BTreeMap<RepoPath, String>,
}

impl Texts {
    /// No texts yet, of files in a folder.
    pub(super) fn of(folder: &Path) -> Self {
        let folder = if folder == Path::new(".") { PathBuf::new() } else { folder.to_owned() };
        Self { folder, masked: BTreeMap::new() }
    }

    /// Adds a file. What is no text cannot be shown.
    pub(super) fn add(&mut self, file: &RepoPath, bytes: &[u8]) {
        if let Ok(text) = std::str::from_utf8(bytes) {
            self.add_harmless(file, secrets::mask(text));
        }
    }

    /// Adds a file in which nothing is secret.
    pub(super) fn add_harmless(&mut self, file: &RepoPath, text: String) {
        self.masked.insert(file.clone(), text);
    }

    /// The path as the person who named the folder knows it.
    fn path(&self, file: &RepoPath) -> String {
        self.folder.join(file.as_str()).display().to_string()
    }
}

/// Shows problems with the lines that they speak of, in colour.
pub(super) fn diagnostics(found: &[Diagnostic], texts: &Texts) -> String {
    let renderer = Renderer::styled().decor_style(DecorStyle::Ascii);
    found.iter().map(|diagnostic| one(&renderer, diagnostic, texts) + "\n\n").collect()
}

fn one(renderer: &Renderer, diagnostic: &Diagnostic, texts: &Texts) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let code = diagnostic.code.to_string();
    let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()).id(code.as_str()));
    if let Some(file) = &diagnostic.file {
        group = place(group, texts, file, diagnostic.span, None);
    }
    for related in &diagnostic.related {
        group = place(group, texts, &related.file, related.span, Some(&related.message));
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    renderer.render(&[group])
}

/// Adds a place: with its lines where they can be shown, else by its name. The first one has no label.
fn place<'a>(
    group: Group<'a>,
    texts: &'a Texts,
    file: &RepoPath,
    span: Option<Span>,
    label: Option<&'a str>,
) -> Group<'a> {
    let path = texts.path(file);
    let kind = if label.is_none() { AnnotationKind::Primary } else { AnnotationKind::Context };
    let window = span.and_then(|span| window(texts.masked.get(file)?, span));
    if let Some(Window { text, first_line, place }) = window {
        let annotation = kind.span(place).label(label);
        return group
            .element(Snippet::source(text).fold(false).line_start(first_line).path(path).annotation(annotation));
    }
    let origin = Origin::path(path);
    let group = group.element(match span {
        Some(span) => origin.line(span.start.line as usize).char_column(span.start.column as usize),
        None => origin,
    });
    match label {
        Some(label) => group.element(Level::NOTE.message(label)),
        None => group,
    }
}

/// The lines around a place.
struct Window<'t> {
    text: &'t str,
    first_line: usize,
    place: Range<usize>,
}

fn window(text: &str, span: Span) -> Option<Window<'_>> {
    let first = span.start.line.saturating_sub(AROUND).max(1);
    let last = span.start.line.saturating_add(AROUND);
    let mut offset = 0;
    let mut around: Option<Range<usize>> = None;
    let mut own: Option<(usize, &str)> = None;
    for (number, line) in (1_u32..=last).zip(text.split_inclusive('\n')) {
        if number >= first {
            if line.len() > LINE_MAX {
                return None;
            }
            around = Some(around.map_or(offset, |range| range.start)..offset + line.len());
        }
        if number == span.start.line {
            own = Some((offset, line.trim_end_matches(['\n', '\r'])));
        }
        offset += line.len();
    }
    let (around, (at, line)) = (around?, own?);
    let from = at - around.start + column(line, span.start);
    // What goes on in further lines is marked up to the end of its first one.
    let to = if span.end.line == span.start.line { column(line, span.end) } else { line.len() };
    let to = (at - around.start + to).max(from);
    let first_line = first as usize;
    Some(Window { text: text.get(around)?, first_line, place: from..to })
}

/// The byte of a column in its line; the line's end for a column past it.
fn column(line: &str, place: Position) -> usize {
    let before = (place.column as usize).saturating_sub(1);
    line.char_indices().nth(before).map_or(line.len(), |(at, _)| at)
}

/// Problems as JSON, with their count.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Problems<'a> {
    /// Whether there is no error.
    pub(super) valid: bool,
    /// How many files were read.
    pub(super) files: usize,
    /// How many errors.
    pub(super) errors: usize,
    /// How many warnings.
    pub(super) warnings: usize,
    /// All of them.
    pub(super) diagnostics: &'a [Diagnostic],
}

impl<'a> Problems<'a> {
    /// Counts.
    pub(super) fn of(diagnostics: &'a [Diagnostic], files: usize) -> Self {
        let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
        Self { valid: errors == 0, files, errors, warnings: diagnostics.len() - errors, diagnostics }
    }
}

/// `1 file`, `2 files`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Shows why a command ended badly, and what to do.
pub(super) fn failure(error: &CliError, output: &mut Output) -> Result<(), CliError> {
    if let CliError::Config(ConfigError::Problems { path, harmless_text, problems }) = error {
        let mut texts = Texts::of(path.parent().unwrap_or(Path::new("")));
        if let Some(file) = problems.iter().find_map(|problem| problem.file.as_ref()) {
            texts.add_harmless(file, harmless_text.clone());
        }
        output.note(&diagnostics(problems, &texts))?;
    }
    let word = output::word(Tone::Refused, "error");
    output.note(&format!("{word}: {}\n", crate::model::causes::chain(error)))?;
    if let Some(hint) = error.hint() {
        let word = output::word(Tone::Waiting, "hint");
        output.note(&format!("{word}: {hint}\n"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
