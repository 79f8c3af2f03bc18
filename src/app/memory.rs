//! What this process remembers of each unit between cycles.
//!
//! Input: wishes, runs, what the status branch held. Output: which units are due, and what is not on the branch yet. It
//! runs nothing. Invariants: a unit that is at rest is due only after news about it; what was to be published stays
//! here until the branch has it.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::diagnostic::Diagnostic;
use crate::model::revision::Revision;
use crate::model::unit::UnitId;
use crate::model::waiting::WaitingOn;
use crate::plan::outcome::{ChangeOutcome, Failure, UnitOutcome, UnitState};
use crate::report::unit_status::{self, UnitStatus};

use super::publication::UnitNews;
use super::unit_run::{UnitRun, Wish};

/// The longest pause after failures.
const PAUSE_MAX: Duration = Duration::from_mins(5);
/// How often a unit that makes progress by itself is looked at without any news.
const SAFETY_PAUSE: Duration = Duration::from_mins(2);

/// How often the Secrets of identities are looked at.
const KEYS_PAUSE: Duration = Duration::from_mins(10);

/// How often the nodes of channels are asked when nothing is to be done.
const LEDGERS_PAUSE: Duration = Duration::from_secs(30);
/// The first pause before nodes are asked again about what is on its way. Each is an eighth longer than the one before, so that
/// what came meanwhile is seen no later than after an eighth more of the time that it took.
const ASK_AGAIN_MIN: Duration = Duration::from_millis(50);
/// The longest such pause.
const ASK_AGAIN_MAX: Duration = Duration::from_secs(10);
/// After so many questions in a row a single run leaves nodes that do not answer.
const QUESTIONS_MAX: u32 = 46;
/// How often in a row a node may be silent, or a channel without a leader, before anybody is told.
const DOUBTS_MAX: u32 = 3;
/// The pause between two such looks.
const DOUBT_PAUSE: Duration = Duration::from_secs(5);

/// When a unit is looked at next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// In the next cycle.
    Now,
    /// Then, or after news.
    At(Timestamp),
    /// Only after news.
    AfterNews,
}

/// One unit.
#[derive(Debug, Clone)]
pub struct UnitMemory {
    /// What is wanted; none for a frozen unit, or one that was never wanted.
    pub wish: Option<Wish>,
    /// Problems of the newest revision.
    pub diagnostics: Vec<Diagnostic>,
    /// The status that the branch holds.
    pub published: Option<UnitStatus>,
    /// The revision that an earlier process was applying when it ended, until this one has looked.
    pub begun: Option<Revision>,
    /// What the branch does not hold yet.
    pub news: UnitNews,
    /// Whether everything that it wants exists.
    pub is_applied: bool,
    /// Units that it built on and that were not applied when it ran.
    pub unmet: BTreeSet<UnitId>,
    /// When it is looked at next.
    pub next: Next,
    /// Runs in a row that ended without success.
    pub failures: u32,
    /// Where it stands; none before its first run.
    pub state: Option<UnitState>,
    /// Whether trying again soon is not worth waiting for.
    pub gave_up: bool,
    /// Whether a part of it goes on by itself while another waits for a person.
    pub goes_on: bool,
    /// Looks in a row that waited for what only nodes of channels tell.
    pub questions: u32,
    /// Looks in a row whose doubts about a channel that was well are not told yet.
    pub doubts: u32,
}

impl UnitMemory {
    /// A unit that has not run yet.
    pub fn new(published: Option<UnitStatus>) -> Self {
        Self {
            wish: None,
            diagnostics: Vec::new(),
            published,
            begun: None,
            news: UnitNews::default(),
            is_applied: false,
            unmet: BTreeSet::new(),
            next: Next::Now,
            failures: 0,
            state: None,
            gave_up: false,
            goes_on: false,
            questions: 0,
            doubts: 0,
        }
    }

