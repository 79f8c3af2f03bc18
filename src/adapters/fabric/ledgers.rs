//! Clients of nodes from their addresses.
//!
//! Input: addresses and keys as text. Output: the [`Ledgers`] port. It reads certificates and asks nobody. Invariant: a node is
//! reached by its Service and believed only by that name.

use std::sync::Arc;

use super::orderer::Orderer;
use super::peer::{Peer, Signer, Sources};
use super::{Client, Endpoint, Way};
use crate::ports::dialer::{Dialer, Route};
use crate::ports::ledger::{LedgerError, Ledgers, NodeAddress, OrdererAdmin, PeerAdmin, Signatory, TlsClient};
use crate::x509::certificate::Certificate;
use crate::x509::key::PrivateKey;

/// Clients over one dialer.
pub struct FabricLedgers {
    dialer: Arc<dyn Dialer>,
    sources: Sources,
}

impl FabricLedgers {
    /// Over this dialer.
    pub fn new(dialer: Arc<dyn Dialer>, sources: Sources) -> Self {
        Self { dialer, sources }
    }
}

fn ours(what: &str) -> LedgerError {
    LedgerError::Certificate { detail: format!("ours: {what} cannot be read") }
}

fn certificates(text: &str, what: &str) -> Result<Vec<Certificate>, LedgerError> {
    Certificate::bundle(text).map_err(|_| ours(what))
}

fn client(of: &TlsClient) -> Result<Client, LedgerError> {
    Ok(Client { chain: certificates(&of.chain, "a client's certificate")?, key: of.key.clone() })
}

fn endpoint(at: &NodeAddress, port: u16, client: Client) -> Result<Endpoint, LedgerError> {
    let NodeAddress { region, namespace, name, .. } = at;
    let (region, namespace) = (region.clone(), namespace.clone());
    Ok(Endpoint {
        server_name: format!("{name}.{namespace}.svc"),
        route: Route::Service { region, namespace, name: name.clone(), port },
        roots: certificates(&at.roots, "the roots of the organization's TLS authority")?,
        client,
    })
}

impl Ledgers for FabricLedgers {
    fn orderer(&self, at: &NodeAddress, administrator: &TlsClient) -> Result<Arc<dyn OrdererAdmin>, LedgerError> {
        let admin = endpoint(at, at.port, client(administrator)?)?;
        let operations = endpoint(at, at.operations_port, client(&at.operations)?)?;
        let way = Way { dialer: self.dialer.clone(), clock: self.sources.clock.clone() };
        Ok(Arc::new(Orderer::new(admin, operations, &way)?))
    }

    fn peer(&self, at: &NodeAddress, administrator: &Signatory) -> Result<Arc<dyn PeerAdmin>, LedgerError> {
        let operations = client(&at.operations)?;
        let endorser = endpoint(at, at.port, operations.clone())?;
        let operations = endpoint(at, at.operations_port, operations)?;
        let certificate = Certificate::from_pem(&administrator.certificate);
        let signer = Signer {
            msp_id: administrator.msp_id.clone(),
            certificate: certificate.map_err(|_| ours("the operator's certificate"))?,
            key: PrivateKey::from_pem(&administrator.key).map_err(|_| ours("the operator's key"))?,
        };
        Ok(Arc::new(Peer::new(endorser, operations, &self.dialer, (signer, self.sources.clone()))?))
    }
}
