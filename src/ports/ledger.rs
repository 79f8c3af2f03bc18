//! What is asked of ordering nodes and peers about channels.
//!
//! Input: channels, blocks. Output: what the node says of itself, or a classified error. An implementation decides nothing and
//! sends nothing twice. Invariants: there is no way to change a channel through an ordering node's participation API; an
//! answer that may hide an effect is [`LedgerError::Ambiguous`] and is followed by a read, never by a resend.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use super::dialer::DialError;
use crate::fabric::metrics::Samples;
use crate::fabric::participation::ChannelInfo;
use crate::model::names::{ChannelId, MspId, RegionName};
use crate::model::retry::Retry;
use crate::model::secret::Secret;

/// What became of a join that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// The node takes part now.
    Now,
    /// It did already.
    Before,
}

/// An ordering node, asked as its administrator.
#[async_trait]
pub trait OrdererAdmin: Send + Sync {
    /// The channels that it has.
    async fn channels(&self) -> Result<Vec<ChannelId>, LedgerError>;
    /// What it says of a channel; none when it says that it does not have it.
    async fn channel(&self, channel: &ChannelId) -> Result<Option<ChannelInfo>, LedgerError>;
    /// Joins the channel of a block.
    async fn join(&self, channel: &ChannelId, block: &[u8]) -> Result<Joined, LedgerError>;
    /// Its metrics.
    async fn metrics(&self) -> Result<Samples, LedgerError>;
}

/// A peer, asked as an administrator of its organization.
#[async_trait]
pub trait PeerAdmin: Send + Sync {
    /// The channels that it has.
    async fn channels(&self) -> Result<Vec<ChannelId>, LedgerError>;
    /// How many blocks of a channel it has; none when it does not have the channel.
    async fn height(&self, channel: &ChannelId) -> Result<Option<u64>, LedgerError>;
    /// Joins the channel of a block.
    async fn join(&self, block: &[u8]) -> Result<Joined, LedgerError>;
    /// Its metrics.
    async fn metrics(&self) -> Result<Samples, LedgerError>;
}

/// A node, and whom to believe there. Certificates are PEM.
#[derive(Debug, Clone)]
pub struct NodeAddress {
    /// The region in whose cluster it runs.
    pub region: RegionName,
    /// The namespace of its Service.
    pub namespace: String,
    /// The name of its Service; `<name>.<namespace>.svc` is in its certificate.
    pub name: String,
    /// The port that answers about channels.
    pub port: u16,
    /// The port of its metrics.
    pub operations_port: u16,
    /// Roots of its organization's TLS authority.
    pub roots: String,
    /// As whom metrics are read.
    pub operations: TlsClient,
}

/// A TLS client.
#[derive(Debug, Clone)]
pub struct TlsClient {
    /// Its certificate, and the issuing ones after it, as PEM.
    pub chain: String,
    /// Its key, as PEM.
    pub key: Secret<String>,
}

/// Whoever signs proposals.
#[derive(Debug, Clone)]
pub struct Signatory {
    /// The organization's name on ledgers.
    pub msp_id: MspId,
    /// The certificate, as PEM.
    pub certificate: String,
    /// Its key, as PEM.
    pub key: Secret<String>,
}

/// Nodes. Nothing is asked before a method of the node is called.
pub trait Ledgers: Send + Sync {
    /// An ordering node; fails when a certificate or key cannot be used.
    fn orderer(&self, at: &NodeAddress, administrator: &TlsClient) -> Result<Arc<dyn OrdererAdmin>, LedgerError>;
    /// A peer; fails when a certificate or key cannot be used.
    fn peer(&self, at: &NodeAddress, administrator: &Signatory) -> Result<Arc<dyn PeerAdmin>, LedgerError>;
}

/// Why a call failed. Texts of servers in it are on one line, cut.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LedgerError {
    /// No connection could be made, so nothing was sent.
    #[error("the node does not answer")]
    Unreachable(#[from] DialError),
    /// One of the two certificates is not taken: the node's by us, or ours by the node.
    #[error("a certificate is not taken: {detail}")]
    Certificate {
        /// Whose, and in which way.
        detail: String,
    },
    /// The connection broke or no answer came in time after something was sent: it may have had its effect.
    #[error("no clear answer from the node: {detail}")]
    Ambiguous {
        /// In which way.
        detail: String,
    },
    /// The asker may not.
    #[error("the node denies access: {words}")]
    Denied {
        /// Its words.
        words: String,
    },
    /// The node refuses what was sent.
    #[error("the node refuses it: {words}")]
    Refused {
        /// Its words.
        words: String,
    },
    /// The node cannot do it now.
    #[error("the node cannot do it now: {words}")]
    Unavailable {
        /// Its words.
        words: String,
    },
    /// The answer cannot be understood.
    #[error("the node's answer cannot be understood: {detail}")]
    Malformed {
        /// In which way.
        detail: String,
    },
}

impl LedgerError {
    /// What to do after it.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable(_) | Self::Unavailable { .. } => Retry::After(Duration::from_secs(2)),
            // An answer that nobody understands may tell of an effect.
            Self::Ambiguous { .. } | Self::Malformed { .. } => Retry::Ambiguous,
            Self::Certificate { .. } | Self::Denied { .. } | Self::Refused { .. } => Retry::OnChange,
        }
    }

    /// A bounded word.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Certificate { .. } => "certificate",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Denied { .. } => "denied",
            Self::Refused { .. } => "refused",
            Self::Unavailable { .. } => "unavailable",
            Self::Malformed { .. } => "malformed",
        }
    }
}
