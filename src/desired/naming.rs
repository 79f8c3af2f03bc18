//! The names of everything that is rendered: one rule each, used by every renderer.
//!
//! Input: the spec's names. Output: Kubernetes names within their limits. It renders nothing. Invariants: a name over
//! its limit is cut and ends in eight hexadecimal digits of the whole; namespaces of Kubernetes and of heddle itself
//! can never come out.

use crate::k8s::ownership::SYSTEM_NAMESPACE;
use crate::model::diagnostic::Code;
use crate::model::digest::Digest;
use crate::model::names::{ChannelId, InstallationId, NodeName, TenantName};
use crate::model::unit::{NetworkRef, OrganizationRef};

/// A tenant's namespace would be one of Kubernetes' own or heddle's.
pub const RESERVED_NAMESPACE: Code = Code(3901);

/// Longest StatefulSet name whose pods still get their `controller-revision-hash` label (63 less a hyphen and ten).
const WORKLOAD_MAX: usize = 52;
/// Longest namespace name (RFC 1123 label).
const NAMESPACE_MAX: usize = 63;

/// The tenant's namespace; none when the result would be one of Kubernetes' own or heddle's.
pub fn namespace(installation: &InstallationId, tenant: &TenantName) -> Option<String> {
    let name = bounded(&format!("{installation}-{tenant}"), NAMESPACE_MAX);
    let reserved = name == SYSTEM_NAMESPACE || name == "default" || name.starts_with("kube-");
    (!reserved).then_some(name)
}

/// The installation under which the tenant's namespace would be heddle's own, if there is one.
pub fn reserving(tenant: &TenantName) -> Option<InstallationId> {
    let installation = SYSTEM_NAMESPACE.strip_suffix(tenant.as_str())?.strip_suffix('-')?;
    InstallationId::parse(installation).ok()
}

/// The workload name of a node: `<network>-<organization>-<node>`, with the network's hash when another tenant holds
/// the agreement, so that two networks of one name never meet in a namespace.
pub fn node(network: &NetworkRef, organization: &OrganizationRef, node: &NodeName) -> String {
    let plain = format!("{}-{}-{node}", network.name, organization.name);
    if network.tenant == organization.tenant {
        bounded(&plain, WORKLOAD_MAX)
    } else {
        bounded(&format!("{plain}-{}", Digest::of(network.to_string().as_bytes()).short(8)), WORKLOAD_MAX)
    }
}

/// The name of what a network's nodes of one organization and role share, such as a disruption budget.
pub fn group(network: &NetworkRef, organization: &OrganizationRef, role: &str) -> String {
    let plain = format!("{}-{}-{role}s", network.name, organization.name);
    if network.tenant == organization.tenant {
        bounded(&plain, WORKLOAD_MAX)
    } else {
        bounded(&format!("{plain}-{}", Digest::of(network.to_string().as_bytes()).short(8)), WORKLOAD_MAX)
    }
}

/// The workload name of an organization's certificate authority.
pub fn certificate_authority(organization: &OrganizationRef) -> String {
    bounded(&format!("{}-ca", organization.name), WORKLOAD_MAX)
}

/// The namespace of an organization's authorities and clients, which no workload shares: `<tenant's>--<organization>`. No
/// tenant's or installation's name holds two hyphens, so that nothing else comes to it.
pub fn custody(namespace: &str, organization: &OrganizationRef) -> String {
    bounded(&format!("{namespace}--{}", organization.name), NAMESPACE_MAX)
}

/// The name of a node's identities before their suffix: another one for each incarnation, because a node that begins anew
/// has to have another key.
pub fn node_identity(workload: &str, incarnation: u32) -> String {
    if incarnation > 1 { format!("{workload}-{incarnation}") } else { workload.to_owned() }
}

/// The name of a channel's recorded first block: `<network>--channel-<channel>`. No node's name holds two hyphens, so that
/// none comes to it; a channel's name that Kubernetes would not take is written without what it refuses.
pub fn channel_record(network: &NetworkRef, channel: &ChannelId) -> String {
    let plain: String = channel.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let plain = plain.trim_end_matches('-');
    let name = format!("{}--channel-{plain}", network.name);
    let is_whole = plain == channel.as_str();
    let name = if is_whole { name } else { format!("{name}-{}", Digest::of(channel.as_str().as_bytes()).short(8)) };
    bounded(&name, NAMESPACE_MAX)
}

/// Cuts a name to its limit; the eight digits keep two long names apart.
pub fn bounded(name: &str, max: usize) -> String {
    if name.len() <= max {
        return name.to_owned();
    }
    let head: String = name.chars().take(max - 9).collect();
    format!("{}-{}", head.trim_end_matches('-'), Digest::of(name.as_bytes()).short(8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_namespaces_never_come_out() {
        let named = |i: &str, t: &str| namespace(&InstallationId::parse(i).unwrap(), &TenantName::parse(t).unwrap());
        assert_eq!(named("heddle", "system"), None);
        assert_eq!(named("kube", "system"), None);
        assert_eq!(named("prod", "acme").as_deref(), Some("prod-acme"));
    }

    #[test]
    fn the_one_installation_that_reserves_a_tenants_name_is_known() {
        let reserving = |t: &str| reserving(&TenantName::parse(t).unwrap()).map(|id| id.to_string());
        assert_eq!((reserving("system").as_deref(), reserving("acme"), reserving("m")), (Some("heddle"), None, None));
    }

    #[test]
    fn records_of_channels_have_names_that_kubernetes_takes_and_that_stay_apart() {
        let network = NetworkRef::parse("platform/trade").unwrap();
        let named = |id: &str| channel_record(&network, &ChannelId::parse(id).unwrap());
        assert_eq!(named("ch1"), "trade--channel-ch1");
        let odd = ["a.b", "a-b", "a..b", "a-", "a.", "a"].map(named);
        assert_eq!(odd.iter().collect::<std::collections::BTreeSet<_>>().len(), odd.len(), "{odd:?}");
        assert!(odd.iter().all(|name| !name.contains('.') && !name.ends_with('-')), "{odd:?}");
        assert!(named(&"a".repeat(249)).len() <= 63);
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let (a, b) = (bounded(&"a".repeat(60), 52), bounded(&"a".repeat(61), 52));
        assert!(a.len() <= 52 && b.len() <= 52);
        assert_ne!(a, b);
    }
}
