//! Membership: definitions, identities, principals (`msp/*.proto`).
//!
//! Input: bytes. Output: messages, and back. Invariant: field numbers as published.

/// A definition by kind.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct MspConfig {
    /// 0: [`FabricMspConfig`].
    #[prost(int32, tag = "1")]
    pub r#type: i32,
    /// As the kind says.
    #[prost(bytes = "vec", tag = "2")]
    pub config: Vec<u8>,
}

/// Whom an organization vouches for.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct FabricMspConfig {
    /// The MSP id.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Roots, in PEM.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub root_certs: Vec<Vec<u8>>,
    /// Issuing authorities, in PEM.
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub intermediate_certs: Vec<Vec<u8>>,
    /// Administrators by certificate; none where `NodeOUs` are on.
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub admins: Vec<Vec<u8>>,
    /// Revocation lists, in PEM.
    #[prost(bytes = "vec", repeated, tag = "5")]
    pub revocation_list: Vec<Vec<u8>>,
    /// Hash functions.
    #[prost(message, optional, tag = "8")]
    pub crypto_config: Option<FabricCryptoConfig>,
    /// Roots for TLS, in PEM.
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub tls_root_certs: Vec<Vec<u8>>,
    /// Issuing authorities for TLS, in PEM.
    #[prost(bytes = "vec", repeated, tag = "10")]
    pub tls_intermediate_certs: Vec<Vec<u8>>,
    /// Roles by organizational unit.
    #[prost(message, optional, tag = "11")]
    pub fabric_node_ous: Option<FabricNodeOus>,
}

/// Hash functions.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct FabricCryptoConfig {
    /// `SHA2`.
    #[prost(string, tag = "1")]
    pub signature_hash_family: String,
    /// `SHA256`.
    #[prost(string, tag = "2")]
    pub identity_identifier_hash_function: String,
}

/// An organizational unit.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct FabricOuIdentifier {
    /// The authority below which it counts; empty for all.
    #[prost(bytes = "vec", tag = "1")]
    pub certificate: Vec<u8>,
    /// Its name.
    #[prost(string, tag = "2")]
    pub organizational_unit_identifier: String,
}

/// Roles by organizational unit.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct FabricNodeOus {
    /// Whether they count.
    #[prost(bool, tag = "1")]
    pub enable: bool,
    /// Clients.
    #[prost(message, optional, tag = "2")]
    pub client_ou_identifier: Option<FabricOuIdentifier>,
    /// Peers.
    #[prost(message, optional, tag = "3")]
    pub peer_ou_identifier: Option<FabricOuIdentifier>,
    /// Administrators.
    #[prost(message, optional, tag = "4")]
    pub admin_ou_identifier: Option<FabricOuIdentifier>,
    /// Orderers.
    #[prost(message, optional, tag = "5")]
    pub orderer_ou_identifier: Option<FabricOuIdentifier>,
}

/// Somebody, by MSP id and certificate.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct SerializedIdentity {
    /// The MSP id.
    #[prost(string, tag = "1")]
    pub mspid: String,
    /// The certificate, in PEM.
    #[prost(bytes = "vec", tag = "2")]
    pub id_bytes: Vec<u8>,
}

/// Whom a policy means.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct MspPrincipal {
    /// 0: an [`MspRole`].
    #[prost(int32, tag = "1")]
    pub principal_classification: i32,
    /// As the classification says.
    #[prost(bytes = "vec", tag = "2")]
    pub principal: Vec<u8>,
}

/// A role in an organization.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct MspRole {
    /// The MSP id.
    #[prost(string, tag = "1")]
    pub msp_identifier: String,
    /// 0: member; 1: admin; 2: client; 3: peer; 4: orderer.
    #[prost(int32, tag = "2")]
    pub role: i32,
}
