//! Plans and reports as people see them, compared with golden files.
//!
//! `HEDDLE_BLESS=1 cargo test --lib report::` writes the golden files anew; read the difference before it is committed.

use std::path::PathBuf;

use crate::model::diagnostic::Diagnostic;
use crate::model::digest::Digest;
use crate::model::object::ObjectRef;
use crate::model::revision::{RepoPath, Revision};
use crate::model::unit::UnitId;
use crate::model::waiting::WaitingOn;
use crate::plan::change::Cause;
use crate::plan::change::{Change, ChangeSite, FieldChange, Precondition, Risk, Update};
use crate::plan::outcome::{Failure, UnitOutcome, Workload, WorkloadState};
use crate::plan::planner::tests::{config_map, empty_world, eu, plan_of, unit};
use crate::plan::refusal::Refusal;
use crate::plan::unit_plan::{ForeignField, UnitPlan};
use crate::report::{plan_document, plan_text, unit_report, unit_status};
use crate::spec::codes;

fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/report").join(name);
    if std::env::var_os("HEDDLE_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{}", path.display());
}

fn unit_id() -> UnitId {
    UnitId::parse("network/platform/trade").unwrap()
}

fn object(name: &str) -> ObjectRef {
    config_map(name, "").0
}

fn created() -> UnitPlan {
    plan_of(
        &unit("network/platform/trade", [config_map("a", "1"), config_map("b", "2")]),
        &empty_world(),
        &std::collections::BTreeMap::new(),
    )
}

fn site(name: &str) -> ChangeSite {
    let change = created().changes.remove(0);
    ChangeSite { target: object(name), stage: change.stage, tenant: change.tenant }
}

fn updated() -> UnitPlan {
    let field = |path: &str, from: &str, to: &str, by: Option<&str>| FieldChange {
        path: path.into(),
        from: Some(from.into()),
        to: Some(to.into()),
        taken_by: by.map(Into::into),
    };
    let update = Update {
        fields: vec![
            field("spec.template.spec.containers[name=\"peer\"].image", "peer:3.1.1", "peer:3.1.2", None),
            field("data.core.yaml", "a\nb\nc\n", "a\nB\nc\n", Some("kubectl-edit")),
        ],
        precondition: Precondition::Absent,
        risk: Risk::Disruptive,
        cause: Cause::Drift,
        correctable: std::collections::BTreeSet::new(),
    };
    let mut plan = UnitPlan::empty(unit_id());
    plan.changes = vec![Change::update(site("a"), Digest::of(b"x"), update)];
    plan.waits.insert(WaitingOn::Unit { unit: UnitId::parse("tenant/acme").unwrap() });
    plan.refusals = refusals().into();
    plan.foreign_fields.insert(foreign());
    plan
}

fn deleted() -> UnitPlan {
    let mut plan = UnitPlan::empty(unit_id());
    plan.changes = vec![Change::delete(site("old"), Precondition::Absent)];
    plan
}

fn refusals() -> [Refusal; 8] {
    let object = object("r");
    let other = UnitId::parse("tenant/acme").unwrap();
    [
        Refusal::Foreign { object: object.clone(), says: "@all <b>".into() },
        Refusal::OtherUnit { object: object.clone(), label: "0123".into() },
        Refusal::Lost { object: object.clone() },
        Refusal::Immutable { object: object.clone(), fields: vec!["spec.serviceName".into()] },
        Refusal::Conflict { object: object.clone(), fields: vec![("data.key".into(), "kubectl-edit".into())] },
        Refusal::Vanished { object: object.clone(), node: Some("trade-acme-peer0".into()) },
        Refusal::OverBudget { deletes: 12, budget: 5 },
        Refusal::Contended { object, other },
    ]
}

fn foreign() -> ForeignField {
    ForeignField { object: object("f"), path: "data.extra".into(), manager: "kubectl-edit".into() }
}

fn waits() -> [WaitingOn; 8] {
    let object = object("w");
    [
        WaitingOn::Secret {
            region: eu(),
            namespace: "ns".into(),
            name: "msp".into(),
            needed_by: "StatefulSet p".into(),
        },
        WaitingOn::Unit { unit: UnitId::parse("tenant/acme").unwrap() },
        WaitingOn::Ready { object: object.clone(), detail: "0 of 1 ready".into() },
        WaitingOn::Deletion { object: object.clone() },
        WaitingOn::Observation { region: eu(), kind: object.id.kind, detail: "no news for three minutes".into() },
        WaitingOn::Region { region: eu(), detail: "connection refused".into() },
        WaitingOn::Restart { object, down: 1, budget: 1 },
        WaitingOn::Approval { plan: "0123456789ab".into(), changes: 2 },
    ]
}

#[test]
fn plans_read_as_their_golden_files() {
    for (name, plan) in [
        ("created", created()),
        ("updated", updated()),
        ("deleted", deleted()),
        ("nothing", UnitPlan::empty(unit_id())),
    ] {
        let document = plan_document::document(&plan, Some(Revision::from_bytes([7; 20])));
        golden(&format!("plan-{name}.md"), &plan_text::markdown(&document));
        let lines: String = plan_text::lines(&document).into_iter().map(|line| line.text + "\n").collect();
        golden(&format!("plan-{name}.txt"), &lines);
    }
}

fn outcome() -> UnitOutcome {
    let revision = Some(Revision::from_bytes([7; 20]));
    let workloads = vec![Workload { object: object("peer0"), state: WorkloadState::Ready }];
    UnitOutcome { revision, wish: Some(Digest::of(b"w")), workloads, ..UnitOutcome::empty(unit_id()) }
}

#[test]
fn reports_read_as_their_golden_files() {
    let file = RepoPath::parse("tenants/platform/networks/trade.yaml").unwrap();
    let invalid = Diagnostic::error(codes::UNKNOWN_ORGANIZATION, "there is no organization `acme/acmee`");
    let invalid = invalid.in_file(&file).hint("did you mean `acme/acme`?");
    let cases = [
        ("converged", outcome()),
        ("waiting", UnitOutcome { waits: waits().into(), ..outcome() }),
        ("held", UnitOutcome { held: Some(deleted()), ..outcome() }),
        ("refused", UnitOutcome { refusals: refusals().into(), foreign_fields: [foreign()].into(), ..outcome() }),
        ("invalid", UnitOutcome { diagnostics: vec![invalid], ..outcome() }),
        (
            "failed",
            UnitOutcome { failure: Some(Failure::Error("the audit log could not be written".into())), ..outcome() },
        ),
    ];
    for (name, outcome) in cases {
        golden(&format!("report-{name}.md"), &unit_report::render(&unit_status::status(&outcome, None, None)));
    }
}
