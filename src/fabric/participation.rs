//! Channel participation of an ordering node: what its REST answers mean, and the body of a join.
//!
//! Input: statuses and bodies. Output: typed answers. It sends nothing, and knows no PUT: an update sent to a follower makes
//! every later GET of that node hang (seen on 3.1.5). Invariants: only 200 and 201 with a body that is understood are a
//! success; absent is only what the node itself says with 404 in its own words (Fabric
//! `orderer/common/channelparticipation/restapi.go`).

use serde::Deserialize;
use thiserror::Error;

use super::proposal::words;
use crate::model::names::ChannelId;

/// The path of the list.
pub const CHANNELS: &str = "/participation/v1/channels";
/// The name of the one part of a join.
const PART: &str = "config-block";

/// The path of one channel.
pub fn channel_path(channel: &ChannelId) -> String {
    format!("{CHANNELS}/{channel}")
}

/// What a node is to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// It orders.
    Consenter,
    /// It only follows.
    Follower,
    /// The configuration is tracked only (old system channels).
    #[serde(rename = "config-tracker")]
    ConfigTracker,
    /// Something else that this version does not know.
    #[serde(other)]
    Other,
}

/// How far a node is with a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It takes part.
    Active,
    /// It gets the blocks that it lacks.
    Onboarding,
    /// It does not go on.
    Inactive,
    /// It failed.
    Failed,
    /// Something else that this version does not know.
    #[serde(other)]
    Other,
}

/// What a node says of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelInfo {
    /// What it is to it.
    pub relation: Relation,
    /// How far it is.
    pub status: Status,
    /// How many blocks it has.
    pub height: u64,
}

/// Why an answer is no success.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// The node has the channel already.
    #[error("the orderer has the channel already")]
    AlreadyJoined,
    /// The node refuses what was sent.
    #[error("the orderer refuses it: {words}")]
    Refused {
        /// Its words, cut.
        words: String,
    },
    /// Participation is off.
    #[error("channel participation is off on the orderer: set ChannelParticipation.Enabled")]
    Disabled,
    /// Something else.
    #[error("the orderer answers {status}: {words}")]
    Other {
        /// Its status.
        status: u16,
        /// Its words, cut.
        words: String,
    },
    /// It cannot be understood.
    #[error("the orderer's answer cannot be understood: it has no usable {0}")]
    Malformed(&'static str),
}

#[derive(Deserialize)]
struct WireList {
    channels: Option<Vec<WireName>>,
}

#[derive(Deserialize)]
struct WireName {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireInfo {
    name: String,
    consensus_relation: Relation,
    status: Status,
    height: u64,
}

#[derive(Deserialize)]
struct WireError {
    error: String,
}

/// The node's own words for a failure; none when the answer is not the node's.
fn complaint(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<WireError>(body).ok().map(|found| found.error)
}

fn other(status: u16, body: &[u8]) -> AnswerError {
    let words = complaint(body).map_or_else(|| "(no words of an orderer)".to_owned(), |text| words(&text));
    match status {
        503 => AnswerError::Disabled,
        _ => AnswerError::Other { status, words },
    }
}

/// The answer to a GET of [`CHANNELS`].
pub fn list(status: u16, body: &[u8]) -> Result<Vec<ChannelId>, AnswerError> {
    if status != 200 {
        return Err(other(status, body));
    }
    let read: WireList = serde_json::from_slice(body).map_err(|_| AnswerError::Malformed("list of channels"))?;
    let names = read.channels.unwrap_or_default();
    let parsed = names.iter().map(|found| ChannelId::parse(&found.name)).collect::<Result<_, _>>();
    parsed.map_err(|_| AnswerError::Malformed("name of a channel"))
}

/// The answer to a GET of [`channel_path`]; none when the node says that it does not have the channel.
pub fn one(channel: &ChannelId, status: u16, body: &[u8]) -> Result<Option<ChannelInfo>, AnswerError> {
    match status {
        200 => info(channel, body).map(Some),
        404 if complaint(body).is_some_and(|text| text == "channel does not exist") => Ok(None),
        _ => Err(other(status, body)),
    }
}

/// The answer to a join.
pub fn joined(channel: &ChannelId, status: u16, body: &[u8]) -> Result<ChannelInfo, AnswerError> {
    match (status, complaint(body)) {
        (201, _) => info(channel, body),
        (405, Some(text)) if text.contains("channel already exists") => Err(AnswerError::AlreadyJoined),
        (400 | 403 | 405 | 413, Some(text)) => Err(AnswerError::Refused { words: words(&text) }),
        _ => Err(other(status, body)),
    }
}

fn info(channel: &ChannelId, body: &[u8]) -> Result<ChannelInfo, AnswerError> {
    let read: WireInfo =
        serde_json::from_slice(body).map_err(|_| AnswerError::Malformed("description of the channel"))?;
    if read.name != channel.as_str() {
        return Err(AnswerError::Malformed("name of the channel"));
    }
    Ok(ChannelInfo { relation: read.consensus_relation, status: read.status, height: read.height })
}

/// The body of a join and its content type: exactly one part, with a file's name, or the node does not find it.
pub fn join_body(block: &[u8]) -> (String, Vec<u8>) {
    // No block of a channel holds this text at the beginning of a line: it is longer than what chance makes of one.
    let boundary = "heddle-7d1f0f5b0c6a4f6f9a2b8f0f3c1e5d7a";
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"{PART}\"; filename=\"{PART}.block\"\r\nContent-Type: \
         application/octet-stream\r\n\r\n"
    );
    let body = [head.as_bytes(), block, format!("\r\n--{boundary}--\r\n").as_bytes()].concat();
    (format!("multipart/form-data; boundary={boundary}"), body)
}