    /// The wish, with what the newest status says was issued, and what the branch says of first blocks.
    pub fn wish_with_record(&self) -> Option<Wish> {
        let recorded = self.status().map(unit_status::recorded).unwrap_or_default();
        // Nobody is joined before the branch itself holds the record.
        let blocks = self.published.as_ref().map(unit_status::known_channels).unwrap_or_default();
        Some(Wish { recorded, blocks, ..self.wish.clone()? })
    }

    /// The revision whose wish is in force.
    pub fn in_force(&self) -> Option<Revision> {
        self.begun.or_else(|| self.status()?.revision)
    }

    /// The newest status, on the branch or not.
    pub fn status(&self) -> Option<&UnitStatus> {
        self.news.status.as_ref().or(self.published.as_ref())
    }

    /// Whether it is due.
    pub fn is_due(&self, now: Timestamp) -> bool {
        match self.next {
            Next::Now => true,
            Next::At(at) => at <= now,
            Next::AfterNews => false,
        }
    }

    /// Whether the branch lacks something.
    pub fn is_unpublished(&self) -> bool {
        let news = &self.news;
        !news.entries.is_empty()
            || !news.documents.is_empty()
            || news.status.as_ref().is_some_and(|status| Some(status) != self.published.as_ref())
    }

    /// Takes in a run.
    pub fn ran(&mut self, run: &UnitRun, unmet: BTreeSet<UnitId>, now: Timestamp) {
        let state = run.outcome.state();
        self.is_applied = run.is_applied;
        self.unmet = unmet;
        self.state = Some(state);
        let acted = run.applied.is_some() && run.outcome.failure.is_none();
        self.failures = if failed(&run.outcome) { self.failures.saturating_add(1) } else { 0 };
        self.gave_up = self.failures >= FAILURES_MAX || (state == UnitState::Failed && !is_transient(&run.outcome));
        self.goes_on = goes_on(&run.outcome);
        self.doubts = 0;
        let asks = run.outcome.waits.iter().any(is_told_by_nodes);
        self.questions = match (asks, acted) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => self.questions.saturating_add(1),
        };
        self.next = match state {
            UnitState::Failed if self.gave_up => Next::At(after(now, PAUSE_MAX)),
            UnitState::Stale | UnitState::Failed => Next::At(after(now, pause(self.failures))),
            // What is refused or held stops no routine change that is left.
            _ if self.unmet.is_empty() && run.outcome.pending > 0 && acted && got_further(&run.outcome) => Next::Now,
            _ if asks && self.unmet.is_empty() && run.outcome.pending == 0 => {
                Next::At(after(now, ask_again(self.questions)))
            }
            _ if self.goes_on && state.is_at_rest() => Next::At(after(now, SAFETY_PAUSE)),
            UnitState::Converged | UnitState::Waiting | UnitState::Held | UnitState::Refused | UnitState::Invalid => {
                if self.has_channels() {
                    Next::At(after(now, LEDGERS_PAUSE))
                } else if self.has_keys() {
                    Next::At(after(now, KEYS_PAUSE))
                } else {
                    Next::AfterNews
                }
            }
            // What it builds on wakes it; until then its changes stay where they are.
            UnitState::Progressing if !self.unmet.is_empty() => Next::At(after(now, SAFETY_PAUSE)),
            // Routine changes are left, such as those after a stage that just ended.
            UnitState::Progressing if run.outcome.pending > 0 && acted && self.failures == 0 => Next::Now,
            UnitState::Progressing if run.outcome.pending > 0 => {
                self.failures = self.failures.saturating_add(1);
                Next::At(after(now, pause(self.failures)))
            }
            UnitState::Progressing | UnitState::Unknown => Next::At(after(now, SAFETY_PAUSE)),
        };
    }

    /// Whether it has keys, whose certificates end without anybody telling, and whose Secrets nobody watches.
    fn has_keys(&self) -> bool {
        let desired = self.wish.as_ref().and_then(|wish| wish.desired.as_ref());
        desired.is_some_and(|desired| !desired.identities.is_empty())
    }

    /// Whether it has channels, about which only their nodes tell.
    fn has_channels(&self) -> bool {
        let desired = self.wish.as_ref().and_then(|wish| wish.desired.as_ref());
        desired.is_some_and(|desired| !desired.channels.is_empty())
    }

    /// Whether nodes of its channels are asked again soon.
    pub fn asks_again(&self) -> bool {
        (1..QUESTIONS_MAX).contains(&self.questions)
    }

    /// Whether a run only doubts, and for the first few times, that a channel that was well is so still. Such a run leaves
    /// everything as it was but the time of the next look: nodes are silent for moments, and leaders change.
    pub fn doubts(&mut self, run: &UnitRun, now: Timestamp) -> bool {
        let UnitOutcome { waits, refusals, failure, results, .. } = &run.outcome;
        let was_well = self.state == Some(UnitState::Converged) && self.doubts < DOUBTS_MAX;
        let only_doubts = !waits.is_empty() && waits.iter().all(is_told_by_nodes);
        let nothing_else = refusals.is_empty() && failure.is_none() && results.is_empty() && run.outcome.pending == 0;
        let same_wish = run.outcome.wish.is_some() && run.outcome.wish == self.status().and_then(|status| status.wish);
        let doubts = was_well && only_doubts && nothing_else && same_wish;
        if doubts {
            self.doubts += 1;
            self.next = Next::At(after(now, DOUBT_PAUSE));
        }
        doubts
    }

    /// Everything that was new is on the branch. What waited for it to remember a first block goes on.
    pub fn take_published(&mut self) {
        let waited = self.has_unpublished_block();
        if let Some(status) = std::mem::take(&mut self.news).status {
            self.published = Some(status);
        }
        if waited {
            self.next = Next::Now;
        }
    }

    /// Whether a first block is kept that the branch does not remember, so that nobody is joined before it does.
    pub fn has_unpublished_block(&self) -> bool {
        let Some(status) = &self.news.status else { return false };
        let known = self.published.as_ref().map(unit_status::known_channels).unwrap_or_default();
        unit_status::known_channels(status).keys().any(|channel| !known.contains_key(channel))
    }

    /// Whether it only waits for units that it builds on and that get no further: `moving` are those that may, and what is
    /// applied since it ran is no reason to wait any more.
    pub fn is_blocked(&self, moving: &BTreeSet<&UnitId>, is_applied: impl Fn(&UnitId) -> bool) -> bool {
        let waits = matches!(self.state, Some(UnitState::Progressing | UnitState::Unknown)) && self.next != Next::Now;
        let mut missing = self.unmet.iter().filter(|unit| !is_applied(unit)).peekable();
        waits && missing.peek().is_some() && !missing.any(|unit| moving.contains(unit))
    }

    /// Whether nothing but news, a person or a long pause can change anything.
    pub fn is_at_rest(&self) -> bool {
        match (self.state, self.next) {
            (None, _) | (_, Next::Now) => false,
            (Some(state), _) => self.gave_up || (state.is_at_rest() && !self.goes_on && !self.asks_again()),
        }
    }
}

