//! A channel's configuration as facts.
//!
//! Input: the configuration tree. Output: [`ChannelConfig`]: members, consenters, endpoints, capabilities. It judges and
//! changes nothing. Invariants: what is read is what the servers act on; a part that every channel has and that cannot be
//! read is an error, and never an empty list.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use thiserror::Error;

use super::wire::common::{Capabilities, Config, ConfigGroup, OrdererAddresses};
use super::wire::msp::{FabricMspConfig, MspConfig};
use super::wire::orderer::{ConfigMetadata, ConsensusType};
use crate::model::digest::Digest;
use crate::model::names::{MspId, NameError};
use crate::x509::certificate::{Certificate, CertificateError};

/// Why a tree is no channel's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// A part that every channel has.
    #[error("the configuration has no {0}")]
    Missing(String),
    /// It is no message of that type.
    #[error("the configuration's {0} cannot be decoded")]
    Undecodable(String),
    /// An MSP id that is none.
    #[error("a member has no usable MSP id")]
    Msp(#[from] NameError),
    /// A consenter's certificate that is none.
    #[error("the certificate of the consenter {address} cannot be read")]
    Certificate {
        /// Whose.
        address: String,
        /// Why.
        #[source]
        source: CertificateError,
    },
}

/// Which consensus orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consensus {
    /// Raft, with its members in the order of their ids.
    Raft(Vec<Member>),
    /// Another one, by name.
    Other(String),
}

/// A consenter as the channel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u32,
    /// The fingerprint of the key with which it serves.
    pub server_key: Digest,
    /// The fingerprint of the key with which it calls.
    pub client_key: Digest,
}

/// A member organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberOrganization {
    /// Its name on ledgers.
    pub msp_id: MspId,
    /// Its ordering nodes, as `host:port`.
    pub endpoints: Vec<String>,
}

/// A channel's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelConfig {
    /// How many updates led to it.
    pub sequence: u64,
    /// Who orders, by group.
    pub orderers: BTreeMap<String, MemberOrganization>,
    /// Who takes part, by group.
    pub applications: BTreeMap<String, MemberOrganization>,
    /// How it is ordered.
    pub consensus: Consensus,
    /// Capabilities for everybody.
    pub channel_capabilities: BTreeSet<String>,
    /// Capabilities for orderers.
    pub orderer_capabilities: BTreeSet<String>,
    /// Capabilities for peers.
    pub application_capabilities: BTreeSet<String>,
}

impl ChannelConfig {
    /// Reads the tree.
    pub fn of(config: &Config) -> Result<Self, ConfigError> {
        let root = config.channel_group.as_ref().ok_or_else(|| missing("channel group"))?;
        let group = |name: &str| root.groups.get(name).ok_or_else(|| missing(&format!("group {name}")));
        let (orderer, application) = (group("Orderer")?, group("Application")?);
        Ok(Self {
            sequence: config.sequence,
            orderers: organizations(orderer)?,
            applications: organizations(application)?,
            consensus: consensus(orderer)?,
            channel_capabilities: capabilities(root)?,
            orderer_capabilities: capabilities(orderer)?,
            application_capabilities: capabilities(application)?,
        })
    }
}

fn missing(what: &str) -> ConfigError {
    ConfigError::Missing(what.to_owned())
}

/// A leaf that a group may have.
fn leaf<T: Message + Default>(group: &ConfigGroup, key: &str) -> Result<Option<T>, ConfigError> {
    let undecodable = |_| ConfigError::Undecodable(key.to_owned());
    group.values.get(key).map(|value| T::decode(value.value.as_slice()).map_err(undecodable)).transpose()
}

fn needed<T: Message + Default>(group: &ConfigGroup, key: &str) -> Result<T, ConfigError> {
    leaf(group, key)?.ok_or_else(|| missing(key))
}

fn organizations(group: &ConfigGroup) -> Result<BTreeMap<String, MemberOrganization>, ConfigError> {
    let organization = |(name, group): (&String, &ConfigGroup)| {
        let config: MspConfig = needed(group, "MSP")?;
        let config = FabricMspConfig::decode(config.config.as_slice());
        let config = config.map_err(|_| ConfigError::Undecodable(format!("MSP of {name}")))?;
        let endpoints: Option<OrdererAddresses> = leaf(group, "Endpoints")?;
        let endpoints = endpoints.unwrap_or_default().addresses;
        Ok((name.clone(), MemberOrganization { msp_id: MspId::parse(&config.name)?, endpoints }))
    };
    group.groups.iter().map(organization).collect()
}

fn capabilities(group: &ConfigGroup) -> Result<BTreeSet<String>, ConfigError> {
    let found: Option<Capabilities> = leaf(group, "Capabilities")?;
    Ok(found.unwrap_or_default().capabilities.into_keys().collect())
}

fn consensus(orderer: &ConfigGroup) -> Result<Consensus, ConfigError> {
    let kind: ConsensusType = needed(orderer, "ConsensusType")?;
    if kind.r#type != "etcdraft" {
        return Ok(Consensus::Other(kind.r#type.chars().take(40).collect()));
    }
    let metadata = ConfigMetadata::decode(kind.metadata.as_slice());
    let metadata = metadata.map_err(|_| ConfigError::Undecodable("Raft metadata".to_owned()))?;
    let member = |consenter: &super::wire::orderer::Consenter| {
        let address = || format!("{}:{}", consenter.host, consenter.port);
        let key = |pem: &[u8]| {
            // A chain may stand here; the first one counts.
            let text = String::from_utf8_lossy(pem);
            let certificates = Certificate::bundle(&text);
            let certificates =
                certificates.map_err(|source| ConfigError::Certificate { address: address(), source })?;
            certificates.first().map(Certificate::key_fingerprint).ok_or_else(|| missing("certificate"))
        };
        Ok(Member {
            host: consenter.host.clone(),
            port: consenter.port,
            server_key: key(&consenter.server_tls_cert)?,
            client_key: key(&consenter.client_tls_cert)?,
        })
    };
    metadata.consenters.iter().map(member).collect::<Result<_, _>>().map(Consensus::Raft)
}
