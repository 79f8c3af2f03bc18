//! Rules about an organization's nodes: the networks that they name, their names.
//!
//! Input: the documents. Output: problems in the organization's file. Invariants: a problem here reaches a network only
//! when the network lists the organization; a network that has errors of its own says nothing about an organization.

use std::collections::BTreeMap;

use super::{Problems, World, error, missing};
use crate::model::names::NodeName;
use crate::model::unit::{NetworkRef, UnitId};
use crate::spec::codes;
use crate::spec::fleet::Lifecycle;
use crate::spec::network::MemberRole;
use crate::spec::organization::{Node, Organization};
use crate::spec::parse::ParsedFile;

pub(super) fn organization(world: &World<'_>, file: &ParsedFile, organization: &Organization, problems: &mut Problems) {
    let mut seen: BTreeMap<(&NetworkRef, &NodeName), String> = BTreeMap::new();
    let orderers = organization.orderers.iter().enumerate();
    let orderers = orderers.map(|(at, o)| (format!("/spec/orderers/{at}"), MemberRole::Orderer, &o.node));
    let peers = organization.peers.iter().enumerate();
    let peers = peers.map(|(at, p)| (format!("/spec/peers/{at}"), MemberRole::Peer, &p.node));
    for (pointer, role, node) in orderers.chain(peers) {
        let name = format!("{pointer}/name");
        match seen.get(&(&node.network, &node.name)) {
            Some(first) => {
                let message = format!("another node in `{}` is named `{}` too", node.network, node.name);
                let problem = error(codes::DUPLICATE_NODE, message)
                    .hint("names are unique among an organization's orderers and peers in a network")
                    .related(&file.path, file.places.get(first), "the first one");
                problems.add(file, &name, problem);
            }
            None => {
                seen.insert((&node.network, &node.name), name);
            }
        }
        if node.lifecycle == Lifecycle::Active {
            belongs(world, file, organization, &pointer, (role, node), problems);
        }
    }
}

fn belongs(
    world: &World<'_>,
    file: &ParsedFile,
    organization: &Organization,
    pointer: &str,
    (role, node): (MemberRole, &Node),
    problems: &mut Problems,
) {
    if organization.lifecycle == Lifecycle::Decommissioned {
        let message = format!("the organization is decommissioned, but its node `{}` is active", node.name);
        let problem = error(codes::STILL_ACTIVE, message).hint("write `lifecycle: Decommissioned` at the node first");
        problems.add(file, &format!("{pointer}/name"), problem);
    }
    let pointer = format!("{pointer}/network");
    let Some((theirs, network)) = world.networks.get(&node.network) else {
        if !world.declared.contains_key(&UnitId::Network(node.network.clone())) {
            let path = format!("tenants/{}/networks/{}.yaml", node.network.tenant, node.network.name);
            let known: Vec<String> = world.networks.keys().map(ToString::to_string).collect();
            let problem = error(codes::UNKNOWN_NETWORK, format!("the network `{}` does not exist", node.network))
                .hint(missing(&node.network.to_string(), &known, &path));
            problems.add(file, &pointer, problem);
        }
        return;
    };
    let Some((at, member)) = network.members.iter().enumerate().find(|(_, m)| m.organization == organization.id) else {
        let message = format!("the network `{}` does not list `{}` as a member", network.id, organization.id);
        let problem = error(codes::NOT_A_MEMBER, message)
            .hint(format!("ask its owner for an entry in `spec.members` of `{}`", theirs.path))
            .related(&theirs.path, theirs.places.get("/spec/members"), "the network's members");
        problems.add(file, &pointer, problem);
        return;
    };
    if member.role != role {
        let (is, wants) = (word(role), word(member.role));
        let message = format!("this is {is}, but `{}` lists `{}` as {wants}", network.id, organization.id);
        let problem = error(codes::WRONG_ROLE, message)
            .hint("move the node to the other list, or ask the network's owner to change the role")
            .related(&theirs.path, theirs.places.get(&format!("/spec/members/{at}/role")), "the role");
        problems.add(file, &pointer, problem);
    }
    if network.lifecycle == Lifecycle::Decommissioned {
        let message = format!("the network `{}` is decommissioned, but this node is active", network.id);
        let problem = error(codes::LEAVING, message)
            .warning()
            .hint("write `lifecycle: Decommissioned` at the node")
            .related(&theirs.path, theirs.places.get("/spec/lifecycle"), "the network leaves");
        problems.add(file, &pointer, problem);
    }
}

fn word(role: MemberRole) -> &'static str {
    match role {
        MemberRole::Orderer => "an orderer",
        MemberRole::Peer => "a peer",
    }
}
