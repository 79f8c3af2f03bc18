//! One node: what it mounts, and what it does at its start.
//!
//! Input: files by the paths at which a container finds them. Output: a node that serves, or the reason why a real one would
//! end. Invariants: only what the configuration file names is read; an identity that its own authorities do not vouch for
//! ends an ordering node, and one that has ended ends any.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use thiserror::Error;
use tokio::io::DuplexStream;

use super::container::{Container, Files};
use super::net::FabricNet;
use super::tls::{self, Acceptor};
use super::{orderer, peer};
use crate::sim::store::TimeSource;
use crate::x509::certificate::Certificate;
use crate::x509::chain::{self, Trust};

/// Why a node ends at its start, in the words of real ones.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NodeError {
    /// Nothing was placed there.
    #[error("there is no node at this address")]
    Unknown,
    /// No configuration that it could read.
    #[error("failed to parse config: {0}")]
    Config(String),
    /// A file that its configuration names.
    #[error("open {0}: no such file or directory")]
    File(String),
    /// A certificate or key that cannot be used.
    #[error("Failed to load {0}")]
    Material(&'static str),
    /// Its own authorities do not vouch for it.
    #[error("Failed to setup local msp with config: the supplied identity is not valid: {0}")]
    Identity(chain::ChainError),
    /// Its identity has ended.
    #[error("Failed to setup local msp with config: signing identity expired")]
    Expired,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Orderer,
    Peer,
}

/// A node that runs.
pub(super) struct Node {
    pub(super) address: String,
    pub(super) kind: Kind,
    /// Its organization.
    pub(super) msp_id: String,
    /// Whom its organization vouches for.
    pub(super) roots: Vec<Certificate>,
    pub(super) intermediates: Vec<Certificate>,
    /// The certificate with which it serves.
    pub(super) server: Certificate,
    pub(super) body_max: usize,
    ports: BTreeMap<u16, (Port, Acceptor)>,
}

/// What answers on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    /// Broadcast, deliver, cluster; or endorser.
    Grpc,
    /// Channel participation.
    Admin,
    /// Health and metrics.
    Operations,
}

struct Read<'a> {
    files: &'a Files,
    config: Value,
    now: &'a TimeSource,
}

impl Read<'_> {
    fn text(&self, pointer: &str) -> Result<String, NodeError> {
        let found = self.config.pointer(pointer);
        let text = found.and_then(|value| value.as_str().map(ToOwned::to_owned).or_else(|| Some(value.to_string())));
        text.ok_or_else(|| NodeError::Config(format!("{pointer} is missing")))
    }

    fn file(&self, path: &str) -> Result<String, NodeError> {
        let bytes = self.files.get(path).ok_or_else(|| NodeError::File(path.to_owned()))?;
        String::from_utf8(bytes.clone()).map_err(|_| NodeError::Config(format!("{path} is no text")))
    }

    fn certificates(&self, path: &str) -> Result<Vec<Certificate>, NodeError> {
        Certificate::bundle(&self.file(path)?).map_err(|_| NodeError::Material("a certificate"))
    }

    fn named(&self, pointer: &str) -> Result<Vec<Certificate>, NodeError> {
        self.certificates(&self.text(pointer)?)
    }

    fn port(&self, pointer: &str) -> Result<u16, NodeError> {
        let text = self.text(pointer)?;
        let digits = text.rsplit(':').next().unwrap_or_default();
        digits.parse().map_err(|_| NodeError::Config(format!("{pointer} has no port")))
    }

    fn acceptor(&self, certificate: &str, key: &str, clients: Option<(&str, bool)>) -> Result<Acceptor, NodeError> {
        let clients = match clients {
            Some((roots, required)) => Some((self.named(roots)?, required)),
            None => None,
        };
        let key = self.file(&self.text(key)?)?;
        tls::acceptor(&self.named(certificate)?, &key, (clients, self.now)).ok_or(NodeError::Material("a TLS key pair"))
    }
}

