//! The first block of a channel.
//!
//! Input: [`ChannelFacts`], a nonce and an instant. Output: the block's bytes. It decides neither who takes part nor whether the
//! channel may be created. Invariants: equal inputs give equal bytes; decoded it equals what `configtxgen` 2.5.16 and
//! 3.1.5 make of the same facts (`tests/vectors/fabric`); Raft only.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use prost::Message;
use thiserror::Error;

use super::block;
use super::capability::{self, Level};
use super::msp::Msp;
use super::policy::{self, ADMINS, Quorum, Role};
use super::wire::common::{
    Block, BlockData, BlockDataHashingStructure, BlockHeader, BlockMetadata, Capabilities, ChannelHeader, Config,
    ConfigEnvelope, ConfigGroup, ConfigPolicy, ConfigValue, Envelope, HashingAlgorithm, Header, LastConfig, Metadata,
    OrdererAddresses, OrdererBlockMetadata, Payload, SignatureHeader, Timestamp as WireTimestamp,
};
use super::wire::orderer::{
    BatchSize, BatchTimeout, ConfigMetadata, ConsensusType, Consenter as WireConsenter, Options,
};
use crate::model::digest::Digest;
use crate::model::names::{ChannelId, MemberName};
use crate::x509::certificate::Certificate;

/// `HeaderType.CONFIG`.
const CONFIG: i32 = 1;
/// Entries of a block's metadata.
const METADATA_ENTRIES: usize = 5;
/// A `config`'s most consenters: more than any Raft cluster makes sense with.
const CONSENTERS_MAX: usize = 100;

/// Where a consenter is reached, and how it is recognized.
#[derive(Debug, Clone)]
pub struct Consenter {
    /// Its canonical host.
    pub host: String,
    /// Its canonical port.
    pub port: u16,
    /// The TLS certificate with which it serves and calls; Raft recognizes it by the key in it.
    pub certificate: Certificate,
}

/// An organization whose nodes order.
#[derive(Debug, Clone)]
pub struct OrdererOrganization {
    /// The key of its group.
    pub name: MemberName,
    /// Its membership.
    pub msp: Msp,
    /// Its ordering nodes, as `host:port`; whoever joins pulls blocks only from these.
    pub endpoints: Vec<String>,
}

/// An organization whose peers take part.
#[derive(Debug, Clone)]
pub struct PeerOrganization {
    /// The key of its group.
    pub name: MemberName,
    /// Its membership.
    pub msp: Msp,
}

/// When blocks are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Milliseconds after the first message.
    pub timeout_ms: u32,
    /// Messages.
    pub max_messages: u32,
    /// Bytes that no message may exceed.
    pub absolute_max_bytes: u32,
    /// Bytes after which a block is cut.
    pub preferred_max_bytes: u32,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            timeout_ms: 2000,
            max_messages: 500,
            absolute_max_bytes: 10 * 1024 * 1024,
            preferred_max_bytes: 2 * 1024 * 1024,
        }
    }
}

/// Capability names of the three levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapabilityNames {
    /// For everybody.
    pub channel: String,
    /// For orderers.
    pub orderer: String,
    /// For peers.
    pub application: String,
}

impl Default for CapabilityNames {
    /// What 2.5 and 3.x both understand.
    fn default() -> Self {
        Self { channel: "V2_0".into(), orderer: "V2_0".into(), application: "V2_5".into() }
    }
}

/// Everything that a new channel is made from.
#[derive(Debug, Clone)]
pub struct ChannelFacts {
    /// Its name.
    pub id: ChannelId,
    /// Who orders.
    pub orderers: Vec<OrdererOrganization>,
    /// Who takes part.
    pub applications: Vec<PeerOrganization>,
    /// Raft's members, in the order that gives them their ids.
    pub consenters: Vec<Consenter>,
    /// When blocks are cut.
    pub batch: Batch,
    /// Capabilities.
    pub capabilities: CapabilityNames,
}

/// What makes two creations of one channel differ, brought by the caller.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// Drawn by chance, once.
    pub nonce: [u8; 24],
    /// When.
    pub at: Timestamp,
}

/// Why facts make no channel that its nodes would take.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FactsProblem {
    /// Nobody orders, or nobody takes part, or no consenter.
    #[error("a channel needs at least one {0}")]
    Missing(&'static str),
    /// Two groups of one name, or two memberships of one id.
    #[error("`{0}` stands twice")]
    Twice(String),
    /// More than Raft makes sense with.
    #[error("a channel has at most {CONSENTERS_MAX} consenters")]
    TooManyConsenters,
    /// Nobody knows it.
    #[error("nobody knows the capability {0}")]
    UnknownCapability(String),
    /// It is no endpoint of an ordering organization, so joining nodes could not pull from it.
    #[error("the consenter {0} is no endpoint of an ordering organization")]
    NoEndpoint(String),
}

