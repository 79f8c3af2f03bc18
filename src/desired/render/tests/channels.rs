//! What a channel wants, from the spec of its network.

use super::*;
use crate::model::names::ChannelId;
use crate::spec::network::Channel;

fn names(name: &str) -> RegionName {
    RegionName::parse(name).unwrap()
}

/// The fleet with a channel of all members, and every certificate issued by heddle.
fn with_channel(members: &[&str]) -> Fleet {
    let mut fleet = fleet();
    for organization in fleet.organizations.values_mut() {
        organization.ca = CertificateAuthority::Builtin { region: names("eu-west") };
    }
    let network = fleet.networks.get_mut(&NetworkRef::parse("platform/trade").unwrap()).unwrap();
    network.channels.push(Channel {
        name: ChannelId::parse("ch1").unwrap(),
        members: members.iter().map(|name| MemberName::parse(name).unwrap()).collect(),
    });
    fleet
}

/// A unit's channels for people.
fn listed(desired: &DesiredUnit) -> String {
    let mut text = String::new();
    for channel in desired.channels.values() {
        writeln!(text, "{}", channel.channel).unwrap();
        for (role, members) in [("orders", &channel.orderers), ("member", &channel.members)] {
            for of in members {
                writeln!(text, "  {role} {} {}: {}", of.name, of.msp_id, of.operator).unwrap();
            }
        }
        for (node, of) in &channel.consenters {
            writeln!(text, "  consenter {node} of {}\n    {}:{}\n    {}", of.member, of.host, of.port, of.certificate)
                .unwrap();
            writeln!(text, "    asked at {} as {}", of.node.port, of.node.clients.administrator).unwrap();
        }
        for (node, of) in &channel.peers {
            writeln!(text, "  peer {node} of {}\n    asked at {} as {}", of.msp_id, of.port, of.clients.administrator)
                .unwrap();
        }
        for (region, home) in &channel.homes {
            writeln!(text, "  kept in {region} as {} by {}", home.record, home.tenant).unwrap();
        }
    }
    text
}

#[test]
fn a_channel_names_whoever_orders_the_network_and_the_peers_of_its_members() {
    let desired = rendered(&with_channel(&["acme.acme", "bravo.bravo"]), "network/platform/trade");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/render/channel.txt");
    golden(&path, &listed(&desired));
    let one = rendered(&with_channel(&["bravo.bravo"]), "network/platform/trade");
    let channel = one.channels.values().next().unwrap();
    assert_eq!((channel.members.len(), channel.peers.len(), channel.consenters.len()), (1, 1, 3));
    assert_ne!(one.digest(), desired.digest());
    assert!(rendered(&fleet(), "network/platform/trade").channels.is_empty());
}

#[test]
fn a_node_that_leaves_is_no_part_of_a_new_channel_and_a_network_that_leaves_has_none() {
    let mut fleet = with_channel(&["bravo.bravo"]);
    let ordering = OrganizationRef::parse("platform/ordering").unwrap();
    fleet.organizations.get_mut(&ordering).unwrap().orderers[0].node.lifecycle = Lifecycle::Decommissioned;
    let channels = |fleet: &Fleet| rendered(fleet, "network/platform/trade").channels;
    assert_eq!(channels(&fleet).values().next().unwrap().consenters.len(), 2);
    let network = NetworkRef::parse("platform/trade").unwrap();
    fleet.networks.get_mut(&network).unwrap().lifecycle = Lifecycle::Decommissioned;
    assert!(channels(&fleet).is_empty());
}
