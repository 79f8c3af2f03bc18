//! `heddle plan`: what would change.
//!
//! Input: the tracked branch or a folder, and the regions. Output: plans as text, JSON or Markdown, or saved. It
//! changes nothing. Invariant: a plan of uncommitted files cannot be saved.

use std::fs;

use serde::{Deserialize, Serialize};

use super::args::{PlanArgs, PlanFormat};
use super::failure::CliError;
use super::output::Output;
use super::show::{self, counted};
use super::specs;
use crate::app::config::{self, Config};
use crate::app::exit::Exit;
use crate::app::preview::{self, Preview, Subject};
use crate::app::unit_run::UnitRun;
use crate::app::wiring;
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::unit::UnitId;
use crate::report::plan_document::{self, PlanDocument};
use crate::report::plan_text::{self, Line, Tone};
use crate::spec::parse::Limits;

/// Plans of several units, as they are shown as JSON and saved.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the name that readers of the file see")]
pub(super) struct Plans {
    /// Major breaks, minor adds.
    pub(super) format_version: String,
    /// The revision; none for a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) revision: Option<String>,
    /// Every unit's plan.
    pub(super) plans: Vec<PlanDocument>,
}

impl Plans {
    /// Of a preview.
    pub(super) fn of(preview: &Preview) -> Self {
        Self {
            format_version: plan_document::FORMAT_VERSION.to_owned(),
            revision: preview.revision.map(|revision| revision.to_string()),
            plans: preview.runs.iter().map(|run| plan_document::document(&run.plan, preview.revision)).collect(),
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &PlanArgs, output: &mut Output) -> Result<Exit, CliError> {
    let config = config::load(&args.config.config)?;
    let (subject, texts) = match &args.dir {
        Some(dir) => {
            let specs = specs::read(dir)?;
            (Subject::Folder(Box::new(specs.evaluation)), specs.texts)
        }
        None => (Subject::Tip, show::Texts::default()),
    };
    let preview = super::block_on(preview_of(&config, subject, &args.units))??;
    let plans = Plans::of(&preview);
    if let Some(path) = &args.out {
        let text = serde_json::to_string_pretty(&plans)? + "\n";
        fs::write(path, text).map_err(|source| CliError::File { what: "writing", path: path.clone(), source })?;
    }
    match args.output {
        PlanFormat::Json => output.json(&plans)?,
        PlanFormat::Markdown => {
            let parts: Vec<String> = shown(&plans).map(plan_text::markdown).collect();
            output.text(&if parts.is_empty() { "No changes.\n".to_owned() } else { parts.join("\n") })?;
        }
        PlanFormat::Text => text(&preview, &plans, output)?,
    }
    output.note(&show::diagnostics(&preview.diagnostics, &texts))?;
    Ok(exit(&preview.runs, &preview.diagnostics))
}

/// Looks at everything and plans, for these units or for all.
pub(super) async fn preview_of(config: &Config, subject: Subject, units: &[UnitId]) -> Result<Preview, CliError> {
    let wired = wiring::wire(&config.installation, config.repository.clone(), &config.regions).await;
    let wired = wired.map_err(CliError::Repository)?;
    let mut preview = preview::preview(wired.ports, &wired.pins, Limits::default(), subject).await?;
    specs::check_units(units, preview.runs.iter().map(|run| &run.outcome.unit))?;
    if !units.is_empty() {
        preview.runs.retain(|run| units.contains(&run.outcome.unit));
    }
    Ok(preview)
}

/// Plans that say something.
fn shown(plans: &Plans) -> impl Iterator<Item = &PlanDocument> {
    plans.plans.iter().filter(|plan| {
        !(plan.changes.is_empty()
            && plan.waits.is_empty()
            && plan.refusals.is_empty()
            && plan.foreign_fields.is_empty())
    })
}

/// The plans for people.
pub(super) fn text(preview: &Preview, plans: &Plans, output: &mut Output) -> Result<(), CliError> {
    for (region, state) in preview.regions.iter().filter(|(_, state)| *state != "ok") {
        output.lines(&[Line { tone: Tone::Refused, text: format!("region {region}: {state}") }])?;
    }
    for plan in shown(plans) {
        output.lines(&plan_text::lines(plan))?;
    }
    let counts = preview.runs.iter().map(|run| run.plan.counts());
    let counts = counts.fold(crate::plan::unit_plan::Counts::default(), crate::plan::unit_plan::Counts::plus);
    let revision = preview.revision.map_or_else(|| "uncommitted files".to_owned(), |revision| revision.short());
    let held: usize =
        preview.runs.iter().filter_map(|run| run.outcome.held.as_ref()).map(|held| held.changes.len()).sum();
    let held = if held > 0 { format!("; {held} need an approval") } else { String::new() };
    let summary = format!("{} at {revision}: {counts}{held}", counted(preview.runs.len(), "unit"));
    output.lines(&[Line { tone: Tone::Heading, text: summary }])
}

/// What a preview comes to: changes are no fault here.
pub(super) fn exit(runs: &[UnitRun], diagnostics: &[Diagnostic]) -> Exit {
    let of_run = |run: &UnitRun| {
        let changes = if run.plan.changes.is_empty() { Exit::Done } else { Exit::Changes };
        let outcome = crate::plan::outcome::UnitOutcome { pending: 0, ..run.outcome.clone() };
        let state = match Exit::of_state(outcome.state()) {
            // Others' turn comes first, or it is not ready yet: the plan itself says what would happen.
            Exit::Unknown if outcome.state() == crate::plan::outcome::UnitState::Progressing => Exit::Done,
            other => other,
        };
        changes.max(state)
    };
    let invalid = diagnostics.iter().any(|found| found.severity == Severity::Error);
    Exit::worst(runs.iter().map(of_run).chain(invalid.then_some(Exit::Person)))
}