/// After so many failures in a row a single run gives up.
const FAILURES_MAX: u32 = 4;

/// Whether nodes still restart in turn, or objects still go. Without its Secret a node never gets ready, so nobody's
/// turn comes before a person brings it.
fn goes_on(outcome: &UnitOutcome) -> bool {
    let in_turn = |wait: &WaitingOn| {
        matches!(wait, WaitingOn::Restart { .. } | WaitingOn::Quorum { .. } | WaitingOn::Deletion { .. })
    };
    let needs_secret = |wait: &WaitingOn| matches!(wait, WaitingOn::Secret { .. });
    outcome.waits.iter().any(in_turn) && !outcome.waits.iter().any(needs_secret)
}

/// Whether a change was made that was not there before.
fn got_further(outcome: &UnitOutcome) -> bool {
    outcome.results.iter().any(|result| matches!(result.outcome, ChangeOutcome::Done))
}

fn failed(outcome: &UnitOutcome) -> bool {
    matches!(outcome.state(), UnitState::Failed | UnitState::Stale)
}

/// Whether only nodes of channels can tell that a wait ended.
fn is_told_by_nodes(wait: &WaitingOn) -> bool {
    match wait {
        WaitingOn::NodeSilent { .. }
        | WaitingOn::Leader { .. }
        | WaitingOn::Quorum { .. }
        | WaitingOn::ChannelTurn { .. }
        | WaitingOn::ChannelRecord { .. } => true,
        WaitingOn::Secret { .. }
        | WaitingOn::Unit { .. }
        | WaitingOn::Ready { .. }
        | WaitingOn::Deletion { .. }
        | WaitingOn::Observation { .. }
        | WaitingOn::Region { .. }
        | WaitingOn::Restart { .. }
        | WaitingOn::Authority { .. }
        | WaitingOn::Identity { .. }
        | WaitingOn::AuthorityEnds { .. }
        | WaitingOn::NodeStarting { .. }
        | WaitingOn::Approval { .. } => false,
    }
}

