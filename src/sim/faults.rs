//! A plan of what goes wrong.
//!
//! Input: rules by the number of an effect or read, or a seed. Output: for each call, whether and how it fails; a
//! record of all effects. It makes no effect. Invariants: every effect has a number, counted from 1 over all fronts
//! that share the plan; the same plan and the same calls give the same faults; a crashed process gets no answer any
//! more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::store::failure::Failure;
use crate::model::object::Kind;

/// What changes the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// A server-side apply.
    Apply,
    /// The creation of a Secret that is issued.
    Secret,
    /// A deletion.
    Delete,
    /// A write of an inventory.
    Inventory,
    /// A write of a Lease.
    Lease,
    /// A push to the status branch.
    Publish,
    /// The join of a node to a channel.
    Join,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before the effect.
    CrashBefore,
    /// The process dies after the effect.
    CrashAfter,
    /// The effect happens, the answer does not come.
    LostAnswer,
    /// Neither happens, and the caller cannot tell.
    LostRequest,
    /// 409, or a lost push race.
    Conflict,
    /// 429 with `Retry-After`.
    Busy(Duration),
    /// 503 before processing.
    Unavailable,
    /// No connection.
    Unreachable,
    /// 403, or a push that a hook refuses.
    Refused,
    /// It takes this long.
    Slow(Duration),
}

/// The server's own answer to a write, in its words.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What it says.
    pub failure: Failure,
    /// Whether it has done the write nevertheless.
    pub done: bool,
}

/// An effect that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its number, from 1.
    pub number: u64,
    /// What kind.
    pub effect: Effect,
    /// On what.
    pub target: String,
    /// How it failed, if it did.
    pub fault: Option<Fault>,
}

/// A seeded choice of faults.
#[derive(Debug, Clone)]
pub struct Chance {
    /// The seed.
    pub seed: u64,
    /// How many calls of a thousand fail.
    pub per_mille: u64,
    /// From what is chosen.
    pub faults: Vec<Fault>,
}

/// Pushes that fail.
struct FailedPushes {
    after: u64,
    fault: Fault,
    left: u64,
}

#[derive(Default)]
struct Inner {
    effects: BTreeMap<u64, Fault>,
    reads: BTreeMap<u64, Fault>,
    recorded: Vec<Recorded>,
    reads_seen: u64,
    chance: Option<Chance>,
    forbidden: BTreeSet<Kind>,
    answers: BTreeMap<Kind, (u32, Answer)>,
    silent: bool,
    expired: bool,
    torn_after: Option<u64>,
    unreachable: bool,
    pushes: Option<FailedPushes>,
}

/// The plan, shared by all fronts of a simulated world.
pub struct Faults {
    inner: Mutex<Inner>,
    crashed: watch::Sender<bool>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { inner: Mutex::new(Inner::default()), crashed: watch::Sender::new(false) }
    }
}

impl Faults {
    /// The `number`-th effect from the start fails.
    pub fn at_effect(&self, number: u64, fault: Fault) {
        self.inner().effects.insert(number, fault);
    }

    /// The `number`-th read from the start fails.
    pub fn at_read(&self, number: u64, fault: Fault) {
        self.inner().reads.insert(number, fault);
    }

    /// Calls fail by chance from now on; `None` ends it.
    pub fn by_chance(&self, chance: Option<Chance>) {
        self.inner().chance = chance;
    }

    /// Lists and watches of a kind are refused, or no longer.
    pub fn forbid_list(&self, kind: Kind, forbidden: bool) {
        let mut inner = self.inner();
        if forbidden {
            inner.forbidden.insert(kind)
        } else {
            inner.forbidden.remove(&kind)
        };
    }

    /// The next `times` writes of objects of a kind get this answer.
    pub fn answer_writes(&self, kind: Kind, times: u32, answer: Answer) {
        self.inner().answers.insert(kind, (times, answer));
    }

    /// Watches tell nothing, not even a bookmark, or tell what they have again.
    pub fn silence_watches(&self, silent: bool) {
        self.inner().silent = silent;
    }

    /// The next watch finds its version gone.
    pub fn expire_next_watch(&self) {
        self.inner().expired = true;
    }

    /// Each watch breaks after so many events; `None` ends it.
    pub fn tear_watches_after(&self, events: Option<u64>) {
        self.inner().torn_after = events;
    }

    /// Nothing is reachable, or again.
    pub fn set_unreachable(&self, unreachable: bool) {
        self.inner().unreachable = unreachable;
    }

