//! A folder of specs for the commands that read one.
//!
//! Input: a path. Output: its evaluation and the texts of its files. It writes nothing. Invariant: the bounds of a
//! repository hold.

use std::path::Path;

use super::failure::CliError;
use super::show::Texts;
use crate::adapters::folder::{self, FolderLimits};
use crate::app::evaluation::{Evaluation, Evaluator};
use crate::desired::render;
use crate::desired::unit::DesiredUnit;
use crate::model::diagnostic::Diagnostic;
use crate::model::names::InstallationId;
use crate::model::unit::UnitId;
use crate::spec::parse::Limits;

/// A folder of specs.
pub(super) struct Specs {
    /// What it says.
    pub(super) evaluation: Evaluation,
    /// The texts of its files.
    pub(super) texts: Texts,
    /// How many files it has.
    pub(super) files: usize,
}

/// Reads a folder.
pub(super) fn read(dir: &Path) -> Result<Specs, CliError> {
    let (tree, contents) = folder::read(dir, &FolderLimits::default()).map_err(CliError::Specs)?;
    let evaluation = Evaluator::new(Limits::default()).evaluate_tree(&tree, &contents);
    let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).ok();
    let texts = tree
        .entries
        .iter()
        .filter_map(|(path, entry)| Some((path.clone(), contents.get(&entry.blob).and_then(text)?)))
        .collect();
    Ok(Specs { evaluation, texts, files: tree.entries.len() })
}

/// Units in order, and what could not be rendered.
pub(super) type Rendered = (Vec<DesiredUnit>, Vec<Diagnostic>);

/// Renders units, all of them when none is named.
pub(super) fn render(
    installation: &InstallationId,
    evaluation: &Evaluation,
    wanted: &[UnitId],
) -> Result<Rendered, CliError> {
    let Some(fleet) = evaluation.fleet() else { return Ok((Vec::new(), Vec::new())) };
    let known = render::units(fleet);
    let declared: Vec<&UnitId> = known.iter().chain(evaluation.invalid_units()).collect();
    check_units(wanted, declared.iter().copied())?;
    let mut units = Vec::new();
    let mut problems = Vec::new();
    for unit in known.iter().filter(|unit| wanted.is_empty() || wanted.contains(unit)) {
        match render::render(installation, fleet, unit) {
            Ok(desired) => units.push(desired),
            Err(found) => problems.extend(found),
        }
    }
    problems.sort();
    Ok((units, problems))
}

/// Refuses units that nothing declares.
pub(super) fn check_units<'a>(
    wanted: &[UnitId],
    known: impl Iterator<Item = &'a UnitId> + Clone,
) -> Result<(), CliError> {
    match wanted.iter().find(|unit| !known.clone().any(|other| other == *unit)) {
        Some(unit) => {
            let known: Vec<String> = known.map(ToString::to_string).collect();
            Err(CliError::NoUnit { unit: unit.to_string(), known: known.join(", ") })
        }
        None => Ok(()),
    }
}
