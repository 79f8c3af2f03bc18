//! An ordering node's ports: channel participation and metrics (Fabric `orderer/common/channelparticipation/restapi.go`).
//!
//! Input: requests. Output: answers in the words of real nodes. It serves neither broadcast nor deliver. Invariants: a join
//! keeps the block and nothing else changes a channel; whoever has the key of a consenter is one, everybody else follows.

use std::fmt::Write as _;

use http::{Method, Request, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use prost::Message;
use serde_json::{Value, json};

use super::net::FabricNet;
use super::node::{Node, Port};
use super::rest::{self, Answer};
use super::tls::{self, Stream};
use crate::fabric::wire::common::{Block, ChannelHeader, ConfigEnvelope, Envelope, Payload};
use crate::fabric::wire::orderer::{ConfigMetadata, ConsensusType, Consenter};
use crate::model::digest::Digest;
use crate::x509::certificate::Certificate;

const CHANNELS: &str = "/participation/v1/channels";

/// A channel as its first block describes it.
struct Described {
    channel: String,
    /// Fingerprints of consenters' keys, in their order.
    consenters: Vec<Digest>,
}

/// Serves the admin port.
pub(super) async fn admin(node: &Node, net: &FabricNet, stream: Stream) {
    rest::serve(stream, |request| answer(node, net, request)).await;
}

/// Serves every other port: metrics over HTTP, and nothing over gRPC.
pub(super) async fn operations(node: &Node, net: &FabricNet, (port, stream): (Port, Stream)) {
    if port == Port::Operations {
        let may_read = tls::has_client_certificate(&stream);
        rest::serve(stream, |request| async move { metrics(node, net, &request, may_read) }).await;
    }
}

async fn answer(node: &Node, net: &FabricNet, request: Request<Incoming>) -> Answer {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    if path == CHANNELS {
        return match method {
            Method::GET => list(node, net),
            Method::POST => join(node, net, request).await,
            _ => rest::error(405, &format!("invalid request method: {method}")),
        };
    }
    let Some(channel) = path.strip_prefix(CHANNELS).and_then(|rest| rest.strip_prefix('/')).filter(|c| !c.is_empty())
    else {
        return rest::says(404, "text/plain; charset=utf-8", "404 page not found\n");
    };
    match method {
        Method::GET => one(node, net, channel),
        _ => rest::error(405, &format!("invalid request method: {method}")),
    }
}

fn list(node: &Node, net: &FabricNet) -> Answer {
    let channels = net.channels(&node.address);
    let named = |name: &String| json!({ "name": name, "url": format!("{CHANNELS}/{name}") });
    let listed = if channels.is_empty() { Value::Null } else { channels.iter().map(named).collect() };
    rest::json(200, &json!({ "systemChannel": null, "channels": listed }))
}

fn one(node: &Node, net: &FabricNet, channel: &str) -> Answer {
    match net.block(&node.address, channel).and_then(|block| described(&block)) {
        Some(found) => rest::json(200, &info(node, &found)),
        None => rest::error(404, "channel does not exist"),
    }
}

fn info(node: &Node, of: &Described) -> Value {
    let is_consenter = of.consenters.iter().any(|key| *key == node.server.key_fingerprint());
    json!({
        "name": of.channel,
        "url": format!("{CHANNELS}/{}", of.channel),
        "consensusRelation": if is_consenter { "consenter" } else { "follower" },
        "status": "active",
        "height": 1,
    })
}

async fn join(node: &Node, net: &FabricNet, request: Request<Incoming>) -> Answer {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let Some(boundary) = kind.strip_prefix("multipart/form-data; boundary=").map(ToOwned::to_owned) else {
        return rest::error(400, &format!("unsupported Content-Type: [{kind}]"));
    };
    let Ok(body) = Limited::new(request.into_body(), node.body_max).collect().await else {
        return rest::error(400, "cannot read form from request body: http: request body too large");
    };
    let block = match part(&body.to_bytes(), &boundary) {
        Ok(block) => block,
        Err(words) => return rest::error(400, words),
    };
    if Block::decode(block.as_slice()).is_err() {
        let words =
            "cannot unmarshal file part config-block into a block: proto: cannot parse invalid wire-format data";
        return rest::error(400, words);
    }
    let Some(found) = described(&block) else {
        return rest::error(400, "invalid join block: block is not a config block");
    };
    if !net.keep(&node.address, &found.channel, &block) {
        return rest::error(405, "cannot join: channel already exists");
    }
    net.ordered_by(&found.channel, found.consenters.clone());
    rest::json(201, &info(node, &found))
}

/// The one file of a form.
fn part(body: &[u8], boundary: &str) -> Result<Vec<u8>, &'static str> {
    let mark = format!("--{boundary}");
    let places: Vec<usize> =
        (0..body.len()).filter(|at| body.get(*at..).is_some_and(|rest| rest.starts_with(mark.as_bytes()))).collect();
    let [begin, end] = places.as_slice() else { return Err("form contains too many parts") };
    let whole = body.get(begin + mark.len() + 2..end - 2).unwrap_or_default();
    let head_end = whole.windows(4).position(|window| window == b"\r\n\r\n").ok_or("form has no part")?;
    let head = String::from_utf8_lossy(whole.get(..head_end).unwrap_or_default()).into_owned();
    if head.contains("name=\"config-block\"") && head.contains("filename=\"") {
        Ok(whole.get(head_end + 4..).unwrap_or_default().to_vec())
    } else {
        Err("form does not contains part key: config-block")
    }
}

