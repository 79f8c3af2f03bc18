//! Rules about regions and storage: what the fleet offers, what a tenant may use.
//!
//! Input: the documents. Output: problems. Invariant: what is decommissioned may name what is gone, so that it can
//! still leave.

use super::{Problems, World, error};
use crate::model::diagnostic::Diagnostic;
use crate::model::names::RegionName;
use crate::model::unit::UnitId;
use crate::spec::fleet::Lifecycle;
use crate::spec::organization::{CertificateAuthority, Organization, Storage};
use crate::spec::parse::ParsedFile;
use crate::spec::tenant::Tenant;
use crate::spec::{codes, violation};

/// Storage classes for regions that the fleet does not have.
pub(super) fn fleet(world: &World<'_>, problems: &mut Problems) {
    let Some((file, settings)) = world.fleet else { return };
    for (name, profile) in &settings.storage {
        for region in profile.classes.keys().filter(|region| !settings.regions.contains_key(region)) {
            let message =
                format!("the profile `{name}` has a class for `{region}`, which is not a region of the fleet");
            let problem = with_nearest(world, region, error(codes::UNKNOWN_REGION, message).warning());
            problems.add(file, &format!("/spec/storage/{name}/classes/{region}"), problem);
        }
    }
}

/// A tenant's regions are the fleet's; it does not leave before what it holds.
pub(super) fn tenant(world: &World<'_>, file: &ParsedFile, tenant: &Tenant, problems: &mut Problems) {
    let written = world.written_regions.get(&tenant.name).copied().unwrap_or_default();
    for (at, region) in written.iter().enumerate().filter(|(_, region)| !knows(world, region)) {
        problems.add(file, &format!("/spec/regions/{at}"), unknown(world, region));
    }
    if tenant.lifecycle != Lifecycle::Decommissioned {
        return;
    }
    let organizations = world.organizations.values().filter(|(_, o)| o.id.tenant == tenant.name);
    let networks = world.networks.values().filter(|(_, n)| n.id.tenant == tenant.name);
    let held = organizations
        .map(|(file, o)| (*file, o.lifecycle, UnitId::Organization(o.id.clone())))
        .chain(networks.map(|(file, n)| (*file, n.lifecycle, UnitId::Network(n.id.clone()))));
    for (theirs, lifecycle, unit) in held {
        if lifecycle == Lifecycle::Active {
            let message = format!("the tenant is decommissioned, but its {unit} is active");
            let problem = error(codes::STILL_ACTIVE, message)
                .hint(format!("write `lifecycle: Decommissioned` in `{}` first", theirs.path))
                .related(&theirs.path, theirs.places.get("/spec"), "this is active");
            problems.add(file, "/spec/lifecycle", problem);
        }
    }
}

/// An organization's regions are its tenant's, and its volumes have classes there.
pub(super) fn organization(world: &World<'_>, file: &ParsedFile, organization: &Organization, problems: &mut Problems) {
    let tenant_unit = UnitId::Tenant(organization.id.tenant.clone());
    if !world.declared.contains_key(&tenant_unit) {
        let message = format!("the tenant `{}` has no tenant.yaml", organization.id.tenant);
        let hint = format!("add `tenants/{}/tenant.yaml`", organization.id.tenant);
        problems.add(file, "/metadata/name", error(codes::NO_TENANT, message).hint(hint));
    }
    if organization.lifecycle == Lifecycle::Active {
        match &organization.ca {
            CertificateAuthority::FabricCa { regions, storage, .. } => {
                for (at, region) in regions.iter().enumerate() {
                    place(world, file, organization, &format!("/spec/ca/regions/{at}"), region, problems);
                    stored(world, file, "/spec/ca", storage, region, problems);
                }
            }
            CertificateAuthority::Builtin { region } => {
                place(world, file, organization, "/spec/ca/regions/0", region, problems);
            }
        }
    }
    let orderers = organization.orderers.iter().enumerate().map(|(at, orderer)| ("orderers", at, &orderer.node));
    let peers = organization.peers.iter().enumerate().map(|(at, peer)| ("peers", at, &peer.node));
    for (list, at, node) in orderers.chain(peers).filter(|(_, _, node)| node.lifecycle == Lifecycle::Active) {
        let pointer = format!("/spec/{list}/{at}");
        place(world, file, organization, &format!("{pointer}/region"), &node.region, problems);
        keys(file, organization, &format!("{pointer}/region"), &node.region, problems);
        stored(world, file, &pointer, &node.storage, &node.region, problems);
    }
}

