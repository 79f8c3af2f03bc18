//! TLS to nodes.
//!
//! Input: an endpoint and a connection. Output: the connection, encrypted and with the right server on its other side.
//! Invariants: TLS 1.2 or later; nothing is believed but the endpoint's own roots, and its name always counts.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncBufRead;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};

use super::{Client, Endpoint, Way, failure};
use crate::ports::clock::Clock;
use crate::ports::dialer::{ByteStream, Dialer};
use crate::ports::ledger::LedgerError;
use crate::x509::certificate::Certificate;

/// How long a server may take to say its first word.
const FIRST_WORD: Duration = Duration::from_millis(300);

/// An encrypted connection.
pub(super) type Connection = TlsStream<Compat<Box<dyn ByteStream>>>;

/// Our clock as rustls asks it.
struct Time(Arc<dyn Clock>);

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Time")
    }
}

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// What is needed to connect again and again.
pub(super) struct Connector {
    endpoint: Endpoint,
    config: Arc<ClientConfig>,
    dialer: Arc<dyn Dialer>,
}

fn der(certificate: &Certificate) -> CertificateDer<'static> {
    CertificateDer::from(certificate.der().to_vec())
}

fn unusable(what: &str) -> LedgerError {
    LedgerError::Certificate { detail: format!("ours: {what}") }
}

/// Waits until the server has shown that it takes our certificate: with TLS 1.3 it decides after our side of the
/// handshake, and a request that is sent meanwhile would end in a broken connection that says nothing. What it says first is
/// a session ticket, something of its own protocol, or its refusal. Nothing of it is taken.
fn first_word(connection: &mut Connection, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    let said = Pin::new(&mut *connection).poll_fill_buf(cx).map_ok(<[u8]>::len);
    match said {
        Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
        Poll::Ready(said) => Poll::Ready(said.map(drop)),
        Poll::Pending if connection.get_ref().1.tls13_tickets_received() > 0 => Poll::Ready(Ok(())),
        Poll::Pending => Poll::Pending,
    }
}

impl Connector {
    /// For one protocol, by its ALPN name.
    pub(super) fn new(endpoint: Endpoint, way: &Way, protocol: &[u8]) -> Result<Self, LedgerError> {
        let mut roots = RootCertStore::empty();
        for root in &endpoint.roots {
            roots.add(der(root)).map_err(|_| unusable("a root cannot be used"))?;
        }
        let Client { chain, key } = &endpoint.client;
        let key =
            PrivateKeyDer::from_pem_slice(key.expose().as_bytes()).map_err(|_| unusable("the key cannot be read"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_details(provider, Arc::new(Time(way.clock.clone())))
            .with_safe_default_protocol_versions()
            .map_err(|_| unusable("no protocol version"))?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain.iter().map(der).collect(), key);
        let mut config = config.map_err(|_| unusable("certificate and key do not belong together"))?;
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(Self { endpoint, config: Arc::new(config), dialer: way.dialer.clone() })
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> Result<Connection, LedgerError> {
        let name = ServerName::try_from(self.endpoint.server_name.clone());
        let name = name.map_err(|_| LedgerError::Certificate { detail: "the server's name is none".to_owned() })?;
        let stream = self.dialer.dial(&self.endpoint.route).await?;
        let failed = |error: io::Error| failure::before_sending(&error, &self.endpoint.route);
        let connected = TlsConnector::from(self.config.clone()).connect(name, stream.compat()).await;
        let mut connection = connected.map_err(failed)?;
        let word = tokio::time::timeout(FIRST_WORD, poll_fn(|cx| first_word(&mut connection, cx))).await;
        // A server that says nothing may still be one that takes us.
        word.unwrap_or(Ok(())).map_err(failed)?;
        Ok(connection)
    }

    /// Where it connects to.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}
