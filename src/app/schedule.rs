//! Runs the due units of a cycle, dependencies first, many at once.
//!
//! Input: due units with their wishes. Output: a run of each. It decides nothing about a unit. Invariants: a unit
//! starts only after every due unit that it builds on has made its changes; books (inventories, look-ups for the
//! report) are closed when all changes are made, because the requests that they cost would delay them; a panic in one
//! unit is that unit's failure; after a call to stop no further unit starts and those that run end.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio_util::sync::CancellationToken;

use crate::model::unit::UnitId;
use crate::plan::outcome::{Failure, UnitOutcome};
use crate::plan::unit_plan::UnitPlan;

use super::unit_run::{self, Acted, Effected, Permission, Shared, UnitRun, Wish};

/// Units that run at the same time; requests have a bound of their own.
const UNITS_AT_ONCE: usize = 64;

/// A unit that ran, with the units that it lacked.
#[derive(Debug)]
pub struct Ran {
    /// The run.
    pub run: UnitRun,
    /// Units that it builds on and that were not applied.
    pub unmet: BTreeSet<UnitId>,
}

impl Ran {
    /// A unit of which no good documents can be had: nothing is done, its problems are reported.
    pub fn frozen(unit: &UnitId) -> Self {
        let run = UnitRun {
            outcome: UnitOutcome::empty(unit.clone()),
            plan: UnitPlan::empty(unit.clone()),
            applied: None,
            unrecorded: None,
            is_applied: false,
        };
        Self { run, unmet: BTreeSet::new() }
    }
}

/// Runs all due units. `applied` says which units are applied before; it is kept up to date.
pub async fn run_all(
    shared: Shared<'_>,
    due: &BTreeMap<UnitId, Wish>,
    applied: &mut BTreeMap<UnitId, bool>,
    permission: Permission<'_>,
    stop: &CancellationToken,
) -> Vec<Ran> {
    let mut blocked_by = lacking(due);
    let mut dependents: BTreeMap<&UnitId, Vec<&UnitId>> = BTreeMap::new();
    for (unit, others) in &blocked_by {
        for other in others {
            dependents.entry(*other).or_default().push(*unit);
        }
    }
    let mut ready: BTreeSet<&UnitId> =
        blocked_by.iter().filter(|(_, others)| others.is_empty()).map(|(unit, _)| *unit).collect();
    let mut running = FuturesUnordered::new();
    let mut changed = Vec::new();
    let mut ran = Vec::new();
    loop {
        while running.len() < UNITS_AT_ONCE
            && !stop.is_cancelled()
            && let Some((unit, wish)) = ready.pop_first().and_then(|unit| due.get_key_value(unit))
        {
            let unmet = unmet(wish, applied);
            running.push(async move { (unit, act(shared, wish, &unmet, permission).await, unmet) });
        }
        let Some((unit, acted, unmet)) = running.next().await else { break };
        let is_applied = match &acted {
            Acted::Nothing(run) => run.is_applied,
            Acted::Changed(effected) => effected.is_applied,
        };
        applied.insert(unit.clone(), is_applied);
        for dependent in dependents.get(unit).into_iter().flatten() {
            if let Some(others) = blocked_by.get_mut(*dependent) {
                others.remove(unit);
                if others.is_empty() {
                    ready.insert(dependent);
                }
            }
        }
        match acted {
            Acted::Nothing(run) => ran.push(Ran { run: *run, unmet }),
            Acted::Changed(effected) => changed.extend(due.get(unit).map(|wish| (wish, *effected, unmet))),
        }
    }
    ran.extend(close_all(shared, changed).await);
    ran
}

/// Closes the books of everything that was changed, and says how it stands.
async fn close_all(shared: Shared<'_>, changed: Vec<(&Wish, Effected, BTreeSet<UnitId>)>) -> Vec<Ran> {
    let mut changed = changed.into_iter();
    let mut running = FuturesUnordered::new();
    let mut ran = Vec::new();
    loop {
        while running.len() < UNITS_AT_ONCE
            && let Some((wish, effected, unmet)) = changed.next()
        {
            running.push(async move { Ran { run: close(shared, wish, &unmet, effected).await, unmet } });
        }
        let Some(closed) = running.next().await else { return ran };
        ran.push(closed);
    }
}

/// For each due unit the due units that it builds on.
fn lacking(due: &BTreeMap<UnitId, Wish>) -> BTreeMap<&UnitId, BTreeSet<&UnitId>> {
    due.iter()
        .map(|(unit, wish)| {
            let others = wish.desired.iter().flat_map(|desired| &desired.depends_on);
            (unit, others.filter(|other| due.contains_key(*other) && *other != unit).collect())
        })
        .collect()
}

/// The units that a wish builds on and that are not applied.
pub fn unmet(wish: &Wish, applied: &BTreeMap<UnitId, bool>) -> BTreeSet<UnitId> {
    let others = wish.desired.iter().flat_map(|desired| &desired.depends_on);
    others.filter(|other| !applied.get(*other).copied().unwrap_or(false)).cloned().collect()
}

async fn act(shared: Shared<'_>, wish: &Wish, unmet: &BTreeSet<UnitId>, permission: Permission<'_>) -> Acted {
    let acted = AssertUnwindSafe(unit_run::act(shared, wish, unmet, permission)).catch_unwind();
    acted.await.unwrap_or_else(|_| Acted::Nothing(Box::new(panicked(wish))))
}

async fn close(shared: Shared<'_>, wish: &Wish, unmet: &BTreeSet<UnitId>, effected: Effected) -> UnitRun {
    let closed = AssertUnwindSafe(unit_run::close(shared, wish, unmet, effected)).catch_unwind();
    closed.await.unwrap_or_else(|_| panicked(wish))
}

fn panicked(wish: &Wish) -> UnitRun {
    let failure =
        Failure::Error("heddle failed inside while it worked on this unit; see the log, please report it".into());
    UnitRun {
        outcome: UnitOutcome {
            revision: wish.revision,
            failure: Some(failure),
            ..UnitOutcome::empty(wish.unit.clone())
        },
        plan: UnitPlan::empty(wish.unit.clone()),
        applied: None,
        unrecorded: None,
        is_applied: false,
    }
}
