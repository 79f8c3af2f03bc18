//! A network: the agreement between organizations.
//!
//! Input: `tenants/<tenant>/networks/<network>.yaml`. Output: [`Network`]. Nodes live with their owners. Invariant:
//! every member names an organization that exists; MSP ids are unique within the network; a channel names members
//! with peers, and somebody orders it.

use super::fleet::Lifecycle;
use crate::model::fabric_release::FabricVersion;
use crate::model::names::{ChannelId, MemberName};
use crate::model::revision::RepoPath;
use crate::model::unit::{NetworkRef, OrganizationRef};

/// A network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Owner and name.
    pub id: NetworkRef,
    /// The file that says so.
    pub file: RepoPath,
    /// Wanted or leaving.
    pub lifecycle: Lifecycle,
    /// The release that its nodes run.
    pub fabric: FabricVersion,
    /// Where its nodes are reached from everywhere: host is `<node>-<organization>.<domain>`.
    pub endpoints: Endpoints,
    /// Who takes part.
    pub members: Vec<Member>,
    /// Its channels. All ordering nodes order each of them.
    pub channels: Vec<Channel>,
}

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its name on ledgers.
    pub name: ChannelId,
    /// The members whose peers have it.
    pub members: Vec<MemberName>,
}

/// The canonical addresses of nodes; in a channel for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// A DNS domain.
    pub domain: String,
    /// A port.
    pub port: u16,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The key of its group in channel configurations.
    pub name: MemberName,
    /// The organization.
    pub organization: OrganizationRef,
    /// What its nodes do.
    pub role: MemberRole,
}

/// What a member's nodes do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum MemberRole {
    /// They order.
    Orderer,
    /// They endorse and keep ledgers.
    Peer,
}