/// A node gets its keys where its organization's authority has them: private keys never cross regions.
fn keys(file: &ParsedFile, organization: &Organization, pointer: &str, region: &RegionName, problems: &mut Problems) {
    let CertificateAuthority::Builtin { region: home } = &organization.ca else { return };
    if home != region {
        let message =
            format!("the node runs in `{region}`, but the keys of its organization's authority are in `{home}`");
        let problem = error(codes::KEYS_ELSEWHERE, message)
            .hint("let it run there, or give its region an organization of its own, or choose `mode: fabric-ca`")
            .related(&file.path, file.places.get("/spec/ca/regions"), "where the keys are");
        problems.add(file, pointer, problem);
    }
}

fn place(
    world: &World<'_>,
    file: &ParsedFile,
    organization: &Organization,
    pointer: &str,
    region: &RegionName,
    problems: &mut Problems,
) {
    if !knows(world, region) {
        problems.add(file, pointer, unknown(world, region));
        return;
    }
    let Some((theirs, tenant)) = world.tenants.get(&organization.id.tenant) else { return };
    if !tenant.regions.contains(region) {
        let message = format!("the tenant `{}` may not use the region `{region}`", tenant.name);
        let problem = error(codes::REGION_NOT_GRANTED, message)
            .hint(format!("choose one of its regions, or add `{region}` to `spec.regions` in `{}`", theirs.path))
            .related(&theirs.path, theirs.places.get("/spec/regions"), "the tenant's regions");
        problems.add(file, pointer, problem);
    }
}

fn stored(
    world: &World<'_>,
    file: &ParsedFile,
    pointer: &str,
    storage: &Storage,
    region: &RegionName,
    problems: &mut Problems,
) {
    let Some((theirs, settings)) = world.fleet else { return };
    let own = format!("{pointer}/storage/profile");
    // Without an own place it comes from the defaults.
    let from_defaults = file.places.exact(&own).is_none();
    let place = if from_defaults { "/spec/defaults/storage/profile" } else { own.as_str() };
    let Some(profile) = settings.storage.get(&storage.profile) else {
        let known: Vec<&str> = settings.storage.keys().map(crate::model::names::StorageProfileName::as_str).collect();
        let hint = match violation::nearest(storage.profile.as_str(), &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "add the profile to `spec.storage` in `fleet.yaml`".to_owned(),
            None => format!("the fleet has {}", violation::list(&known)),
        };
        let message = format!("the storage profile `{}` does not exist", storage.profile);
        problems.add(file, place, error(codes::UNKNOWN_PROFILE, message).hint(hint));
        return;
    };
    if settings.regions.contains_key(region) && !profile.classes.contains_key(region) {
        let message = format!("the storage profile `{}` has no class for the region `{region}`", storage.profile);
        let there = format!("/spec/storage/{}/classes", storage.profile);
        let problem = error(codes::NO_STORAGE_CLASS, message)
            .hint(format!("add `{region}` to the profile's `classes` in `{}`, or choose another profile", theirs.path))
            .related(&theirs.path, theirs.places.get(&there), "the profile's classes");
        problems.add(file, place, problem);
    }
}

/// Whether the fleet has the region; without a usable fleet nothing can be said.
fn knows(world: &World<'_>, region: &RegionName) -> bool {
    world.fleet.is_none_or(|(_, settings)| settings.regions.contains_key(region))
}

fn unknown(world: &World<'_>, region: &RegionName) -> Diagnostic {
    let problem = error(codes::UNKNOWN_REGION, format!("the region `{region}` is not one of the fleet's"));
    with_nearest(world, region, problem)
}

fn with_nearest(world: &World<'_>, region: &RegionName, problem: Diagnostic) -> Diagnostic {
    let Some((theirs, settings)) = world.fleet else { return problem };
    let known: Vec<&str> = settings.regions.keys().map(RegionName::as_str).collect();
    let hint = match violation::nearest(region.as_str(), &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the fleet has {}", violation::list(&known)),
    };
    problem.hint(hint).related(&theirs.path, theirs.places.get("/spec/regions"), "the fleet's regions")
}
