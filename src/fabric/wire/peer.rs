//! Proposals and their answers, and what `cscc` and `qscc` say (`peer/*.proto`).
//!
//! Input: bytes. Output: messages, and back. Invariant: field numbers as published.

use super::common::Timestamp;

/// A proposal and who signed it.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct SignedProposal {
    /// A [`Proposal`].
    #[prost(bytes = "vec", tag = "1")]
    pub proposal_bytes: Vec<u8>,
    /// By the creator in its header.
    #[prost(bytes = "vec", tag = "2")]
    pub signature: Vec<u8>,
}

/// What a peer is asked to run.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Proposal {
    /// A [`super::common::Header`].
    #[prost(bytes = "vec", tag = "1")]
    pub header: Vec<u8>,
    /// A [`ChaincodeProposalPayload`].
    #[prost(bytes = "vec", tag = "2")]
    pub payload: Vec<u8>,
}

/// Which chaincode, in the channel header.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeHeaderExtension {
    /// Which.
    #[prost(message, optional, tag = "2")]
    pub chaincode_id: Option<ChaincodeId>,
}

/// The input of a proposal.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeProposalPayload {
    /// A [`ChaincodeInvocationSpec`].
    #[prost(bytes = "vec", tag = "1")]
    pub input: Vec<u8>,
}

/// An invocation.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeInvocationSpec {
    /// Of what.
    #[prost(message, optional, tag = "1")]
    pub chaincode_spec: Option<ChaincodeSpec>,
}

/// A chaincode and its input.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeSpec {
    /// 1: Go, which says nothing for system chaincodes.
    #[prost(int32, tag = "1")]
    pub r#type: i32,
    /// Which.
    #[prost(message, optional, tag = "2")]
    pub chaincode_id: Option<ChaincodeId>,
    /// With what.
    #[prost(message, optional, tag = "3")]
    pub input: Option<ChaincodeInput>,
}

/// A chaincode's name.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeId {
    /// The name.
    #[prost(string, tag = "2")]
    pub name: String,
}

/// Function and arguments.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeInput {
    /// The function first.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub args: Vec<Vec<u8>>,
}

/// What a peer answers.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ProposalResponse {
    /// Of the protocol.
    #[prost(int32, tag = "1")]
    pub version: i32,
    /// When.
    #[prost(message, optional, tag = "2")]
    pub timestamp: Option<Timestamp>,
    /// What the chaincode said.
    #[prost(message, optional, tag = "4")]
    pub response: Option<Response>,
    /// What is endorsed.
    #[prost(bytes = "vec", tag = "5")]
    pub payload: Vec<u8>,
}

/// What a chaincode says.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Response {
    /// As in HTTP.
    #[prost(int32, tag = "1")]
    pub status: i32,
    /// For people.
    #[prost(string, tag = "2")]
    pub message: String,
    /// The answer.
    #[prost(bytes = "vec", tag = "3")]
    pub payload: Vec<u8>,
}

/// What `cscc` `GetChannels` answers.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChannelQueryResponse {
    /// The channels of the peer.
    #[prost(message, repeated, tag = "1")]
    pub channels: Vec<ChannelInfo>,
}

/// A channel's name.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChannelInfo {
    /// The name.
    #[prost(string, tag = "1")]
    pub channel_id: String,
}
