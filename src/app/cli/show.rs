//! Problems as people read them.
//!
//! Input: diagnostics and the texts that they speak of. Output: snippets with a marker, or JSON. It judges nothing.
//! Invariant: a snippet is masked before it is shown.

use std::collections::BTreeMap;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use super::failure::CliError;
use super::output::Output;
use crate::app::config::ConfigError;
use crate::model::diagnostic::{Diagnostic, Severity, Span};
use crate::model::revision::RepoPath;
use crate::report::plan_text::Tone;
use crate::spec::secrets;

/// Texts by file.
pub(super) type Texts = BTreeMap<RepoPath, String>;

/// Shows problems with the lines that they speak of.
pub(super) fn diagnostics(found: &[Diagnostic], texts: &Texts, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() }.decor_style(DecorStyle::Ascii);
    let masked: BTreeMap<&RepoPath, String> = texts.iter().map(|(path, text)| (path, secrets::mask(text))).collect();
    let mut text = String::new();
    for diagnostic in found {
        text.push_str(&one(&renderer, diagnostic, &masked));
        text.push_str("\n\n");
    }
    text
}

fn one(renderer: &Renderer, diagnostic: &Diagnostic, texts: &BTreeMap<&RepoPath, String>) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let code = diagnostic.code.to_string();
    let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()).id(code.as_str()));
    if let Some(snippet) = snippet(diagnostic.file.as_ref(), diagnostic.span, "", AnnotationKind::Primary, texts) {
        group = group.element(snippet);
    } else if let Some(file) = &diagnostic.file {
        group = group.element(annotate_snippets::Origin::path(file.as_str()));
    }
    for related in &diagnostic.related {
        let label = related.message.as_str();
        if let Some(snippet) = snippet(Some(&related.file), related.span, label, AnnotationKind::Context, texts) {
            group = group.element(snippet);
        }
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    renderer.render(&[group])
}

fn snippet<'a>(
    file: Option<&'a RepoPath>,
    span: Option<Span>,
    label: &'a str,
    kind: AnnotationKind,
    texts: &'a BTreeMap<&RepoPath, String>,
) -> Option<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let (file, span) = (file?, span?);
    let text = texts.get(file)?;
    let (start, end) = (usize::try_from(span.start.offset).ok()?, usize::try_from(span.end.offset).ok()?);
    // Masking keeps lines and columns but not always bytes; a place that does not fit any more is shown without text.
    if start > end || !text.is_char_boundary(start) || !text.is_char_boundary(end) {
        return None;
    }
    let annotation = kind.span(start..end);
    let annotation = if label.is_empty() { annotation } else { annotation.label(label) };
    Some(Snippet::source(text.as_str()).path(file.as_str()).annotation(annotation))
}

/// Problems as JSON, with their count.
#[derive(Debug, Serialize)]
pub(super) struct Problems<'a> {
    /// Whether there is no error.
    pub(super) valid: bool,
    /// How many errors.
    pub(super) errors: usize,
    /// How many warnings.
    pub(super) warnings: usize,
    /// All of them.
    pub(super) diagnostics: &'a [Diagnostic],
}

impl<'a> Problems<'a> {
    /// Counts.
    pub(super) fn of(diagnostics: &'a [Diagnostic]) -> Self {
        let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
        Self { valid: errors == 0, errors, warnings: diagnostics.len() - errors, diagnostics }
    }
}

/// Shows why a command ended badly, and what to do.
pub(super) fn failure(error: &CliError, output: &mut Output) -> Result<(), CliError> {
    if let CliError::Config(ConfigError::Problems { text, problems, .. }) = error {
        let file = problems.iter().find_map(|problem| problem.file.clone());
        let texts = file.map(|file| Texts::from([(file, text.clone())])).unwrap_or_default();
        let colour = output.is_coloured();
        output.note(&diagnostics(problems, &texts, colour))?;
    }
    let word = output.err_word(Tone::Refused, "error");
    output.note(&format!("{word}: {}\n", crate::telemetry::chain(error)))?;
    if let Some(hint) = error.hint() {
        let word = output.err_word(Tone::Waiting, "hint");
        output.note(&format!("{word}: {hint}\n"))?;
    }
    Ok(())
}