    /// The next pushes, so many of them, fail in this way.
    pub fn fail_pushes(&self, fault: Fault, times: u64) {
        self.fail_pushes_after(0, fault, times);
    }

    /// The same, of those that come after an effect.
    pub fn fail_pushes_after(&self, effect: u64, fault: Fault, times: u64) {
        self.inner().pushes = Some(FailedPushes { after: effect, fault, left: times });
    }

    /// Everything that was asked for so far.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.inner().recorded.clone()
    }

    /// How many effects were asked for so far.
    pub fn effects(&self) -> u64 {
        self.inner().recorded.len() as u64
    }

    /// Returns when the process has died. The caller then drops everything that ran in it.
    pub async fn crashed(&self) {
        let mut crashed = self.crashed.subscribe();
        // The sender lives as long as `self`.
        drop(crashed.wait_for(|crashed| *crashed).await);
    }

    /// Whether the process has died.
    pub fn is_crashed(&self) -> bool {
        *self.crashed.borrow()
    }

    /// A new process starts: calls are answered again, numbers go on.
    pub fn revive(&self) {
        self.crashed.send_replace(false);
    }

    /// The process dies: this never returns.
    pub async fn crash(&self) {
        self.crashed.send_replace(true);
        std::future::pending::<()>().await;
    }

    /// Counts an effect and tells how it fails.
    pub fn effect(&self, effect: Effect, target: &str) -> Option<Fault> {
        let mut inner = self.inner();
        let number = inner.recorded.len() as u64 + 1;
        let planned = inner.effects.get(&number).copied();
        let push = if effect == Effect::Publish { inner.next_push(number) } else { None };
        let fault = inner.unreachable.then_some(Fault::Unreachable).or(push).or(planned).or_else(|| inner.draw());
        inner.recorded.push(Recorded { number, effect, target: target.to_owned(), fault });
        fault
    }

    /// Counts a read and tells how it fails.
    pub fn read(&self) -> Option<Fault> {
        let mut inner = self.inner();
        inner.reads_seen += 1;
        let number = inner.reads_seen;
        let planned = inner.reads.get(&number).copied();
        inner.unreachable.then_some(Fault::Unreachable).or(planned).or_else(|| inner.draw())
    }

    /// Whether lists of a kind are refused.
    pub fn is_forbidden(&self, kind: Kind) -> bool {
        self.inner().forbidden.contains(&kind)
    }

    /// The answer that was planned for this write, if there is one.
    pub fn take_answer(&self, kind: Kind) -> Option<Answer> {
        let mut inner = self.inner();
        let (times, answer) = inner.answers.get_mut(&kind)?;
        *times = times.checked_sub(1)?;
        Some(answer.clone())
    }

    /// Whether watches tell nothing.
    pub fn are_watches_silent(&self) -> bool {
        self.inner().silent
    }

    /// Whether this watch finds its version gone.
    pub fn take_expired(&self) -> bool {
        std::mem::take(&mut self.inner().expired)
    }

    /// After how many events watches break.
    pub fn torn_after(&self) -> Option<u64> {
        self.inner().torn_after
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn next_push(&mut self, number: u64) -> Option<Fault> {
        let pushes = self.pushes.as_mut().filter(|pushes| pushes.left > 0 && number > pushes.after)?;
        pushes.left -= 1;
        Some(pushes.fault)
    }

    fn draw(&mut self) -> Option<Fault> {
        let chance = self.chance.as_mut()?;
        if next(&mut chance.seed) % 1000 >= chance.per_mille || chance.faults.is_empty() {
            return None;
        }
        let choice = next(&mut chance.seed) % chance.faults.len() as u64;
        chance.faults.get(usize::try_from(choice).ok()?).copied()
    }
}

/// The next number of the sequence `SplitMix64`.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planned_fault_hits_its_effect_only() {
        let faults = Faults::default();
        faults.at_effect(2, Fault::LostAnswer);
        let seen: Vec<_> = (0..3).map(|_| faults.effect(Effect::Apply, "x")).collect();
        assert_eq!(seen, [None, Some(Fault::LostAnswer), None]);
        assert_eq!(faults.recorded().iter().map(|recorded| recorded.number).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn one_seed_gives_one_sequence() {
        let run = |seed| {
            let faults = Faults::default();
            let choice = vec![Fault::LostAnswer, Fault::Conflict];
            faults.by_chance(Some(Chance { seed, per_mille: 500, faults: choice }));
            (0..50).map(|_| faults.effect(Effect::Apply, "x")).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }
}
