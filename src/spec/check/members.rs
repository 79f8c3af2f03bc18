//! Rules about a network's members.
//!
//! Input: the documents. Output: problems in the network's file. Invariants: names, organizations and MSP ids are
//! unique within the network, and so is each node's address.

use std::collections::BTreeMap;

use super::{Problems, World, error, missing};
use crate::model::unit::UnitId;
use crate::spec::codes;
use crate::spec::fleet::Lifecycle;
use crate::spec::network::{Member, Network};
use crate::spec::organization::Organization;
use crate::spec::parse::ParsedFile;

pub(super) fn network(world: &World<'_>, file: &ParsedFile, network: &Network, problems: &mut Problems) {
    if !world.declared.contains_key(&UnitId::Tenant(network.id.tenant.clone())) {
        let message = format!("the tenant `{}` has no tenant.yaml", network.id.tenant);
        let hint = format!("add `tenants/{}/tenant.yaml`", network.id.tenant);
        problems.add(file, "/metadata/name", error(codes::NO_TENANT, message).hint(hint));
    }
    let mut names = BTreeMap::new();
    let mut organizations = BTreeMap::new();
    let mut msp_ids = BTreeMap::new();
    for (at, member) in network.members.iter().enumerate() {
        let pointer = format!("/spec/members/{at}");
        if let Some(first) = names.insert(&member.name, at) {
            let message = format!("another member is named `{}` too", member.name);
            twice(file, &format!("{pointer}/name"), first, error(codes::DUPLICATE_MEMBER, message), problems);
        }
        let place = format!("{pointer}/organization");
        if let Some(first) = organizations.insert(&member.organization, at) {
            let message = format!("the organization `{}` is listed twice", member.organization);
            twice(file, &place, first, error(codes::DUPLICATE_ORGANIZATION, message), problems);
            continue;
        }
        let Some((theirs, organization)) = existing(world, file, network, &place, member, problems) else { continue };
        if let Some(first) = msp_ids.insert(&organization.msp_id, at) {
            let message = format!("another member has the MSP id `{}` of this organization too", organization.msp_id);
            let problem = error(codes::DUPLICATE_MSP, message)
                .hint("an MSP id names one organization on a ledger")
                .related(&theirs.path, theirs.places.get("/spec/mspId"), "the MSP id");
            twice(file, &place, first, problem, problems);
        }
    }
    addresses(world, file, network, problems);
}

fn twice(
    file: &ParsedFile,
    pointer: &str,
    first: usize,
    problem: crate::model::diagnostic::Diagnostic,
    problems: &mut Problems,
) {
    let there = file.places.get(&format!("/spec/members/{first}"));
    problems.add(file, pointer, problem.related(&file.path, there, "the first one"));
}

fn existing<'w>(
    world: &World<'w>,
    file: &ParsedFile,
    network: &Network,
    place: &str,
    member: &Member,
    problems: &mut Problems,
) -> Option<(&'w ParsedFile, &'w Organization)> {
    let Some((theirs, organization)) = world.organizations.get(&member.organization).copied() else {
        if !world.declared.contains_key(&UnitId::Organization(member.organization.clone())) {
            let id = &member.organization;
            let known: Vec<String> = world.organizations.keys().map(ToString::to_string).collect();
            let path = format!("tenants/{}/organizations/{}.yaml", id.tenant, id.name);
            let problem = error(codes::UNKNOWN_ORGANIZATION, format!("the organization `{id}` does not exist"))
                .hint(missing(&id.to_string(), &known, &path));
            problems.add(file, place, problem);
        }
        return None;
    };
    if organization.lifecycle == Lifecycle::Decommissioned && network.lifecycle == Lifecycle::Active {
        let message = format!("the organization `{}` is decommissioned, but still a member", organization.id);
        let problem = error(codes::LEAVING, message)
            .warning()
            .hint("take it out of `spec.members` when its nodes are gone")
            .related(&theirs.path, theirs.places.get("/spec/lifecycle"), "the organization leaves");
        problems.add(file, place, problem);
    }
    Some((theirs, organization))
}

/// A node's host is `<node>-<organization>.<domain>`; two organizations can meet in it (`a-b` and `c`, `a` and `b-c`,
/// or two of one name).
fn addresses(world: &World<'_>, file: &ParsedFile, network: &Network, problems: &mut Problems) {
    let mut hosts: BTreeMap<String, String> = BTreeMap::new();
    for (at, member) in network.members.iter().enumerate() {
        let Some((_, organization)) = world.organizations.get(&member.organization) else { continue };
        let orderers = organization.orderers.iter().map(|orderer| &orderer.node);
        let nodes = orderers.chain(organization.peers.iter().map(|peer| &peer.node));
        for node in nodes.filter(|node| node.network == network.id) {
            let host = format!("{}-{}", node.name, organization.id.name);
            let owner = format!("{} of {}", node.name, organization.id);
            let Some(first) = hosts.insert(host.clone(), owner.clone()).filter(|first| *first != owner) else {
                continue;
            };
            let message =
                format!("the nodes `{first}` and `{owner}` would both be `{host}.{}`", network.endpoints.domain);
            let problem = error(codes::DUPLICATE_ADDRESS, message).hint("one of the two needs another name");
            problems.add(file, &format!("/spec/members/{at}/organization"), problem);
        }
    }
}
