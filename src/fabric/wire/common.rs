//! Blocks, envelopes, configuration trees, policies (`common/*.proto`).
//!
//! Input: bytes. Output: messages, and back. Invariant: field numbers as published.

use std::collections::BTreeMap;

use super::msp::MspPrincipal;

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Eq, ::prost::Message)]
pub struct Timestamp {
    /// Seconds since 1970.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// The rest, below a second.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// A payload and who signed it.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Envelope {
    /// A [`Payload`].
    #[prost(bytes = "vec", tag = "1")]
    pub payload: Vec<u8>,
    /// By the creator in its header.
    #[prost(bytes = "vec", tag = "2")]
    pub signature: Vec<u8>,
}

/// What an envelope holds.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Payload {
    /// Headers.
    #[prost(message, optional, tag = "1")]
    pub header: Option<Header>,
    /// What the channel header's type says.
    #[prost(bytes = "vec", tag = "2")]
    pub data: Vec<u8>,
}

/// The two headers.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Header {
    /// A [`ChannelHeader`].
    #[prost(bytes = "vec", tag = "1")]
    pub channel_header: Vec<u8>,
    /// A [`SignatureHeader`].
    #[prost(bytes = "vec", tag = "2")]
    pub signature_header: Vec<u8>,
}

/// Where it belongs.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChannelHeader {
    /// A `HeaderType`.
    #[prost(int32, tag = "1")]
    pub r#type: i32,
    /// Of the message protocol.
    #[prost(int32, tag = "2")]
    pub version: i32,
    /// When it was made, by its maker's clock.
    #[prost(message, optional, tag = "3")]
    pub timestamp: Option<Timestamp>,
    /// The channel; empty for a peer itself.
    #[prost(string, tag = "4")]
    pub channel_id: String,
    /// Hexadecimal SHA-256 of nonce and creator.
    #[prost(string, tag = "5")]
    pub tx_id: String,
    /// Always 0.
    #[prost(uint64, tag = "6")]
    pub epoch: u64,
    /// What the type says.
    #[prost(bytes = "vec", tag = "7")]
    pub extension: Vec<u8>,
    /// SHA-256 of the client's TLS certificate, where the server asks for one.
    #[prost(bytes = "vec", tag = "8")]
    pub tls_cert_hash: Vec<u8>,
}

/// Who made it.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct SignatureHeader {
    /// A [`super::msp::SerializedIdentity`].
    #[prost(bytes = "vec", tag = "1")]
    pub creator: Vec<u8>,
    /// Makes it single.
    #[prost(bytes = "vec", tag = "2")]
    pub nonce: Vec<u8>,
}

/// A block.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Block {
    /// What is hashed.
    #[prost(message, optional, tag = "1")]
    pub header: Option<BlockHeader>,
    /// Its envelopes.
    #[prost(message, optional, tag = "2")]
    pub data: Option<BlockData>,
    /// Signatures and marks.
    #[prost(message, optional, tag = "3")]
    pub metadata: Option<BlockMetadata>,
}

/// What chains blocks.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct BlockHeader {
    /// From 0.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// The hash of the header before.
    #[prost(bytes = "vec", tag = "2")]
    pub previous_hash: Vec<u8>,
    /// The hash of the data.
    #[prost(bytes = "vec", tag = "3")]
    pub data_hash: Vec<u8>,
}

/// The envelopes of a block.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct BlockData {
    /// Each an [`Envelope`].
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub data: Vec<Vec<u8>>,
}

/// Five entries: signatures, last configuration, transactions filter, orderer, commit hash.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct BlockMetadata {
    /// Each as its place says.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub metadata: Vec<Vec<u8>>,
}

/// An entry of the metadata.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Metadata {
    /// An [`OrdererBlockMetadata`] in the first.
    #[prost(bytes = "vec", tag = "1")]
    pub value: Vec<u8>,
}

/// What orderers sign with a block.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct OrdererBlockMetadata {
    /// Where the newest configuration is.
    #[prost(message, optional, tag = "1")]
    pub last_config: Option<LastConfig>,
    /// What the consensus keeps.
    #[prost(bytes = "vec", tag = "2")]
    pub consenter_metadata: Vec<u8>,
}

/// A block's number.
#[derive(Clone, Copy, PartialEq, Eq, ::prost::Message)]
pub struct LastConfig {
    /// The number.
    #[prost(uint64, tag = "1")]
    pub index: u64,
}

/// What a configuration block holds.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ConfigEnvelope {
    /// The whole configuration.
    #[prost(message, optional, tag = "1")]
    pub config: Option<Config>,
    /// The update that led to it; none in a genesis block.
    #[prost(message, optional, tag = "2")]
    pub last_update: Option<Envelope>,
}

