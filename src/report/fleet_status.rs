//! `fleet/status.yaml` and `fleet/REPORT.md`: all units at a glance, and whose branch this is.
//!
//! Input: the states of all units and regions. Output: [`FleetStatus`] and its report. Details stand in the units' own
//! documents. Invariant: the installation that claimed the branch stays in it; another one only reads.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::markdown::{code, inline};
use super::unit_report::word;
use super::unit_status::{Finding, folder};
use crate::model::names::RegionName;
use crate::model::revision::{RepoPath, Revision};
use crate::model::unit::UnitId;
use crate::plan::outcome::UnitState;

/// Where the document lies.
pub const PATH: &str = "fleet/status.yaml";

/// The document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetStatus {
    /// `heddle.dev/v1alpha1`.
    pub api_version: String,
    /// `FleetStatus`.
    pub kind: String,
    /// The installation that claimed this branch.
    pub installation: String,
    /// The newest revision that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub revision: Option<Revision>,
    /// Whether history was rewritten under the last revision.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub source_rewritten: bool,
    /// What is wrong with the source as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Finding>,
    /// Regions: `ok`, or why they cannot be judged.
    #[schemars(with = "BTreeMap<String, String>")]
    pub regions: BTreeMap<RegionName, String>,
    /// All units and where they stand.
    #[schemars(with = "BTreeMap<String, String>")]
    pub units: BTreeMap<UnitId, UnitState>,
}

/// The path as a type.
pub fn path() -> Option<RepoPath> {
    RepoPath::parse(PATH).ok()
}

/// The report.
pub fn render(status: &FleetStatus) -> String {
    let mut text = format!("# Fleet\n\nInstallation {}.", code(&status.installation));
    if let Some(revision) = status.revision {
        let _infallible = write!(text, " Newest revision read: {}.", code(&revision.to_string()));
    }
    text.push('\n');
    if status.source_rewritten {
        text.push_str("\nHistory was rewritten: the branch does not contain the revision that was read before. Routine changes go on; what \
             restarts a node needs an approval, see the units that are held.\n");
    }
    if !status.problems.is_empty() {
        text.push_str("\n## Problems\n\n");
        for problem in &status.problems {
            let place = problem.place.as_ref().map(|place| format!(" at {}", code(place))).unwrap_or_default();
            let _infallible = writeln!(text, "- {}{place}: {}", code(&problem.code), inline(&problem.message));
        }
    }
    text.push_str("\n## Regions\n\n| region | state |\n|---|---|\n");
    for (region, state) in &status.regions {
        let _infallible = writeln!(text, "| {region} | {} |", inline(state));
    }
    text.push_str("\n## Units\n\n| unit | state |\n|---|---|\n");
    for (unit, state) in &status.units {
        let _infallible = writeln!(text, "| [{unit}](/{}/REPORT.md) | {} |", folder(unit), word(*state));
    }
    text
}
