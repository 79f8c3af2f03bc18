//! The loop: wakes, cycles, reports, until it is told to stop or everything is at rest.
//!
//! Input: the ports, wakes, a stop. Output: a [`Summary`]. A wake carries no information: whoever is woken looks.
//! Invariants: nothing is applied or reported in a region that another process leads; a call to stop ends the cycle
//! that runs and publishes what it did; what failed is tried again with growing pauses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::model::names::RegionName;
use crate::model::object::ClusterUid;
use crate::model::retry::Retry;
use crate::model::revision::Revision;
use crate::model::unit::UnitId;
use crate::observed::region::RegionUnknown;
use crate::plan::approval::StoredChanges;
use crate::plan::outcome::UnitState;
use crate::ports::source::SourceError;
use crate::region::access::{Leadership, RegionAccess};
use crate::region::lease::Candidate;
use crate::region::observe::Observer;
use crate::spec::parse::Limits;

use super::cycle::{Doing, Ports, Reconciler};
use super::status_branch::StatusBranchError;
use news::{Listener, News};

pub mod news;

/// Progress that is not final is published at most so often.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);
/// What comes within so short a time is one piece of news.
const SETTLE: Duration = Duration::from_millis(20);
/// How long the first look at the regions may take before the loop goes on without those that are silent.
const FIRST_LOOK_MAX: Duration = Duration::from_secs(30);
/// How often a region that cannot be reached is tried before a single run goes on without it.
const REGION_ATTEMPTS: u32 = 3;
/// How often the source is tried before a single run ends.
const SOURCE_ATTEMPTS: u32 = 3;

/// Why the loop ended badly.
#[derive(Debug, Error)]
pub enum DriverError {
    /// The source cannot be read.
    #[error("the specs cannot be read")]
    Source(#[from] SourceError),
    /// The status branch cannot be read or written.
    #[error("the reports cannot be kept")]
    StatusBranch(#[from] StatusBranchError),
    /// Another process leads a region.
    #[error("region {region} is led by {holder}; nothing was done")]
    Led {
        /// The region.
        region: RegionName,
        /// Who leads it.
        holder: String,
    },
}

/// When the loop ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// When it is stopped.
    Forever,
    /// When every unit is at rest, or after so long.
    Rest {
        /// The longest run.
        timeout: Duration,
    },
}

/// How the loop behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// When it ends.
    pub goal: Goal,
    /// How often the source is asked.
    pub poll: Duration,
    /// Bounds on spec files.
    pub limits: Limits,
    /// This process's name in Leases; differs between processes.
    pub holder: String,
    /// Whether to wait while another process leads a region.
    pub wait_for_lead: bool,
    /// Only these changes, when a person saw exactly them.
    pub seen: Option<BTreeMap<UnitId, StoredChanges>>,
}

/// How it stands at the end.
#[derive(Debug)]
pub struct Summary {
    /// Where each unit stands.
    pub units: BTreeMap<UnitId, UnitState>,
    /// Whether the loop ended by its time and not by rest.
    pub timed_out: bool,
    /// The newest revision.
    pub revision: Option<Revision>,
    /// Whether the newest revision has errors.
    pub problems: bool,
    /// Regions: `ok`, or why they cannot be judged.
    pub regions: BTreeMap<RegionName, String>,
}

/// The loop.
pub struct Driver {
    reconciler: Reconciler,
    options: Options,
    pins: BTreeMap<RegionName, Option<ClusterUid>>,
    wake: Arc<Notify>,
    source_wake: Arc<Notify>,
    listener: Arc<dyn Listener>,
    stop: CancellationToken,
    next_poll: Timestamp,
    next_publish: Timestamp,
    next_attempt: Timestamp,
    source_failures: u32,
    publish_failures: u32,
}

impl Driver {
    /// A loop that has not begun. `pins` are the uids that the regions' clusters must have.
    pub fn new(
        ports: Ports,
        pins: BTreeMap<RegionName, Option<ClusterUid>>,
        options: Options,
        listener: Arc<dyn Listener>,
        stop: CancellationToken,
    ) -> Self {
        let reconciler = Reconciler::new(ports, options.limits);
        Self {
            reconciler,
            options,
            pins,
            wake: Arc::new(Notify::new()),
            source_wake: Arc::new(Notify::new()),
            listener,
            stop,
            next_poll: Timestamp::MIN,
            next_publish: Timestamp::MIN,
            next_attempt: Timestamp::MIN,
            source_failures: 0,
            publish_failures: 0,
        }
    }

