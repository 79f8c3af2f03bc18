//! The throw-away certificate authority and the TLS listener.
//!
//! Input: a TCP listener. Output: connections after their handshake. Invariants: keys live in memory only; a slow
//! handshake delays nobody else; what fails its handshake is dropped.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

/// A server's identity for one run.
pub(super) struct Identity {
    pub(super) ca_pem: String,
    pub(super) token: String,
    pub(super) config: Arc<ServerConfig>,
}

/// Makes a CA, a certificate for loopback and a token.
pub(super) fn throw_away() -> Result<Identity, String> {
    let text = |error: rcgen::Error| error.to_string();
    let ca_key = KeyPair::generate().map_err(text)?;
    let mut ca = CertificateParams::new(Vec::<String>::new()).map_err(text)?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.distinguished_name.push(DnType::CommonName, "heddle simulated region");
    let ca_pem = ca.self_signed(&ca_key).map_err(text)?.pem();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().map_err(text)?;
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let certificate = CertificateParams::new(names).and_then(|leaf| leaf.signed_by(&key, &issuer)).map_err(text)?;
    // A key nobody else has ever seen is as good a source of a secret as any.
    let token = crate::model::digest::Digest::of(&key.serialize_der()).hex();
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .map_err(|error| error.to_string())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { ca_pem, token, config: Arc::new(config) })
}

/// Connections after their handshake.
pub(super) struct Handshaken {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

/// Accepts connections until the token is cancelled.
pub(super) fn listen(
    listener: TcpListener,
    address: SocketAddr,
    config: Arc<ServerConfig>,
    closing: CancellationToken,
) -> Handshaken {
    let (send, ready) = mpsc::channel(64);
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(config);
        loop {
            let accepted = tokio::select! {
                () = closing.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            // A connection that went away before it was accepted is not the listener's failure.
            let Ok((stream, peer)) = accepted else { continue };
            let (acceptor, send) = (acceptor.clone(), send.clone());
            tokio::spawn(async move {
                // Small answers must not wait for an acknowledgement; where the option is missing they only come later.
                drop(stream.set_nodelay(true));
                if let Ok(stream) = acceptor.accept(stream).await {
                    // Nobody takes it any more only when the front is closing.
                    drop(send.send((stream, peer)).await);
                }
            });
        }
    });
    Handshaken { ready, address }
}

impl Listener for Handshaken {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.address)
    }
}
