//! Which steps are done now, and which come after others.

use super::*;
use crate::desired::unit::DesiredObject;
use crate::plan::change::{Change, ChangeSite};
use crate::plan::channel::turns;
use crate::plan::planner::tests::{config_map, unit};

/// What is done now and later in a situation, when the objects of some nodes change; with what each wait is for.
fn check_turns(as_if: &str, but: &str, busy: &[&str], now: &[&str], later: &[&str]) {
    let mut unit = unit("network/platform/trade", []);
    unit.channels.insert(desired().channel.id.clone(), desired());
    let seen = BTreeMap::from([(desired().channel.id.clone(), situation(as_if, but))]);
    let object = |name: &&str| {
        let (target, mut wanted) = config_map(name, "a");
        wanted.node = Some((*name).into());
        (ObjectRef { region: region("eu"), ..target }, wanted)
    };
    unit.objects = busy.iter().map(object).collect();
    let site = |target: &ObjectRef, wanted: &DesiredObject| ChangeSite {
        target: target.clone(),
        stage: wanted.stage,
        tenant: wanted.tenant.clone(),
    };
    let changes: Vec<Change> =
        unit.objects.iter().map(|(target, wanted)| Change::create(site(target, wanted), wanted.digest)).collect();
    let turns = turns::turns(&unit, &seen, turns::Beside { changes: &changes, ..turns::Beside::default() });
    let words = |changes: &[Change]| -> Vec<String> {
        changes.iter().map(|change| format!("{} {}", change.op.word(), change.target.id.name)).collect()
    };
    assert_eq!(words(&turns.changes), now, "now: {as_if} but {but}");
    let waits = turns.waits.iter().filter_map(|wait| match wait {
        WaitingOn::ChannelTurn { steps, after, .. } => Some(format!("{steps} after {after:?}")),
        _ => None,
    });
    assert_eq!(waits.collect::<Vec<_>>(), later, "later: {as_if} but {but}");
    assert_eq!(turns.deferred.is_empty(), later.is_empty(), "{as_if} but {but}");
    // Whoever agreed to a step before its turn agreed to it.
    let ids = |changes: &[Change]| -> BTreeSet<_> {
        changes.iter().filter(|change| change.op.word() != "copy").map(|change| change.id.clone()).collect()
    };
    let whole = turns::turns(
        &unit,
        &BTreeMap::from([(desired().channel.id.clone(), situation("fresh", ""))]),
        turns::Beside::default(),
    );
    let all: BTreeSet<_> = ids(&whole.changes).union(&ids(&whole.deferred)).cloned().collect();
    assert!(ids(&turns.changes).is_subset(&all), "{as_if} but {but}");
}

#[test]
fn a_first_block_is_made_when_every_node_was_asked_and_nothing_else_is_done_about_any() {
    check_turns("fresh", "", &[], &["genesis trade-channel-ch1"], &["5 after Record"]);
    check_turns("fresh", "o2=planned", &[], &[], &["2 after Nodes", "4 after Record"]);
    check_turns("fresh", "p1=planned", &[], &[], &["2 after Nodes", "4 after Record"]);
    check_turns("fresh", "", &["p2"], &[], &["2 after Nodes", "4 after Record"]);
    check_turns("fresh", "", &["stranger"], &["genesis trade-channel-ch1"], &["5 after Record"]);
    check_turns("fresh", "o1=silent", &[], &[], &[]);
}

#[test]
fn nobody_is_joined_before_the_first_block_is_kept_everywhere() {
    check_turns("fresh", "eu=b:", &[], &["copy trade-channel-ch1"], &["5 after Record"]);
    check_turns("fresh", "eu=b: us=b:", &[], &[], &["5 after Branch"]);
    let kept = "eu=b: us=b: branch=b:";
    check_turns("fresh", kept, &[], &["join o1", "join o2", "join o3"], &["2 after Leader"]);
    check_turns("fresh", kept, &["o2"], &["join o1", "join o3"], &["1 after Nodes", "2 after Leader"]);
}

#[test]
fn peers_are_joined_while_the_channel_has_a_leader() {
    check_turns("done", "p1=without p2=without", &[], &["join p1", "join p2"], &[]);
    check_turns("done", "p1=without o1=with", &[], &[], &["1 after Leader"]);
    check_turns("done", "p1=without p2=planned", &["p2"], &["join p1"], &["1 after Nodes"]);
    check_turns("done", "", &["o1"], &[], &[]);
}

#[test]
fn a_channel_that_nobody_looked_at_is_unknown() {
    let mut unit = unit("network/platform/trade", []);
    unit.channels.insert(desired().channel.id.clone(), desired());
    let turns = turns::turns(&unit, &BTreeMap::new(), turns::Beside::default());
    assert!(turns.changes.is_empty() && turns.deferred.is_empty());
    assert_eq!(turns.waits.len(), 7);
}

#[test]
fn joins_that_nodes_tell_of_are_found() {
    let mut unit = unit("network/platform/trade", []);
    unit.channels.insert(desired().channel.id.clone(), desired());
    let seen = situation("done", "eu=b:o1 us=b: branch=b: o2=silent");
    let found = turns::unconfirmed(&unit, &BTreeMap::from([(desired().channel.id.clone(), seen)]));
    assert_eq!(found.into_values().flatten().collect::<Vec<_>>(), [node("o3")]);
}

#[test]
fn a_first_block_waits_for_nodes_that_do_not_run_as_they_are_declared() {
    let mut unit = unit("network/platform/trade", []);
    unit.channels.insert(desired().channel.id.clone(), desired());
    let (target, mut wanted) = config_map("o2", "a");
    wanted.node = Some("o2".into());
    let target = ObjectRef { region: region("eu"), ..target };
    let site = ChangeSite { target: target.clone(), stage: wanted.stage, tenant: wanted.tenant.clone() };
    let change = [Change::create(site, wanted.digest)];
    unit.objects.insert(target.clone(), wanted);
    let refused = BTreeSet::from([Refusal::StillOrders { object: target, channel: desired().channel }]);
    let later = turns::Beside { deferred: &change, ..turns::Beside::default() };
    let refused = turns::Beside { refusals: Some(&refused), ..turns::Beside::default() };
    let done_now = |as_if: &str, but: &str, beside: turns::Beside<'_>| {
        let seen = BTreeMap::from([(desired().channel.id.clone(), situation(as_if, but))]);
        turns::turns(&unit, &seen, beside).changes.len()
    };
    assert_eq!(done_now("fresh", "", turns::Beside::default()), 1);
    // It would name the key that the node gets later, or never.
    assert_eq!((done_now("fresh", "", later), done_now("fresh", "", refused)), (0, 0));
    // A join waits for neither: the block names what it names.
    let joins = "eu=b:o1,o3 us=b: branch=b: o2=without";
    assert_eq!((done_now("done", joins, later), done_now("done", joins, refused)), (1, 1));
}