    /// Notified when the source may have a new revision.
    pub fn source_wake(&self) -> Arc<Notify> {
        self.source_wake.clone()
    }

    /// Runs until the goal is reached.
    pub async fn run(mut self) -> Result<Summary, DriverError> {
        let accesses: Vec<Arc<RegionAccess>> = self.reconciler.ports().regions.values().flatten().cloned().collect();
        let mut candidates: Vec<Candidate> = accesses.iter().map(|access| self.candidate(access)).collect();
        join_all(candidates.iter_mut().map(Candidate::attempt)).await;
        let mut leases = JoinSet::new();
        for mut candidate in candidates {
            leases.spawn(async move { candidate.keep().await });
        }
        let result = self.stand_by_and_lead(&accesses).await;
        leases.shutdown().await;
        for access in &accesses {
            self.candidate(access).release().await;
        }
        result
    }

    /// Leads whenever no other process does. What another one may have changed is read anew each time.
    async fn stand_by_and_lead(&mut self, accesses: &[Arc<RegionAccess>]) -> Result<Summary, DriverError> {
        let started = self.now();
        loop {
            self.stand_by(accesses, started).await?;
            if self.stop.is_cancelled() {
                return Ok(self.summary(false));
            }
            self.reconciler = Reconciler::new(self.reconciler.ports().clone(), self.options.limits);
            self.next_poll = Timestamp::MIN;
            let mut observers = JoinSet::new();
            for access in accesses {
                access.restart();
                observers.spawn(self.observer(access).run());
            }
            let ended = self.until_goal(accesses, started).await;
            observers.shutdown().await;
            if let Some(summary) = ended? {
                return Ok(summary);
            }
        }
    }

    /// Waits while another process leads.
    async fn stand_by(&self, accesses: &[Arc<RegionAccess>], started: Timestamp) -> Result<(), DriverError> {
        while let Some((region, holder)) = led_elsewhere(accesses) {
            self.listener.hear(News::Standby { holder: &holder });
            if !self.options.wait_for_lead || self.is_over(started) {
                return Err(DriverError::Led { region, holder });
            }
            if self.stop.is_cancelled() {
                return Ok(());
            }
            tokio::select! {
                () = self.wake.notified() => {}
                () = self.pause(Duration::from_secs(1)) => {}
            }
        }
        Ok(())
    }

    fn is_over(&self, started: Timestamp) -> bool {
        match self.options.goal {
            Goal::Rest { timeout } => after(started, timeout) <= self.now(),
            Goal::Forever => false,
        }
    }

    fn observer(&self, access: &Arc<RegionAccess>) -> Observer {
        Observer {
            access: access.clone(),
            pin: self.pins.get(access.name()).cloned().flatten(),
            clock: self.reconciler.ports().clock.clone(),
            wake: self.wake.clone(),
        }
    }

    fn candidate(&self, access: &Arc<RegionAccess>) -> Candidate {
        let Ports { installation, clock, .. } = self.reconciler.ports();
        let region = (access.clone(), self.pins.get(access.name()).cloned().flatten());
        Candidate::new(installation, region, self.options.holder.clone(), clock.clone(), self.wake.clone())
    }

    fn now(&self) -> Timestamp {
        self.reconciler.ports().clock.now()
    }

