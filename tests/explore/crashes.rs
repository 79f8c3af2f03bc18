//! Every fault at every effect of every story.

use std::time::Duration;

use heddle::sim::faults::{Effect, Fault};

use crate::end::{self, End};
use crate::stories::{STORIES, Story};
use crate::world::{World, fabric_world, world};
use crate::{rules, workers};

/// What may go wrong at an effect.
pub(crate) const FAULTS: [Fault; 8] = [
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::LostAnswer,
    Fault::LostRequest,
    Fault::Conflict,
    Fault::Busy(Duration::from_secs(2)),
    Fault::Unavailable,
    Fault::Refused,
];

/// Processes that one step may take.
const PROCESSES_MAX: usize = 6;

struct Told {
    end: End,
    effects: u64,
}

/// Runs processes until one ends by itself and nothing has gone wrong in it.
pub(crate) async fn run_to_rest(world: &World) {
    let mut last = String::new();
    for _ in 0..PROCESSES_MAX {
        let before = world.faults.recorded().len();
        let result = world.run_until_crash().await;
        let went_wrong = world.faults.recorded()[before..].iter().any(|effect| effect.fault.is_some());
        last = format!("{result:?}");
        if matches!(&result, Some(Ok(summary)) if !summary.timed_out) && !went_wrong {
            return;
        }
    }
    panic!("it does not come to rest: {last}");
}

async fn tell(world: &World, story: &Story, plan: &[(u64, Fault)]) -> Result<Told, String> {
    world.store.set_window(1_000_000);
    for step in story.before {
        step(world);
        run_to_rest(world).await;
    }
    let begin = world.faults.effects();
    for (number, fault) in plan {
        world.faults.at_effect(begin + number, *fault);
    }
    for step in story.steps {
        step(world);
        run_to_rest(world).await;
    }
    let effects = world.faults.effects() - begin;
    let broken = rules::broken(world, story.deletes);
    if !broken.is_empty() {
        return Err(broken.join("\n  "));
    }
    is_at_rest(world).await?;
    Ok(Told { end: end::of(world), effects })
}

/// One more process asks for no object and commits nothing.
pub(crate) async fn is_at_rest(world: &World) -> Result<(), String> {
    world.take_object_requests();
    let commits = world.repository.status_commits();
    world.run_once().await.map_err(|error| error.to_string())?;
    let requests = world.take_object_requests();
    if !requests.is_empty() || world.repository.status_commits() != commits {
        let made = world.repository.status_commits() - commits;
        return Err(format!("a run with nothing to do made {made} commits and asked {requests:?}"));
    }
    Ok(())
}

/// A story that takes longer than its days hangs.
pub(crate) async fn within_days<T>(
    world: &World,
    days: u64,
    story: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let told = tokio::time::timeout(Duration::from_hours(24 * days), story).await;
    told.unwrap_or_else(|_| {
        let effects = world.faults.recorded().into_iter().filter(|effect| effect.effect != Effect::Lease);
        let last: Vec<_> =
            effects.map(|effect| format!("{:?} {} {:?}", effect.effect, effect.target, effect.fault)).collect();
        let requests: Vec<_> =
            world.cluster.requests().into_iter().filter(|r| r.resource != "leases").rev().take(6).collect();
        Err(format!("it hangs after {:?} {requests:?}", &last[last.len().saturating_sub(6)..]))
    })
}

/// A new world, in which pods run nodes or only become ready.
pub(crate) fn in_world<T>(nodes: bool, tell: impl AsyncFnOnce(&World) -> T) -> T {
    if nodes { fabric_world(7, "2026-01-01T00:00:00Z".parse().unwrap(), tell) } else { world(7, tell) }
}

fn explore(story: &Story) {
    let told = in_world(story.nodes, async |world| tell(world, story, &[]).await).unwrap();
    for (name, status) in told.end.iter().filter(|(name, _)| name.contains("status.yaml") && !name.starts_with("fleet"))
    {
        assert_eq!(status["state"], "Converged", "{name}: {status}");
    }
    let exhaustive = std::env::var("HEDDLE_EXHAUSTIVE").is_ok();
    let all: Vec<(u64, Fault)> = (1..=told.effects).flat_map(|number| FAULTS.map(|fault| (number, fault))).collect();
    // A sample that meets every effect and every fault in the end: a step that shares no factor with the faults.
    let every = if exhaustive { 1 } else { 13 };
    let plans: Vec<(u64, Fault)> = all.into_iter().step_by(every).collect();
    let failed = workers::all(&plans, |(number, fault)| {
        let result = in_world(story.nodes, async |world| {
            let result = within_days(world, story.days, tell(world, story, &[(*number, *fault)])).await;
            let hit = world.faults.recorded().into_iter().find(|effect| effect.fault.is_some());
            (result, hit)
        });
        let hit = result.1;
        let why = match result.0 {
            Err(why) => Some(why),
            Ok(found) => end::difference(&told.end, &found.end),
        };
        why.map_or(Ok(()), |why| Err(format!("{} with {fault:?} at effect {number} ({hit:?}):\n  {why}", story.name)))
    });
    let shown = failed.iter().take(12).cloned().collect::<Vec<_>>().join("\n");
    assert!(
        failed.is_empty(),
        "{} of {} runs ({} effects) end badly:\n{shown}",
        failed.len(),
        plans.len(),
        told.effects
    );
}

#[test]
fn creating_a_fleet_survives_any_fault() {
    explore(&STORIES[0]);
}

#[test]
fn an_update_survives_any_fault() {
    explore(&STORIES[1]);
}

#[test]
fn an_approved_deletion_survives_any_fault() {
    explore(&STORIES[2]);
}

#[test]
fn putting_drift_right_survives_any_fault() {
    explore(&STORIES[3]);
}

#[test]
fn issuing_survives_any_fault() {
    explore(&STORIES[4]);
}

#[test]
fn a_renewal_survives_any_fault() {
    explore(&STORIES[5]);
}

#[test]
fn a_channel_from_nothing_survives_any_fault() {
    explore(&STORIES[6]);
}

#[test]
fn another_channel_and_another_peer_survive_any_fault() {
    explore(&STORIES[7]);
}
