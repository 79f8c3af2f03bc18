//! From a fleet to the objects of one unit.
//!
//! stub

use std::collections::BTreeSet;

use super::unit::DesiredUnit;
use crate::model::diagnostic::Diagnostic;
use crate::model::names::InstallationId;
use crate::model::unit::UnitId;
use crate::spec::fleet::Fleet;

/// Every unit that the fleet declares.
pub fn units(_fleet: &Fleet) -> BTreeSet<UnitId> {
    BTreeSet::new()
}

/// Whether the fleet declares a unit, wanted or leaving.
pub fn declares(_fleet: &Fleet, _unit: &UnitId) -> bool {
    false
}

/// Whether a unit renders to the same objects from both fleets; cheap, and `false` when in doubt.
pub fn same_inputs(_unit: &UnitId, _a: &Fleet, _b: &Fleet) -> bool {
    false
}

/// Renders one unit that [`units`] names.
pub fn render(_installation: &InstallationId, _fleet: &Fleet, _unit: &UnitId) -> Result<DesiredUnit, Vec<Diagnostic>> {
    Err(Vec::new())
}