    /// How it stands at the end; none when another process leads now.
    async fn until_goal(
        &mut self,
        accesses: &[Arc<RegionAccess>],
        started: Timestamp,
    ) -> Result<Option<Summary>, DriverError> {
        self.load().await?;
        self.first_look(accesses, after(self.now(), FIRST_LOOK_MAX)).await;
        loop {
            if led_elsewhere(accesses).is_some() {
                return Ok(None);
            }
            let timed_out = self.is_over(started);
            if self.stop.is_cancelled() || timed_out {
                self.publish_all().await?;
                return Ok(Some(self.summary(timed_out)));
            }
            self.fetch().await?;
            if self.reconciler.tip().is_some() {
                let stop = self.stop.clone();
                let doing = Doing::Apply(self.options.seen.as_ref());
                let runs = self.reconciler.cycle(doing, &stop).await;
                if led_elsewhere(accesses).is_some() {
                    return Ok(None);
                }
                let moving = self.moving(accesses).len();
                self.listener.hear(News::Cycle { runs: &runs, moving });
                if moving == 0 && matches!(self.options.goal, Goal::Rest { .. }) {
                    self.publish_all().await?;
                    return Ok(Some(self.summary(false)));
                }
                self.publish().await?;
            } else if self.reconciler.is_cut_off() {
                self.publish().await?;
            }
            self.wait(started).await;
        }
    }

    /// A process that starts while Git is down waits for it: without the branch nobody knows what is in force.
    async fn load(&mut self) -> Result<(), DriverError> {
        loop {
            let error = match self.reconciler.load().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            self.source_failures += 1;
            let hopeless = matches!(error.retry(), Retry::Never | Retry::OnChange);
            let single = matches!(self.options.goal, Goal::Rest { .. });
            if self.stop.is_cancelled() || (single && (hopeless || self.source_failures >= SOURCE_ATTEMPTS)) {
                return Err(error.into());
            }
            self.listener.hear(News::Trouble(&crate::model::causes::chain(&error)));
            self.pause(growing(self.source_failures)).await;
        }
    }

    async fn first_look(&self, accesses: &[Arc<RegionAccess>], until: Timestamp) {
        let ready = |access: &Arc<RegionAccess>| {
            access.is_settled() && (access.cluster_state().is_err() || access.leadership() != Leadership::Unknown)
        };
        while !accesses.iter().all(ready) && self.now() < until && !self.stop.is_cancelled() {
            tokio::select! {
                () = self.wake.notified() => {}
                () = self.pause(Duration::from_millis(200)) => {}
            }
        }
    }

    async fn fetch(&mut self) -> Result<(), DriverError> {
        if self.now() < self.next_poll {
            return Ok(());
        }
        match self.reconciler.fetch().await {
            Ok(changed) => {
                self.source_failures = 0;
                self.next_poll = after(self.now(), self.options.poll);
                if changed
                    && let Some(tip) = self.reconciler.tip()
                    && let Some(revision) = tip.revision
                {
                    self.listener.hear(News::Revision { revision, problems: tip.diagnostics().len() });
                }
                Ok(())
            }
            Err(error) => {
                self.source_failures += 1;
                let hopeless = matches!(error.retry(), Retry::Never | Retry::OnChange);
                let single = matches!(self.options.goal, Goal::Rest { .. });
                if single && (hopeless || self.source_failures >= SOURCE_ATTEMPTS) {
                    return Err(error.into());
                }
                self.listener.hear(News::Trouble(&crate::model::causes::chain(&error)));
                self.next_poll = after(self.now(), growing(self.source_failures).min(self.options.poll));
                Ok(())
            }
        }
    }

    /// Publishes what is final at once and progress from time to time.
    async fn publish(&mut self) -> Result<(), DriverError> {
        let now = self.now();
        if now < self.next_attempt || (now < self.next_publish && !self.reconciler.has_final_news()) {
            return Ok(());
        }
        match self.reconciler.publish().await {
            Ok(published) => {
                self.publish_failures = 0;
                if published {
                    self.next_publish = after(self.now(), PROGRESS_EVERY);
                    self.listener.hear(News::Published);
                }
                Ok(())
            }
            Err(error) => {
                self.publish_failures += 1;
                self.next_attempt = after(self.now(), growing(self.publish_failures));
                self.listener.hear(News::Trouble(&crate::model::causes::chain(&error)));
                Ok(())
            }
        }
    }

    /// The last report of a run is tried a few times, because nothing comes after it.
    async fn publish_all(&mut self) -> Result<(), DriverError> {
        loop {
            match self.reconciler.publish().await {
                Ok(published) => {
                    if published {
                        self.listener.hear(News::Published);
                    }
                    return Ok(());
                }
                Err(error) => {
                    self.publish_failures += 1;
                    let hopeless = matches!(error.retry(), Retry::Never | Retry::OnChange);
                    if hopeless || self.publish_failures >= SOURCE_ATTEMPTS {
                        return Err(error.into());
                    }
                    self.listener.hear(News::Trouble(&crate::model::causes::chain(&error)));
                    self.reconciler.ports().clock.sleep(growing(self.publish_failures)).await;
                }
            }
        }
    }