/// A channel's configuration.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Config {
    /// One more with each update.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    /// The tree's root.
    #[prost(message, optional, tag = "2")]
    pub channel_group: Option<ConfigGroup>,
}

/// A node of the configuration tree.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ConfigGroup {
    /// One more with each change of its members.
    #[prost(uint64, tag = "1")]
    pub version: u64,
    /// Nodes below.
    #[prost(btree_map = "string, message", tag = "2")]
    pub groups: BTreeMap<String, ConfigGroup>,
    /// Leaves.
    #[prost(btree_map = "string, message", tag = "3")]
    pub values: BTreeMap<String, ConfigValue>,
    /// Policies.
    #[prost(btree_map = "string, message", tag = "4")]
    pub policies: BTreeMap<String, ConfigPolicy>,
    /// Who may change its members.
    #[prost(string, tag = "5")]
    pub mod_policy: String,
}

/// A leaf.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ConfigValue {
    /// One more with each change.
    #[prost(uint64, tag = "1")]
    pub version: u64,
    /// As its key says.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
    /// Who may change it.
    #[prost(string, tag = "3")]
    pub mod_policy: String,
}

/// A policy of the tree.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ConfigPolicy {
    /// One more with each change.
    #[prost(uint64, tag = "1")]
    pub version: u64,
    /// It.
    #[prost(message, optional, tag = "2")]
    pub policy: Option<Policy>,
    /// Who may change it.
    #[prost(string, tag = "3")]
    pub mod_policy: String,
}

/// A policy by kind.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Policy {
    /// 1: [`SignaturePolicyEnvelope`]; 3: [`ImplicitMetaPolicy`].
    #[prost(int32, tag = "1")]
    pub r#type: i32,
    /// As the kind says.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// A policy over signatures.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct SignaturePolicyEnvelope {
    /// Always 0.
    #[prost(int32, tag = "1")]
    pub version: i32,
    /// What must hold.
    #[prost(message, optional, tag = "2")]
    pub rule: Option<SignaturePolicy>,
    /// Who is meant by the numbers of the rule.
    #[prost(message, repeated, tag = "3")]
    pub identities: Vec<MspPrincipal>,
}

/// A rule over signatures.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct SignaturePolicy {
    /// Which rule.
    #[prost(oneof = "SignatureRule", tags = "1, 2")]
    pub rule: Option<SignatureRule>,
}

/// The two rules.
#[derive(Clone, PartialEq, ::prost::Oneof)]
pub enum SignatureRule {
    /// Signed by that identity of the envelope's list.
    #[prost(int32, tag = "1")]
    SignedBy(i32),
    /// So many of these.
    #[prost(message, tag = "2")]
    NOutOf(NOutOf),
}

/// So many of these.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct NOutOf {
    /// How many.
    #[prost(int32, tag = "1")]
    pub n: i32,
    /// Of which.
    #[prost(message, repeated, tag = "2")]
    pub rules: Vec<SignaturePolicy>,
}

/// A policy over policies of the same name one level below.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ImplicitMetaPolicy {
    /// Their name.
    #[prost(string, tag = "1")]
    pub sub_policy: String,
    /// 0: any; 1: all; 2: more than half.
    #[prost(int32, tag = "2")]
    pub rule: i32,
}

/// `HashingAlgorithm`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct HashingAlgorithm {
    /// `SHA256`.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// `BlockDataHashingStructure`.
#[derive(Clone, Copy, PartialEq, Eq, ::prost::Message)]
pub struct BlockDataHashingStructure {
    /// The largest number: no tree.
    #[prost(uint32, tag = "1")]
    pub width: u32,
}

/// Endpoints, of the channel or of an ordering organization.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct OrdererAddresses {
    /// `host:port`.
    #[prost(string, repeated, tag = "1")]
    pub addresses: Vec<String>,
}

/// Capability names of one level.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Capabilities {
    /// By name; each value is an empty message.
    #[prost(btree_map = "string, bytes", tag = "1")]
    pub capabilities: BTreeMap<String, Vec<u8>>,
}

/// What `qscc` says of a chain.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct BlockchainInfo {
    /// How many blocks.
    #[prost(uint64, tag = "1")]
    pub height: u64,
    /// The hash of the last one.
    #[prost(bytes = "vec", tag = "2")]
    pub current_block_hash: Vec<u8>,
    /// The hash of the one before.
    #[prost(bytes = "vec", tag = "3")]
    pub previous_block_hash: Vec<u8>,
}
