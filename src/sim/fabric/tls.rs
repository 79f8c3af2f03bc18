//! TLS of a node's ports.
//!
//! Input: certificates, a key, whom to ask for a certificate. Output: accepted connections. Invariant: who is not taken hears
//! an alert, as from Go's servers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::DuplexStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::sim::store::TimeSource;
use crate::x509::certificate::Certificate;

/// A connection.
pub(super) type Stream = TlsStream<DuplexStream>;

/// Accepts connections of one port.
pub(super) struct Acceptor(TlsAcceptor);

/// The world's clock as rustls asks it.
struct Time(TimeSource);

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Time")
    }
}

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from((self.0)().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

fn der(certificate: &Certificate) -> CertificateDer<'static> {
    CertificateDer::from(certificate.der().to_vec())
}

/// For a chain and its key; with roots, clients are asked for certificates, and without one they are refused if it is
/// required.
pub(super) fn acceptor(
    chain: &[Certificate],
    key: &str,
    (clients, now): (Option<(Vec<Certificate>, bool)>, &TimeSource),
) -> Option<Acceptor> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ClientCertVerifier> = match clients {
        None => WebPkiClientVerifier::no_client_auth(),
        Some((roots, required)) => {
            let mut store = RootCertStore::empty();
            for root in &roots {
                store.add(der(root)).ok()?;
            }
            let builder = WebPkiClientVerifier::builder_with_provider(store.into(), provider.clone());
            let builder = if required { builder } else { builder.allow_unauthenticated() };
            builder.build().ok()?
        }
    };
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).ok()?;
    let config = ServerConfig::builder_with_details(provider, Arc::new(Time(now.clone())))
        .with_safe_default_protocol_versions()
        .ok()?;
    let config = config.with_client_cert_verifier(verifier);
    let mut config = config.with_single_cert(chain.iter().map(der).collect(), key).ok()?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Some(Acceptor(TlsAcceptor::from(Arc::new(config))))
}

impl Acceptor {
    pub(super) async fn accept(&self, stream: DuplexStream) -> std::io::Result<Stream> {
        self.0.accept(stream).await
    }
}

/// Whether the client showed a certificate.
pub(super) fn has_client_certificate(stream: &Stream) -> bool {
    stream.get_ref().1.peer_certificates().is_some()
}
