//! The first block of a channel, from what heddle issued.
//!
//! Input: a channel that should exist, regions as seen, a nonce and an instant. Output: the block. It stores nothing and decides
//! nothing. Invariants: memberships come from the operators' folders, so that no key of an authority is read; each is
//! linted as a node does before it stands in a block; nothing is left out that could not be read.

use std::collections::BTreeMap;

use thiserror::Error;

use super::custody::{AccessError, Reachable, Values, World, in_force};
use crate::desired::channel::{ChannelMember, DesiredChannel};
use crate::fabric::genesis::{
    Batch, CapabilityNames, ChannelFacts, Consenter, FactsProblem, OrdererOrganization, Origin, PeerOrganization,
    genesis,
};
use crate::fabric::msp::{Authorities, Msp, MspProblem};
use crate::model::names::MemberName;
use crate::model::object::ObjectId;
use crate::model::unit::UnitId;
use crate::x509::certificate::Certificate;

/// Why there is no block.
#[derive(Debug, Error)]
pub enum GenesisError {
    /// A certificate cannot be had.
    #[error("a certificate for the channel cannot be had")]
    Access(#[from] AccessError),
    /// A Secret holds no certificate where one should be.
    #[error("{secret} holds no certificate in `{key}`")]
    Certificate {
        /// The Secret.
        secret: ObjectId,
        /// The part.
        key: &'static str,
    },
    /// Nodes would refuse a membership.
    #[error("nodes would refuse the membership of {member}: {}", list(.problems))]
    Membership {
        /// Whose.
        member: MemberName,
        /// Why.
        problems: Vec<MspProblem>,
    },
    /// Nodes would refuse the channel.
    #[error("nodes would refuse the channel: {}", list(.problems))]
    Facts {
        /// Why.
        problems: Vec<FactsProblem>,
    },
}

fn list<T: std::fmt::Display>(problems: &[T]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The block.
pub async fn first_block(
    regions: &Reachable,
    world: &World,
    desired: &DesiredChannel,
    origin: Origin,
) -> Result<Vec<u8>, GenesisError> {
    let mut consenters = Vec::new();
    let mut endpoints: BTreeMap<&MemberName, Vec<String>> = BTreeMap::new();
    let of_nodes = UnitId::Network(desired.channel.network.clone());
    for consenter in desired.consenters.values() {
        let secret = in_force(world, &of_nodes, &consenter.certificate)?;
        let values = Values::read(regions, &consenter.node.tenant, &secret).await?;
        // The chain begins with the node's own.
        let own = certificates(&values, &secret.id, "server.crt")?.into_iter().next();
        let own = own.ok_or_else(|| GenesisError::Certificate { secret: secret.id.clone(), key: "server.crt" })?;
        endpoints.entry(&consenter.member).or_default().push(format!("{}:{}", consenter.host, consenter.port));
        consenters.push(Consenter { host: consenter.host.clone(), port: consenter.port, certificate: own });
    }
    let mut orderers = Vec::new();
    for member in &desired.orderers {
        let endpoints = endpoints.remove(&member.name).unwrap_or_default();
        let msp = membership(regions, world, member).await?;
        orderers.push(OrdererOrganization { name: member.name.clone(), msp, endpoints });
    }
    let mut applications = Vec::new();
    for member in &desired.members {
        let msp = membership(regions, world, member).await?;
        applications.push(PeerOrganization { name: member.name.clone(), msp });
    }
    let facts = ChannelFacts {
        id: desired.channel.id.clone(),
        orderers,
        applications,
        consenters,
        batch: Batch::default(),
        capabilities: CapabilityNames::default(),
    };
    genesis(&facts, origin).map_err(|problems| GenesisError::Facts { problems })
}

async fn membership(regions: &Reachable, world: &World, member: &ChannelMember) -> Result<Msp, GenesisError> {
    let secret = in_force(world, &member.organization, &member.operator)?;
    let values = Values::read(regions, &member.tenant, &secret).await?;
    let of = |key| certificates(&values, &secret.id, key);
    let authorities = Authorities {
        roots: of("cacert.pem")?,
        issuing: of("intermediatecert.pem")?,
        tls_roots: of("tlscacert.pem")?,
        tls_issuing: of("tlsintermediatecert.pem")?,
    };
    let refused = |problems| GenesisError::Membership { member: member.name.clone(), problems };
    Msp::new(member.msp_id.clone(), authorities).map_err(refused)
}

fn certificates(values: &Values<'_>, secret: &ObjectId, key: &'static str) -> Result<Vec<Certificate>, GenesisError> {
    let text = values.text(key)?;
    Certificate::bundle(&text).map_err(|_| GenesisError::Certificate { secret: secret.clone(), key })
}
