//! Sends requests: bounded in number, time and size.
//!
//! Input: requests. Output: whole answers, or open streams. It reads no meaning into bodies but a `Status`. Invariants:
//! a request is sent once; its deadline covers connecting, sending and the whole answer; more than the bound of an
//! answer is never read.

use std::time::Duration;

use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;

use super::failure;
use super::limit::Limiter;
use super::meter::{Call, Meter};
use super::status::{self, Status, Tried};
use crate::ports::cluster::ClusterError;

/// From asking for a connection to the last byte of the answer.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// The largest answer about one object: twice what an API server stores.
pub const OBJECT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The largest page of a list.
pub const LIST_BYTES_MAX: usize = 128 * 1024 * 1024;
/// The largest refusal that is read.
const STATUS_BYTES_MAX: usize = 1024 * 1024;

/// One cluster's connections.
pub struct Connection {
    client: kube::Client,
    limiter: Limiter,
    meter: Meter,
    deadline: Duration,
}

/// A request and what it is for.
pub struct Outgoing<'a> {
    /// The request.
    pub request: Request<Vec<u8>>,
    /// What it is for.
    pub call: Call,
    /// For messages.
    pub tried: Tried<'a>,
    /// The largest answer that is read.
    pub bytes_max: usize,
}

/// A good answer.
pub struct Answer {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

/// An answer that is no success.
#[derive(Debug)]
pub struct Refusal {
    /// What it means.
    pub error: ClusterError,
    /// What the server said, if it was the API server that answered.
    pub status: Option<Box<Status>>,
}

impl From<ClusterError> for Refusal {
    fn from(error: ClusterError) -> Self {
        Self { error, status: None }
    }
}

impl Connection {
    /// Over this client, with [`DEADLINE`].
    pub fn new(client: kube::Client) -> Self {
        Self { client, limiter: Limiter::default(), meter: Meter::default(), deadline: DEADLINE }
    }

    /// The same with another deadline.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The counters.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// How many requests may be under way now.
    pub fn limit(&self) -> usize {
        self.limiter.limit()
    }

    /// Sends a request and reads the whole answer.
    pub async fn exchange(&self, outgoing: Outgoing<'_>) -> Result<Answer, Refusal> {
        // A Lease must be renewed however much else is under way.
        let permit = match outgoing.call {
            Call::Lease => None,
            _ => Some(self.limiter.acquire().await),
        };
        let answer = match tokio::time::timeout(self.deadline, self.whole(outgoing)).await {
            Ok(answer) => answer,
            Err(_) => Err(late(self.deadline).into()),
        };
        if let Some(permit) = permit {
            permit.finish(matches!(&answer, Err(Refusal { error: ClusterError::Busy { .. }, .. })));
        }
        answer
    }

    /// Sends a request and gives the open body; the deadline covers the headers only.
    pub async fn open(&self, outgoing: Outgoing<'_>) -> Result<Body, Refusal> {
        let permit = self.limiter.acquire().await;
        let tried = outgoing.tried;
        let opened = tokio::time::timeout(self.deadline, async {
            let (parts, body) = self.send(outgoing.request, outgoing.call).await?;
            if parts.status.is_success() { Ok(body) } else { Err(refused(&parts, body, tried).await) }
        });
        let opened = opened.await.unwrap_or_else(|_| Err(late(self.deadline).into()));
        permit.finish(matches!(&opened, Err(Refusal { error: ClusterError::Busy { .. }, .. })));
        opened
    }

    async fn whole(&self, outgoing: Outgoing<'_>) -> Result<Answer, Refusal> {
        let (parts, body) = self.send(outgoing.request, outgoing.call).await?;
        if !parts.status.is_success() {
            return Err(refused(&parts, body, outgoing.tried).await);
        }
        let body = collect(body, outgoing.bytes_max).await?;
        Ok(Answer { headers: parts.headers, body })
    }

    async fn send(&self, request: Request<Vec<u8>>, call: Call) -> Result<(http::response::Parts, Body), ClusterError> {
        self.meter.count(call);
        match self.client.send(request.map(Body::from)).await {
            Ok(response) => Ok(response.into_parts()),
            Err(error) => Err(failure::of(&error)),
        }
    }
}

async fn refused(parts: &http::response::Parts, body: Body, tried: Tried<'_>) -> Refusal {
    // Without its body a refusal still has its code.
    let body = collect(body, STATUS_BYTES_MAX).await.unwrap_or_default();
    let status = Status::read(&body);
    Refusal { error: status::error(parts.status, &parts.headers, status.as_ref(), tried), status: status.map(Box::new) }
}

async fn collect(body: Body, bytes_max: usize) -> Result<Vec<u8>, ClusterError> {
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes().into()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(ClusterError::Malformed { detail: format!("it is longer than {bytes_max} bytes") })
        }
        Err(error) => match failure::of(&*error) {
            // The connection stood, so whatever broke it came after the request was sent.
            ClusterError::Unreachable { detail } => Err(ClusterError::Ambiguous { detail }),
            other => Err(other),
        },
    }
}

fn late(deadline: Duration) -> ClusterError {
    ClusterError::Ambiguous { detail: format!("none within {} ms", deadline.as_millis()) }
}
