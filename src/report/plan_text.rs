//! A plan for people: text for terminals, Markdown for pull requests and the status branch.
//!
//! Input: a [`PlanDocument`]. Output: lines; where colour helps, each line says which kind it is. It prints nothing.
//! Invariants: creations fold to one line for each object; an update shows each field; long values show as a diff;
//! output is bounded and says what it left out.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use super::markdown;
use crate::plan::unit_plan::steps;

use super::plan_document::{ChangeDocument, FieldDocument, PlanDocument};

/// The longest Markdown of one plan: hosts cut comments at 65,536 characters.
pub const MARKDOWN_MAX: usize = 60_000;
/// The longest value that is shown on one line.
const INLINE_MAX: usize = 80;
/// How many lines of a text's diff are shown.
const DIFF_LINES_MAX: usize = 60;

/// What a line is, for colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// A heading.
    Heading,
    /// Something comes.
    Added,
    /// Something changes.
    Changed,
    /// Something goes.
    Removed,
    /// A wait.
    Waiting,
    /// A refusal.
    Refused,
    /// Everything else.
    Plain,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub tone: Tone,
    /// Its text.
    pub text: String,
}

/// The lines of a plan.
pub fn lines(plan: &PlanDocument) -> Vec<Line> {
    let mut out = vec![line(Tone::Heading, format!("{} — {}", plan.unit, summary(plan)))];
    for change in &plan.changes {
        change_lines(&mut out, change);
    }
    if !plan.later.is_empty() {
        out.push(line(Tone::Plain, "  later, when their turn has come:"));
    }
    for change in &plan.later {
        change_lines(&mut out, change);
    }
    out.extend(plan.waits.iter().map(|wait| line(Tone::Waiting, format!("  … {wait}"))));
    for refusal in &plan.refusals {
        out.push(line(Tone::Refused, format!("  ✗ [{}] {}", refusal.code, refusal.message)));
        out.push(line(Tone::Plain, format!("      hint: {}", refusal.hint)));
    }
    out.extend(plan.foreign_fields.iter().map(|field| line(Tone::Plain, format!("  ? not ours: {field}"))));
    out
}

/// `2 to create, 1 to update, 0 to delete`.
pub fn summary(plan: &PlanDocument) -> String {
    if plan.changes.is_empty() {
        return "no changes".to_owned();
    }
    let count = |op: &str| plan.changes.iter().filter(|change| change.op == op).count();
    let mut text = match count("issue") {
        0 => String::new(),
        issued => format!("{issued} to issue, "),
    };
    let _infallible =
        write!(text, "{} to create, {} to update, {} to delete", count("create"), count("update"), count("delete"));
    let channels = plan.changes.iter().filter(|change| change.channel.is_some()).count();
    if channels > 0 {
        let _infallible = write!(text, ", {} of channels", steps(channels));
    }
    if !plan.later.is_empty() {
        let _infallible = write!(text, ", {} later", plan.later.len());
    }
    let restarts = plan.changes.iter().filter(|change| change.risk == "disruptive").count();
    if restarts > 0 {
        let _infallible = write!(text, ", {restarts} of them restart a node");
    }
    text
}

fn line(tone: Tone, text: impl Into<String>) -> Line {
    Line { tone, text: text.into() }
}

fn change_lines(out: &mut Vec<Line>, change: &ChangeDocument) {
    let (mark, tone) = match change.op.as_str() {
        "create" | "issue" | "genesis" | "copy" | "join" => ("+", Tone::Added),
        "delete" => ("-", Tone::Removed),
        _ => ("~", Tone::Changed),
    };
    let name = match &change.namespace {
        Some(namespace) => format!("{namespace}/{}", change.name),
        None => change.name.clone(),
    };
    let mut notes = Vec::new();
    if change.risk != "routine" {
        notes.push(change.risk.as_str());
    }
    if change.cause == "drift" {
        notes.push("somebody changed it");
    } else if change.cause == "renewal" {
        notes.push("its certificate is renewed");
    }
    let notes = if notes.is_empty() { String::new() } else { format!("  ({})", notes.join(", ")) };
    let what = match (&change.channel, change.op.as_str()) {
        (Some(channel), "join") => format!("{} {name} joins channel {channel}", change.kind),
        (Some(channel), "copy") => format!("{} {name} keeps the first block of channel {channel} too", change.kind),
        (Some(channel), _) => format!("channel {channel} is created, its first block kept in {} {name}", change.kind),
        (None, _) => format!("{} {name}", change.kind),
    };
    out.push(line(tone, format!("  {mark} {}: {what}{notes}  [{}]", change.region, change.id)));
    if let Some(issue) = &change.issue {
        out.push(line(Tone::Plain, format!("      issued: {}", issue.recipe)));
        if change.cause != "spec" {
            out.push(line(Tone::Plain, format!("      because {}", issue.reasons.join("; "))));
        }
    }
    for field in &change.fields {
        field_lines(out, field);
    }
}