/// The block.
pub fn genesis(facts: &ChannelFacts, origin: Origin) -> Result<Vec<u8>, Vec<FactsProblem>> {
    let problems = problems(facts);
    if !problems.is_empty() {
        return Err(problems);
    }
    let config = Config { sequence: 0, channel_group: Some(channel(facts)) };
    let envelope = ConfigEnvelope { config: Some(config), last_update: None };
    let signature_header = SignatureHeader { creator: Vec::new(), nonce: origin.nonce.to_vec() };
    let channel_header = ChannelHeader {
        r#type: CONFIG,
        version: 1,
        timestamp: Some(WireTimestamp { seconds: origin.at.as_second(), nanos: 0 }),
        channel_id: facts.id.to_string(),
        // The creator is empty.
        tx_id: Digest::of(&origin.nonce).hex(),
        ..ChannelHeader::default()
    };
    let header =
        Header { channel_header: channel_header.encode_to_vec(), signature_header: signature_header.encode_to_vec() };
    let payload = Payload { header: Some(header), data: envelope.encode_to_vec() };
    let envelope = Envelope { payload: payload.encode_to_vec(), signature: Vec::new() };
    let data = BlockData { data: vec![envelope.encode_to_vec()] };
    let header = BlockHeader { number: 0, previous_hash: Vec::new(), data_hash: block::data_hash(&data).to_vec() };
    Ok(Block { header: Some(header), data: Some(data), metadata: Some(metadata()) }.encode_to_vec())
}

fn problems(facts: &ChannelFacts) -> Vec<FactsProblem> {
    let mut problems = Vec::new();
    for (what, count) in [
        ("ordering organization", facts.orderers.len()),
        ("organization with peers", facts.applications.len()),
        ("consenter", facts.consenters.len()),
    ] {
        if count == 0 {
            problems.push(FactsProblem::Missing(what));
        }
    }
    let orderers: Vec<_> = facts.orderers.iter().map(|org| (&org.name, org.msp.id())).collect();
    let applications: Vec<_> = facts.applications.iter().map(|org| (&org.name, org.msp.id())).collect();
    for group in [&orderers, &applications] {
        let (mut names, mut ids) = (BTreeSet::new(), BTreeSet::new());
        for (name, id) in group {
            if !names.insert(name.as_str()) {
                problems.push(FactsProblem::Twice(name.to_string()));
            }
            if !ids.insert(id.as_str()) {
                problems.push(FactsProblem::Twice(id.to_string()));
            }
        }
    }
    if facts.consenters.len() > CONSENTERS_MAX {
        problems.push(FactsProblem::TooManyConsenters);
    }
    let CapabilityNames { channel, orderer, application } = &facts.capabilities;
    for (level, name) in [(Level::Channel, channel), (Level::Orderer, orderer), (Level::Application, application)] {
        if capability::find(level, name).is_none() {
            problems.push(FactsProblem::UnknownCapability(name.clone()));
        }
    }
    let mut seen = BTreeSet::new();
    for consenter in &facts.consenters {
        let address = format!("{}:{}", consenter.host, consenter.port);
        if !facts.orderers.iter().any(|org| org.endpoints.contains(&address)) {
            problems.push(FactsProblem::NoEndpoint(address.clone()));
        }
        // Raft tells consenters apart by their keys.
        let fresh = seen.insert(address.clone()) & seen.insert(consenter.certificate.key_fingerprint().to_string());
        if !fresh {
            problems.push(FactsProblem::Twice(address));
        }
    }
    problems
}

/// Signatures of nobody over "the newest configuration is in block 0", and four empty entries.
fn metadata() -> BlockMetadata {
    let value = OrdererBlockMetadata { last_config: Some(LastConfig { index: 0 }), consenter_metadata: Vec::new() };
    let mut metadata = vec![Metadata { value: value.encode_to_vec() }.encode_to_vec()];
    metadata.resize(METADATA_ENTRIES, Vec::new());
    BlockMetadata { metadata }
}

fn value(message: &impl Message) -> ConfigValue {
    ConfigValue { version: 0, value: message.encode_to_vec(), mod_policy: ADMINS.to_owned() }
}

fn capabilities(name: &str) -> ConfigValue {
    value(&Capabilities { capabilities: BTreeMap::from([(name.to_owned(), Vec::new())]) })
}

fn group(
    groups: BTreeMap<String, ConfigGroup>,
    values: BTreeMap<String, ConfigValue>,
    policies: BTreeMap<String, ConfigPolicy>,
) -> ConfigGroup {
    ConfigGroup { version: 0, groups, values, policies, mod_policy: ADMINS.to_owned() }
}

/// Any reader and writer below, more than half of the administrators.
fn common_policies() -> BTreeMap<String, ConfigPolicy> {
    BTreeMap::from([
        ("Readers".to_owned(), policy::of_those_below(Quorum::Any, "Readers")),
        ("Writers".to_owned(), policy::of_those_below(Quorum::Any, "Writers")),
        (ADMINS.to_owned(), policy::of_those_below(Quorum::Majority, ADMINS)),
    ])
}