impl Node {
    pub(super) fn start(container: &Container, address: &str, now: &TimeSource) -> Result<Self, NodeError> {
        let Container { files, env, .. } = container;
        let config = env.get("FABRIC_CFG_PATH").map_or("/etc/hyperledger/fabric", String::as_str);
        let (kind, name) = match container.command.first().map(String::as_str) {
            Some("orderer") => (Kind::Orderer, "orderer.yaml"),
            _ => (Kind::Peer, "core.yaml"),
        };
        let path = format!("{config}/{name}");
        let bytes = files.get(&path).ok_or_else(|| NodeError::File(path.clone()))?;
        let tree = crate::yaml::read(bytes).map_err(|error| NodeError::Config(error.to_string()))?;
        let read = Read { files, config: tree, now };
        let node = match kind {
            Kind::Orderer => orderer_of(&read, address)?,
            Kind::Peer => peer_of(&read, address)?,
        };
        let folder = read.text(match kind {
            Kind::Orderer => "/General/LocalMSPDir",
            Kind::Peer => "/peer/mspConfigPath",
        })?;
        let own = read.certificates(&format!("{folder}/signcerts/cert.pem"))?;
        let own = own.first().ok_or(NodeError::Material("signcerts"))?;
        read.file(&format!("{folder}/keystore/key_sk"))?;
        chain::verify_member(own, &Trust { roots: &node.roots, intermediates: &node.intermediates })
            .map_err(NodeError::Identity)?;
        if own.validity().not_after < now() {
            return Err(NodeError::Expired);
        }
        Ok(node)
    }

    pub(super) fn listens_on(&self, port: u16) -> bool {
        self.ports.contains_key(&port)
    }

    /// Serves one connection to its end.
    pub(super) async fn serve(self: Arc<Self>, net: Arc<FabricNet>, port: u16, stream: DuplexStream) {
        let Some((what, acceptor)) = self.ports.get(&port) else { return };
        // A handshake that fails has told the client why.
        let Ok(stream) = acceptor.accept(stream).await else { return };
        match (self.kind, what) {
            (Kind::Orderer, Port::Admin) => orderer::admin(&self, &net, stream).await,
            (Kind::Orderer, _) => orderer::operations(&self, &net, (*what, stream)).await,
            (Kind::Peer, Port::Grpc) => peer::endorser(self, net, stream).await,
            (Kind::Peer, _) => peer::operations(&self, &net, stream).await,
        }
    }
}

fn members(read: &Read<'_>, folder: &str) -> Result<(Vec<Certificate>, Vec<Certificate>), NodeError> {
    let of = |name: &str| read.certificates(&format!("{folder}/{name}"));
    Ok((of("cacerts/ca.pem")?, of("intermediatecerts/issuing.pem")?))
}

fn orderer_of(read: &Read<'_>, address: &str) -> Result<Node, NodeError> {
    let (roots, intermediates) = members(read, &read.text("/General/LocalMSPDir")?)?;
    let pair = |place: &str| (format!("{place}/TLS/Certificate"), format!("{place}/TLS/PrivateKey"));
    let acceptor = |place: &str, clients: Option<(&str, bool)>| {
        let (certificate, key) = pair(place);
        read.acceptor(&certificate, &key, clients)
    };
    let server = read.named("/General/TLS/Certificate")?;
    let server = server.into_iter().next().ok_or(NodeError::Material("the server's certificate"))?;
    let body_max = read.text("/ChannelParticipation/MaxRequestBodySize")?;
    let body_max = body_max.split(' ').next().and_then(|number| number.parse::<usize>().ok()).unwrap_or(0);
    let ports = BTreeMap::from([
        (read.port("/General/ListenPort")?, (Port::Grpc, acceptor("/General", None)?)),
        (
            read.port("/Admin/ListenAddress")?,
            (Port::Admin, acceptor("/Admin", Some(("/Admin/TLS/ClientRootCAs/0", true)))?),
        ),
        (
            read.port("/Operations/ListenAddress")?,
            (Port::Operations, acceptor("/Operations", Some(("/Operations/TLS/ClientRootCAs/0", false)))?),
        ),
    ]);
    Ok(Node {
        address: address.to_owned(),
        kind: Kind::Orderer,
        msp_id: read.text("/General/LocalMSPID")?,
        roots,
        intermediates,
        server,
        body_max: body_max * 1024 * 1024,
        ports,
    })
}

fn peer_of(read: &Read<'_>, address: &str) -> Result<Node, NodeError> {
    let (roots, intermediates) = members(read, &read.text("/peer/mspConfigPath")?)?;
    let server = read.named("/peer/tls/cert/file")?;
    let server = server.into_iter().next().ok_or(NodeError::Material("the server's certificate"))?;
    let clients = Some(("/operations/tls/clientRootCAs/files/0", false));
    let ports = BTreeMap::from([
        (
            read.port("/peer/listenAddress")?,
            (Port::Grpc, read.acceptor("/peer/tls/cert/file", "/peer/tls/key/file", None)?),
        ),
        (
            read.port("/operations/listenAddress")?,
            (Port::Operations, read.acceptor("/operations/tls/cert/file", "/operations/tls/key/file", clients)?),
        ),
    ]);
    Ok(Node {
        address: address.to_owned(),
        kind: Kind::Peer,
        msp_id: read.text("/peer/localMspId")?,
        roots,
        intermediates,
        server,
        body_max: 0,
        ports,
    })
}
