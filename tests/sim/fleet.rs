//! A fleet of many equal tenants, for measurements.

use std::collections::BTreeMap;

/// The documents of `tenants` tenants by path. Each has two organizations with CAs, one with an orderer, one with
/// `peers` peers, and a network of its own: 27 + 4 × `peers` objects in one region.
pub(crate) fn documents(tenants: usize, peers: usize) -> BTreeMap<String, String> {
    let mut documents = BTreeMap::from([("fleet.yaml".to_owned(), FLEET.to_owned())]);
    for number in 0..tenants {
        let tenant = format!("t{number:04}");
        let folder = format!("tenants/{tenant}");
        documents.insert(format!("{folder}/tenant.yaml"), tenant_document(&tenant));
        documents.insert(format!("{folder}/organizations/ord.yaml"), orderers_document(&tenant));
        documents.insert(format!("{folder}/organizations/org.yaml"), peers_document(&tenant, peers));
        documents.insert(format!("{folder}/networks/net.yaml"), network_document(&tenant));
    }
    documents
}

const FLEET: &str = "apiVersion: heddle.dev/v1alpha1
kind: Fleet
metadata: {name: many}
spec:
  regions:
    local: {description: one cluster}
  storage:
    standard:
      classes: {local: standard}
";

fn tenant_document(tenant: &str) -> String {
    format!(
        "apiVersion: heddle.dev/v1alpha1
kind: Tenant
metadata: {{name: {tenant}}}
spec:
  regions: [local]
  quota: {{cpu: \"400\", memory: 400Gi, storage: 4000Gi, pods: 200}}
"
    )
}

fn organization_document(tenant: &str, name: &str, nodes: &str) -> String {
    format!(
        "apiVersion: heddle.dev/v1alpha1
kind: Organization
metadata: {{name: {name}}}
spec:
  mspId: {}{name}MSP
  ca: {{mode: fabric-ca, version: 1.5.21, regions: [local], storage: {{profile: standard, size: 1Gi}}}}
{nodes}  defaults: {{storage: {{profile: standard, size: 10Gi}}}}
",
        tenant.to_uppercase()
    )
}

fn orderers_document(tenant: &str) -> String {
    let nodes = format!("  orderers:\n    - {{network: {tenant}/net, name: o1, region: local}}\n");
    organization_document(tenant, "ord", &nodes)
}

fn peers_document(tenant: &str, peers: usize) -> String {
    let mut nodes = "  peers:\n".to_owned();
    for peer in 1..=peers {
        let peer = peer.to_string();
        nodes.extend(["    - {network: ", tenant, "/net, name: p", &peer, ", region: local}\n"]);
    }
    organization_document(tenant, "org", &nodes)
}

fn network_document(tenant: &str) -> String {
    format!(
        "apiVersion: heddle.dev/v1alpha1
kind: Network
metadata: {{name: net}}
spec:
  fabric: {{version: 3.1.5}}
  endpoints: {{domain: {tenant}.example.com, port: 443}}
  members:
    - {{name: Orderers, organization: {tenant}/ord, role: orderer}}
    - {{name: Org, organization: {tenant}/org, role: peer}}
"
    )
}
