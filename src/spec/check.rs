//! The rules between documents.
//!
//! Input: all parsed files of a revision. Output: [`Checked`]. It reads nothing. Invariants: a problem makes invalid
//! the unit in whose file it lies and the units that build on it, no others; a unit that does not name another one
//! cannot be made invalid by it; in the resulting [`Fleet`] every reference resolves.
//!
//! What builds on what: an organization on its tenant; a network on its tenant and on the organizations that it lists.
//! A node's entry lies with its organization but belongs to the network's unit; an organization's certificate authority
//! goes on when a network that it serves is broken.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::codes;
use super::fleet::{Fleet, FleetSettings};
use super::network::Network;
use super::organization::Organization;
use super::parse::{Document, ParsedFile};
use super::tenant::Tenant;
use crate::model::diagnostic::{Code, Diagnostic, Severity};
use crate::model::names::{RegionName, TenantName};
use crate::model::revision::RepoPath;
use crate::model::unit::{NetworkRef, OrganizationRef, UnitId};

mod channels;
mod members;
mod nodes;
mod quota;
mod regions;

/// What one revision says.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The valid documents, with every reference resolved; none when `fleet.yaml` cannot be used.
    pub fleet: Option<Arc<Fleet>>,
    /// All problems, sorted.
    pub diagnostics: Vec<Diagnostic>,
    /// Units that cannot be used in this revision, and why: their own problems, or a unit that they build on.
    pub invalid: BTreeMap<UnitId, Vec<Diagnostic>>,
}

/// Checks the rules between documents.
pub fn check(files: &BTreeMap<RepoPath, Arc<ParsedFile>>) -> Checked {
    let world = World::of(files);
    let mut problems = Problems::default();
    for file in files.values() {
        problems.own(file);
    }
    regions::fleet(&world, &mut problems);
    for (file, tenant) in world.tenants.values() {
        regions::tenant(&world, file, tenant, &mut problems);
        quota::tenant(&world, file, tenant, &mut problems);
    }
    for (file, organization) in world.organizations.values() {
        regions::organization(&world, file, organization, &mut problems);
        nodes::organization(&world, file, organization, &mut problems);
    }
    for (file, network) in world.networks.values() {
        members::network(&world, file, network, &mut problems);
        channels::network(&world, file, network, &mut problems);
    }
    spread(&world, &mut problems);
    finish(&world, problems)
}

/// All documents of a revision, valid in themselves, and all units that a path declares.
struct World<'a> {
    declared: BTreeMap<UnitId, &'a ParsedFile>,
    fleet: Option<(&'a ParsedFile, &'a FleetSettings)>,
    tenants: BTreeMap<&'a TenantName, (&'a ParsedFile, &'a Tenant)>,
    /// A tenant's regions in the order of its file.
    written_regions: BTreeMap<&'a TenantName, &'a [RegionName]>,
    organizations: BTreeMap<&'a OrganizationRef, (&'a ParsedFile, &'a Organization)>,
    /// The same by owner, so that a tenant's check does not look at all others.
    organizations_of: BTreeMap<&'a TenantName, Vec<&'a Organization>>,
    networks: BTreeMap<&'a NetworkRef, (&'a ParsedFile, &'a Network)>,
    approvals: Vec<&'a super::approval::Approval>,
}

impl<'a> World<'a> {
    fn of(files: &'a BTreeMap<RepoPath, Arc<ParsedFile>>) -> Self {
        let mut world = Self {
            declared: BTreeMap::new(),
            fleet: None,
            tenants: BTreeMap::new(),
            written_regions: BTreeMap::new(),
            organizations: BTreeMap::new(),
            organizations_of: BTreeMap::new(),
            networks: BTreeMap::new(),
            approvals: Vec::new(),
        };
        for file in files.values() {
            let file: &ParsedFile = file;
            if let Some(unit) = &file.unit {
                world.declared.insert(unit.clone(), file);
            }
            match &file.document {
                Some(Document::Fleet(settings)) => world.fleet = Some((file, settings)),
                Some(Document::Tenant(tenant, regions)) => {
                    world.written_regions.insert(&tenant.name, regions);
                    world.tenants.insert(&tenant.name, (file, tenant));
                }
                Some(Document::Organization(organization)) => {
                    world.organizations.insert(&organization.id, (file, organization));
                    world.organizations_of.entry(&organization.id.tenant).or_default().push(organization);
                }
                Some(Document::Network(network)) => {
                    world.networks.insert(&network.id, (file, network));
                }
                Some(Document::Approval(approval)) => world.approvals.push(approval),
                None => {}
            }
        }
        world
    }
}

/// Problems by unit, and those of files that declare none.
#[derive(Default)]
struct Problems {
    units: BTreeMap<UnitId, Vec<Diagnostic>>,
    loose: Vec<Diagnostic>,
}

impl Problems {
    /// The problems that a file has in itself.
    fn own(&mut self, file: &ParsedFile) {
        match &file.unit {
            Some(unit) if !file.diagnostics.is_empty() => {
                self.units.entry(unit.clone()).or_default().extend(file.diagnostics.iter().cloned());
            }
            Some(_) => {}
            None => self.loose.extend(file.diagnostics.iter().cloned()),
        }
    }

