//! `heddle apply`: show, ask, do.
//!
//! Input: the tracked branch, or a saved plan of it. Output: changes in the regions, and the report. It grants nothing:
//! what needs an Approval stays held. Invariants: only what was shown, or what was saved, is done; without a terminal
//! nobody is asked and `--yes` is needed; bodies of objects never come from a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::BufRead;
use std::path::Path;

use super::args::ApplyArgs;
use super::failure::CliError;
use super::output::{self, Output};
use super::plan::{self, Plans};
use super::run;
use crate::app::config::{self, Config};
use crate::app::driver::Goal;
use crate::app::exit::Exit;
use crate::app::preview::{Preview, Subject};
use crate::model::unit::UnitId;
use crate::plan::approval::{self, StoredChanges};
use crate::report::plan_document::PlanDocument;
use crate::report::plan_text::Tone;

/// Runs the command.
pub(super) fn run(args: &ApplyArgs, output: &mut Output) -> Result<Exit, CliError> {
    let config = config::load(&args.config.config)?;
    let saved = args.plan.as_deref().map(read).transpose()?;
    let preview = super::block_on(plan::preview_of(&config, Subject::Tip, &args.units))??;
    let plans = Plans::of(&preview);
    let seen = match &saved {
        Some(saved) => saved_changes(saved, (&plans, shown_changes(&preview)))?,
        None => shown_changes(&preview),
    };
    plan::text(&preview, &plans, output)?;
    if seen.values().all(BTreeMap::is_empty) {
        return Ok(plan::exit(&preview.runs, &preview.diagnostics));
    }
    if !args.yes && !ask(output)? {
        output.remark("Nothing was done.\n")?;
        return Ok(Exit::Person);
    }
    carry_out(&config, seen, args, output)
}

fn carry_out(
    config: &Config,
    seen: BTreeMap<UnitId, StoredChanges>,
    args: &ApplyArgs,
    output: &mut Output,
) -> Result<Exit, CliError> {
    let goal = Goal::Rest { timeout: args.timeout };
    run::drive(config, run::Drive { goal, seen: Some(seen), wait_for_lead: false }, output)
}

/// Every change that was just shown.
fn shown_changes(preview: &Preview) -> BTreeMap<UnitId, StoredChanges> {
    let changes = |run: &crate::app::unit_run::UnitRun| (run.outcome.unit.clone(), approval::stored_changes(&run.plan));
    preview.runs.iter().map(changes).collect()
}

/// The changes of a saved plan, if it still speaks of the tip. Where it is the plan of this moment, so are the changes
/// whose turn comes later, which a saved plan only names.
fn saved_changes(
    saved: &Plans,
    (now, mut shown): (&Plans, BTreeMap<UnitId, StoredChanges>),
) -> Result<BTreeMap<UnitId, StoredChanges>, CliError> {
    if saved.revision.is_none() || saved.revision != now.revision {
        let text = |revision: &Option<String>| revision.clone().unwrap_or_else(|| "uncommitted files".to_owned());
        return Err(CliError::StalePlan { planned: text(&saved.revision), tip: text(&now.revision) });
    }
    let planned: BTreeSet<_> = saved.plans.iter().map(|plan| (&plan.unit, plan.id)).collect();
    tracing::info!(units = planned.len(), "a saved plan is carried out");
    let current: BTreeSet<_> = now.plans.iter().map(|plan| (&plan.unit, plan.id)).collect();
    let mut changes = |plan: &PlanDocument| {
        let shown = if current.contains(&(&plan.unit, plan.id)) { shown.remove(&plan.unit) } else { None };
        Some((plan.unit.clone(), shown.or_else(|| plan.grantable())?))
    };
    Ok(saved.plans.iter().filter_map(&mut changes).collect())
}

fn read(path: &Path) -> Result<Plans, CliError> {
    let failed = |source| CliError::File { what: "reading", path: path.to_owned(), source };
    let text = fs::read(path).map_err(failed)?;
    let no_plan = || CliError::NoPlan { path: path.to_owned() };
    let plans: Plans = serde_json::from_slice(&text).map_err(|_| no_plan())?;
    // A plan whose id does not cover its changes was edited.
    if plans.revision.is_some() && plans.plans.iter().any(|plan| plan.grantable().is_none()) {
        return Err(no_plan());
    }
    Ok(plans)
}

fn ask(output: &mut Output) -> Result<bool, CliError> {
    if !output.can_ask() {
        return Err(CliError::NobodyToAsk);
    }
    let question = output::word(Tone::Heading, "Apply these changes?");
    output.note(&format!("{question} Only `yes` is yes: "))?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
