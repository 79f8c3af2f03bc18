//! Unary calls over gRPC on a kept connection.
//!
//! Input: a message. Output: the answer. Invariants: one connection for each server, made anew after it broke; the answer
//! is bounded; a call is sent once: only one that was certainly not sent goes out again, over a new connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::sync::Mutex;
use tonic::Code;
use tonic::client::Grpc;
use tonic::codegen::{Service, http};
use tonic::transport::{Channel, Endpoint as Settings};
use tonic_prost::ProstCodec;

use super::tls::{Connection, Connector};
use super::{DEADLINE, failure};
use crate::fabric::wire::peer::{ProposalResponse, SignedProposal};
use crate::ports::ledger::LedgerError;

/// The largest answer, in bytes.
const ANSWER_MAX: usize = 4 * 1024 * 1024;
/// The largest question: a configuration block and something more, in bytes.
const QUESTION_MAX: usize = 20 * 1024 * 1024;

/// One server.
pub(super) struct Rpc {
    connector: Arc<Connector>,
    kept: Mutex<Option<Channel>>,
}

/// The connection is gone and nothing was sent over it.
#[derive(Debug, Error)]
#[error("the connection is gone")]
struct Unsent;

/// Hands one connection to tonic.
struct Given(Option<Connection>);

impl Service<http::Uri> for Given {
    type Response = TokioIo<Connection>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Uri) -> Self::Future {
        let given = self.0.take().map(TokioIo::new);
        // tonic would connect again by itself before it sends; a new connection is ours to make, so that its failure has
        // a type.
        Box::pin(std::future::ready(given.ok_or_else(|| std::io::Error::other(Unsent))))
    }
}

impl Rpc {
    /// Connects at the first call.
    pub(super) fn new(connector: Connector) -> Self {
        Self { connector: Arc::new(connector), kept: Mutex::new(None) }
    }

    /// `protos.Endorser/ProcessProposal`.
    pub(super) async fn process(&self, proposal: SignedProposal) -> Result<ProposalResponse, LedgerError> {
        let calls = async {
            match self.call(proposal.clone()).await {
                // The kept connection had broken meanwhile.
                Err(Failed::Unsent) => self.call(proposal).await,
                other => other,
            }
        };
        let called = if let Ok(called) = tokio::time::timeout(DEADLINE, calls).await {
            called
        } else {
            // Whoever is silent on this connection may have gone without a word.
            *self.kept.lock().await = None;
            Err(failure::late().into())
        };
        called.map_err(|failed| match failed {
            Failed::Unsent => LedgerError::Ambiguous { detail: Unsent.to_string() },
            Failed::Call(error) => error,
        })
    }

    async fn call(&self, proposal: SignedProposal) -> Result<ProposalResponse, Failed> {
        let channel = self.channel().await?;
        let mut client =
            Grpc::new(channel).max_decoding_message_size(ANSWER_MAX).max_encoding_message_size(QUESTION_MAX);
        if let Err(error) = client.ready().await {
            *self.kept.lock().await = None;
            return Err(Failed::of(&error, || LedgerError::Ambiguous { detail: failure::bounded(&error.to_string()) }));
        }
        let path = http::uri::PathAndQuery::from_static("/protos.Endorser/ProcessProposal");
        let codec: ProstCodec<SignedProposal, ProposalResponse> = ProstCodec::default();
        match client.unary(tonic::Request::new(proposal), path, codec).await {
            Ok(answer) => Ok(answer.into_inner()),
            Err(status) => {
                if !matches!(status.code(), Code::Unknown | Code::InvalidArgument | Code::PermissionDenied) {
                    *self.kept.lock().await = None;
                }
                Err(Failed::of(&status, || of_status(&status)))
            }
        }
    }

    async fn channel(&self) -> Result<Channel, LedgerError> {
        let mut kept = self.kept.lock().await;
        if let Some(channel) = &*kept {
            return Ok(channel.clone());
        }
        let connection = self.connector.connect().await?;
        let settings = Settings::from_static("http://node")
            .http2_keep_alive_interval(std::time::Duration::from_mins(1))
            .keep_alive_timeout(DEADLINE);
        let made = settings.connect_with_connector(Given(Some(connection))).await;
        let channel = made.map_err(|error| failure::after_sending(&error))?;
        *kept = Some(channel.clone());
        Ok(channel)
    }
}

/// Why there is no answer.
enum Failed {
    /// It certainly was not sent.
    Unsent,
    /// Something else.
    Call(LedgerError),
}

impl Failed {
    fn of(error: &(dyn std::error::Error + 'static), otherwise: impl FnOnce() -> LedgerError) -> Self {
        let mut causes = std::iter::successors(Some(error), |error| error.source());
        let is_unsent = |error: &(dyn std::error::Error + 'static)| {
            let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
            error.is::<Unsent>() || inner.and_then(|inner| inner.downcast_ref::<Unsent>()).is_some()
        };
        if causes.any(is_unsent) { Self::Unsent } else { Self::Call(otherwise()) }
    }
}

impl From<LedgerError> for Failed {
    fn from(error: LedgerError) -> Self {
        Self::Call(error)
    }
}

fn of_status(status: &tonic::Status) -> LedgerError {
    let words = failure::bounded(status.message());
    match status.code() {
        // What a peer finds wrong with a proposal before any chaincode runs.
        Code::Unknown if words.contains("access denied") || words.contains("identity expired") => {
            LedgerError::Denied { words }
        }
        Code::PermissionDenied | Code::Unauthenticated => LedgerError::Denied { words },
        Code::Unknown if words.contains("validating proposal") => LedgerError::Refused { words },
        Code::InvalidArgument | Code::FailedPrecondition => LedgerError::Refused { words },
        Code::ResourceExhausted | Code::Unimplemented => LedgerError::Unavailable { words },
        _ => match std::error::Error::source(status) {
            Some(source) => failure::after_sending(source),
            None => LedgerError::Ambiguous { detail: words },
        },
    }
}
