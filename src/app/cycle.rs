//! One cycle on one screen: read the source, wish, observe, plan, approve, apply, report.
//!
//! Input: the ports. Output: objects in the regions and documents on the status branch. It holds no rules: each step
//! has its room. Invariants: a unit that nothing happened to costs nothing; what one unit does never depends on another
//! unit's failure, but for what it builds on; nothing is forgotten that the branch does not hold yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::ledger::blocks::Blocks;
use crate::ledger::nodes::Nodes;
use crate::model::diagnostic::Diagnostic;
use crate::model::names::{InstallationId, RegionName};
use crate::model::retry::Retry;
use crate::model::revision::Revision;
use crate::model::unit::UnitId;
use crate::observed::region::RegionUnknown;
use crate::plan::approval::{Automatic, Consents, StoredChanges};
use crate::plan::contention::{self, ContendedObjects};
use crate::plan::unit_plan::PlanId;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::ledger::Ledgers;
use crate::ports::source::{Source, SourceError};
use crate::ports::status_sink::StatusSink;
use crate::region::access::RegionAccess;
use crate::report::fleet_status::{self, FleetStatus};
use crate::report::plan_document::PlanDocument;
use crate::report::unit_status::{self, UnitStatus};
use crate::spec::approval::Approval;
use crate::spec::parse::Limits;

use super::evaluation::{Evaluation, Evaluator};
use super::memory::{Next, UnitMemory};
use super::publication;
use super::schedule::{self, Ran};
use super::status_branch::{self, StatusBranch, StatusBranchError};
use super::status_yaml;
use super::unit_run::{Permission, Shared, UnitRun, Wish};
use super::wishes::Wishes;

mod report;

/// Regions by name; one that cannot be asked at all holds why.
pub type Regions = BTreeMap<RegionName, Result<Arc<RegionAccess>, RegionUnknown>>;

/// Everything outside.
#[derive(Clone)]
pub struct Ports {
    /// Whose objects these are.
    pub installation: InstallationId,
    /// Where specs come from.
    pub source: Arc<dyn Source>,
    /// Where reports go.
    pub sink: Arc<dyn StatusSink>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where keys come from.
    pub entropy: Arc<dyn Entropy>,
    /// The configured regions.
    pub regions: Regions,
    /// Ordering nodes and peers.
    pub ledgers: Arc<dyn Ledgers>,
}

/// What may be done in a cycle.
#[derive(Debug, Clone, Copy)]
pub enum Doing<'a> {
    /// Only plans are wanted.
    Plan,
    /// What the policy allows; of what a person saw, when there is such a choice.
    Apply(Option<&'a BTreeMap<UnitId, StoredChanges>>),
}

/// What this process knows between cycles.
pub struct Reconciler {
    ports: Ports,
    branch: StatusBranch,
    evaluator: Evaluator,
    /// Reads revisions that units fall back to, without disturbing what is remembered of the newest one.
    old_evaluator: Evaluator,
    old: BTreeMap<Revision, Option<Evaluation>>,
    wishes: Wishes,
    tip: Option<Evaluation>,
    rewritten: bool,
    /// Why the source cannot be read, where a person must mend it.
    trouble: Option<Diagnostic>,
    /// What the newest revision was, before this process read any.
    known: Option<Revision>,
    units: BTreeMap<UnitId, UnitMemory>,
    labels: BTreeMap<Box<str>, UnitId>,
    open: BTreeMap<UnitId, PlanId>,
    fleet: Option<FleetStatus>,
    contended: BTreeMap<UnitId, ContendedObjects>,
    region_states: BTreeMap<RegionName, String>,
    nodes: Nodes,
    blocks: Blocks,
}

impl Reconciler {
    /// Knows nothing yet.
    pub fn new(ports: Ports, limits: Limits) -> Self {
        let branch = StatusBranch::new(ports.sink.clone(), ports.clock.clone(), ports.installation.clone());
        let wishes = Wishes::new(ports.installation.clone());
        let nodes = Nodes::new(ports.ledgers.clone());
        Self {
            ports,
            branch,
            evaluator: Evaluator::new(limits),
            old_evaluator: Evaluator::new(limits),
            old: BTreeMap::new(),
            wishes,
            tip: None,
            rewritten: false,
            trouble: None,
            known: None,
            units: BTreeMap::new(),
            labels: BTreeMap::new(),
            open: BTreeMap::new(),
            fleet: None,
            contended: BTreeMap::new(),
            region_states: BTreeMap::new(),
            nodes,
            blocks: Blocks::default(),
        }
    }