/// What a configuration block says; none when it is none.
fn described(block: &[u8]) -> Option<Described> {
    let block = Block::decode(block).ok()?;
    let data = block.data?.data;
    let envelope = Envelope::decode(data.first()?.as_slice()).ok()?;
    let payload = Payload::decode(envelope.payload.as_slice()).ok()?;
    let header = ChannelHeader::decode(payload.header?.channel_header.as_slice()).ok()?;
    let config = ConfigEnvelope::decode(payload.data.as_slice()).ok()?.config?;
    let group = config.channel_group?;
    let value = group.groups.get("Orderer")?.values.get("ConsensusType")?;
    let consensus = ConsensusType::decode(value.value.as_slice()).ok()?;
    let raft = ConfigMetadata::decode(consensus.metadata.as_slice()).ok()?;
    let consenter = |consenter: &Consenter| {
        let certificate = Certificate::bundle(std::str::from_utf8(&consenter.server_tls_cert).ok()?).ok()?;
        Some(certificate.first()?.key_fingerprint())
    };
    let consenters = raft.consenters.iter().map(consenter).collect::<Option<_>>()?;
    Some(Described { channel: header.channel_id, consenters })
}

fn metrics(node: &Node, net: &FabricNet, request: &Request<Incoming>, may_read: bool) -> Answer {
    let mut text = String::new();
    for channel in net.channels(&node.address) {
        let _infallible = writeln!(text, "ledger_blockchain_height{{channel=\"{channel}\"}} 1");
        raft(&mut text, node, net, &channel);
    }
    rest::operations(request, may_read, text)
}

fn raft(text: &mut String, node: &Node, net: &FabricNet, channel: &str) {
    let Some(found) = net.block(&node.address, channel).and_then(|block| described(&block)) else { return };
    let own = found.consenters.iter().position(|key| *key == node.server.key_fingerprint());
    let (Some(own), Some(counted)) = (own, net.counted(channel)) else { return };
    let samples = [
        ("is_leader", usize::from(counted.leader == Some(own))),
        ("active_nodes", counted.active),
        ("cluster_size", counted.size),
        ("committed_block_number", 0),
    ];
    for (name, value) in samples {
        let _infallible = writeln!(text, "consensus_etcdraft_{name}{{channel=\"{channel}\"}} {value}");
    }
}