    /// Waits for news, for the next planned look, or for the end.
    ///
    /// What units wait for does not count while no revision was read: no cycle runs, so a time that has passed would
    /// never be dealt with, and the loop would turn without a pause.
    async fn wait(&mut self, started: Timestamp) {
        let mut until = self.next_poll;
        if let Goal::Rest { timeout } = self.options.goal {
            until = until.min(after(started, timeout));
        }
        let cycles = self.reconciler.tip().is_some();
        for memory in self.reconciler.units().values().filter(|_| cycles) {
            match memory.next {
                super::memory::Next::Now => until = self.now(),
                super::memory::Next::At(at) => until = until.min(at),
                super::memory::Next::AfterNews => {}
            }
            if memory.is_unpublished() {
                until = until.min(self.next_publish.max(self.next_attempt));
            }
        }
        let pause = Duration::try_from(until.duration_since(self.now())).unwrap_or(Duration::ZERO);
        let (wake, source_wake, stop) = (self.wake.clone(), self.source_wake.clone(), self.stop.clone());
        tokio::select! {
            () = wake.notified() => {}
            () = source_wake.notified() => self.next_poll = Timestamp::MIN,
            () = stop.cancelled() => return,
            () = self.pause(pause) => return,
        }
        self.pause(SETTLE).await;
    }

    async fn pause(&self, duration: Duration) {
        tokio::select! {
            () = self.reconciler.ports().clock.sleep(duration) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Units that may still change without a person.
    fn moving(&self, accesses: &[Arc<RegionAccess>]) -> BTreeSet<&UnitId> {
        let waits_for_region = accesses.iter().any(|access| {
            matches!(access.cluster_state(), Err(RegionUnknown::Unreachable { .. }))
                && access.failed_attempts() < REGION_ATTEMPTS
        });
        let units = self.reconciler.units().iter();
        let moving = units.filter(|(_, memory)| {
            let settled_unknown = memory.state == Some(UnitState::Unknown) && !waits_for_region && !memory.asks_again();
            !memory.is_at_rest() && !settled_unknown
        });
        let mut moving: BTreeSet<&UnitId> = moving.map(|(unit, _)| unit).collect();
        // What waits for a unit that is at rest without being applied will not move either, nor what waits for that.
        loop {
            let units = self.reconciler.units();
            let is_applied = |unit: &UnitId| units.get(unit).is_some_and(|found| found.is_applied);
            let is_blocked =
                |unit: &&UnitId| units.get(*unit).is_some_and(|found| found.is_blocked(&moving, is_applied));
            let blocked: Vec<&UnitId> = moving.iter().copied().filter(is_blocked).collect();
            if blocked.is_empty() {
                return moving;
            }
            for unit in blocked {
                moving.remove(unit);
            }
        }
    }

    fn summary(&self, timed_out: bool) -> Summary {
        let units = self.reconciler.units().iter();
        let tip = self.reconciler.tip();
        Summary {
            units: units.filter_map(|(unit, memory)| Some((unit.clone(), memory.state?))).collect(),
            timed_out,
            revision: tip.and_then(|tip| tip.revision),
            regions: self.reconciler.region_states(),
            problems: tip.is_some_and(|tip| {
                tip.diagnostics().iter().any(|found| found.severity == crate::model::diagnostic::Severity::Error)
            }),
        }
    }
}

fn led_elsewhere(accesses: &[Arc<RegionAccess>]) -> Option<(RegionName, String)> {
    accesses.iter().find_map(|access| match access.leadership() {
        Leadership::HeldBy { holder } => Some((access.name().clone(), holder)),
        Leadership::Held { .. } | Leadership::Unknown => None,
    })
}

fn growing(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.min(6)).min(Duration::from_mins(1))
}

fn after(now: Timestamp, pause: Duration) -> Timestamp {
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}
