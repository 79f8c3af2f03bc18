//! From a fleet to the objects of one unit.
//!
//! Input: a validated [`Fleet`] and a unit's name. Output: [`DesiredUnit`]. It never looks at what exists, reads no
//! clock and draws nothing at random. Invariants: a renderer sees only the [`inputs::Inputs`] of its unit, so that
//! [`same_inputs`] (which compares exactly those) is never wrong; the same inputs give the same bytes.

mod authority;
mod channel;
mod core_yaml;
mod custody;
mod disruption_budget;
mod envelope;
mod inputs;
mod labels;
mod material;
mod network;
mod orderer;
mod orderer_yaml;
mod peer;
mod sheet;
mod workload;

use std::collections::BTreeSet;

use super::unit::DesiredUnit;
use crate::model::diagnostic::Diagnostic;
use crate::model::names::InstallationId;
use crate::model::unit::UnitId;
use crate::spec::fleet::Fleet;
use inputs::Inputs;
use sheet::Sheet;

/// Every unit that the fleet declares, leaving ones too: tenants, organizations and networks. The fleet itself is no
/// unit here, because nothing in a cluster belongs to it.
pub fn units(fleet: &Fleet) -> BTreeSet<UnitId> {
    let tenants = fleet.tenants.keys().cloned().map(UnitId::Tenant);
    let organizations = fleet.organizations.keys().cloned().map(UnitId::Organization);
    let networks = fleet.networks.keys().cloned().map(UnitId::Network);
    tenants.chain(organizations).chain(networks).collect()
}

/// Whether the fleet declares a unit, wanted or leaving.
pub fn declares(fleet: &Fleet, unit: &UnitId) -> bool {
    match unit {
        UnitId::Fleet => false,
        UnitId::Tenant(tenant) => fleet.tenants.contains_key(tenant),
        UnitId::Organization(organization) => fleet.organizations.contains_key(organization),
        UnitId::Network(network) => fleet.networks.contains_key(network),
    }
}

/// Whether a unit renders to the same objects from both fleets; cheap, and `false` when in doubt.
pub fn same_inputs(unit: &UnitId, a: &Fleet, b: &Fleet) -> bool {
    match (Inputs::of(a, unit), Inputs::of(b, unit)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// Renders one unit that [`units`] names; any other name is refused without a diagnostic.
pub fn render(installation: &InstallationId, fleet: &Fleet, unit: &UnitId) -> Result<DesiredUnit, Vec<Diagnostic>> {
    let Some(inputs) = Inputs::of(fleet, unit) else { return Err(Vec::new()) };
    let mut sheet = Sheet::new(installation, unit, inputs.file());
    match &inputs {
        Inputs::Tenant(tenant) => envelope::render(&mut sheet, tenant),
        Inputs::Organization(organization) => authority::render(&mut sheet, organization),
        Inputs::Network(network) => network::render(&mut sheet, network),
    }
    sheet.finish()
}

#[cfg(test)]
mod tests;
