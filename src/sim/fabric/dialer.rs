//! Connections into a simulated network, without a socket.
//!
//! Input: routes. Output: streams within this process. Invariant: where nobody runs, a dial is refused at once.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::compat::TokioAsyncReadCompatExt;

use super::net::FabricNet;
use crate::ports::dialer::{ByteStream, DialError, Dialer, Route};

/// Dials nodes of a network by their addresses.
pub struct SimDialer(pub Arc<FabricNet>);

#[async_trait]
impl Dialer for SimDialer {
    async fn dial(&self, route: &Route) -> Result<Box<dyn ByteStream>, DialError> {
        let (address, port) = match route {
            Route::Declared { host, port } => (host.clone(), *port),
            Route::Service { namespace, name, port, .. } => (format!("{name}.{namespace}.svc"), *port),
        };
        match self.0.connect(&address, port) {
            Some(stream) => Ok(Box::new(stream.compat())),
            None => Err(DialError { route: route.clone(), detail: "connection refused".to_owned() }),
        }
    }
}
