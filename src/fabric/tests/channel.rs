//! Genesis blocks against those of `configtxgen`, and recorded blocks read back.

use std::fmt::Write as _;
use std::path::Path;

use prost::Message;

use super::material::{facts, leaf, msp};
use super::vector;
use crate::fabric::block::{self, BlockError};
use crate::fabric::config::Consensus;
use crate::fabric::genesis::{Batch, ChannelFacts, FactsProblem, Origin, genesis};
use crate::fabric::msp::{Authorities, List, Msp, MspProblem};
use crate::fabric::wire::common::{Block, Capabilities, ChannelHeader, ConfigEnvelope, ConfigGroup, Envelope, Payload};
use crate::model::names::MspId;
use crate::x509::profile::{NodeKind, Profile};

fn origin() -> Origin {
    Origin { nonce: [7; 24], at: "2026-11-27T00:00:00.5Z".parse().unwrap() }
}

/// The channels of which `configtxgen` made blocks too, each under its name.
fn recorded() -> [(&'static str, ChannelFacts); 3] {
    let quick = Batch { timeout_ms: 500, max_messages: 100, ..Batch::default() };
    [
        ("one", facts("one", 1, 1, false)),
        ("three", facts("three", 3, 2, true)),
        ("quick", ChannelFacts { batch: quick, ..facts("quick", 3, 1, false) }),
    ]
}

/// What of a block does not differ between two creations: its configuration, its headers and its metadata.
fn parts(bytes: &[u8]) -> (ConfigEnvelope, ChannelHeader, Vec<Vec<u8>>, u64, usize) {
    let block = Block::decode(bytes).unwrap();
    let (header, data, metadata) = (block.header.unwrap(), block.data.unwrap(), block.metadata.unwrap());
    let envelope = Envelope::decode(data.data[0].as_slice()).unwrap();
    assert!(envelope.signature.is_empty() && header.previous_hash.is_empty());
    let payload = Payload::decode(envelope.payload.as_slice()).unwrap();
    let channel = ChannelHeader::decode(payload.header.unwrap().channel_header.as_slice()).unwrap();
    let channel = ChannelHeader { timestamp: None, tx_id: String::new(), ..channel };
    let mut config = ConfigEnvelope::decode(payload.data.as_slice()).unwrap();
    plain(config.config.as_mut().unwrap().channel_group.as_mut().unwrap());
    (config, channel, metadata.metadata, header.number, data.data.len())
}

/// An empty message as the value of a map is written by Go and left out here; both read the same.
fn plain(group: &mut ConfigGroup) {
    if let Some(value) = group.values.get_mut("Capabilities") {
        value.value = Capabilities::decode(value.value.as_slice()).unwrap().encode_to_vec();
    }
    group.groups.values_mut().for_each(plain);
}

#[test]
fn a_genesis_block_is_the_one_that_configtxgen_makes_of_the_same_facts() {
    for (name, facts) in &recorded() {
        write_inputs(name, facts);
    }
    for (name, facts) in recorded() {
        let ours = genesis(&facts, origin()).unwrap();
        for release in ["2.5.16", "3.1.5"] {
            let theirs = vector(&format!("genesis-{name}-{release}.block"));
            assert_eq!(parts(&ours), parts(&theirs), "{name} {release}");
        }
    }
}

#[test]
fn equal_facts_give_equal_bytes_and_what_is_read_back_is_what_was_asked_for() {
    for (name, facts) in recorded() {
        let bytes = genesis(&facts, origin()).unwrap();
        assert_eq!(bytes, genesis(&facts, origin()).unwrap());
        let read = block::read(&bytes).unwrap();
        assert_eq!((read.channel.as_str(), read.number, read.config.sequence), (name, 0, 0));
        let Consensus::Raft(members) = &read.config.consensus else { panic!("{:?}", read.config.consensus) };
        let found: Vec<_> = members.iter().map(|m| (m.host.as_str(), m.port, m.server_key, m.client_key)).collect();
        let wanted = facts.consenters.iter().map(|c| {
            let key = c.certificate.key_fingerprint();
            (c.host.as_str(), u32::from(c.port), key, key)
        });
        assert_eq!(found, wanted.collect::<Vec<_>>());
        assert_eq!(read.config.orderers["OrdererOrg"].endpoints, facts.orderers[0].endpoints);
        assert_eq!(read.config.applications.len(), facts.applications.len());
        assert!(read.config.application_capabilities.contains("V2_5"));
    }
}

#[test]
fn recorded_blocks_are_read() {
    let first = block::read(&vector("ch1-genesis.block")).unwrap();
    assert_eq!((first.channel.as_str(), first.number, first.config.sequence), ("ch1", 0, 0));
    let Consensus::Raft(members) = &first.config.consensus else { panic!("{:?}", first.config.consensus) };
    assert_eq!(members.iter().map(|member| member.port).collect::<Vec<_>>(), [17051, 17052, 17053]);
    let names: Vec<_> = first.config.applications.values().map(|org| org.msp_id.as_str()).collect();
    assert_eq!(names, ["Org1MSP", "Org2MSP"]);
    let newest = block::read(&vector("ch1-newest.block")).unwrap();
    assert_eq!((newest.channel, newest.number), (first.channel, 39));
    assert!(newest.config.sequence > 10, "{}", newest.config.sequence);
}

#[test]
fn a_block_that_was_cut_or_changed_is_refused() {
    let good = genesis(&facts("one", 1, 1, false), origin()).unwrap();
    for cut in (0..good.len()).step_by(97) {
        assert!(block::read(&good[..cut]).is_err(), "cut at {cut}");
    }
    let mut changed = good.clone();
    let place = changed.windows(8).position(|window| window == b"orderer1").unwrap();
    changed[place] = b'O';
    assert_eq!(block::read(&changed), Err(BlockError::DataHash));
    let huge = vec![0; block::BYTES_MAX + 1];
    assert_eq!(block::read(&huge), Err(BlockError::TooLarge(huge.len())));
}

#[test]
fn facts_that_make_no_channel_are_refused_with_every_reason() {
    let check = |change: &dyn Fn(&mut ChannelFacts), expected: &[FactsProblem]| {
        let mut facts = facts("one", 2, 2, true);
        change(&mut facts);
        assert_eq!(genesis(&facts, origin()).unwrap_err(), expected);
    };
    check(&|facts| facts.consenters.clear(), &[FactsProblem::Missing("consenter")]);
    check(
        &|facts| {
            facts.orderers.clear();
            facts.applications.clear();
        },
        &[
            FactsProblem::Missing("ordering organization"),
            FactsProblem::Missing("organization with peers"),
            FactsProblem::NoEndpoint("orderer1.example:7051".into()),
            FactsProblem::NoEndpoint("orderer2.example:7052".into()),
        ],
    );
    check(&|facts| facts.capabilities.application = "V2_7".into(), &[FactsProblem::UnknownCapability("V2_7".into())]);
    check(
        &|facts| facts.consenters[1].certificate = facts.consenters[0].certificate.clone(),
        &[FactsProblem::Twice("orderer2.example:7052".into())],
    );
    check(
        &|facts| facts.applications[1] = facts.applications[0].clone(),
        &[FactsProblem::Twice("Org1".into()), FactsProblem::Twice("Org1MSP".into())],
    );
}

#[test]
fn a_membership_that_a_node_would_refuse_is_refused() {
    let good = msp("Org1MSP", true).authorities().clone();
    let check = |change: &dyn Fn(&mut Authorities), expected: &[MspProblem]| {
        let mut authorities = good.clone();
        change(&mut authorities);
        let found = Msp::new(MspId::parse("Org1MSP").unwrap(), authorities).unwrap_err();
        let shape = |problem: &MspProblem| match problem {
            MspProblem::Loose { list, .. } => format!("loose in {list}"),
            other => other.to_string(),
        };
        let expected: Vec<String> = expected.iter().map(shape).collect();
        assert_eq!(found.iter().map(shape).collect::<Vec<_>>(), expected);
    };
    let source = crate::x509::chain::ChainError::UnknownIssuer;
    let loose = |list| MspProblem::Loose { list, source };
    check(&|all| all.roots.clear(), &[MspProblem::Empty(List::Roots), loose(List::Issuing)]);
    check(&|all| all.roots = all.issuing.clone(), &[MspProblem::NoRoot(List::Roots), loose(List::Issuing)]);
    check(&|all| all.tls_issuing = all.tls_roots.clone(), &[MspProblem::Root(List::TlsIssuing)]);
    check(&|all| all.issuing.push(all.issuing[0].clone()), &[MspProblem::Twice(List::Issuing)]);
    check(
        &|all| all.issuing = vec![leaf("Org1MSP", Profile::Node(NodeKind::Peer), "peer").0],
        &[loose(List::Issuing), MspProblem::NoAuthority(List::Issuing)],
    );
    check(&|all| all.issuing = msp("Org2MSP", true).authorities().issuing.clone(), &[loose(List::Issuing)]);
}

/// With `HEDDLE_FABRIC_INPUTS=<folder>` writes what `configtxgen` needs to make the recorded blocks.
fn write_inputs(name: &str, facts: &ChannelFacts) {
    let Some(folder) = std::env::var_os("HEDDLE_FABRIC_INPUTS") else { return };
    let folder = Path::new(&folder).join(name);
    let organizations = facts.orderers.iter().map(|org| (org.name.as_str(), &org.msp));
    let organizations = organizations.chain(facts.applications.iter().map(|org| (org.name.as_str(), &org.msp)));
    let mut text = "Organizations:\n".to_owned();
    for (group, msp) in organizations {
        let all = msp.authorities();
        let lists = [
            (List::Roots, &all.roots),
            (List::Issuing, &all.issuing),
            (List::TlsRoots, &all.tls_roots),
            (List::TlsIssuing, &all.tls_issuing),
        ];
        for (list, certificates) in lists {
            let into = folder.join(group).join(list.to_string());
            std::fs::create_dir_all(&into).unwrap();
            for (number, certificate) in certificates.iter().enumerate() {
                std::fs::write(into.join(format!("{number}.pem")), certificate.pem()).unwrap();
            }
        }
        let units = "NodeOUs:\n  Enable: true\n  ClientOUIdentifier: {OrganizationalUnitIdentifier: client}\n  PeerOUIdentifier: {OrganizationalUnitIdentifier: peer}\n  AdminOUIdentifier: {OrganizationalUnitIdentifier: admin}\n  OrdererOUIdentifier: {OrganizationalUnitIdentifier: orderer}\n";
        std::fs::write(folder.join(group).join("config.yaml"), units).unwrap();
        text += &organization(group, msp.id().as_str(), facts);
    }
    std::fs::write(folder.join("ours.block"), genesis(facts, origin()).unwrap()).unwrap();
    text += &profile(facts);
    std::fs::write(folder.join("configtx.yaml"), text).unwrap();
    for consenter in &facts.consenters {
        std::fs::write(folder.join(format!("{}.pem", consenter.host)), consenter.certificate.pem()).unwrap();
    }
}

fn organization(group: &str, id: &str, facts: &ChannelFacts) -> String {
    let or = |roles: &[&str]| {
        let roles: Vec<String> = roles.iter().map(|role| format!("'{id}.{role}'")).collect();
        format!("OR({})", roles.join(","))
    };
    let (readers, writers) = if group == "OrdererOrg" {
        (or(&["admin", "orderer", "client"]), or(&["admin", "orderer", "client"]))
    } else {
        (or(&["admin", "peer", "client"]), or(&["admin", "client"]))
    };
    let mut text = format!("  - &{group}\n    Name: {group}\n    ID: {id}\n    MSPDir: {group}\n    Policies:\n");
    for (name, rule) in [("Readers", readers), ("Writers", writers), ("Admins", or(&["admin"]))] {
        writeln!(text, "      {name}: {{Type: Signature, Rule: \"{rule}\"}}").unwrap();
    }
    if group == "OrdererOrg" {
        writeln!(text, "    OrdererEndpoints: {:?}", facts.orderers[0].endpoints).unwrap();
    } else {
        writeln!(text, "      Endorsement: {{Type: Signature, Rule: \"{}\"}}", or(&["peer"])).unwrap();
    }
    text
}

fn profile(facts: &ChannelFacts) -> String {
    let common = |indent: &str| {
        let policy = |name: &str, rule: &str| format!("{indent}{name}: {{Type: ImplicitMeta, Rule: \"{rule}\"}}\n");
        policy("Readers", "ANY Readers") + &policy("Writers", "ANY Writers") + &policy("Admins", "MAJORITY Admins")
    };
    let mut text = format!(
        "Profiles:\n  P:\n    Policies:\n{}    Capabilities: {{V2_0: true}}\n    Orderer:\n      OrdererType: etcdraft\n      BatchTimeout: {}ms\n      BatchSize: {{MaxMessageCount: {}, AbsoluteMaxBytes: 10 MB, PreferredMaxBytes: 2 MB}}\n      EtcdRaft:\n        Options: {{TickInterval: 500ms, ElectionTick: 10, HeartbeatTick: 1, MaxInflightBlocks: 5, SnapshotIntervalSize: 16 MB}}\n        Consenters:\n",
        common("      "),
        facts.batch.timeout_ms,
        facts.batch.max_messages
    );
    for consenter in &facts.consenters {
        let pem = format!("{}.pem", consenter.host);
        writeln!(
            text,
            "          - {{Host: {}, Port: {}, ClientTLSCert: {pem}, ServerTLSCert: {pem}}}",
            consenter.host, consenter.port
        )
        .unwrap();
    }
    let members: Vec<String> = facts.applications.iter().map(|org| format!("*{}", org.name)).collect();
    write!(
        text,
        "      Organizations: [*OrdererOrg]\n      Policies:\n{}        BlockValidation: {{Type: ImplicitMeta, Rule: \"ANY Writers\"}}\n      Capabilities: {{V2_0: true}}\n    Application:\n      Organizations: [{}]\n      Policies:\n{}        Endorsement: {{Type: ImplicitMeta, Rule: \"MAJORITY Endorsement\"}}\n        LifecycleEndorsement: {{Type: ImplicitMeta, Rule: \"MAJORITY Endorsement\"}}\n      Capabilities: {{V2_5: true}}\n",
        common("        "),
        members.join(", "),
        common("        "),
    )
    .unwrap();
    text
}