    /// Reads what an earlier process left on the status branch.
    pub async fn load(&mut self) -> Result<(), StatusBranchError> {
        let stored = self.branch.load().await?;
        for (path, bytes) in &stored.documents {
            if fleet_status::path().as_ref() == Some(path) {
                self.fleet = status_yaml::read(bytes);
            } else if path.as_str().ends_with("/status.yaml") {
                // What it remembers must not be taken for never done.
                let status: Option<UnitStatus> = status_yaml::read(bytes);
                let status = status.ok_or_else(|| StatusBranchError::Unreadable { path: path.clone() })?;
                if unit_status::path(&status.unit).as_ref() == Some(path) {
                    self.units.insert(status.unit.clone(), UnitMemory::new(Some(status)));
                }
            }
        }
        self.known = self.fleet.as_ref().and_then(|fleet| fleet.revision);
        self.rewritten = self.fleet.as_ref().is_some_and(|fleet| fleet.source_rewritten);
        self.open = stored.open;
        self.remember_begun().await
    }

    /// What an earlier process was applying when it ended is in force, although no status says so yet.
    async fn remember_begun(&mut self) -> Result<(), StatusBranchError> {
        if self.open.is_empty() {
            return Ok(());
        }
        let plans = self.branch.plans(&self.open.values().copied().collect()).await?;
        for (unit, plan) in &self.open {
            let read = plans.get(plan).and_then(|bytes| serde_json::from_slice::<PlanDocument>(bytes).ok());
            let memory = self.units.entry(unit.clone()).or_insert_with(|| UnitMemory::new(None));
            memory.begun = read.and_then(|plan| plan.revision);
        }
        Ok(())
    }

    /// Asks the source for a newer revision; says whether there was one.
    pub async fn fetch(&mut self) -> Result<bool, SourceError> {
        let fetched = self.fetch_newest().await;
        // What passes by itself is not worth a commit.
        let lasting = |error: &&SourceError| matches!(error.retry(), Retry::Never | Retry::OnChange);
        self.trouble = fetched.as_ref().err().filter(lasting).map(publication::source_trouble);
        fetched
    }

    /// Whether the source cannot be read, for a reason that a person must mend.
    pub fn is_cut_off(&self) -> bool {
        self.trouble.is_some()
    }

    async fn fetch_newest(&mut self) -> Result<bool, SourceError> {
        let before = self.tip.as_ref().and_then(|tip| tip.revision);
        let fetched = self.ports.source.fetch(before.or(self.known)).await?;
        if before == Some(fetched.revision) {
            return Ok(false);
        }
        let tip = self.evaluator.evaluate(&*self.ports.source, fetched.revision).await?;
        // A commit on top of a rewritten history is somebody's word that it is meant, but for what is held because of
        // it: the commit may be a neighbour's, who knows nothing of it.
        let stays = || self.known == Some(fetched.revision) || self.holds_restarts();
        self.rewritten = fetched.rewritten || (self.rewritten && stays());
        self.known = Some(fetched.revision);
        self.adopt(tip).await;
        Ok(true)
    }

    /// Whether anything is held that would run by itself had history not been rewritten.
    fn holds_restarts(&self) -> bool {
        let mut held = self.units.values().filter_map(|memory| memory.status()?.held.as_ref());
        held.any(|held| held.restarts > 0)
    }

    /// Takes a revision, or a folder, as the newest one.
    pub async fn adopt(&mut self, tip: Evaluation) {
        let approvals_changed = self.tip.as_ref().map(approvals_of) != Some(approvals_of(&tip));
        self.tip = Some(tip);
        for unit in self.known_units() {
            self.wish(&unit).await;
            let memory = self.units.entry(unit.clone()).or_insert_with(|| UnitMemory::new(None));
            if approvals_changed && memory.status().is_some_and(|status| status.held.is_some()) {
                memory.next = Next::Now;
            }
            self.labels.insert(unit.label().into(), unit);
        }
        self.find_contention();
    }

    /// Looks for objects that two units want, and at both units again when that changed.
    fn find_contention(&mut self) {
        let desired = self.units.values().filter_map(|memory| memory.wish.as_ref()?.desired.as_deref());
        let contended = contention::contention(desired);
        for (unit, memory) in &mut self.units {
            if contended.get(unit) != self.contended.get(unit) {
                memory.next = Next::Now;
            }
        }
        self.contended = contended;
    }

    /// Every unit that is declared, has a status or has an inventory.
    fn known_units(&self) -> BTreeSet<UnitId> {
        let mut units: BTreeSet<UnitId> = self.tip.as_ref().map(Wishes::declared).unwrap_or_default();
        units.extend(self.units.keys().cloned());
        for access in self.ports.regions.values().flatten() {
            units.extend(access.inventoried());
        }
        units.remove(&UnitId::Fleet);
        units
    }

