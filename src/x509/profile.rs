//! What a certificate is for, and what follows from that for its fields.
//!
//! Input: nothing but the choice. Output: [`Profile`] and the rules of each: which authority issues it, key usage, extended
//! key usage, organizational unit, constraints. It issues nothing. Invariant: one profile decides every field that says
//! what a certificate may do; a recipe adds only who it is for.

use std::fmt;

/// What an authority vouches for. Four apart, so that a certificate of one opens nothing of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Who signs transactions and blocks: nodes, the operator, applications.
    Identity,
    /// Who serves connections: nodes, and an orderer's admin port.
    Tls,
    /// Who may use the admin port of orderers. Whoever has a client certificate of this authority is their administrator
    /// (`Admin.TLS.ClientRootCAs` is the only check), so it issues nothing else.
    OrdererAdmin,
    /// Who may read metrics, and the servers that give them.
    Operations,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Tls, Self::OrdererAdmin, Self::Operations];

    fn text(self) -> &'static str {
        match self {
            Self::Identity => "identities",
            Self::Tls => "TLS",
            Self::OrdererAdmin => "orderer administration",
            Self::Operations => "operations",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// Which kind of Fabric node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    /// Orders.
    Orderer,
    /// Endorses and keeps the ledger.
    Peer,
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// The root of an authority. It issues only issuing certificates.
    Root(Purpose),
    /// Issues what is used. There from the start: an issuing certificate that is added later invalidates what the root
    /// issued before (Fabric takes identities only from the leaves of the tree of authorities).
    Issuing(Purpose),
    /// With it a node signs.
    Node(NodeKind),
    /// With it the operator of an organization signs.
    Operator,
    /// With it an application signs.
    Application,
    /// With it a node serves, and calls other nodes: Raft checks it as a client's and as a server's.
    NodeTls,
    /// With it an orderer's admin port serves. From the TLS authority, see [`Purpose::OrdererAdmin`].
    OrdererAdminServer,
    /// With it heddle uses an orderer's admin port.
    OrdererAdminClient,
    /// With it a node's operations port serves.
    OperationsServer,
    /// With it somebody reads a node's metrics.
    OperationsClient,
}

impl Profile {
    /// Every profile.
    pub fn all() -> impl Iterator<Item = Self> {
        let authorities = Purpose::ALL.into_iter().flat_map(|purpose| [Self::Root(purpose), Self::Issuing(purpose)]);
        authorities.chain([
            Self::Node(NodeKind::Orderer),
            Self::Node(NodeKind::Peer),
            Self::Operator,
            Self::Application,
            Self::NodeTls,
            Self::OrdererAdminServer,
            Self::OrdererAdminClient,
            Self::OperationsServer,
            Self::OperationsClient,
        ])
    }

