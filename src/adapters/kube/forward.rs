//! Connections to nodes through a region's API server, for a process that runs outside of the region's cluster.
//!
//! Input: routes by Services. Output: byte streams, over `pods/portforward` as the account of the tenant in whose namespace the
//! node runs. Invariants: whoever answers is found out by TLS, above; a connection is one WebSocket (KEP-4006) and is not
//! shared; what was handed out before it could be used has sent nothing.

use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio_util::compat::TokioAsyncReadCompatExt;

use super::config::{self, Access};
use super::text::masked;
use crate::k8s::ownership;
use crate::ports::dialer::{ByteStream, DialError, Dialer, Route};

/// How long a connection may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Dials through the API server of one region.
#[derive(Debug, Clone)]
pub struct PortForward {
    access: Access,
}

impl PortForward {
    /// Through the API server that this leads to.
    pub fn new(access: Access) -> Self {
        Self { access }
    }

    async fn forward(&self, (namespace, name, port): (&str, &str, u16)) -> Result<Box<dyn ByteStream>, String> {
        let user = ownership::account_user(namespace, ownership::TENANT_ACCOUNT);
        let client = config::client_as(&self.access, &user).await.map_err(|error| error.detail())?;
        // A node is a StatefulSet of one pod.
        let pod = format!("{name}-0");
        let pods: Api<Pod> = Api::namespaced(client, namespace);
        let mut forwarder = pods.portforward(&pod, &[port]).await.map_err(|error| masked(&error.to_string()))?;
        let stream = forwarder.take_stream(port).ok_or("the forwarded port gave no stream")?;
        Ok(Box::new(stream.compat()))
    }
}

#[async_trait]
impl Dialer for PortForward {
    async fn dial(&self, route: &Route) -> Result<Box<dyn ByteStream>, DialError> {
        let failed = |detail: String| DialError { route: route.clone(), detail };
        let Route::Service { namespace, name, port, .. } = route else {
            return Err(failed("it is no Service of this cluster".to_owned()));
        };
        match tokio::time::timeout(DEADLINE, self.forward((namespace, name, *port))).await {
            Ok(dialed) => dialed.map_err(failed),
            Err(_) => Err(failed(format!("no connection within {} s", DEADLINE.as_secs()))),
        }
    }
}
