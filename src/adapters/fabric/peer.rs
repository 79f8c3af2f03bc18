//! A peer's system chaincodes and metrics.
//!
//! Input: two endpoints, and as whom proposals are signed. Output: the [`PeerAdmin`] port. Invariant: no proposal is sent twice;
//! each has a nonce of its own.

use std::sync::Arc;

use async_trait::async_trait;

use super::http::Http;
use super::orderer::metrics_of;
use super::rpc::Rpc;
use super::tls::Connector;
use super::{Endpoint, Way, failure};
use crate::fabric::metrics::Samples;
use crate::fabric::proposal::{self, AnswerError, Asker, Moment, Request};
use crate::fabric::wire::peer::ProposalResponse;
use crate::model::names::{ChannelId, MspId};
use crate::ports::clock::Clock;
use crate::ports::dialer::Dialer;
use crate::ports::entropy::Entropy;
use crate::ports::ledger::{Joined, LedgerError, PeerAdmin};
use crate::x509::certificate::Certificate;
use crate::x509::key::PrivateKey;

/// As whom proposals are signed.
pub struct Signer {
    /// Of which organization.
    pub msp_id: MspId,
    /// With which certificate.
    pub certificate: Certificate,
    /// With which key.
    pub key: PrivateKey,
}

/// Where instants and nonces come from.
#[derive(Clone)]
pub struct Sources {
    /// Instants.
    pub clock: Arc<dyn Clock>,
    /// Nonces.
    pub entropy: Arc<dyn Entropy>,
}

/// One peer.
pub struct Peer {
    rpc: Rpc,
    operations: Http,
    signer: Signer,
    sources: Sources,
}

impl Peer {
    /// By its port for proposals and its operations port.
    pub fn new(
        endorser: Endpoint,
        operations: Endpoint,
        dialer: &Arc<dyn Dialer>,
        (signer, sources): (Signer, Sources),
    ) -> Result<Self, LedgerError> {
        let way = Way { dialer: dialer.clone(), clock: sources.clock.clone() };
        let rpc = Rpc::new(Connector::new(endorser, &way, b"h2")?);
        let operations = Http::new(Connector::new(operations, &way, b"http/1.1")?);
        Ok(Self { rpc, operations, signer, sources })
    }

    async fn ask(&self, request: Request<'_>) -> Result<ProposalResponse, LedgerError> {
        let unusable = |detail: String| LedgerError::Certificate { detail: format!("ours: {detail}") };
        let drawn = self.sources.entropy.bytes().map_err(|error| unusable(error.to_string()))?;
        let nonce = *drawn.expose().first_chunk::<24>().ok_or_else(|| unusable("too few random bytes".to_owned()))?;
        let Signer { msp_id, certificate, key } = &self.signer;
        let asker = Asker { msp_id, certificate, key };
        let moment = Moment { nonce, at: self.sources.clock.now() };
        let signed = proposal::signed(&request, &asker, moment).map_err(|error| unusable(error.to_string()))?;
        self.rpc.process(signed).await
    }
}

#[async_trait]
impl PeerAdmin for Peer {
    async fn channels(&self) -> Result<Vec<ChannelId>, LedgerError> {
        proposal::channels(self.ask(Request::Channels).await?).map_err(refused)
    }

    async fn height(&self, channel: &ChannelId) -> Result<Option<u64>, LedgerError> {
        match proposal::height(self.ask(Request::ChainInfo(channel)).await?) {
            Ok(height) => Ok(Some(height)),
            Err(AnswerError::NoChannel) => Ok(None),
            Err(error) => Err(refused(error)),
        }
    }

    async fn join(&self, block: &[u8]) -> Result<Joined, LedgerError> {
        match proposal::joined(self.ask(Request::Join(block)).await?) {
            Ok(()) => Ok(Joined::Now),
            Err(AnswerError::AlreadyJoined) => Ok(Joined::Before),
            Err(error) => Err(refused(error)),
        }
    }

    async fn metrics(&self) -> Result<Samples, LedgerError> {
        metrics_of(&self.operations).await
    }
}

fn refused(error: AnswerError) -> LedgerError {
    match error {
        AnswerError::Denied { words } => LedgerError::Denied { words },
        AnswerError::Other { words, .. } => LedgerError::Refused { words },
        AnswerError::NoChannel => LedgerError::Refused { words: error.to_string() },
        AnswerError::AlreadyJoined | AnswerError::Malformed(_) => {
            LedgerError::Malformed { detail: failure::bounded(&error.to_string()) }
        }
    }
}
