//! The labels of Fabric workloads: what selectors, policies and people find pods by.
//!
//! Input: names of the spec. Output: `fabric.heddle.dev/*` labels. Owner labels are `k8s::ownership`'s and are put on
//! by the sheet, never here: pods inherit what their template carries. Invariant: the values name things across
//! tenants (`<tenant>.<name>`), so that two networks of one name never share a selector.

use serde_json::{Value, json};

use crate::desired::naming::bounded;
use crate::model::unit::{NetworkRef, OrganizationRef};
use crate::spec::network::MemberRole;

/// Label: the network, `<tenant>.<network>`.
pub(super) const NETWORK: &str = "fabric.heddle.dev/network";
/// Label: the organization, `<tenant>.<organization>`.
pub(super) const ORGANIZATION: &str = "fabric.heddle.dev/organization";
/// Label: `orderer`, `peer` or `ca`.
pub(super) const ROLE: &str = "fabric.heddle.dev/role";
/// Label: the workload's name.
pub(super) const NODE: &str = "fabric.heddle.dev/node";
/// Longest label value.
const VALUE_MAX: usize = 63;

/// The role of a certificate authority's pod.
pub(super) const AUTHORITY: &str = "ca";

/// The value of [`NETWORK`].
pub(super) fn network(network: &NetworkRef) -> String {
    bounded(&format!("{}.{}", network.tenant, network.name), VALUE_MAX)
}

/// The value of [`ORGANIZATION`].
pub(super) fn organization(organization: &OrganizationRef) -> String {
    bounded(&format!("{}.{}", organization.tenant, organization.name), VALUE_MAX)
}

/// The value of [`ROLE`].
pub(super) fn role(role: MemberRole) -> &'static str {
    match role {
        MemberRole::Orderer => "orderer",
        MemberRole::Peer => "peer",
    }
}

/// All four labels of a node.
pub(super) fn of_node(of: &NetworkRef, owner: &OrganizationRef, its: MemberRole, name: &str) -> Value {
    json!({ NETWORK: network(of), ORGANIZATION: organization(owner), ROLE: role(its), NODE: name })
}

/// The labels that the pods of one disruption budget share.
pub(super) fn of_group(of: &NetworkRef, owner: &OrganizationRef, its: MemberRole) -> Value {
    json!({ NETWORK: network(of), ORGANIZATION: organization(owner), ROLE: role(its) })
}

/// The labels of a certificate authority.
pub(super) fn of_authority(owner: &OrganizationRef, name: &str) -> Value {
    json!({ ORGANIZATION: organization(owner), ROLE: AUTHORITY, NODE: name })
}