fn ask_again(questions: u32) -> Duration {
    (1..questions.min(QUESTIONS_MAX)).fold(ASK_AGAIN_MIN, |pause, _| pause * 9 / 8).min(ASK_AGAIN_MAX)
}

/// Whether trying again without any change can help.
fn is_transient(outcome: &UnitOutcome) -> bool {
    let transient = |outcome: &ChangeOutcome| match outcome {
        ChangeOutcome::Failed { transient, .. } => *transient,
        ChangeOutcome::NotSettled { .. } | ChangeOutcome::Stale { .. } => true,
        ChangeOutcome::Done
        | ChangeOutcome::DoneBefore
        | ChangeOutcome::Foreign { .. }
        | ChangeOutcome::Conflict { .. }
        | ChangeOutcome::NotReached => false,
    };
    let failure = match &outcome.failure {
        Some(Failure::Error(_) | Failure::Stale(_)) => true,
        None => false,
    };
    failure || outcome.results.iter().any(|result| transient(&result.outcome))
}

fn pause(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.min(8)).min(PAUSE_MAX)
}

fn after(now: Timestamp, pause: Duration) -> Timestamp {
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::channel::ChannelRef;
    use crate::model::digest::Digest;
    use crate::model::names::{ChannelId, RegionName, TenantName};
    use crate::model::object::{Kind, ObjectId, ObjectRef};
    use crate::model::unit::NetworkRef;
    use crate::plan::approval::Consent;
    use crate::plan::change::{Change, ChannelAction, ChannelStep};
    use crate::plan::channel::state::ChannelState;
    use crate::plan::identity::Recorded;
    use crate::plan::outcome::ChangeResult;
    use crate::plan::refusal::Refusal;
    use crate::plan::unit_plan::UnitPlan;
    use crate::spec::fleet::{ApplyPolicy, Budgets, ConflictPolicy};

    #[test]
    fn a_unit_is_not_blocked_by_what_was_applied_after_it_ran() {
        let unit = |text: &str| UnitId::parse(text).unwrap();
        let (organization, other) = (unit("organization/acme/acme"), unit("organization/bravo/bravo"));
        let mut memory = UnitMemory::new(None);
        memory.state = Some(UnitState::Progressing);
        memory.next = Next::AfterNews;
        memory.unmet = BTreeSet::from([organization.clone(), other.clone()]);
        let blocked = |moving: &[&UnitId], applied: &[&UnitId]| {
            memory.is_blocked(&moving.iter().copied().collect(), |unit| applied.contains(&unit))
        };
        assert!(blocked(&[], &[]), "neither gets further");
        assert!(!blocked(&[&other], &[]), "one may get further");
        assert!(blocked(&[], &[&other]), "the other one is still missing");
        assert!(!blocked(&[], &[&organization, &other]), "news of them is on its way");
    }

    #[test]
    fn a_unit_that_did_something_asks_silent_nodes_again_before_a_single_run_leaves_them() {
        let unit = UnitId::parse("network/platform/trade").unwrap();
        let node = ObjectRef {
            region: RegionName::parse("local").unwrap(),
            id: ObjectId::namespaced(Kind::StatefulSet, "demo-platform", "orderer3"),
        };
        let channel =
            ChannelRef { network: NetworkRef::parse("platform/trade").unwrap(), id: ChannelId::parse("ch1").unwrap() };
        let mut outcome = UnitOutcome::empty(unit.clone());
        let leader_of = channel.clone();
        let leader = WaitingOn::Leader { channel: channel.clone(), active: 0, size: 3 };
        outcome.waits.insert(WaitingOn::NodeSilent { node, channel, detail: "no answer".to_owned() });
        let plan = UnitPlan::empty(unit);
        let mut run = UnitRun { outcome, applied: Some(plan.clone()), plan, unrecorded: None, is_applied: false };
        let now = Timestamp::UNIX_EPOCH;
        let mut memory = UnitMemory::new(None);
        memory.ran(&run, BTreeSet::new(), now);
        assert_eq!((memory.state, memory.asks_again()), (Some(UnitState::Unknown), true));
        run.applied = None;
        for _ in 2..QUESTIONS_MAX {
            memory.ran(&run, BTreeSet::new(), now);
            assert!(memory.asks_again());
        }
        memory.ran(&run, BTreeSet::new(), now);
        assert!(!memory.asks_again(), "a single run leaves it");
        // Something else of the unit is refused: that is no reason to end before the nodes were asked.
        let id = ObjectId::namespaced(Kind::ConfigMap, "demo-platform", "other");
        let object = ObjectRef { region: RegionName::parse("local").unwrap(), id };
        run.outcome.refusals.insert(Refusal::Lost { object });
        run.outcome.waits = BTreeSet::from([leader]);
        let mut memory = UnitMemory::new(None);
        memory.ran(&run, BTreeSet::new(), now);
        assert_eq!((memory.state, memory.is_at_rest()), (Some(UnitState::Refused), false));
        // With steps left it goes on at once, but only while it gets further.
        let step = ChannelStep { channel: leader_of, action: ChannelAction::JoinPeer { block: None } };
        let target = ObjectRef {
            region: RegionName::parse("local").unwrap(),
            id: ObjectId::namespaced(Kind::StatefulSet, "demo-acme", "peer1"),
        };
        let change = Change::channel(target, &TenantName::parse("acme").unwrap(), step);
        (run.applied, run.outcome.pending) = (Some(run.plan.clone()), 1);
        for (outcome, goes_on) in [(ChangeOutcome::Done, true), (ChangeOutcome::DoneBefore, false)] {
            run.outcome.results = vec![ChangeResult { change: change.clone(), consent: Consent::Automatic, outcome }];
            memory.ran(&run, BTreeSet::new(), now);
            assert_eq!(memory.next == Next::Now, goes_on);
        }
    }

    #[test]
    fn a_first_block_counts_when_the_branch_holds_it_and_not_when_it_is_to_be_pushed() {
        let unit = UnitId::parse("network/platform/trade").unwrap();
        let state = ChannelState {
            block: Some(Digest::of(b"block")),
            confirmed: BTreeSet::new(),
            has_leader: false,
            orderers: BTreeMap::new(),
            peers: BTreeMap::new(),
        };
        let mut outcome = UnitOutcome::empty(unit.clone());
        outcome.channels.insert(ChannelId::parse("ch1").unwrap(), state);
        let status = unit_status::status(&outcome, None, None);
        let mut memory = UnitMemory::new(None);
        memory.wish = Some(Wish {
            unit,
            desired: None,
            previous: None,
            revision: None,
            policy: ApplyPolicy { conflicts: ConflictPolicy::Correct },
            budgets: Budgets { deletes: 0, restarts: 1 },
            recorded: Recorded::new(),
            blocks: BTreeMap::new(),
        });
        memory.news.status = Some(status.clone());
        assert!(memory.wish_with_record().unwrap().blocks.is_empty());
        assert!(memory.has_unpublished_block());
        memory.next = Next::AfterNews;
        memory.take_published();
        assert_eq!(memory.next, Next::Now, "whoever waited for it goes on");
        assert_eq!(memory.wish_with_record().unwrap().blocks.len(), 1);
        memory.news.status = Some(status);
        assert!(!memory.has_unpublished_block());
    }
}