fn channel(facts: &ChannelFacts) -> ConfigGroup {
    let values = BTreeMap::from([
        ("HashingAlgorithm".to_owned(), value(&HashingAlgorithm { name: "SHA256".to_owned() })),
        ("BlockDataHashingStructure".to_owned(), value(&BlockDataHashingStructure { width: u32::MAX })),
        ("Capabilities".to_owned(), capabilities(&facts.capabilities.channel)),
    ]);
    let groups =
        BTreeMap::from([("Application".to_owned(), application(facts)), ("Orderer".to_owned(), orderer(facts))]);
    group(groups, values, common_policies())
}

fn application(facts: &ChannelFacts) -> ConfigGroup {
    let organization = |org: &PeerOrganization| {
        let id = org.msp.id();
        let policies = BTreeMap::from([
            ("Readers".to_owned(), policy::any_role(id, &[Role::Admin, Role::Peer, Role::Client])),
            ("Writers".to_owned(), policy::any_role(id, &[Role::Admin, Role::Client])),
            (ADMINS.to_owned(), policy::any_role(id, &[Role::Admin])),
            ("Endorsement".to_owned(), policy::any_role(id, &[Role::Peer])),
        ]);
        let values = BTreeMap::from([("MSP".to_owned(), value(&org.msp.config()))]);
        (org.name.to_string(), group(BTreeMap::new(), values, policies))
    };
    let mut policies = common_policies();
    for name in ["Endorsement", "LifecycleEndorsement"] {
        policies.insert(name.to_owned(), policy::of_those_below(Quorum::Majority, "Endorsement"));
    }
    let values = BTreeMap::from([("Capabilities".to_owned(), capabilities(&facts.capabilities.application))]);
    group(facts.applications.iter().map(organization).collect(), values, policies)
}

fn orderer(facts: &ChannelFacts) -> ConfigGroup {
    let organization = |org: &OrdererOrganization| {
        let id = org.msp.id();
        let members = [Role::Admin, Role::Orderer, Role::Client];
        let policies = BTreeMap::from([
            ("Readers".to_owned(), policy::any_role(id, &members)),
            ("Writers".to_owned(), policy::any_role(id, &members)),
            (ADMINS.to_owned(), policy::any_role(id, &[Role::Admin])),
        ]);
        let values = BTreeMap::from([
            ("MSP".to_owned(), value(&org.msp.config())),
            ("Endpoints".to_owned(), value(&OrdererAddresses { addresses: org.endpoints.clone() })),
        ]);
        (org.name.to_string(), group(BTreeMap::new(), values, policies))
    };
    let mut policies = common_policies();
    policies.insert("BlockValidation".to_owned(), policy::of_those_below(Quorum::Any, "Writers"));
    let Batch { timeout_ms, max_messages, absolute_max_bytes, preferred_max_bytes } = facts.batch;
    let size = BatchSize { max_message_count: max_messages, absolute_max_bytes, preferred_max_bytes };
    let consensus = ConsensusType { r#type: "etcdraft".to_owned(), metadata: raft(facts).encode_to_vec(), state: 0 };
    let values = BTreeMap::from([
        ("ConsensusType".to_owned(), value(&consensus)),
        ("BatchSize".to_owned(), value(&size)),
        ("BatchTimeout".to_owned(), value(&BatchTimeout { timeout: go_duration(timeout_ms) })),
        // An empty message: no bound on the number of channels.
        ("ChannelRestrictions".to_owned(), ConfigValue { mod_policy: ADMINS.to_owned(), ..ConfigValue::default() }),
        ("Capabilities".to_owned(), capabilities(&facts.capabilities.orderer)),
    ]);
    group(facts.orderers.iter().map(organization).collect(), values, policies)
}

fn raft(facts: &ChannelFacts) -> ConfigMetadata {
    let consenter = |consenter: &Consenter| WireConsenter {
        host: consenter.host.clone(),
        port: consenter.port.into(),
        client_tls_cert: consenter.certificate.pem().as_bytes().to_vec(),
        server_tls_cert: consenter.certificate.pem().as_bytes().to_vec(),
    };
    let options = Options {
        tick_interval: "500ms".to_owned(),
        election_tick: 10,
        heartbeat_tick: 1,
        max_inflight_blocks: 5,
        snapshot_interval_size: 16 * 1024 * 1024,
    };
    ConfigMetadata { consenters: facts.consenters.iter().map(consenter).collect(), options: Some(options) }
}

/// As Go writes a duration below a minute: milliseconds, or seconds with what is needed behind the point.
fn go_duration(milliseconds: u32) -> String {
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    match (seconds, rest) {
        (0, _) => format!("{rest}ms"),
        (_, 0) => format!("{seconds}s"),
        _ => format!("{seconds}.{}s", format!("{rest:03}").trim_end_matches('0')),
    }
}

#[cfg(test)]
mod tests {
    use super::go_duration;

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (milliseconds, text) in [(500, "500ms"), (2000, "2s"), (1500, "1.5s"), (1050, "1.05s"), (59_999, "59.999s")]
        {
            assert_eq!(go_duration(milliseconds), text);
        }
    }
}