    async fn wish(&mut self, unit: &UnitId) {
        let Some(tip) = self.tip.clone() else { return };
        let fallback = self.units.get(unit).and_then(UnitMemory::in_force);
        let old = match fallback {
            Some(revision) if !tip.is_valid(unit) => self.old_evaluation(revision).await,
            _ => None,
        };
        let mut wished = self.wishes.wish(unit, &tip, old.as_ref());
        if let Some(wish) = &mut wished.wish {
            self.add_previous(wish).await;
        }
        let memory = self.units.entry(unit.clone()).or_insert_with(|| UnitMemory::new(None));
        if !same_wish(memory.wish.as_ref(), wished.wish.as_ref()) || memory.diagnostics != wished.diagnostics {
            memory.next = Next::Now;
            memory.failures = 0;
        }
        memory.wish = wished.wish;
        memory.diagnostics = wished.diagnostics;
    }

    /// A process that just started knows what was in force by the unit's status and open plan: without it a field that
    /// somebody took while nobody looked could not be told from one that is new.
    async fn add_previous(&mut self, wish: &mut Wish) {
        let Some(memory) = self.units.get(&wish.unit).filter(|_| wish.previous.is_none()) else { return };
        let reported = memory.status().and_then(|status| status.wish);
        let is_new = memory.begun.is_some() || reported.is_some_and(|before| before != wish.digest());
        let Some(revision) = memory.in_force().filter(|_| is_new) else { return };
        if let Some(old) = self.old_evaluation(revision).await {
            wish.previous = self.wishes.earlier(&wish.unit, &old);
        }
    }

    /// A revision that a unit falls back to; none when it cannot be read any more.
    async fn old_evaluation(&mut self, revision: Revision) -> Option<Evaluation> {
        if !self.old.contains_key(&revision) {
            let evaluated = self.old_evaluator.evaluate(&*self.ports.source, revision).await;
            let evaluated =
                evaluated.inspect_err(|error| tracing::warn!(%revision, %error, "last good revision cannot be read"));
            self.old.insert(revision, evaluated.ok());
        }
        self.old.get(&revision).cloned().flatten()
    }

    /// Runs what is due.
    pub async fn cycle(&mut self, doing: Doing<'_>, stop: &CancellationToken) -> Vec<UnitRun> {
        self.hear_news().await;
        let now = self.ports.clock.now();
        let due = || self.units.iter().filter(|(_, memory)| memory.is_due(now));
        let frozen: Vec<Ran> =
            due().filter(|(_, memory)| memory.wish.is_none()).map(|(unit, _)| Ran::frozen(unit)).collect();
        let due: BTreeMap<UnitId, Wish> =
            due().filter_map(|(unit, memory)| Some((unit.clone(), memory.wish_with_record()?))).collect();
        let mut applied = self.units.iter().map(|(unit, memory)| (unit.clone(), memory.is_applied)).collect();
        let (regions, reachable) = self.regions();
        let approvals = self.tip.as_ref().map(approvals_of).unwrap_or_default().to_vec();
        let stored = self.stored_plans(&approvals).await;
        let automatic = if self.rewritten { Automatic::Rewritten } else { Automatic::Merged };
        let shared = Shared {
            installation: &self.ports.installation,
            regions: &regions,
            reachable: &reachable,
            clock: &*self.ports.clock,
            entropy: &*self.ports.entropy,
            nodes: &self.nodes,
            blocks: &self.blocks,
            consents: Consents { automatic, approvals: &approvals, stored: &stored },
            contended: &self.contended,
        };
        let permission = match doing {
            Doing::Plan => Permission::PlanOnly,
            Doing::Apply(only) => Permission::Apply { branch: &self.branch, only },
        };
        let mut ran = schedule::run_all(shared, &due, &mut applied, permission, stop).await;
        ran.extend(frozen);
        self.remember(ran, matches!(doing, Doing::Apply(_)))
    }

    /// Marks units that something happened to.
    async fn hear_news(&mut self) {
        let news = self.known_units();
        for unit in news.iter().filter(|unit| !self.units.contains_key(*unit)).cloned().collect::<Vec<_>>() {
            self.labels.insert(unit.label().into(), unit.clone());
            self.wish(&unit).await;
        }
        let states: BTreeMap<RegionName, String> = self.region_states();
        let changed: BTreeSet<&RegionName> = states
            .iter()
            .filter(|(region, state)| self.region_states.get(*region) != Some(*state))
            .map(|(region, _)| region)
            .collect();
        for memory in self.units.values_mut() {
            let concerned = memory.wish.as_ref().is_none_or(|wish| {
                wish.desired
                    .as_ref()
                    .is_none_or(|desired| desired.regions.iter().any(|region| changed.contains(region)))
            });
            if concerned && !changed.is_empty() {
                memory.next = Next::Now;
            }
        }
        for access in self.ports.regions.values().flatten() {
            for label in access.take_touched() {
                if let Some(memory) = self.labels.get(&label).and_then(|unit| self.units.get_mut(unit)) {
                    memory.next = Next::Now;
                }
            }
        }
        self.wake_dependents();
        self.region_states = states;
    }

