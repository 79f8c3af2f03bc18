//! Membership: whom an organization vouches for, as channels hold it.
//!
//! Input: certificates of authorities. Output: [`Msp`], which every node takes, and its wire form; or every reason why a node
//! would not. It reads no folder. Invariants: roots sign themselves and issuing authorities do not, each of these leads to
//! a root, none stands twice; roles come from organizational units, and no administrator is named by certificate.

use prost::Message;
use thiserror::Error;

use super::wire::msp::{FabricCryptoConfig, FabricMspConfig, FabricNodeOus, FabricOuIdentifier, MspConfig};
use crate::model::names::MspId;
use crate::x509::certificate::{Certificate, Constraints};
use crate::x509::chain::{self, ChainError};

/// Which of the four lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    /// Roots of identities.
    Roots,
    /// Issuing authorities of identities.
    Issuing,
    /// Roots of TLS.
    TlsRoots,
    /// Issuing authorities of TLS.
    TlsIssuing,
}

impl std::fmt::Display for List {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Roots => "cacerts",
            Self::Issuing => "intermediatecerts",
            Self::TlsRoots => "tlscacerts",
            Self::TlsIssuing => "tlsintermediatecerts",
        })
    }
}

/// Why a node would refuse it (Fabric `msp/mspimplsetup.go`).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MspProblem {
    /// No root.
    #[error("{0} is empty")]
    Empty(List),
    /// It issues nothing.
    #[error("a certificate in {0} is no authority")]
    NoAuthority(List),
    /// An issuing authority among roots: nodes stop at their start.
    #[error("a certificate in {0} does not sign itself")]
    NoRoot(List),
    /// A root among issuing authorities.
    #[error("a certificate in {0} signs itself")]
    Root(List),
    /// Twice: nodes find two paths.
    #[error("a certificate stands twice in {0}")]
    Twice(List),
    /// It leads to no root.
    #[error("a certificate in {list} leads to no root")]
    Loose {
        /// Where.
        list: List,
        /// Why.
        #[source]
        source: ChainError,
    },
}

/// Certificates of an organization's authorities.
#[derive(Debug, Clone, Default)]
pub struct Authorities {
    /// Of identities.
    pub roots: Vec<Certificate>,
    /// Of identities.
    pub issuing: Vec<Certificate>,
    /// Of TLS.
    pub tls_roots: Vec<Certificate>,
    /// Of TLS.
    pub tls_issuing: Vec<Certificate>,
}

/// A membership that nodes take.
#[derive(Debug, Clone)]
pub struct Msp {
    id: MspId,
    authorities: Authorities,
}

impl Msp {
    /// Checks everything at once.
    pub fn new(id: MspId, authorities: Authorities) -> Result<Self, Vec<MspProblem>> {
        let mut problems = Vec::new();
        let Authorities { roots, issuing, tls_roots, tls_issuing } = &authorities;
        for (list, certificates) in [(List::Roots, roots), (List::TlsRoots, tls_roots)] {
            if certificates.is_empty() {
                problems.push(MspProblem::Empty(list));
            }
            if certificates.iter().any(|certificate| !certificate.is_self_issued()) {
                problems.push(MspProblem::NoRoot(list));
            }
        }
        for (list, certificates, roots) in [(List::Issuing, issuing, roots), (List::TlsIssuing, tls_issuing, tls_roots)]
        {
            if certificates.iter().any(Certificate::is_self_issued) {
                problems.push(MspProblem::Root(list));
            }
            problems.extend(certificates.iter().filter_map(|certificate| loose(list, certificate, roots)));
        }
        for (list, certificates) in [
            (List::Roots, roots),
            (List::Issuing, issuing),
            (List::TlsRoots, tls_roots),
            (List::TlsIssuing, tls_issuing),
        ] {
            if certificates.iter().any(|certificate| certificate.constraints() == Constraints::Leaf) {
                problems.push(MspProblem::NoAuthority(list));
            }
            let twice = |certificate: &Certificate| {
                certificates.iter().filter(|other| other.fingerprint() == certificate.fingerprint()).count() > 1
            };
            if certificates.iter().any(twice) {
                problems.push(MspProblem::Twice(list));
            }
        }
        if problems.is_empty() { Ok(Self { id, authorities }) } else { Err(problems) }
    }

    /// Its name on ledgers.
    pub fn id(&self) -> &MspId {
        &self.id
    }

    /// Its certificates.
    pub fn authorities(&self) -> &Authorities {
        &self.authorities
    }

    /// The wire form, as configurations hold it.
    pub fn config(&self) -> MspConfig {
        let pem = |certificates: &[Certificate]| -> Vec<Vec<u8>> {
            certificates.iter().map(|certificate| certificate.pem().as_bytes().to_vec()).collect()
        };
        let Authorities { roots, issuing, tls_roots, tls_issuing } = &self.authorities;
        let unit = |name: &str| {
            // No authority is named, so that a new issuing one needs no change of the channel.
            Some(FabricOuIdentifier { certificate: Vec::new(), organizational_unit_identifier: name.to_owned() })
        };
        let config = FabricMspConfig {
            name: self.id.to_string(),
            root_certs: pem(roots),
            intermediate_certs: pem(issuing),
            admins: Vec::new(),
            revocation_list: Vec::new(),
            crypto_config: Some(FabricCryptoConfig {
                signature_hash_family: "SHA2".to_owned(),
                identity_identifier_hash_function: "SHA256".to_owned(),
            }),
            tls_root_certs: pem(tls_roots),
            tls_intermediate_certs: pem(tls_issuing),
            fabric_node_ous: Some(FabricNodeOus {
                enable: true,
                client_ou_identifier: unit("client"),
                peer_ou_identifier: unit("peer"),
                admin_ou_identifier: unit("admin"),
                orderer_ou_identifier: unit("orderer"),
            }),
        };
        MspConfig { r#type: 0, config: config.encode_to_vec() }
    }
}

/// Why an issuing authority leads to no root, if it does not.
fn loose(list: List, certificate: &Certificate, roots: &[Certificate]) -> Option<MspProblem> {
    let mut why = ChainError::UnknownIssuer;
    for root in roots {
        match chain::is_signed_by(certificate, root) {
            Ok(()) if root.subject() == certificate.issuer() => return None,
            Ok(()) => {}
            Err(error) => why = error,
        }
    }
    Some(MspProblem::Loose { list, source: why })
}
