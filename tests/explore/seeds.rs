//! Random worlds by seed: people and misfortunes at random, then peace, in which every world must come to the same end.

use heddle::model::object::Kind;
use heddle::sim::faults::Chance;
use heddle::sim::store::Target;
use heddle::sim::store::delete::DeleteOptions;
use heddle::sim::store::resources::Resource;
use serde_json::json;

use crate::crashes::{FAULTS, in_world, is_at_rest, run_to_rest, within_days};
use crate::end::{self, End};
use crate::stories::{bring_wanted_secrets, commit_channel, commit_fleet};
use crate::world::World;
use crate::{rules, workers};

/// What may happen between two processes.
const EVENTS: u64 = 12;
const PEER: &str = "trade-acme-peer1-a29dd58b";
const FOREIGN: &str = "somebody-elses";

/// Ordering nodes by address.
const ORDERERS: [&str; 3] = [
    "trade-orderer-org-orderer1.demo-platform.svc",
    "trade-orderer-org-orderer2.demo-platform.svc",
    "trade-orderer-org-orderer3.demo-platform.svc",
];

/// Which fleet people want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fleet {
    /// CA servers, and Secrets that people bring.
    Served,
    /// heddle issues, and nodes that pods run have a channel.
    WithChannel,
}

impl Fleet {
    fn commit(self, world: &World) {
        match self {
            Self::Served => commit_fleet(world),
            Self::WithChannel => commit_channel(world),
        }
    }
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A world in which only what people want last ever happened.
async fn oracle(world: &World, fleet: Fleet) -> End {
    world.store.set_window(1_000_000);
    fleet.commit(world);
    settle(world).await;
    world.commit_text("notes.md", "the end");
    settle(world).await;
    end::of(world)
}

/// Peace: processes until every wanted Secret is there and everything is at rest.
async fn settle(world: &World) {
    for _ in 0..3 {
        run_to_rest(world).await;
        bring_wanted_secrets(world);
    }
    run_to_rest(world).await;
}

async fn tell(world: &World, fleet: Fleet, seed: u64) -> Result<End, String> {
    let mut dice = Dice(seed);
    world.store.set_window(1_000_000);
    fleet.commit(world);
    let may_recreate = hard_times(world, fleet, &mut dice).await;
    world.faults.by_chance(None);
    world.faults.tear_watches_after(None);
    world.faults.set_unreachable(false);
    for kind in Kind::ALL {
        world.faults.forbid_list(kind, false);
    }
    for node in ORDERERS {
        // What runs, or never ran, is left alone.
        world.net.kill(node);
        let _never_placed = world.net.start(node);
    }
    fleet.commit(world);
    world.commit_text("notes.md", "the end");
    let from = world.faults.recorded().len();
    settle(world).await;
    for effect in &world.faults.recorded()[from..] {
        tell_if_asked(&format!("{effect:?}"));
    }
    for (path, status) in crate::stories::statuses(world) {
        tell_if_asked(&format!("{path}: {:?} {:?} {:?}", status.state, status.failures, status.refusals));
    }
    let broken = rules::broken(world, may_recreate);
    // What a person deleted may have a second life and may have been missed; only claims and namespaces may not.
    let broken: Vec<String> = broken
        .into_iter()
        .filter(|rule| !may_recreate || !(rule.contains(" lives") || rule.contains("down together")))
        .collect();
    if !broken.is_empty() {
        return Err(broken.join("\n  "));
    }
    is_at_rest(world).await?;
    let mut end = end::of(world);
    end.retain(|name, _| !name.contains(FOREIGN));
    Ok(end)
}

/// Whether a person deleted something.
async fn hard_times(world: &World, fleet: Fleet, dice: &mut Dice) -> bool {
    let mut deleted = false;
    for round in 0..4 {
        let chance = Chance { seed: dice.roll(u64::MAX >> 33), per_mille: dice.roll(60), faults: FAULTS.to_vec() };
        for _ in 0..=dice.roll(3) {
            deleted |= happen(world, dice, round);
            if fleet == Fleet::WithChannel {
                shake(world, dice);
            }
        }
        world.faults.by_chance(Some(chance));
        let whatever_comes = world.run_until_crash().await;
        tell_if_asked(&format!("{whatever_comes:?}"));
        world.faults.by_chance(None);
    }
    deleted
}

/// Ordering nodes end and start.
fn shake(world: &World, dice: &mut Dice) {
    let which = usize::try_from(dice.roll(3)).unwrap_or_default();
    if let Some(node) = ORDERERS.get(which) {
        world.net.kill(node);
        if dice.roll(3) > 0 {
            let _never_placed = world.net.start(node);
        }
    }
}

fn happen(world: &World, dice: &mut Dice, round: u64) -> bool {
    let event = dice.roll(EVENTS);
    tell_if_asked(&format!("round {round}: event {event}"));
    match event {
        0 => bring_wanted_secrets(world),
        1 => edit(world, "v1", "Service", PEER, &json!({"spec": {"selector": {"fabric.heddle.dev/role": "nobody"}}})),
        2 => edit(world, "v1", "Service", PEER, &json!({"metadata": {"labels": {"heddle.dev/installation": null}}})),
        3 => edit(
            world,
            "apps/v1",
            "StatefulSet",
            PEER,
            &json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 7}}}}),
        ),
        4 => drop(world.commit_change("tenants/platform/networks/trade.yaml", |text| text.replace("3.1.5", "3.1.6"))),
        5 => drop(world.commit_text("tenants/acme/tenant.yaml", "kind: [")),
        6 => world.faults.tear_watches_after(Some(dice.roll(5))),
        7 => world.faults.expire_next_watch(),
        8 => world.faults.forbid_list(Kind::Service, round.is_multiple_of(2)),
        9 => world.faults.set_unreachable(dice.roll(2) == 0),
        10 => return delete(world, "v1", "Service", PEER),
        _ => {
            let labels = json!({"metadata": {"labels": {"heddle.dev/installation": "other"}}});
            if world.get("v1", "ConfigMap", "default", FOREIGN).is_none() {
                world.create("v1", "ConfigMap", "default", FOREIGN, labels);
            }
        }
    }
    false
}

