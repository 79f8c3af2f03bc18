//! The document of a network, as it is written.
//!
//! Input: JSON trees that obey the schema. Output: wire types. They decide nothing. Invariant: as in [`super`].

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::fleet::Lifecycle;
use crate::spec::network::MemberRole;
use crate::spec::rules;

/// What a network's members agree on.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NetworkSpec {
    /// `Decommissioned` removes the network's nodes.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// The release that its nodes run.
    pub fabric: Fabric,
    /// Where its nodes are reached from everywhere.
    pub endpoints: Endpoints,
    /// Who takes part.
    #[schemars(length(min = 1))]
    pub members: Vec<Member>,
    /// Its channels. One that was created stays when it is taken out of this list.
    #[serde(default)]
    pub channels: Vec<Channel>,
}

/// A Fabric release.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Fabric {
    /// Such as `3.1.5`.
    #[schemars(schema_with = "rules::fabric_version")]
    pub version: String,
}

/// The canonical addresses of nodes; they are in a channel for ever.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Endpoints {
    /// The DNS domain; a node's host is `<node>-<organization>.<domain>`.
    #[schemars(schema_with = "rules::domain")]
    pub domain: String,
    /// The port.
    #[serde(default = "https")]
    #[schemars(schema_with = "rules::port")]
    pub port: u16,
}

fn https() -> u16 {
    443
}

/// One member.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Member {
    /// The key of its group in channel configurations; it cannot be changed later.
    #[schemars(schema_with = "rules::member")]
    pub name: String,
    /// The organization, as `<tenant>/<organization>`.
    #[schemars(schema_with = "rules::reference")]
    pub organization: String,
    /// What its nodes do.
    pub role: MemberRole,
}

/// A channel: a ledger that some of the network's members share. All ordering nodes of the network order it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Channel {
    /// Its name; it cannot be changed later.
    #[schemars(schema_with = "rules::channel")]
    pub name: String,
    /// The members whose peers have it, by their names in `spec.members`.
    #[schemars(schema_with = "rules::members")]
    pub members: Vec<String>,
}
