//! Ordering nodes.
//!
//! Input: one node's inputs. Output: its [`Workload`]. It knows no channels: those are joined over the admin port.
//! Invariants: ready when the port accepts and reachable before, because a node that waits for others to be ready
//! while they wait for it never forms a quorum; alive by `/healthz`, which has no checks in an orderer and so never
//! restarts one for another's fault. The price of a port probe is an error line about a torn handshake in the log.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::inputs::{NetworkInputs, NodeInputs};
use super::labels;
use super::material::{self, Secrets};
use super::network::{NODE_OUS, msp_volume};
use super::orderer_yaml;
use super::sheet::Sheet;
use super::workload::{Port, Probe, Probes, Workload, env, secret_volume};
use crate::desired::unit::Stage;

/// Broadcast, deliver and cluster traffic.
pub(super) const LISTEN_PORT: u16 = 7050;
/// Health and metrics.
pub(super) const OPERATIONS_PORT: u16 = 8443;
/// Channel participation.
pub(super) const ADMIN_PORT: u16 = 9443;
/// The node's identity.
pub(super) const MSP: &str = "/etc/heddle/msp";
/// The node's TLS files.
pub(super) const TLS: &str = "/etc/heddle/tls";
/// The node's volume.
pub(super) const DATA: &str = "/var/hyperledger/production/orderer";
/// Where `orderer.yaml` lies.
const CONFIG: &str = "/etc/heddle/config";

const PORTS: [Port; 3] = [
    Port { name: "tls-orderer", number: LISTEN_PORT },
    Port { name: "tls-operations", number: OPERATIONS_PORT },
    Port { name: "tls-admin", number: ADMIN_PORT },
];

/// Writes an ordering node down.
pub(super) fn render(sheet: &mut Sheet<'_>, network: &NetworkInputs<'_>, of: &NodeInputs<'_>, namespace: &str) {
    let name = of.workload_name(network.id);
    let Secrets { msp, tls } = material::of_node(sheet, network, of, (&name, namespace));
    Workload {
        region: &of.node.region,
        tenant: &of.organization.tenant,
        namespace,
        name: &name,
        stage: Stage::Orderers,
        labels: labels::of_node(network.id, of.organization, of.role, &name),
        container: "orderer",
        image: format!("{}/fabric-orderer:{}", network.image_repository, network.fabric),
        command: json!(["orderer"]),
        env: vec![
            env("FABRIC_CFG_PATH", CONFIG),
            env("FABRIC_LOGGING_FORMAT", "json"),
            env("FABRIC_LOGGING_SPEC", "info"),
        ],
        resources: &of.node.resources,
        ports: &PORTS,
        probes: Probes {
            startup: Probe::Tcp(LISTEN_PORT),
            readiness: Probe::Tcp(LISTEN_PORT),
            liveness: Probe::Https(OPERATIONS_PORT, "/healthz"),
        },
        grace: 60,
        reachable_before_ready: true,
        storage: &of.node.storage,
        place: &of.place,
        incarnation: of.node.incarnation,
        data_path: DATA,
        files: BTreeMap::from([
            ("orderer.yaml", orderer_yaml::text(network.fabric.line(), of.msp_id)),
            ("node-ous.yaml", NODE_OUS.to_owned()),
        ]),
        volumes: vec![
            super::network::config_volume(&name, CONFIG),
            msp_volume(&name, &msp, MSP),
            secret_volume("tls", &tls, TLS),
        ],
        secrets: BTreeSet::from([msp.into(), tls.into()]),
    }
    .put(sheet);
}