    /// What it is called in digests; never changed.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Root(Purpose::Identity) => "root identity",
            Self::Root(Purpose::Tls) => "root tls",
            Self::Root(Purpose::OrdererAdmin) => "root orderer-admin",
            Self::Root(Purpose::Operations) => "root operations",
            Self::Issuing(Purpose::Identity) => "issuing identity",
            Self::Issuing(Purpose::Tls) => "issuing tls",
            Self::Issuing(Purpose::OrdererAdmin) => "issuing orderer-admin",
            Self::Issuing(Purpose::Operations) => "issuing operations",
            Self::Node(NodeKind::Orderer) => "orderer",
            Self::Node(NodeKind::Peer) => "peer",
            Self::Operator => "operator",
            Self::Application => "application",
            Self::NodeTls => "node tls",
            Self::OrdererAdminServer => "orderer-admin server",
            Self::OrdererAdminClient => "orderer-admin client",
            Self::OperationsServer => "operations server",
            Self::OperationsClient => "operations client",
        }
    }

    /// Which authority it belongs to.
    pub fn purpose(self) -> Purpose {
        match self {
            Self::Root(purpose) | Self::Issuing(purpose) => purpose,
            Self::Node(_) | Self::Operator | Self::Application => Purpose::Identity,
            Self::NodeTls | Self::OrdererAdminServer => Purpose::Tls,
            Self::OrdererAdminClient => Purpose::OrdererAdmin,
            Self::OperationsServer | Self::OperationsClient => Purpose::Operations,
        }
    }

    /// Of an authority: how many authorities may follow below it.
    pub fn path_length(self) -> Option<u8> {
        match self {
            Self::Root(_) => Some(1),
            Self::Issuing(_) => Some(0),
            _ => None,
        }
    }

    /// The organizational unit by which Fabric tells roles apart (`NodeOUs`). Exactly one, on identities only.
    pub fn unit(self) -> Option<&'static str> {
        match self {
            Self::Node(NodeKind::Orderer) => Some("orderer"),
            Self::Node(NodeKind::Peer) => Some("peer"),
            Self::Operator => Some("admin"),
            Self::Application => Some("client"),
            _ => None,
        }
    }

    /// What its key may do.
    pub fn key_uses(self) -> &'static [KeyUse] {
        if self.path_length().is_some() {
            &[KeyUse::CertificateSign, KeyUse::CrlSign]
        } else {
            &[KeyUse::DigitalSignature]
        }
    }

    /// What it may be used for on connections. None on identities and authorities: Fabric verifies identities with Go's
    /// default, which is a server's, so that a client's alone would be refused (`msp/mspimpl.go`).
    pub fn extended_uses(self) -> &'static [ExtendedUse] {
        match self {
            Self::NodeTls => &[ExtendedUse::ServerAuth, ExtendedUse::ClientAuth],
            Self::OrdererAdminServer | Self::OperationsServer => &[ExtendedUse::ServerAuth],
            Self::OrdererAdminClient | Self::OperationsClient => &[ExtendedUse::ClientAuth],
            Self::Root(_) | Self::Issuing(_) | Self::Node(_) | Self::Operator | Self::Application => &[],
        }
    }

    /// Whether it serves connections, and so needs the names by which clients call it.
    pub fn is_server(self) -> bool {
        self.extended_uses().contains(&ExtendedUse::ServerAuth)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(purpose) => write!(f, "root authority for {purpose}"),
            Self::Issuing(purpose) => write!(f, "issuing authority for {purpose}"),
            Self::Node(NodeKind::Orderer) => f.write_str("identity of an orderer"),
            Self::Node(NodeKind::Peer) => f.write_str("identity of a peer"),
            Self::Operator => f.write_str("identity of the operator"),
            Self::Application => f.write_str("identity of an application"),
            Self::NodeTls => f.write_str("TLS of a node"),
            Self::OrdererAdminServer => f.write_str("TLS of an orderer's admin port"),
            Self::OrdererAdminClient => f.write_str("client of orderers' admin ports"),
            Self::OperationsServer => f.write_str("TLS of an operations port"),
            Self::OperationsClient => f.write_str("client of operations ports"),
        }
    }
}

/// A bit of the key usage extension (RFC 5280, 4.2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyUse {
    /// `digitalSignature`
    DigitalSignature,
    /// `nonRepudiation`
    NonRepudiation,
    /// `keyEncipherment`
    KeyEncipherment,
    /// `dataEncipherment`
    DataEncipherment,
    /// `keyAgreement`
    KeyAgreement,
    /// `keyCertSign`
    CertificateSign,
    /// `cRLSign`
    CrlSign,
    /// `encipherOnly`
    EncipherOnly,
    /// `decipherOnly`
    DecipherOnly,
}

/// A purpose of the extended key usage extension (RFC 5280, 4.2.1.12).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExtendedUse {
    /// `serverAuth`
    ServerAuth,
    /// `clientAuth`
    ClientAuth,
    /// `anyExtendedKeyUsage`
    Any,
    /// Another one, by its object identifier.
    Other(String),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn only_identities_carry_a_role_and_none_of_them_a_use_that_fabric_would_refuse() {
        for profile in Profile::all() {
            let is_identity = profile.purpose() == Purpose::Identity && profile.path_length().is_none();
            assert_eq!(profile.unit().is_some(), is_identity, "{profile}");
            assert!(!is_identity || profile.extended_uses().is_empty(), "{profile}");
        }
    }

    #[test]
    fn nobody_but_its_clients_comes_from_the_authority_of_the_admin_ports() {
        let of_it = Profile::all().filter(|profile| profile.purpose() == Purpose::OrdererAdmin);
        let leaves: Vec<Profile> = of_it.filter(|profile| profile.path_length().is_none()).collect();
        assert_eq!(leaves, [Profile::OrdererAdminClient]);
    }

    #[test]
    fn every_profile_has_a_text_and_a_code_of_its_own() {
        let texts: BTreeSet<String> = Profile::all().map(|profile| profile.to_string()).collect();
        let codes: BTreeSet<&str> = Profile::all().map(Profile::code).collect();
        assert_eq!((texts.len(), codes.len()), (17, 17));
    }
}
