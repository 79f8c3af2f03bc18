//! What a cycle leaves on the status branch.
//!
//! Input: units' runs and the statuses before. Output: documents and audit entries. It writes nothing. Invariants: a
//! document that did not change is not in the batch; a plan is on the branch as long as a status names it; every plan
//! of which something was done has its `finished` entry.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::diagnostic::Diagnostic;
use crate::model::names::RegionName;
use crate::model::revision::{RepoPath, Revision};
use crate::model::unit::UnitId;
use crate::plan::outcome::UnitState;
use crate::plan::unit_plan::{PlanId, UnitPlan};
use crate::ports::source::SourceError;
use crate::ports::status_sink::Documents;
use crate::report::audit::{self, Entry, Event};
use crate::report::fleet_status::{self, FleetStatus};
use crate::report::unit_status::{self, AppliedNow, Finding, UnitStatus};
use crate::report::{plan_document, plan_text, unit_report};

use super::codes;
use super::status_yaml;
use super::unit_run::UnitRun;

/// A unit's part of the next batch.
#[derive(Debug, Clone, Default)]
pub struct UnitNews {
    /// The status after the run.
    pub status: Option<UnitStatus>,
    /// Plans to keep.
    pub documents: Documents,
    /// Records for the audit log.
    pub entries: Vec<Entry>,
}

/// What a run adds. `open` is a plan that an earlier process left open.
pub fn of_run(run: &UnitRun, before: Option<&UnitStatus>, at: Timestamp, open: Option<PlanId>) -> UnitNews {
    let applied = run.applied.as_ref().filter(|_| !run.outcome.results.is_empty() || run.outcome.failure.is_some());
    let applied_now = applied.map(|plan| AppliedNow { plan: plan.id(), at });
    let status = unit_status::status(&run.outcome, applied_now, before);
    let revision = unit_status::revision_in_force(&run.outcome, before);
    let mut documents = Documents::new();
    for plan in applied.into_iter().chain(&run.outcome.held) {
        documents.extend(plan_documents(plan, revision));
    }
    let kept: BTreeSet<PlanId> = status.plans.iter().copied().collect();
    for plan in before.into_iter().flat_map(|status| &status.plans).filter(|plan| !kept.contains(*plan)) {
        documents.extend(plan_paths(plan).into_iter().map(|path| (path, None)));
    }
    let entry = |plan: PlanId, event: Event| Entry { unit: run.outcome.unit.clone(), plan, revision, at, event };
    let state = run.outcome.state();
    let entries = match (applied, open) {
        (Some(plan), _) => {
            vec![entry(plan.id(), Event::Finished { changes: audit::done(&run.outcome.results), state })]
        }
        (None, Some(open)) => vec![entry(open, Event::Resumed { state })],
        (None, None) => Vec::new(),
    };
    UnitNews { status: Some(status), documents, entries }
}

/// A plan as the two documents that are kept.
pub fn plan_documents(plan: &UnitPlan, revision: Option<Revision>) -> Documents {
    let document = plan_document::document(plan, revision);
    let Ok([json_path, markdown_path]) = <[RepoPath; 2]>::try_from(plan_paths(&document.id)) else {
        return Documents::new();
    };
    let Ok(mut json) = serde_json::to_vec_pretty(&document) else { return Documents::new() };
    json.push(b'\n');
    let markdown = plan_text::markdown(&document).into_bytes();
    Documents::from([(json_path, Some(json)), (markdown_path, Some(markdown))])
}

fn plan_paths(plan: &PlanId) -> Vec<RepoPath> {
    let stem = plan_document::path_stem(plan);
    ["json", "md"].iter().filter_map(|ending| RepoPath::parse(&format!("{stem}.{ending}")).ok()).collect()
}

/// A unit's status as documents; none removes them.
pub fn status_documents(unit: &UnitId, status: Option<&UnitStatus>) -> Documents {
    let folder = unit_status::folder(unit);
    let mut documents = Documents::new();
    let mut put = |name: &str, bytes: Option<Vec<u8>>| {
        if let Ok(path) = RepoPath::parse(&format!("{folder}/{name}")) {
            documents.insert(path, bytes);
        }
    };
    let Some(status) = status else {
        put("status.yaml", None);
        put("REPORT.md", None);
        return documents;
    };
    if let Ok(yaml) = status_yaml::write(status) {
        put("status.yaml", Some(yaml));
        put("REPORT.md", Some(unit_report::render(status).into_bytes()));
    }
    documents
}

/// A source that cannot be read until a person mends it, as a problem of the fleet.
pub fn source_trouble(error: &SourceError) -> Diagnostic {
    let why = crate::model::causes::chain(error);
    Diagnostic::error(
        codes::CUT_OFF,
        format!("the specs cannot be read, so what was wanted last stays in force: {why}"),
    )
}

/// What the fleet's own status says beside its units.
#[derive(Debug, Clone, Default)]
pub struct FleetNews {
    /// The newest revision that was read.
    pub revision: Option<Revision>,
    /// Whether it does not descend from the one before.
    pub rewritten: bool,
    /// What is wrong with the source as a whole.
    pub problems: Vec<Finding>,
    /// Regions: `ok`, or why they cannot be judged.
    pub regions: BTreeMap<RegionName, String>,
    /// Where each unit stands.
    pub units: BTreeMap<UnitId, UnitState>,
}

/// The fleet's status.
pub fn fleet_status(installation: &str, news: FleetNews) -> FleetStatus {
    let FleetNews { revision, rewritten, problems, regions, units } = news;
    FleetStatus {
        api_version: "heddle.dev/v1alpha1".to_owned(),
        kind: "FleetStatus".to_owned(),
        installation: installation.to_owned(),
        revision,
        source_rewritten: rewritten,
        problems,
        regions,
        units,
    }
}

/// The fleet's status as documents.
pub fn fleet_documents(status: &FleetStatus) -> Documents {
    let (Some(path), Ok(report), Ok(yaml)) =
        (fleet_status::path(), RepoPath::parse("fleet/REPORT.md"), status_yaml::write(status))
    else {
        return Documents::new();
    };
    Documents::from([(path, Some(yaml)), (report, Some(fleet_status::render(status).into_bytes()))])
}
