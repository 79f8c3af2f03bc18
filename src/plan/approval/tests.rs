//! Who grants what, and what no approval grants.

use super::*;
use crate::desired::unit::Stage;
use crate::model::object::Uid;
use crate::model::revision::RepoPath;
use crate::plan::change::{Cause, ChangeSite, Precondition, Update};
use crate::plan::planner::tests::config_map;

fn tenant(name: &str) -> TenantName {
    TenantName::parse(name).unwrap()
}

fn exists(uid: &str) -> Precondition {
    Precondition::Exists { uid: Uid::new(uid), projection: None, lost: BTreeSet::new() }
}

fn site(name: &str) -> ChangeSite {
    ChangeSite { target: config_map(name, "").0, stage: Stage::Support, tenant: tenant("acme") }
}

fn deletion(name: &str, uid: &str) -> Change {
    Change::delete(site(name), exists(uid))
}

fn update(name: &str, risk: Risk) -> Change {
    let update = Update {
        fields: Vec::new(),
        precondition: exists("u"),
        risk,
        cause: Cause::Spec,
        correctable: BTreeSet::new(),
    };
    Change::update(site(name), Digest::of(b"new"), update)
}

fn plan(changes: &[Change]) -> UnitPlan {
    UnitPlan { changes: changes.to_vec(), ..UnitPlan::empty(UnitId::parse("network/acme/trade").unwrap()) }
}

fn approval(of: &UnitPlan, from: &str, changes: ApprovedChanges) -> Approval {
    let file = RepoPath::parse(&format!("tenants/{from}/approvals/x.yaml")).unwrap();
    Approval { tenant: tenant(from), file, plan: of.id().0, changes, reason: String::new() }
}

/// What runs and what is held, by name.
fn outcome(now: &UnitPlan, approvals: &[Approval], stored: &[&UnitPlan]) -> (Vec<String>, Vec<String>) {
    let stored = stored.iter().map(|plan| (plan.id(), stored_changes(plan))).collect();
    let split = split(now, Consents { automatic: Automatic::Merged, approvals, stored: &stored });
    let name = |change: &Change| format!("{} {}", change.op.word(), change.target.id.name);
    let runs = split.approved.changes().iter().map(|(change, _)| name(change)).collect();
    (runs, split.held.iter().flat_map(|held| &held.changes).map(name).collect())
}

fn check((runs, held): (Vec<String>, Vec<String>), expected_runs: &[&str], expected_held: &[&str]) {
    assert_eq!(runs, expected_runs);
    assert_eq!(held, expected_held);
}

#[test]
fn merging_consents_to_all_but_deletions() {
    let plan = plan(&[update("a", Risk::Routine), update("b", Risk::Disruptive), deletion("c", "u")]);
    check(outcome(&plan, &[], &[]), &["update a", "update b"], &["delete c"]);
}

#[test]
fn after_a_rewritten_history_only_routine_changes_run_by_themselves() {
    let plan = plan(&[update("a", Risk::Routine), update("b", Risk::Disruptive)]);
    let split = split(&plan, Consents { automatic: Automatic::Rewritten, approvals: &[], stored: &BTreeMap::new() });
    assert_eq!((split.approved.changes().len(), split.held.unwrap().changes.len()), (1, 1));
}

#[test]
fn an_approval_grants_exactly_what_the_stored_plan_says() {
    let seen = plan(&[deletion("a", "u"), deletion("b", "u")]);
    let all = approval(&seen, "acme", ApprovedChanges::All);
    check(outcome(&seen, std::slice::from_ref(&all), &[&seen]), &["delete a", "delete b"], &[]);
    let other_life = plan(&[deletion("a", "another life"), deletion("b", "u")]);
    check(outcome(&other_life, std::slice::from_ref(&all), &[&seen]), &["delete b"], &["delete a"]);
    let wider = plan(&[deletion("a", "u"), deletion("b", "u"), deletion("c", "u")]);
    check(outcome(&wider, &[all], &[&seen]), &["delete a", "delete b"], &["delete c"]);
    let one = ApprovedChanges::Some([seen.changes[0].id.to_string()].into());
    check(outcome(&seen, &[approval(&seen, "acme", one)], &[&seen]), &["delete a"], &["delete b"]);
}