/// What happened, when one seed is repeated.
#[expect(clippy::print_stderr, reason = "whoever repeats a seed wants to read its story")]
fn tell_if_asked(text: &str) {
    if std::env::var("HEDDLE_SEED").is_ok() {
        eprintln!("{text}");
    }
}

fn edit(world: &World, api_version: &str, kind: &str, name: &str, change: &serde_json::Value) {
    if world.get(api_version, kind, "demo-acme", name).is_some() {
        world.edit(api_version, kind, "demo-acme", name, change);
    }
}

fn delete(world: &World, api_version: &str, kind: &str, name: &str) -> bool {
    let resource = Resource::by_kind(api_version, kind).unwrap();
    world.store.delete(Target { resource, namespace: "demo-acme", name }, DeleteOptions::default()).is_ok()
}

fn explore(fleet: Fleet, seeds: u64) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds: Vec<u64> = match number("HEDDLE_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("HEDDLE_SEEDS").map_or(seeds, |all| all.div_ceil(20 / seeds))).collect(),
    };
    let nodes = fleet == Fleet::WithChannel;
    let wanted = in_world(nodes, async |world| oracle(world, fleet).await);
    let failed = workers::all(&seeds, |seed| {
        let result = in_world(nodes, async |world| within_days(world, 1, tell(world, fleet, *seed)).await);
        let why = match result {
            Err(why) => Some(why),
            Ok(found) => end::difference(&wanted, &found),
        };
        why.map_or(Ok(()), |why| Err(format!("seed {seed} (repeat with HEDDLE_SEED={seed}):\n  {why}")))
    });
    let shown = failed.iter().take(8).cloned().collect::<Vec<_>>().join("\n");
    assert!(failed.is_empty(), "{} of {} seeds end badly:\n{shown}", failed.len(), seeds.len());
}

#[test]
fn random_worlds_come_to_the_end_that_people_want() {
    explore(Fleet::Served, 20);
}

#[test]
fn random_worlds_with_a_channel_come_to_the_end_that_people_want() {
    explore(Fleet::WithChannel, 5);
}
