//! An ordering node's participation API and metrics.
//!
//! Input: two endpoints. Output: the [`OrdererAdmin`] port. Invariant: only GET and the POST of a join are ever sent.

use async_trait::async_trait;
use http::Method;

use super::http::{Ask, Http};
use super::tls::Connector;
use super::{Endpoint, Way, failure};
use crate::fabric::metrics::{self, Samples};
use crate::fabric::participation::{self, AnswerError, ChannelInfo};
use crate::model::names::ChannelId;
use crate::ports::ledger::{Joined, LedgerError, OrdererAdmin};

/// The largest list of channels, in bytes.
const LIST_MAX: usize = 1024 * 1024;
/// The largest description of a channel or refusal, in bytes.
const INFO_MAX: usize = 64 * 1024;

/// One ordering node.
pub struct Orderer {
    admin: Http,
    operations: Http,
}

impl Orderer {
    /// By its admin port and its operations port.
    pub fn new(admin: Endpoint, operations: Endpoint, way: &Way) -> Result<Self, LedgerError> {
        let http = |endpoint| Connector::new(endpoint, way, b"http/1.1").map(Http::new);
        Ok(Self { admin: http(admin)?, operations: http(operations)? })
    }
}

#[async_trait]
impl OrdererAdmin for Orderer {
    async fn channels(&self) -> Result<Vec<ChannelId>, LedgerError> {
        let (status, body) = self.admin.ask(Ask::get(participation::CHANNELS, LIST_MAX)).await?;
        participation::list(status.as_u16(), &body).map_err(refused)
    }

    async fn channel(&self, channel: &ChannelId) -> Result<Option<ChannelInfo>, LedgerError> {
        let (status, body) = self.admin.ask(Ask::get(&participation::channel_path(channel), INFO_MAX)).await?;
        participation::one(channel, status.as_u16(), &body).map_err(refused)
    }

    async fn join(&self, channel: &ChannelId, block: &[u8]) -> Result<Joined, LedgerError> {
        let body = Some(participation::join_body(block));
        let ask = Ask { method: Method::POST, path: participation::CHANNELS, body, bytes_max: INFO_MAX };
        let (status, body) = self.admin.ask(ask).await?;
        match participation::joined(channel, status.as_u16(), &body) {
            Ok(_) => Ok(Joined::Now),
            Err(AnswerError::AlreadyJoined) => Ok(Joined::Before),
            // A failure inside of the node may come after the effect.
            Err(AnswerError::Other { status: 500.., words }) => Err(LedgerError::Ambiguous { detail: words }),
            Err(error) => Err(refused(error)),
        }
    }

    async fn metrics(&self) -> Result<Samples, LedgerError> {
        metrics_of(&self.operations).await
    }
}

fn refused(error: AnswerError) -> LedgerError {
    match error {
        AnswerError::Refused { words } => LedgerError::Refused { words },
        AnswerError::Disabled => LedgerError::Unavailable { words: error.to_string() },
        AnswerError::AlreadyJoined | AnswerError::Other { .. } | AnswerError::Malformed(_) => {
            LedgerError::Malformed { detail: failure::bounded(&error.to_string()) }
        }
    }
}

/// Metrics of a node's operations port.
pub(super) async fn metrics_of(operations: &Http) -> Result<Samples, LedgerError> {
    let (status, body) = operations.ask(Ask::get("/metrics", metrics::BYTES_MAX)).await?;
    match status.as_u16() {
        200 => Ok(Samples::read(&String::from_utf8_lossy(&body))),
        401 | 403 => {
            Err(LedgerError::Denied { words: "the operations port wants another client certificate".to_owned() })
        }
        other => Err(LedgerError::Malformed { detail: format!("its metrics answer {other}") }),
    }
}