fn field_lines(out: &mut Vec<Line>, field: &FieldDocument) {
    let taken = field.taken_by.as_ref().map(|by| format!("  (set by {by})")).unwrap_or_default();
    if let (Some(serde_json::Value::String(from)), Some(serde_json::Value::String(to))) = (&field.from, &field.to)
        && (from.contains('\n') || to.contains('\n'))
    {
        out.push(line(Tone::Plain, format!("      {}:{taken}", field.path)));
        diff_lines(out, from, to);
        return;
    }
    let (from, to) = (value(field.from.as_ref()), value(field.to.as_ref()));
    out.push(line(Tone::Plain, format!("      {}: {from} → {to}{taken}", field.path)));
}

fn diff_lines(out: &mut Vec<Line>, from: &str, to: &str) {
    let diff = TextDiff::from_lines(from, to);
    let mut shown = 0;
    for group in diff.grouped_ops(2) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            if shown == DIFF_LINES_MAX {
                out.push(line(Tone::Plain, "        … more lines differ; see the plan as JSON"));
                return;
            }
            shown += 1;
            let (mark, tone) = match change.tag() {
                ChangeTag::Delete => ('-', Tone::Removed),
                ChangeTag::Insert => ('+', Tone::Added),
                ChangeTag::Equal => (' ', Tone::Plain),
            };
            out.push(line(tone, format!("        {mark} {}", change.value().trim_end_matches('\n'))));
        }
    }
}

fn value(value: Option<&serde_json::Value>) -> String {
    let Some(value) = value else { return "(not set)".to_owned() };
    let text = value.to_string();
    if text.chars().count() <= INLINE_MAX {
        return text;
    }
    let head: String = text.chars().take(INLINE_MAX).collect();
    format!("{head}…")
}

/// A plan as Markdown, bounded.
pub fn markdown(plan: &PlanDocument) -> String {
    let mut text = format!("### {} — {}\n\n", markdown::code(&plan.unit.to_string()), summary(plan));
    let _infallible = write!(text, "Plan {}", markdown::code(&plan.id.to_string()));
    let _infallible = match plan.revision {
        Some(revision) => writeln!(text, " of revision {}.\n", markdown::code(&revision.to_string())),
        None => writeln!(text, " of uncommitted files.\n"),
    };
    let body: Vec<String> = lines(plan).into_iter().skip(1).map(|line| diff_marked(&line)).collect();
    if body.is_empty() {
        return text;
    }
    let mut kept = String::new();
    let mut left_out = 0;
    for line in &body {
        if text.len() + kept.len() + line.len() < MARKDOWN_MAX {
            kept.push_str(line);
            kept.push('\n');
        } else {
            left_out += 1;
        }
    }
    text.push_str(&markdown::block("diff", &kept));
    if left_out > 0 {
        let _infallible = writeln!(text, "\n{left_out} more lines; the JSON beside this file has all of them.");
    }
    text
}

/// In a `diff` block the first character gives the colour.
fn diff_marked(line: &Line) -> String {
    let mark = match line.tone {
        Tone::Added => '+',
        Tone::Removed => '-',
        Tone::Changed | Tone::Waiting | Tone::Refused => '!',
        Tone::Heading | Tone::Plain => ' ',
    };
    let text = line.text.trim_start_matches(' ');
    let indent = line.text.len() - text.len();
    let text = text.strip_prefix(['+', '-', '~']).map_or(text, str::trim_start);
    format!("{mark}{:indent$}{text}", "")
}

#[cfg(test)]
mod tests;
