//! The ordering service's part of a configuration (`orderer/*.proto`, `orderer/etcdraft/*.proto`).
//!
//! Input: bytes. Output: messages, and back. Invariant: field numbers as published.

/// Which consensus.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ConsensusType {
    /// `etcdraft` or `BFT`.
    #[prost(string, tag = "1")]
    pub r#type: String,
    /// A [`ConfigMetadata`] for `etcdraft`.
    #[prost(bytes = "vec", tag = "2")]
    pub metadata: Vec<u8>,
    /// 0: normal; 1: maintenance.
    #[prost(int32, tag = "3")]
    pub state: i32,
}

/// When a block is full.
#[derive(Clone, Copy, PartialEq, Eq, ::prost::Message)]
pub struct BatchSize {
    /// Messages.
    #[prost(uint32, tag = "1")]
    pub max_message_count: u32,
    /// Bytes that no message may exceed.
    #[prost(uint32, tag = "2")]
    pub absolute_max_bytes: u32,
    /// Bytes after which a block is cut.
    #[prost(uint32, tag = "3")]
    pub preferred_max_bytes: u32,
}

/// When a block is cut though it is not full.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct BatchTimeout {
    /// A duration as Go writes it.
    #[prost(string, tag = "1")]
    pub timeout: String,
}

/// Raft's members and settings.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ConfigMetadata {
    /// Members.
    #[prost(message, repeated, tag = "1")]
    pub consenters: Vec<Consenter>,
    /// Settings.
    #[prost(message, optional, tag = "2")]
    pub options: Option<Options>,
}

/// A member of Raft.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Consenter {
    /// Its host.
    #[prost(string, tag = "1")]
    pub host: String,
    /// Its port.
    #[prost(uint32, tag = "2")]
    pub port: u32,
    /// The certificate with which it calls, in PEM.
    #[prost(bytes = "vec", tag = "3")]
    pub client_tls_cert: Vec<u8>,
    /// The certificate with which it serves, in PEM.
    #[prost(bytes = "vec", tag = "4")]
    pub server_tls_cert: Vec<u8>,
}

/// Raft's settings.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Options {
    /// A duration as Go writes it.
    #[prost(string, tag = "1")]
    pub tick_interval: String,
    /// Ticks without a leader before an election.
    #[prost(uint32, tag = "2")]
    pub election_tick: u32,
    /// Ticks between heartbeats.
    #[prost(uint32, tag = "3")]
    pub heartbeat_tick: u32,
    /// Blocks under way.
    #[prost(uint32, tag = "4")]
    pub max_inflight_blocks: u32,
    /// Bytes between snapshots.
    #[prost(uint32, tag = "5")]
    pub snapshot_interval_size: u32,
}
