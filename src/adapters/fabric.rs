//! Ordering nodes and peers over their own protocols.
//!
//! Input: an [`Endpoint`] and a [`Dialer`](crate::ports::dialer::Dialer). Output: the ledger ports. It decides nothing and
//! knows no cluster. Invariants: a server is believed only by the name and the roots of its endpoint, and there is no way to
//! leave that out; every request has a deadline and a bounded answer and is sent once; only a request that certainly was not
//! sent goes out again over a new connection.

pub mod dial;
mod failure;
mod http;
pub mod ledgers;
pub mod orderer;
pub mod peer;
mod rpc;
mod tls;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::model::secret::Secret;
use crate::ports::clock::Clock;
use crate::ports::dialer::{Dialer, Route};
use crate::x509::certificate::Certificate;

/// How long one request may take, with its connection.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// A server, how it is reached, and whom to believe there.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// How it is reached.
    pub route: Route,
    /// The name in its certificate.
    pub server_name: String,
    /// Roots of its authorities.
    pub roots: Vec<Certificate>,
    /// As whom it is asked.
    pub client: Client,
}

/// How connections are made, and by which clock certificates are judged.
#[derive(Clone)]
pub struct Way {
    /// Makes them.
    pub dialer: Arc<dyn Dialer>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// A client certificate with its key.
#[derive(Debug, Clone)]
pub struct Client {
    /// The certificate, and the issuing ones after it.
    pub chain: Vec<Certificate>,
    /// Its key, as PEM.
    pub key: Secret<String>,
}