    /// A problem at a place of a file; it belongs to the unit that the file declares.
    fn add(&mut self, file: &ParsedFile, pointer: &str, problem: Diagnostic) {
        let problem = problem.in_file(&file.path).at(file.places.get(pointer), pointer);
        match &file.unit {
            Some(unit) => self.units.entry(unit.clone()).or_default().push(problem),
            None => self.loose.push(problem),
        }
    }

    fn is_broken(&self, unit: &UnitId) -> bool {
        self.units.get(unit).is_some_and(|found| found.iter().any(|d| d.severity == Severity::Error))
    }
}

/// A problem, still without a place.
fn error(code: Code, message: String) -> Diagnostic {
    Diagnostic::error(code, message)
}

/// What to do about a reference that leads nowhere.
fn missing(written: &str, known: &[String], path: &str) -> String {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    match super::violation::nearest(written, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it would be in `{path}`"),
    }
}

/// Marks what builds on a broken unit. Tenants come first, then organizations, then networks.
fn spread(world: &World<'_>, problems: &mut Problems) {
    for (file, organization) in world.organizations.values() {
        let tenant = UnitId::Tenant(organization.id.tenant.clone());
        builds_on(world, problems, file, "/metadata/name", &tenant);
    }
    for (file, network) in world.networks.values() {
        builds_on(world, problems, file, "/metadata/name", &UnitId::Tenant(network.id.tenant.clone()));
        for (at, member) in network.members.iter().enumerate() {
            let pointer = format!("/spec/members/{at}/organization");
            builds_on(world, problems, file, &pointer, &UnitId::Organization(member.organization.clone()));
        }
    }
}

fn builds_on(world: &World<'_>, problems: &mut Problems, file: &ParsedFile, pointer: &str, other: &UnitId) {
    let Some(theirs) = world.declared.get(other).filter(|_| problems.is_broken(other)) else { return };
    let first = problems.units.get(other).into_iter().flatten().find(|d| d.severity == Severity::Error).cloned();
    let mut problem = error(codes::BUILDS_ON_BROKEN, format!("this builds on {other}, whose file has errors"))
        .hint(format!("correct `{}` first; until then the last good revision stays in force", theirs.path));
    if let Some(first) = first {
        problem = problem.related(first.file.as_ref().unwrap_or(&theirs.path), first.span, first.message);
    }
    problems.add(file, pointer, problem);
}

fn finish(world: &World<'_>, problems: Problems) -> Checked {
    let Problems { mut units, mut loose } = problems;
    if !world.declared.contains_key(&UnitId::Fleet) {
        let missing = Diagnostic::error(codes::NO_FLEET, "there is no fleet.yaml at the top of the repository")
            .hint("`heddle init` writes a first fleet into an empty folder");
        loose.push(missing.clone());
        units.entry(UnitId::Fleet).or_default().push(missing);
    }
    for found in units.values_mut() {
        found.sort();
        found.dedup();
    }
    let mut diagnostics: Vec<Diagnostic> = units.values().flatten().chain(&loose).cloned().collect();
    diagnostics.sort();
    diagnostics.dedup();
    let invalid: BTreeMap<UnitId, Vec<Diagnostic>> = units
        .into_iter()
        .filter(|(_, found)| found.iter().any(|diagnostic| diagnostic.severity == Severity::Error))
        .collect();
    let usable = world.fleet.filter(|_| !invalid.contains_key(&UnitId::Fleet));
    let fleet = usable.map(|(_, settings)| Arc::new(build(world, settings, &invalid)));
    Checked { fleet, diagnostics, invalid }
}

/// The fleet of the valid units.
fn build(world: &World<'_>, settings: &FleetSettings, invalid: &BTreeMap<UnitId, Vec<Diagnostic>>) -> Fleet {
    let valid = |unit: UnitId| !invalid.contains_key(&unit);
    let networks: BTreeMap<NetworkRef, Network> = world
        .networks
        .values()
        .filter(|(_, network)| valid(UnitId::Network(network.id.clone())))
        .map(|(_, network)| (network.id.clone(), (*network).clone()))
        .collect();
    let organizations = world
        .organizations
        .values()
        .filter(|(_, organization)| valid(UnitId::Organization(organization.id.clone())))
        .map(|(_, organization)| {
            let mut organization = (*organization).clone();
            organization.orderers.retain(|orderer| networks.contains_key(&orderer.node.network));
            organization.peers.retain(|peer| networks.contains_key(&peer.node.network));
            (organization.id.clone(), organization)
        })
        .collect();
    let tenants = world
        .tenants
        .values()
        .filter(|(_, tenant)| valid(UnitId::Tenant(tenant.name.clone())))
        .map(|(_, tenant)| (tenant.name.clone(), (*tenant).clone()))
        .collect();
    let approvals = world.approvals.iter().map(|approval| (*approval).clone()).collect();
    Fleet { settings: settings.clone(), tenants, organizations, networks, approvals }
}

#[cfg(test)]
mod tests;
