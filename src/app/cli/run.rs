//! `heddle run`: the loop, for ever or until everything is at rest.
//!
//! Input: the configuration. Output: progress on the second stream, a summary, an exit code. It decides nothing.
//! Invariants: the first SIGINT or SIGTERM lets the cycle end and reports it; the second SIGINT ends the process.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::args::RunArgs;
use super::failure::CliError;
use super::output::Output;
use super::progress::Progress;
use super::show::counted;
use crate::app::config::{self, Config};
use crate::app::driver::{Driver, Goal, Options, Summary};
use crate::app::exit::Exit;
use crate::app::wiring::{self, Wired};
use crate::model::unit::UnitId;
use crate::plan::approval::StoredChanges;
use crate::report::plan_text::{Line, Tone};
use crate::report::unit_report;
use crate::spec::parse::Limits;

/// What the loop is for.
pub(super) struct Drive {
    /// When it ends.
    pub(super) goal: Goal,
    /// Only these changes.
    pub(super) seen: Option<BTreeMap<UnitId, StoredChanges>>,
    /// Whether to wait while another process leads.
    pub(super) wait_for_lead: bool,
}

/// Runs the command.
pub(super) fn run(args: &RunArgs, output: &mut Output) -> Result<Exit, CliError> {
    let config = config::load(&args.config.config)?;
    let goal = if args.once { Goal::Rest { timeout: args.timeout } } else { Goal::Forever };
    drive(&config, Drive { goal, seen: None, wait_for_lead: true }, output)
}

/// Runs the loop and sums it up.
pub(super) fn drive(config: &Config, drive: Drive, output: &mut Output) -> Result<Exit, CliError> {
    let progress = Arc::new(Progress::new(output));
    let goal = drive.goal;
    let ended = super::block_on(run_loop(config, drive, progress.clone()))?;
    progress.finish();
    let Some((summary, wired)) = ended? else { return Ok(Exit::Interrupted) };
    for (region, cluster) in &wired.clusters {
        let counts: Vec<String> = cluster
            .meter()
            .counts()
            .filter(|(_, count)| *count > 0)
            .map(|(call, count)| format!("{} {count}", call.as_str()))
            .collect();
        let requests = cluster.meter().object_requests();
        tracing::info!(%region, object_requests = requests, all = counts.join(", "), "requests");
    }
    // A loop that runs for ever ends well when it is told to end.
    if goal == Goal::Forever {
        return Ok(Exit::Done);
    }
    summarize(&summary, output)?;
    let of_units = summary.units.values().map(|state| Exit::of_state(*state));
    let invalid = summary.problems.then_some(Exit::Person);
    Ok(Exit::worst(of_units.chain(invalid).chain(summary.timed_out.then_some(Exit::Unknown))))
}

type Ended = Option<(Summary, Wired)>;

async fn run_loop(config: &Config, drive: Drive, progress: Arc<Progress>) -> Result<Ended, CliError> {
    let wired = wiring::wire(&config.installation, config.repository.clone(), &config.regions).await;
    let wired = wired.map_err(CliError::Repository)?;
    let stop = CancellationToken::new();
    let options = Options {
        goal: drive.goal,
        poll: config.poll,
        limits: Limits::default(),
        holder: wiring::holder(&*wired.ports.clock),
        wait_for_lead: drive.wait_for_lead,
        seen: drive.seen,
    };
    let driver = Driver::new(wired.ports.clone(), wired.pins.clone(), options, progress, stop.clone());
    let _waker = wiring::wake_on_push(&config.repository, driver.source_wake());
    tokio::select! {
        summary = driver.run() => Ok(Some((summary?, wired))),
        () = told_twice(stop) => Ok(None),
    }
}

/// Stops the loop at the first signal; returns at the second SIGINT.
async fn told_twice(stop: CancellationToken) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stop.cancel();
    interrupt.recv().await;
}

fn summarize(summary: &Summary, output: &mut Output) -> Result<(), CliError> {
    let troubled = summary.regions.iter().filter(|(_, state)| *state != "ok");
    let mut lines: Vec<Line> = troubled
        .map(|(region, state)| Line { tone: Tone::Refused, text: format!("region {region}: {state}") })
        .collect();
    for (unit, state) in &summary.units {
        let tone = tone(Exit::of_state(*state));
        lines.push(Line { tone, text: format!("{:<44} {}", unit.to_string(), unit_report::word(*state)) });
    }
    let end = if summary.timed_out { "the time is over" } else { "at rest" };
    let revision = summary.revision.map_or_else(|| "no revision".to_owned(), |revision| revision.short());
    lines.push(Line {
        tone: Tone::Heading,
        text: format!("{} at {revision}: {end}", counted(summary.units.len(), "unit")),
    });
    output.lines(&lines)?;
    if summary.units.values().any(|state| Exit::of_state(*state) > Exit::Done) {
        output.remark("`heddle status` says what is waiting and what to do\n")?;
    }
    Ok(())
}

/// The colour of a result.
pub(super) fn tone(exit: Exit) -> Tone {
    match exit {
        Exit::Done => Tone::Added,
        Exit::Changes | Exit::Person | Exit::Unknown => Tone::Waiting,
        Exit::Stale | Exit::Error | Exit::Usage | Exit::Interrupted => Tone::Refused,
    }
}
