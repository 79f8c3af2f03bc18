//! A peer's ports: `cscc`, `qscc` and metrics.
//!
//! Input: proposals. Output: answers in the words of real peers. It runs no chaincode of anybody's. Invariants: a proposal
//! counts only with the signature of its creator, whom the peer's own organization vouches for; only an administrator
//! joins a channel.

use std::fmt::Write as _;
use std::sync::Arc;

use http::Request;
use hyper::body::Incoming;
use prost::Message;

use super::grpc::{self, Failed, UNKNOWN};
use super::net::FabricNet;
use super::node::Node;
use super::rest::{self, Answer};
use super::tls::{self, Stream};
use crate::fabric::wire::common::{Block, BlockchainInfo, ChannelHeader, Envelope, Header, Payload, SignatureHeader};
use crate::fabric::wire::msp::SerializedIdentity;
use crate::fabric::wire::peer::{
    ChaincodeInvocationSpec, ChaincodeProposalPayload, ChannelInfo, ChannelQueryResponse, Proposal, ProposalResponse,
    Response, SignedProposal,
};
use crate::x509::certificate::Certificate;
use crate::x509::chain::{self, Trust};

/// Serves proposals.
pub(super) async fn endorser(node: Arc<Node>, net: Arc<FabricNet>, stream: Stream) {
    let answer = move |signed: SignedProposal| process(&node, &net, &signed);
    grpc::serve(stream, "/protos.Endorser/ProcessProposal", answer).await;
}

/// Serves metrics.
pub(super) async fn operations(node: &Node, net: &FabricNet, stream: Stream) {
    let may_read = tls::has_client_certificate(&stream);
    rest::serve(stream, |request| async move { metrics(node, net, &request, may_read) }).await;
}

fn metrics(node: &Node, net: &FabricNet, request: &Request<Incoming>, may_read: bool) -> Answer {
    let mut text = String::new();
    for channel in net.channels(&node.address) {
        let _infallible = writeln!(text, "ledger_blockchain_height{{channel=\"{channel}\"}} 1");
    }
    rest::operations(request, may_read, text)
}

fn unknown(words: &str) -> Failed {
    (UNKNOWN, words.to_owned())
}

fn process(node: &Node, net: &FabricNet, signed: &SignedProposal) -> Result<ProposalResponse, Failed> {
    let invalid = |_| unknown("error validating proposal: it cannot be decoded");
    let proposal = Proposal::decode(signed.proposal_bytes.as_slice()).map_err(invalid)?;
    let header = Header::decode(proposal.header.as_slice()).map_err(invalid)?;
    let who = SignatureHeader::decode(header.signature_header.as_slice()).map_err(invalid)?;
    let creator = SerializedIdentity::decode(who.creator.as_slice()).map_err(invalid)?;
    let certificate = member(node, net, &creator)?;
    let key = certificate.public_key().ok_or_else(|| unknown("error validating proposal: no usable key"))?;
    key.verify(&signed.proposal_bytes, &signed.signature).map_err(|_| {
        unknown("error validating proposal: access denied: the creator's signature over the proposal is not valid")
    })?;
    let payload = ChaincodeProposalPayload::decode(proposal.payload.as_slice()).map_err(invalid)?;
    let spec = ChaincodeInvocationSpec::decode(payload.input.as_slice()).map_err(invalid)?;
    let spec = spec.chaincode_spec.unwrap_or_default();
    let (chaincode, args) = (spec.chaincode_id.unwrap_or_default().name, spec.input.unwrap_or_default().args);
    let argument = |place: usize| args.get(place).map(Vec::as_slice).unwrap_or_default();
    let response = match (chaincode.as_str(), argument(0)) {
        ("cscc", b"GetChannels") => channels(node, net),
        ("cscc", b"JoinChain") => join(node, net, &certificate, argument(1)),
        ("qscc", b"GetChainInfo") => chain_info(node, net, &String::from_utf8_lossy(argument(1))),
        _ => failed(500, "unknown function"),
    };
    Ok(ProposalResponse { version: 1, response: Some(response), ..ProposalResponse::default() })
}

/// The creator's certificate, if the peer's own organization vouches for it.
fn member(node: &Node, net: &FabricNet, creator: &SerializedIdentity) -> Result<Certificate, Failed> {
    let denied =
        |words: &str| unknown(&format!("error validating proposal: access denied: channel [] creator org {words}"));
    if creator.mspid != node.msp_id {
        return Err(denied("unknown, creator is malformed"));
    }
    let text = std::str::from_utf8(&creator.id_bytes).map_err(|_| denied("unknown, creator is malformed"))?;
    let certificate = Certificate::from_pem(text).map_err(|_| denied("unknown, creator is malformed"))?;
    if certificate.validity().not_after < net.now() {
        return Err(unknown("proposal client identity expired"));
    }
    let trust = Trust { roots: &node.roots, intermediates: &node.intermediates };
    chain::verify_member(&certificate, &trust).map_err(|_| denied(&format!("[{}]", node.msp_id)))?;
    Ok(certificate)
}

fn failed(status: i32, words: &str) -> Response {
    Response { status, message: words.to_owned(), payload: Vec::new() }
}

fn done(payload: Vec<u8>) -> Response {
    Response { status: 200, message: String::new(), payload }
}

fn channels(node: &Node, net: &FabricNet) -> Response {
    let channels = net.channels(&node.address).into_iter().map(|channel_id| ChannelInfo { channel_id }).collect();
    done(ChannelQueryResponse { channels }.encode_to_vec())
}

fn chain_info(node: &Node, net: &FabricNet, channel: &str) -> Response {
    match net.block(&node.address, channel) {
        Some(_) => done(BlockchainInfo { height: 1, ..BlockchainInfo::default() }.encode_to_vec()),
        None => failed(500, &format!("Invalid chain ID, {channel}")),
    }
}

fn join(node: &Node, net: &FabricNet, asker: &Certificate, block: &[u8]) -> Response {
    let Some(channel) = channel_of(block) else {
        return failed(500, "Failed to get the channel ID from the block due to it is no configuration");
    };
    if !asker.subject().units().iter().any(|unit| unit == "admin") {
        let words = format!(
            "access denied for [JoinChain][{channel}]: [Failed verifying that proposal's creator satisfies local MSP \
             principal during channelless check policy with policy [Admins]: [The identity is not an admin under this \
             MSP [{0}]: The identity does not contain OU [ADMIN], MSP: [{0}]]]",
            node.msp_id
        );
        return failed(500, &words);
    }
    if net.keep(&node.address, &channel, block) {
        done(Vec::new())
    } else {
        failed(
            500,
            &format!("cannot create ledger from genesis block: ledger [{channel}] already exists with state [ACTIVE]"),
        )
    }
}

fn channel_of(block: &[u8]) -> Option<String> {
    let data = Block::decode(block).ok()?.data?.data;
    let envelope = Envelope::decode(data.first()?.as_slice()).ok()?;
    let header = Payload::decode(envelope.payload.as_slice()).ok()?.header?;
    let channel = ChannelHeader::decode(header.channel_header.as_slice()).ok()?.channel_id;
    (!channel.is_empty()).then_some(channel)
}
