//! A status changes when something happened to its unit, and at no other time.

use proptest::prelude::*;

use super::*;
use crate::plan::approval::Consent;
use crate::plan::outcome::ChangeResult;
use crate::plan::planner::tests::{config_map, empty_world, plan_of, unit};

fn revision(number: u8) -> Revision {
    Revision::from_bytes([number; 20])
}

fn bytes(status: &UnitStatus) -> String {
    crate::yaml::write(status).unwrap()
}

/// The plan that creates these objects.
fn plan(objects: &[&str]) -> crate::plan::unit_plan::UnitPlan {
    let desired = unit("tenant/acme", objects.iter().map(|name| config_map(name, "x")));
    plan_of(&desired, &empty_world(), &BTreeMap::new())
}

fn outcome(wish: u8, revision_number: u8) -> UnitOutcome {
    UnitOutcome {
        revision: Some(revision(revision_number)),
        wish: Some(Digest::of(&[wish])),
        ..UnitOutcome::empty(UnitId::parse("tenant/acme").unwrap())
    }
}

fn applied(objects: &[&str], second: i64) -> (UnitOutcome, AppliedNow) {
    let plan = plan(objects);
    let result = |change: &crate::plan::change::Change| ChangeResult {
        change: change.clone(),
        consent: Consent::Automatic,
        outcome: ChangeOutcome::Done,
    };
    let outcome = UnitOutcome { results: plan.changes.iter().map(result).collect(), ..outcome(1, 1) };
    (outcome, AppliedNow { plan: plan.id(), at: Timestamp::from_second(second).unwrap() })
}

#[test]
fn a_restart_or_an_unrelated_commit_leaves_the_same_bytes() {
    let (outcome_of_change, now) = applied(&["x"], 1);
    let first = status(&outcome_of_change, Some(now), None);
    let at_rest = status(&outcome(1, 1), None, Some(&first));
    assert_eq!(bytes(&at_rest), bytes(&first));
    // Another process reads what the first one wrote and sees a later revision with the same wish.
    let read: UnitStatus = crate::yaml::read(bytes(&first).as_bytes()).unwrap();
    assert_eq!(read, first);
    assert_eq!(bytes(&status(&outcome(1, 2), None, Some(&read))), bytes(&first));
}

#[test]
fn a_new_wish_brings_its_revision_and_no_wish_keeps_the_last() {
    let first = status(&outcome(1, 1), None, None);
    let second = status(&outcome(2, 2), None, Some(&first));
    assert_eq!((second.revision, second.wish), (Some(revision(2)), Some(Digest::of(&[2]))));
    let frozen = UnitOutcome { revision: None, wish: None, ..outcome(9, 9) };
    assert_eq!(status(&frozen, None, Some(&second)), second);
    let older = UnitStatus { wish: None, ..first };
    assert_eq!(status(&outcome(1, 3), None, Some(&older)).revision, Some(revision(3)), "an older program's status");
}

#[test]
fn a_held_plan_stays_in_front_of_the_plans_that_were_applied() {
    let held = plan(&["h"]);
    let with_held = |outcome: UnitOutcome| UnitOutcome { held: Some(held.clone()), ..outcome };
    let (outcome_of_change, now) = applied(&["x"], 1);
    let first = status(&with_held(outcome_of_change), Some(now), None);
    assert_eq!(first.plans, [held.id(), now.plan]);
    assert_eq!(bytes(&status(&with_held(outcome(1, 1)), None, Some(&first))), bytes(&first));
}

proptest! {
    #[test]
    fn the_status_of_a_status_is_that_status(
        wish in prop::option::of(0_u8..3),
        revisions in prop::collection::vec(0_u8..4, 1..6),
        held in prop::option::of(0_usize..3),
        changed in prop::option::of(0_usize..3),
        pending in 0_usize..2,
    ) {
        let names = ["a", "b", "c"];
        let now = changed.and_then(|at| names.get(at..=at)).map(|objects| applied(objects, 7));
        let base = now.as_ref().map_or_else(|| outcome(0, 0), |(outcome, _)| outcome.clone());
        let given = |number: u8| UnitOutcome {
            revision: Some(revision(number)),
            wish: wish.map(|wish| Digest::of(&[wish])),
            held: held.and_then(|at| names.get(at..)).map(plan),
            pending,
            ..base.clone()
        };
        let now = now.as_ref().map(|(_, now)| *now);
        let mut before: Option<UnitStatus> = None;
        for number in revisions {
            let once = status(&given(number), now, before.as_ref());
            let twice = status(&given(number), now, Some(&once));
            prop_assert_eq!(bytes(&once), bytes(&twice));
            let read: UnitStatus = crate::yaml::read(bytes(&once).as_bytes()).unwrap();
            prop_assert_eq!(&read, &once);
            if let (Some(before), Some(_)) = (&before, wish) {
                prop_assert_eq!(before.revision, once.revision);
            }
            before = Some(once);
        }
    }
}
