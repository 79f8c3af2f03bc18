//! Connections over the machine's own network.
//!
//! Input: routes. Output: connections, by TCP or by what was chosen for a region. Invariant: a Service is found by its name
//! only within its own cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncReadCompatExt;

use super::DEADLINE;
use crate::model::names::RegionName;
use crate::ports::dialer::{ByteStream, DialError, Dialer, Route};

/// Dials by TCP.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpDialer;

#[async_trait]
impl Dialer for TcpDialer {
    async fn dial(&self, route: &Route) -> Result<Box<dyn ByteStream>, DialError> {
        let (host, port) = match route {
            Route::Declared { host, port } => (host.clone(), *port),
            Route::Service { namespace, name, port, .. } => (format!("{name}.{namespace}.svc"), *port),
        };
        let failed = |detail: String| DialError { route: route.clone(), detail };
        match tokio::time::timeout(DEADLINE, TcpStream::connect((host, port))).await {
            Ok(Ok(stream)) => {
                // Requests are small and wait for nobody.
                let _only_slower = stream.set_nodelay(true);
                Ok(Box::new(stream.compat()))
            }
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed(format!("no connection within {} s", DEADLINE.as_secs()))),
        }
    }
}

/// Dials each region's Services in the region's own way, and declared addresses by TCP.
#[derive(Clone, Default)]
pub struct ByRegion(pub BTreeMap<RegionName, Arc<dyn Dialer>>);

#[async_trait]
impl Dialer for ByRegion {
    async fn dial(&self, route: &Route) -> Result<Box<dyn ByteStream>, DialError> {
        match route {
            Route::Declared { .. } => TcpDialer.dial(route).await,
            Route::Service { region, .. } => match self.0.get(region) {
                Some(dialer) => dialer.dial(route).await,
                None => Err(DialError { route: route.clone(), detail: format!("region {region} is not configured") }),
            },
        }
    }
}
