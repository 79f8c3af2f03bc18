//! `heddle status`: how everything stands, from the reports in the repository.
//!
//! Input: the status branch. Output: a table, one unit in full, or JSON. It asks no cluster. Invariant: it shows what
//! the loop last reported, and of which revision.

use std::collections::BTreeMap;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;

use super::args::{Format, StatusArgs};
use super::failure::CliError;
use super::output::Output;
use super::run::tone;
use super::specs;
use crate::app::config::{self, Config};
use crate::app::exit::Exit;
use crate::app::status_branch::StatusBranch;
use crate::app::{status_yaml, wiring};
use crate::model::unit::UnitId;
use crate::plan::outcome::UnitState;
use crate::report::fleet_status::{self, FleetStatus};
use crate::report::plan_text::{Line, Tone};
use crate::report::unit_report;
use crate::report::unit_status::UnitStatus;

/// Everything that is reported.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reported {
    /// The fleet.
    fleet: Option<FleetStatus>,
    /// The units.
    units: Vec<UnitStatus>,
}

/// Runs the command.
pub(super) fn run(args: &StatusArgs, output: &mut Output) -> Result<Exit, CliError> {
    let config = config::load(&args.config.config)?;
    let mut reported = super::block_on(read(&config))??;
    specs::check_units(&args.units, reported.units.iter().map(|status| &status.unit))?;
    if !args.units.is_empty() {
        reported.units.retain(|status| args.units.contains(&status.unit));
    }
    match args.output {
        Format::Json => output.json(&reported)?,
        Format::Text if args.units.is_empty() => overview(&reported, output)?,
        Format::Text => {
            for status in &reported.units {
                output.text(&unit_report::render(status))?;
            }
        }
    }
    Ok(exit(&reported))
}

fn exit(reported: &Reported) -> Exit {
    let unknown = reported.fleet.is_none().then_some(Exit::Unknown);
    let region = |fleet: &FleetStatus| fleet.regions.values().any(|state| state != "ok").then_some(Exit::Unknown);
    let problems = |fleet: &FleetStatus| (!fleet.problems.is_empty()).then_some(Exit::Person);
    let of_fleet = reported.fleet.iter().flat_map(|fleet| [region(fleet), problems(fleet)]).flatten();
    Exit::worst(reported.units.iter().map(|status| Exit::of_state(status.state)).chain(of_fleet).chain(unknown))
}

async fn read(config: &Config) -> Result<Reported, CliError> {
    let wired = wiring::wire(&config.installation, config.repository.clone(), &[]).await;
    let wired = wired.map_err(CliError::Repository)?;
    let branch = StatusBranch::new(wired.ports.sink, wired.ports.clock, config.installation.clone());
    let stored = branch.load().await?;
    let mut units: BTreeMap<UnitId, UnitStatus> = BTreeMap::new();
    let mut fleet = None;
    for (path, bytes) in &stored.documents {
        if fleet_status::path().as_ref() == Some(path) {
            fleet = status_yaml::read(bytes);
        } else if path.as_str().ends_with("/status.yaml")
            && let Some(status) = status_yaml::read::<UnitStatus>(bytes)
        {
            units.insert(status.unit.clone(), status);
        }
    }
    Ok(Reported { fleet, units: units.into_values().collect() })
}

fn overview(reported: &Reported, output: &mut Output) -> Result<(), CliError> {
    let Some(fleet) = &reported.fleet else {
        return output.text("Nothing is reported yet: `heddle run` has not pushed a status branch.\n");
    };
    for (region, state) in &fleet.regions {
        let tone = if state == "ok" { Tone::Plain } else { Tone::Refused };
        output.lines(&[Line { tone, text: format!("region {region}: {state}") }])?;
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["unit", "state", "revision"]);
    for status in &reported.units {
        let revision = status.revision.map(|revision| revision.short()).unwrap_or_default();
        table.add_row([&status.unit.to_string(), unit_report::word(status.state), &revision]);
    }
    output.text(&format!("{table}\n"))?;
    let channels = reported.units.iter().flat_map(|status| status.channels.iter().map(move |entry| (status, entry)));
    for (status, (id, channel)) in channels {
        output.text(&format!("\n{} channel {id}\n  {}\n", status.unit, unit_report::in_words(channel)))?;
    }
    for (status, need) in reported.units.iter().filter_map(|status| Some((status, need(status)?))) {
        output.lines(&[
            Line { tone: tone(Exit::of_state(status.state)), text: format!("\n{}", status.unit) },
            Line { tone: Tone::Plain, text: format!("  {need}") },
        ])?;
    }
    output.text("\n")?;
    for problem in &fleet.problems {
        let place = problem.place.as_deref().unwrap_or("the repository");
        let text = format!("{place}: [{}] {}", problem.code, problem.message);
        output.lines(&[Line { tone: Tone::Refused, text }])?;
    }
    let revision = fleet.revision.map_or_else(|| "none".to_owned(), |revision| revision.short());
    let worst = reported.units.iter().map(|status| status.state).max().unwrap_or(UnitState::Converged);
    let text = format!("newest revision read: {revision}; worst: {}", unit_report::word(worst));
    output.lines(&[Line { tone: tone(Exit::of_state(worst)), text }])
}

/// The first thing that a person should know, and how many more there are; none when there is nothing.
fn need(status: &UnitStatus) -> Option<String> {
    let held = status.held.as_ref().map(|held| {
        let (plan, folders) = (held.plan.short(), held.approvals_from.join(", "));
        format!("{} change(s) of plan {plan} need an Approval of {folders}; REPORT.md holds the file", held.changes)
    });
    let findings = status.diagnostics.iter().chain(&status.refusals).map(|found| match &found.place {
        Some(place) => format!("{place}: {}", found.message),
        None => found.message.clone(),
    });
    // What other units lack is said at those units; the cause comes first.
    let (others, own): (Vec<_>, Vec<_>) = status.waits.iter().partition(|wait| wait.starts_with("waits for "));
    let rest = status.failures.iter().chain(own).chain(others).cloned();
    let needs: Vec<String> = held.into_iter().chain(findings).chain(rest).collect();
    match needs.split_first()? {
        (first, []) => Some(first.clone()),
        (first, rest) => Some(format!("{first}\n  … and {} more: heddle status --unit {}", rest.len(), status.unit)),
    }
}