    /// Marks units for which something changed about what they build on.
    fn wake_dependents(&mut self) {
        let applied: BTreeMap<UnitId, bool> =
            self.units.iter().map(|(unit, memory)| (unit.clone(), memory.is_applied)).collect();
        for memory in self.units.values_mut() {
            let unmet = memory.wish.as_ref().map(|wish| schedule::unmet(wish, &applied)).unwrap_or_default();
            if memory.state.is_some() && unmet != memory.unmet {
                memory.next = Next::Now;
            }
        }
    }

    /// All regions that the fleet or the configuration names, and those among them that answer.
    fn regions(&self) -> (Regions, BTreeMap<RegionName, Arc<RegionAccess>>) {
        let mut regions = self.ports.regions.clone();
        let declared = self.tip.iter().filter_map(Evaluation::fleet).flat_map(|fleet| fleet.settings.regions.keys());
        for region in declared {
            regions.entry(region.clone()).or_insert(Err(RegionUnknown::NotConfigured));
        }
        let answers = |access: &&Arc<RegionAccess>| access.cluster_state().is_ok();
        let reachable = regions
            .iter()
            .filter_map(|(region, access)| Some((region.clone(), access.as_ref().ok().filter(answers)?.clone())))
            .collect();
        (regions, reachable)
    }

    /// Regions: `ok`, or why they cannot be judged.
    pub fn region_states(&self) -> BTreeMap<RegionName, String> {
        let state = |access: Result<Arc<RegionAccess>, RegionUnknown>| match access {
            Ok(access) => match access.cluster_state() {
                Ok(_) => access.incomplete_kind().unwrap_or_else(|| "ok".to_owned()),
                Err(why) => why.to_string(),
            },
            Err(why) => why.to_string(),
        };
        self.regions().0.into_iter().map(|(region, access)| (region, state(access))).collect()
    }

    async fn stored_plans(&self, approvals: &[Approval]) -> BTreeMap<PlanId, StoredChanges> {
        let ids: BTreeSet<PlanId> = approvals.iter().map(|approval| PlanId(approval.plan)).collect();
        if ids.is_empty() {
            return BTreeMap::new();
        }
        let read = self.branch.plans(&ids).await.inspect_err(|error| {
            tracing::warn!(category = error.category(), "stored plans cannot be read, so their approvals wait");
        });
        let grantable = |bytes: &Vec<u8>| serde_json::from_slice::<PlanDocument>(bytes).ok()?.grantable();
        read.unwrap_or_default().iter().filter_map(|(id, bytes)| Some((*id, grantable(bytes)?))).collect()
    }

    fn remember(&mut self, ran: Vec<Ran>, applying: bool) -> Vec<UnitRun> {
        let at = status_branch::now(&*self.ports.clock);
        let mut runs = Vec::new();
        for Ran { mut run, unmet } in ran {
            let unit = run.outcome.unit.clone();
            let Some(memory) = self.units.get_mut(&unit) else { continue };
            run.outcome.diagnostics.clone_from(&memory.diagnostics);
            if applying && memory.begun.is_none() && memory.doubts(&run, self.ports.clock.now()) {
                runs.push(run);
                continue;
            }
            memory.ran(&run, unmet, self.ports.clock.now());
            if applying {
                let open = self.open.remove(&unit);
                memory.begun = None;
                let news = publication::of_run(&run, memory.status(), at, open);
                memory.news.status = news.status;
                memory.news.documents.extend(news.documents);
                memory.news.entries.extend(news.entries);
                self.open.extend(run.unrecorded.map(|plan| (unit.clone(), plan)));
            }
            runs.push(run);
        }
        // At once, or what waits for them would sleep until the next look at the source.
        self.wake_dependents();
        runs.sort_by(|a, b| a.outcome.unit.cmp(&b.outcome.unit));
        runs
    }

    /// What is known of every unit.
    pub fn units(&self) -> &BTreeMap<UnitId, UnitMemory> {
        &self.units
    }

    /// The newest revision as it was read.
    pub fn tip(&self) -> Option<&Evaluation> {
        self.tip.as_ref()
    }

    /// The ports.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }
}

fn approvals_of(evaluation: &Evaluation) -> &[Approval] {
    evaluation.fleet().map(|fleet| fleet.approvals.as_slice()).unwrap_or_default()
}

fn same_wish(a: Option<&Wish>, b: Option<&Wish>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            let same = match (&a.desired, &b.desired) {
                (Some(a), Some(b)) => Arc::ptr_eq(a, b),
                (None, None) => true,
                _ => false,
            };
            same && a.policy == b.policy && a.budgets == b.budgets
        }
        _ => false,
    }
}
