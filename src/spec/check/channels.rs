//! Rules about a network's channels.
//!
//! Input: the documents. Output: problems in the network's file. Invariant: whatever a first block needs is there or said
//! to be missing: members that it can name, somebody who orders, certificates that heddle issued, a place for the block.

use std::collections::BTreeMap;

use super::{Problems, World, error, missing};
use crate::model::diagnostic::Diagnostic;
use crate::model::names::MemberName;
use crate::spec::codes;
use crate::spec::fleet::Lifecycle;
use crate::spec::network::{Member, MemberRole, Network};
use crate::spec::organization::{CertificateAuthority, Node, Organization};
use crate::spec::parse::ParsedFile;

pub(super) fn network(world: &World<'_>, file: &ParsedFile, network: &Network, problems: &mut Problems) {
    if network.channels.is_empty() || network.lifecycle == Lifecycle::Decommissioned {
        return;
    }
    names(file, network, problems);
    for (at, channel) in network.channels.iter().enumerate() {
        for (number, name) in channel.members.iter().enumerate() {
            let pointer = format!("/spec/channels/{at}/members/{number}");
            if let Some(problem) = not_a_member(world, network, name) {
                problems.add(file, &pointer, problem);
            }
        }
    }
    orderers(world, file, network, problems);
    issued(world, file, network, problems);
}

fn names(file: &ParsedFile, network: &Network, problems: &mut Problems) {
    let mut names = BTreeMap::new();
    for (at, channel) in network.channels.iter().enumerate() {
        let pointer = format!("/spec/channels/{at}/name");
        if let Some(first) = names.insert(&channel.name, pointer.clone()) {
            let message = format!("another channel is named `{}` too", channel.name);
            let problem = error(codes::DUPLICATE_CHANNEL, message);
            problems.add(file, &pointer, problem.related(&file.path, file.places.get(&first), "the first one"));
        }
    }
}

fn not_a_member(world: &World<'_>, network: &Network, name: &MemberName) -> Option<Diagnostic> {
    let Some(member) = network.members.iter().find(|member| member.name == *name) else {
        let message = format!("the network has no member `{name}`");
        let known: Vec<String> = network.members.iter().map(|member| member.name.to_string()).collect();
        let hint = missing(name.as_str(), &known, "spec.members");
        return Some(error(codes::UNKNOWN_MEMBER, message).hint(hint));
    };
    if member.role == MemberRole::Orderer {
        let message = format!("`{name}` orders, so it has no peers that could have the channel");
        let hint = "take it out: all ordering nodes of the network order all its channels";
        return Some(error(codes::MEMBER_WITHOUT_PEERS, message).hint(hint));
    }
    let (theirs, organization) = world.organizations.get(&member.organization)?;
    let has_peers = organization.peers.iter().any(|peer| serves(network, &peer.node));
    (!has_peers).then(|| {
        let message = format!("`{name}` has no peer in `{}` yet, so nobody of it will have the channel", network.id);
        let hint = format!("add a peer to `spec.peers` of `{}`", theirs.path);
        error(codes::MEMBER_WITHOUT_PEERS, message).warning().hint(hint)
    })
}

fn serves(network: &Network, node: &Node) -> bool {
    node.network == network.id && node.lifecycle == Lifecycle::Active
}

/// The members of a role with their organizations, those that exist.
fn of_role<'w>(
    world: &World<'w>,
    network: &'w Network,
    role: MemberRole,
) -> impl Iterator<Item = (usize, &'w Member, &'w ParsedFile, &'w Organization)> {
    let members = network.members.iter().enumerate().filter(move |(_, member)| member.role == role);
    members.filter_map(|(at, member)| {
        let (file, organization) = world.organizations.get(&member.organization)?;
        Some((at, member, *file, *organization))
    })
}

/// Somebody orders, and the network's owner can keep the first block where they do.
fn orderers(world: &World<'_>, file: &ParsedFile, network: &Network, problems: &mut Problems) {
    let of_network: Vec<_> = of_role(world, network, MemberRole::Orderer).collect();
    let nodes: Vec<&Node> = of_network
        .iter()
        .flat_map(|(_, _, _, organization)| organization.orderers.iter().map(|orderer| &orderer.node))
        .filter(|node| serves(network, node))
        .collect();
    let listed = network.members.iter().filter(|member| member.role == MemberRole::Orderer).count();
    if nodes.is_empty() && listed == of_network.len() {
        let message = "nobody orders it: no member of the network has an ordering node";
        let hint = "add a member with `role: orderer`, and its nodes to `spec.orderers` of its organization";
        for at in 0..network.channels.len() {
            let problem = error(codes::NOBODY_ORDERS, message.to_owned()).hint(hint);
            problems.add(file, &format!("/spec/channels/{at}/name"), problem);
        }
    }
    let Some((theirs, tenant)) = world.tenants.get(&network.id.tenant) else { return };
    let regions: std::collections::BTreeSet<_> = nodes.iter().map(|node| &node.region).collect();
    for region in regions.into_iter().filter(|region| !tenant.regions.contains(*region)) {
        let message = format!(
            "the first blocks of its channels are kept where its ordering nodes run, but `{}` may not use the region `{region}`",
            tenant.name
        );
        let problem = error(codes::REGION_NOT_GRANTED, message)
            .hint(format!("add `{region}` to `spec.regions` of `{}`", theirs.path))
            .related(&theirs.path, theirs.places.get("/spec/regions"), "the regions of the network's owner");
        problems.add(file, "/spec/channels", problem);
    }
}

/// Memberships and the clients that ask nodes are made from what heddle issued.
fn issued(world: &World<'_>, file: &ParsedFile, network: &Network, problems: &mut Problems) {
    let in_a_channel = |member: &Member| network.channels.iter().any(|channel| channel.members.contains(&member.name));
    let peers = of_role(world, network, MemberRole::Peer).filter(|(_, member, _, _)| in_a_channel(member));
    for (at, member, theirs, organization) in of_role(world, network, MemberRole::Orderer).chain(peers) {
        if matches!(organization.ca, CertificateAuthority::Builtin { .. }) {
            continue;
        }
        let message = format!(
            "`{}` takes part in channels, but heddle does not issue the certificates of `{}`, and cannot ask its nodes",
            member.name, organization.id
        );
        let problem = error(codes::ISSUED_ELSEWHERE, message)
            .hint(format!("channels need `mode: builtin` in `spec.ca` of `{}`", theirs.path))
            .related(&theirs.path, theirs.places.get("/spec/ca/mode"), "who issues them");
        problems.add(file, &format!("/spec/members/{at}/organization"), problem);
    }
}
