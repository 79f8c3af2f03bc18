//! An organization's certificate authority: one Fabric CA server in each of its regions.
//!
//! Input: [`OrganizationInputs`]. Output: the server's objects and its disruption budget. It issues nothing.
//! Invariants: the server takes no file: with a mounted one it ignores its bootstrap identity, and it forgets what was
//! passed at an earlier start, so every setting is in the environment at every start; its CA key comes from a Secret,
//! never from its own first start. Its home lies in memory and only its database on the volume, because it writes the
//! bootstrap password in clear and a copy of the CA key into its home (seen on 1.5.21). sqlite allows one replica.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::inputs::OrganizationInputs;
use super::sheet::{Draft, Sheet, named};
use super::workload::{Port, Probe, Probes, Workload, env, scratch_volume, secret_volume};
use super::{custody, disruption_budget, labels};
use crate::desired::naming;
use crate::desired::unit::Stage;
use crate::model::object::Kind;
use crate::model::unit::UnitId;
use crate::spec::fleet::Lifecycle;
use crate::spec::organization::CertificateAuthority;

/// The CA's API.
pub(super) const LISTEN_PORT: u16 = 7054;
/// Health and metrics.
pub(super) const OPERATIONS_PORT: u16 = 9443;
/// The server's home, in memory: made anew at every start.
const HOME: &str = "/var/hyperledger/fabric-ca-server";
/// The server's volume.
const DATA: &str = "/var/hyperledger/fabric-ca-database";
/// The CA's own certificate and key.
const CA: &str = "/etc/heddle/ca";
/// The server's TLS files.
const TLS: &str = "/etc/heddle/tls";

const PORTS: [Port; 2] =
    [Port { name: "tls-ca", number: LISTEN_PORT }, Port { name: "tls-operations", number: OPERATIONS_PORT }];

/// Writes an organization's authority down.
pub(super) fn render(sheet: &mut Sheet<'_>, organization: &OrganizationInputs<'_>) {
    let CertificateAuthority::FabricCa { regions, version, storage, resources } = organization.ca else {
        return custody::render(sheet, organization);
    };
    let name = naming::certificate_authority(organization.id);
    let unit = sheet.unit();
    unit.depends_on.insert(UnitId::Tenant(organization.id.tenant.clone()));
    unit.regions = regions.iter().cloned().collect();
    unit.leaving.declared_nodes.insert(name.as_str().into());
    unit.decommissioned = organization.lifecycle == Lifecycle::Decommissioned;
    if unit.decommissioned {
        return;
    }
    let Some(namespace) = sheet.namespace(&organization.id.tenant) else { return };
    let secrets = [format!("{name}-bootstrap"), format!("{name}-ca"), format!("{name}-tls")];
    for (region, place) in &organization.places {
        Workload {
            region,
            tenant: &organization.id.tenant,
            namespace: &namespace,
            name: &name,
            stage: Stage::Authority,
            labels: labels::of_authority(organization.id, &name),
            container: "ca",
            image: format!("{}/fabric-ca:{version}", organization.image_repository),
            command: json!(["fabric-ca-server", "start"]),
            env: settings(organization, &name),
            resources,
            ports: &PORTS,
            probes: Probes {
                startup: Probe::Tcp(LISTEN_PORT),
                readiness: Probe::Https(LISTEN_PORT, "/cainfo"),
                liveness: Probe::Tcp(LISTEN_PORT),
            },
            grace: 30,
            reachable_before_ready: false,
            storage,
            place,
            incarnation: 1,
            data_path: DATA,
            files: BTreeMap::new(),
            volumes: vec![
                secret_volume("ca", &format!("{name}-ca"), CA),
                secret_volume("tls", &format!("{name}-tls"), TLS),
                scratch_volume("home", HOME, true),
            ],
            secrets: secrets.iter().map(|secret| secret.as_str().into()).collect(),
        }
        .put(sheet);
        sheet.put(Draft {
            region,
            tenant: &organization.id.tenant,
            id: named(Kind::PodDisruptionBudget, &namespace, &name),
            stage: Stage::Support,
            node: Some(&name),
            secrets: BTreeSet::new(),
            labels: labels::of_authority(organization.id, &name),
            body: disruption_budget::body(false, &labels::of_authority(organization.id, &name)),
        });
    }
}

/// Every setting of the server that has another value than its default or must not depend on it.
fn settings(organization: &OrganizationInputs<'_>, name: &str) -> Vec<Value> {
    let setting = |key: &str, value: &str| env(&format!("FABRIC_CA_SERVER_{key}"), value);
    let bootstrap = json!({
        "name": "FABRIC_CA_SERVER_BOOT",
        "valueFrom": { "secretKeyRef": { "name": format!("{name}-bootstrap"), "key": "credentials" } },
    });
    vec![
        bootstrap,
        setting("HOME", HOME),
        setting("ADDRESS", "0.0.0.0"),
        setting("PORT", &LISTEN_PORT.to_string()),
        setting("CA_NAME", organization.id.name.as_str()),
        setting("CA_CERTFILE", &format!("{CA}/ca.crt")),
        setting("CA_KEYFILE", &format!("{CA}/ca.key")),
        setting("CA_REENROLLIGNORECERTEXPIRY", "true"),
        setting("CSR_CN", name),
        setting("DB_TYPE", "sqlite3"),
        setting("DB_DATASOURCE", &format!("{DATA}/fabric-ca-server.db")),
        setting("REGISTRY_MAXENROLLMENTS", "-1"),
        setting("CFG_IDENTITIES_PASSWORDATTEMPTS", "10"),
        setting("TLS_ENABLED", "true"),
        setting("TLS_CERTFILE", &format!("{TLS}/server.crt")),
        setting("TLS_KEYFILE", &format!("{TLS}/server.key")),
        setting("OPERATIONS_LISTENADDRESS", &format!("0.0.0.0:{OPERATIONS_PORT}")),
        setting("OPERATIONS_TLS_ENABLED", "true"),
        setting("OPERATIONS_TLS_CERT_FILE", &format!("{TLS}/server.crt")),
        setting("OPERATIONS_TLS_KEY_FILE", &format!("{TLS}/server.key")),
        setting("OPERATIONS_TLS_CLIENTAUTHREQUIRED", "false"),
        setting("OPERATIONS_TLS_CLIENTROOTCAS_FILES", &format!("{TLS}/operations-ca.crt")),
        setting("METRICS_PROVIDER", "prometheus"),
    ]
}