#[test]
fn an_approval_from_another_folder_or_of_a_plan_that_cannot_be_read_grants_nothing() {
    let seen = plan(&[deletion("a", "u")]);
    let other = plan(&[deletion("b", "u")]);
    let of = |from, plan| approval(plan, from, ApprovedChanges::All);
    check(outcome(&seen, &[of("bravo", &seen)], &[&seen]), &[], &["delete a"]);
    check(outcome(&seen, &[of("acme", &seen)], &[]), &[], &["delete a"]);
    check(outcome(&seen, &[of("acme", &other)], &[&seen, &other]), &[], &["delete a"]);
}

#[test]
fn nothing_runs_on_a_target_that_a_held_change_names() {
    let plan = plan(&[update("a", Risk::Routine), update("b", Risk::Routine), deletion("a", "u")]);
    check(outcome(&plan, &[], &[]), &["update b"], &["update a", "delete a"]);
}

#[test]
fn one_consent_covers_restarts_whose_turn_comes_later() {
    let (now, later) = (update("b", Risk::Disruptive), update("a", Risk::Disruptive));
    let first = UnitPlan { deferred: vec![later.clone()], ..plan(std::slice::from_ref(&now)) };
    let rewritten = |plan: &UnitPlan, approvals: &[Approval], stored: &[&UnitPlan]| {
        let stored = stored.iter().map(|plan| (plan.id(), stored_changes(plan))).collect();
        split(plan, Consents { automatic: Automatic::Rewritten, approvals, stored: &stored })
    };
    let held = rewritten(&first, &[], &[]).held.unwrap();
    assert_eq!(held.changes, [later.clone(), now.clone()], "sorted, whosever turn comes first");
    let other_turn = UnitPlan { deferred: vec![now], ..plan(&[later]) };
    assert_eq!(rewritten(&other_turn, &[], &[]).held.unwrap().id(), held.id());
    let all = [approval(&held, "acme", ApprovedChanges::All)];
    for turn in [&first, &other_turn] {
        let split = rewritten(turn, &all, &[&held]);
        assert_eq!((split.approved.changes().len(), split.held.is_none()), (1, true));
    }
    let merged = split(&first, Consents { automatic: Automatic::Merged, approvals: &[], stored: &BTreeMap::new() });
    assert!(merged.held.is_none(), "a turn that comes later is no reason to ask anybody");
}

/// What is said about approvals that grant nothing of a plan.
fn idle(now: &UnitPlan, approvals: &[Approval], stored: &[&UnitPlan]) -> Vec<String> {
    let stored = stored.iter().map(|plan| (plan.id(), stored_changes(plan))).collect();
    let split = split(now, Consents { automatic: Automatic::Merged, approvals, stored: &stored });
    split.idle.iter().map(ToString::to_string).collect()
}

#[test]
fn an_approval_that_grants_nothing_of_what_is_held_is_told_with_its_reason() {
    let seen = plan(&[deletion("a", "u"), deletion("b", "u")]);
    let of = |from, plan| [approval(plan, from, ApprovedChanges::All)];
    let said = |text: &str| vec![format!("tenants/{text}")];
    let others = "bravo/approvals/x.yaml: it lies in the folder of bravo, what is held needs the consent of acme";
    assert_eq!(idle(&seen, &of("bravo", &seen), &[&seen]), said(others));
    let unknown = format!("acme/approvals/x.yaml: the status branch holds no plan {}", seen.id().short());
    assert_eq!(idle(&seen, &of("acme", &seen), &[]), said(&format!("{unknown}, so nobody knows what it grants")));
    let later = plan(&[deletion("a", "another life"), deletion("b", "u")]);
    let changed = "acme/approvals/x.yaml: not as they were in the plan that it names: eu: ConfigMap ns/a";
    assert_eq!(idle(&later, &of("acme", &seen), &[&seen]), said(changed));
}

#[test]
fn an_approval_that_did_its_work_or_means_something_else_is_silent() {
    let seen = plan(&[deletion("a", "u"), deletion("b", "u")]);
    let other = plan(&[deletion("c", "u")]);
    let of = |from, plan, changes| [approval(plan, from, changes)];
    assert_eq!(idle(&seen, &of("acme", &other, ApprovedChanges::All), &[&seen, &other]), [""; 0], "another plan");
    assert_eq!(idle(&seen, &of("bravo", &seen, ApprovedChanges::All), &[]), [""; 0], "a neighbour's unknown plan");
    let some = ApprovedChanges::Some(BTreeSet::from([seen.changes[0].id.to_string()]));
    assert_eq!(idle(&seen, &of("acme", &seen, some), &[&seen]), [""; 0], "the other change was left out on purpose");
    assert_eq!(idle(&plan(&[]), &of("acme", &seen, ApprovedChanges::All), &[&seen]), [""; 0], "nothing is held");
}
