//! Connections to nodes.
//!
//! Input: a [`Route`]. Output: a stream of bytes to whoever answers there. Who that is, whoever uses the stream finds out by
//! TLS. An implementation keeps no connection and retries nothing. Invariant: a failed dial has sent nothing.

use async_trait::async_trait;
use futures::io::{AsyncRead, AsyncWrite};
use thiserror::Error;

use crate::model::names::RegionName;

/// How a node is reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// By an address that is declared and reachable from everywhere.
    Declared {
        /// A DNS name or an IP address.
        host: String,
        /// A port.
        port: u16,
    },
    /// By a Service of a region's cluster.
    Service {
        /// The region.
        region: RegionName,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// A port.
        port: u16,
    },
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Declared { host, port } => write!(f, "{host}:{port}"),
            Self::Service { region, namespace, name, port } => write!(f, "{region}: {name}.{namespace}.svc:{port}"),
        }
    }
}

/// Nobody could be reached.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{route} cannot be reached: {detail}")]
pub struct DialError {
    /// Where.
    pub route: Route,
    /// In which way, bounded.
    pub detail: String,
}

/// A connection.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Makes connections.
#[async_trait]
pub trait Dialer: Send + Sync {
    /// One connection.
    async fn dial(&self, route: &Route) -> Result<Box<dyn ByteStream>, DialError>;
}
