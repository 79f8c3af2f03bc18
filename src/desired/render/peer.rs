//! Peers.
//!
//! Input: one node's inputs. Output: its [`Workload`]. It knows no channels and no chaincode. Invariants: liveness is
//! never `/healthz`, because a database outage fails it and a restart heals nothing; the built chaincode packages hold
//! client keys, so they lie in memory; adding a peer changes no other peer's file (only anchors are named in them).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::core_yaml::{self, Addresses};
use super::inputs::{NetworkInputs, NodeInputs};
use super::labels;
use super::material::{self, Secrets};
use super::network::{NODE_OUS, config_volume, msp_volume};
use super::sheet::Sheet;
use super::workload::{Port, Probe, Probes, Workload, env, scratch_volume, secret_volume};
use crate::desired::naming;
use crate::desired::unit::Stage;
use crate::spec::network::MemberRole;

/// Endorser, deliver, gateway and gossip.
pub(super) const LISTEN_PORT: u16 = 7051;
/// Where chaincode that the peer starts itself would call back; nothing outside the pod reaches it.
pub(super) const CHAINCODE_PORT: u16 = 7052;
/// Health and metrics.
pub(super) const OPERATIONS_PORT: u16 = 9443;
/// The node's identity.
pub(super) const MSP: &str = "/etc/heddle/msp";
/// The node's TLS files.
pub(super) const TLS: &str = "/etc/heddle/tls";
/// The node's volume.
pub(super) const DATA: &str = "/var/hyperledger/production";
/// Where `core.yaml` lies.
const CONFIG: &str = "/etc/heddle/config";
/// Where the peer keeps built packages.
const BUILDS: &str = "/var/hyperledger/production/externalbuilder/builds";

const PORTS: [Port; 2] =
    [Port { name: "tls-peer", number: LISTEN_PORT }, Port { name: "tls-operations", number: OPERATIONS_PORT }];

/// Writes a peer down.
pub(super) fn render(sheet: &mut Sheet<'_>, network: &NetworkInputs<'_>, of: &NodeInputs<'_>, namespace: &str) {
    let name = of.workload_name(network.id);
    let Secrets { msp, tls } = material::of_node(sheet, network, of, (&name, namespace));
    let core = core_yaml::text(network.fabric.line(), of.msp_id, &addresses(network, of, &name, namespace));
    Workload {
        region: &of.node.region,
        tenant: &of.organization.tenant,
        namespace,
        name: &name,
        stage: Stage::Peers,
        labels: labels::of_node(network.id, of.organization, of.role, &name),
        container: "peer",
        image: format!("{}/fabric-peer:{}", network.image_repository, network.fabric),
        command: json!(["peer", "node", "start"]),
        env: vec![
            env("FABRIC_CFG_PATH", CONFIG),
            env("FABRIC_LOGGING_FORMAT", "json"),
            env("FABRIC_LOGGING_SPEC", "info"),
        ],
        resources: &of.node.resources,
        ports: &PORTS,
        probes: Probes {
            startup: Probe::Tcp(LISTEN_PORT),
            readiness: Probe::Https(OPERATIONS_PORT, "/healthz"),
            liveness: Probe::Tcp(LISTEN_PORT),
        },
        grace: 90,
        reachable_before_ready: false,
        storage: &of.node.storage,
        place: &of.place,
        incarnation: of.node.incarnation,
        data_path: DATA,
        files: BTreeMap::from([("core.yaml", core), ("node-ous.yaml", NODE_OUS.to_owned())]),
        volumes: vec![
            config_volume(&name, CONFIG),
            msp_volume(&name, &msp, MSP),
            secret_volume("tls", &tls, TLS),
            scratch_volume("builds", BUILDS, true),
        ],
        secrets: BTreeSet::from([msp.into(), tls.into()]),
    }
    .put(sheet);
}

/// Own addresses, and the anchors of the same organization as the first contacts; without anchors a peer names itself.
fn addresses(network: &NetworkInputs<'_>, of: &NodeInputs<'_>, name: &str, namespace: &str) -> Addresses {
    let service = |name: &str| format!("{name}.{namespace}.svc.{}:{LISTEN_PORT}", of.place.cluster_domain);
    let canonical = |of: &NodeInputs<'_>| format!("{}:{}", of.canonical_host(network), network.endpoints.port);
    let anchors = network.nodes.iter().filter(|other| {
        other.active && other.anchor && other.role == MemberRole::Peer && other.organization == of.organization
    });
    let mut bootstrap: Vec<String> = anchors
        .map(|other| {
            if other.node.region == of.node.region {
                service(&naming::node(network.id, other.organization, &other.node.name))
            } else {
                canonical(other)
            }
        })
        .collect();
    if bootstrap.is_empty() {
        bootstrap.push(service(name));
    }
    Addresses {
        id: name.to_owned(),
        network: labels::network(network.id),
        own: service(name),
        external: canonical(of),
        bootstrap,
    }
}
