//! A network: the nodes of all its members, each in its owner's namespace.
//!
//! Input: [`NetworkInputs`]. Output: the objects of every wanted node, one disruption budget for each group, one
//! network policy for each namespace. Invariants: what a node needs lives in the namespace of the node's owner and is
//! written as that tenant; a node that leaves is still declared, so that its objects may be pruned.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::inputs::{NetworkInputs, NodeInputs};
use super::sheet::{Draft, Sheet, named};
use super::workload::FILE_MODE;
use super::{channel, disruption_budget, labels, orderer, peer};
use crate::desired::naming;
use crate::desired::unit::Stage;
use crate::k8s::ownership;
use crate::model::object::Kind;
use crate::model::unit::{NetworkRef, UnitId};
use crate::spec::fleet::Lifecycle;
use crate::spec::network::MemberRole;

/// `config.yaml` of every MSP folder: roles come from a certificate's organizational unit. No certificate is named, so
/// that a new issuing CA needs no new file.
pub(super) const NODE_OUS: &str = "NodeOUs:
  Enable: true
  ClientOUIdentifier:
    OrganizationalUnitIdentifier: client
  PeerOUIdentifier:
    OrganizationalUnitIdentifier: peer
  AdminOUIdentifier:
    OrganizationalUnitIdentifier: admin
  OrdererOUIdentifier:
    OrganizationalUnitIdentifier: orderer
";

impl NodeInputs<'_> {
    /// The name of the node's workload.
    pub(super) fn workload_name(&self, network: &NetworkRef) -> String {
        naming::node(network, self.organization, &self.node.name)
    }

    /// The node's canonical host, by which others call it from everywhere.
    pub(super) fn canonical_host(&self, network: &NetworkInputs<'_>) -> String {
        format!("{}-{}.{}", self.node.name, self.organization.name, network.endpoints.domain)
    }
}

/// Writes a network down.
pub(super) fn render(sheet: &mut Sheet<'_>, network: &NetworkInputs<'_>) {
    let unit = sheet.unit();
    unit.depends_on.insert(UnitId::Tenant(network.id.tenant.clone()));
    for member in &network.members {
        unit.depends_on.insert(UnitId::Tenant(member.tenant.clone()));
        unit.depends_on.insert(UnitId::Organization((*member).clone()));
    }
    unit.decommissioned = network.lifecycle == Lifecycle::Decommissioned;
    for of in &network.nodes {
        unit.regions.insert(of.node.region.clone());
        unit.leaving.declared_nodes.insert(of.workload_name(network.id).into());
    }
    for of in network.nodes.iter().filter(|of| of.active) {
        let Some(namespace) = sheet.namespace(&of.organization.tenant) else { continue };
        match of.role {
            MemberRole::Orderer => orderer::render(sheet, network, of, &namespace),
            MemberRole::Peer => peer::render(sheet, network, of, &namespace),
        }
    }
    channel::render(sheet, network);
    disruption_budget::render(sheet, network);
    policies(sheet, network);
}

/// One policy for each namespace that holds nodes: the network's pods reach each other's node port in every namespace
/// of the installation, and nobody else does. For ways between regions and through routers the fleet declares no address
/// ranges, so a network in more than one region, or with channels, opens the port (which is mutual TLS or
/// identity-checked) and its canonical port to any address.
fn policies(sheet: &mut Sheet<'_>, network: &NetworkInputs<'_>) {
    let active = || network.nodes.iter().filter(|of| of.active);
    let regions: BTreeSet<_> = active().map(|of| &of.node.region).collect();
    let places: BTreeSet<_> = active().map(|of| (&of.node.region, &of.organization.tenant)).collect();
    let pods = json!({ "matchLabels": { labels::NETWORK: labels::network(network.id) } });
    let ports = |numbers: &[u16]| -> Vec<Value> {
        numbers.iter().map(|number| json!({ "port": number, "protocol": "TCP" })).collect()
    };
    let node_ports = [orderer::LISTEN_PORT, peer::LISTEN_PORT];
    let same_network = json!([{
        "namespaceSelector": { "matchLabels": { ownership::INSTALLATION: sheet.installation() } },
        "podSelector": pods,
    }]);
    let (mut ingress, mut egress) = (
        vec![json!({ "from": same_network, "ports": ports(&node_ports) })],
        vec![json!({ "to": same_network, "ports": ports(&node_ports) })],
    );
    // Channels hold canonical addresses, which may lead through a router outside of these namespaces.
    if regions.len() > 1 || !network.channels.is_empty() {
        ingress.push(json!({ "ports": ports(&node_ports) }));
        let mut outside: Vec<u16> = node_ports.to_vec();
        if !outside.contains(&network.endpoints.port) {
            outside.push(network.endpoints.port);
        }
        egress.push(json!({ "ports": ports(&outside) }));
    }
    for (region, tenant) in places {
        let Some(namespace) = sheet.namespace(tenant) else { continue };
        let name = naming::bounded(&format!("network-{}-{}", network.id.tenant, network.id.name), 63);
        sheet.put(Draft {
            region,
            tenant,
            id: named(Kind::NetworkPolicy, &namespace, &name),
            stage: Stage::Support,
            node: None,
            secrets: BTreeSet::new(),
            labels: json!({ labels::NETWORK: labels::network(network.id) }),
            body: json!({ "spec": {
                "podSelector": pods,
                "policyTypes": ["Ingress", "Egress"],
                "ingress": ingress,
                "egress": egress,
            } }),
        });
    }
}

/// The ConfigMap of the workload as a folder.
pub(super) fn config_volume(name: &str, path: &str) -> (Value, Value) {
    let source = json!({ "name": "config", "configMap": { "name": name, "defaultMode": FILE_MODE } });
    (source, json!({ "name": "config", "mountPath": path, "readOnly": true }))
}

/// An MSP folder: Secret keys are flat, so each is put where Fabric looks for it. Issuing CAs are always there, because
/// an intermediate that comes later would invalidate what the root issued; an empty file is passed over with a warning
/// (seen on 2.5.16 and 3.1.5).
pub(super) fn msp_volume(config: &str, secret: &str, path: &str) -> (Value, Value) {
    let items = [
        ("cacert.pem", "cacerts/ca.pem"),
        ("intermediatecert.pem", "intermediatecerts/issuing.pem"),
        ("tlscacert.pem", "tlscacerts/ca.pem"),
        ("tlsintermediatecert.pem", "tlsintermediatecerts/issuing.pem"),
        ("signcert.pem", "signcerts/cert.pem"),
        ("key.pem", "keystore/key_sk"),
    ];
    let items: Vec<_> = items.iter().map(|(key, path)| json!({ "key": key, "path": path })).collect();
    let source = json!({ "name": "msp", "projected": { "defaultMode": FILE_MODE, "sources": [
        { "secret": { "name": secret, "items": items } },
        { "configMap": { "name": config, "items": [{ "key": "node-ous.yaml", "path": "config.yaml" }] } },
    ] } });
    (source, json!({ "name": "msp", "mountPath": path, "readOnly": true }))
}
