//! Progress of the loop for people.
//!
//! Input: the loop's news. Output: a line that is redrawn on a terminal, plain lines with the time since the start
//! elsewhere, log lines where the log is for programs, nothing when only results are wanted. It keeps no state of
//! units. Invariants: it never writes to the first stream; a log as JSON has no other lines between.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::output::Output;
use super::show::counted;
use crate::app::driver::news::{Listener, News};
use crate::plan::outcome::UnitState;
use crate::report::unit_report;

enum Form {
    Redrawn(ProgressBar),
    Lines,
    Logged,
    Silent,
}

/// Shows progress.
pub(super) struct Progress {
    form: Form,
    started: Instant,
    last_trouble: Mutex<String>,
}

impl Progress {
    /// In the form that fits the output.
    pub(super) fn new(output: &Output) -> Self {
        let form = if output.is_quiet() {
            Form::Silent
        } else if output.logs_json() {
            Form::Logged
        } else if output.shows_progress() {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} [{elapsed}] {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            Form::Redrawn(bar)
        } else {
            Form::Lines
        };
        Self { form, started: Instant::now(), last_trouble: Mutex::default() }
    }

    /// Takes the redrawn line away.
    pub(super) fn finish(&self) {
        if let Form::Redrawn(bar) = &self.form {
            bar.finish_and_clear();
        }
    }

    /// Something worth a line of its own.
    fn line(&self, text: &str) {
        match &self.form {
            Form::Redrawn(bar) => bar.println(text),
            Form::Lines => {
                use std::io::Write as _;
                // Where nobody reads, nothing is lost.
                let _nobody_reads = writeln!(std::io::stderr(), "[{}s] {text}", self.started.elapsed().as_secs());
            }
            Form::Logged => tracing::info!(detail = text, "progress"),
            Form::Silent => {}
        }
    }

    fn now(&self, text: String) {
        if let Form::Redrawn(bar) = &self.form {
            bar.set_message(text);
        }
    }
}

impl Listener for Progress {
    fn hear(&self, news: News<'_>) {
        match news {
            News::Revision { revision, problems: 0 } => self.line(&format!("revision {}", revision.short())),
            News::Revision { revision, problems } => {
                let problems = counted(problems, "problem");
                self.line(&format!("revision {}: {problems} in its files", revision.short()));
            }
            News::Trouble(text) => {
                let mut last = self.last_trouble.lock().unwrap_or_else(PoisonError::into_inner);
                if *last != text {
                    self.line(&format!("trouble, trying again: {text}"));
                    text.clone_into(&mut last);
                }
                self.now(format!("trying again: {text}"));
            }
            News::Cycle { runs, moving } => {
                for run in runs {
                    let outcome = &run.outcome;
                    let done = outcome.results.iter().filter(|result| result.outcome.is_done()).count();
                    let state = outcome.state();
                    let word = unit_report::word(state);
                    match outcome.results.len() {
                        0 if state <= UnitState::Waiting => {}
                        0 => self.line(&format!("{}: {word}", outcome.unit)),
                        all => self.line(&format!("{}: {done} of {all} changes done, {word}", outcome.unit)),
                    }
                }
                self.now(format!("{} on the way", counted(moving, "unit")));
            }
            News::Published => self.now("report pushed".to_owned()),
            News::Standby { holder } => self.now(format!("standing by: {holder} leads")),
        }
    }
}
