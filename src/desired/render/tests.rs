//! A small fleet of three tenants, rendered whole and compared with its golden files.
//!
//! `HEDDLE_BLESS=1 cargo test --lib desired::render` writes the golden files anew; read the difference before it is
//! committed.

mod changes;
mod channels;
mod properties;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;
use crate::desired::identity::Content;
use crate::desired::unit::DesiredUnit;
use crate::model::fabric_release::FabricVersion;
use crate::model::identity::{Generation, IdentityRef};
use crate::model::names::{MemberName, MspId, NodeName, RegionName, StorageProfileName, TenantName};
use crate::model::object::Kind;
use crate::model::revision::RepoPath;
use crate::model::unit::{NetworkRef, OrganizationRef};
use crate::spec::fleet::{ApplyPolicy, Budgets, ConflictPolicy, FleetSettings, Lifecycle, Region, StorageProfile};
use crate::spec::network::{Endpoints, Member, MemberRole, Network};
use crate::spec::organization::{
    CertificateAuthority, Node, Orderer, Organization, Peer, Resources, StateDatabase, Storage,
};
use crate::spec::tenant::{Access, Quota, Tenant};

fn installation() -> InstallationId {
    InstallationId::parse("demo").unwrap()
}

fn tenant(name: &str, regions: &[&str], access: Access) -> Tenant {
    Tenant {
        name: TenantName::parse(name).unwrap(),
        file: RepoPath::parse(&format!("tenants/{name}/tenant.yaml")).unwrap(),
        lifecycle: Lifecycle::Active,
        regions: regions.iter().map(|region| RegionName::parse(region).unwrap()).collect(),
        quota: Quota { cpu: "8".into(), memory: "16Gi".into(), storage: "200Gi".into(), pods: 20 },
        access,
    }
}

fn node(network: &str, name: &str, region: &str) -> Node {
    Node {
        network: NetworkRef::parse(network).unwrap(),
        name: NodeName::parse(name).unwrap(),
        region: RegionName::parse(region).unwrap(),
        lifecycle: Lifecycle::Active,
        incarnation: 1,
        storage: storage(),
        resources: resources(),
    }
}

fn storage() -> Storage {
    Storage { profile: StorageProfileName::parse("fast").unwrap(), size: "10Gi".into() }
}

fn resources() -> Resources {
    Resources { cpu: "250m".into(), cpu_limit: "1".into(), memory: "512Mi".into() }
}

fn organization(id: &str, msp: &str, orderers: Vec<Node>, peers: Vec<(Node, bool)>) -> Organization {
    let id = OrganizationRef::parse(id).unwrap();
    Organization {
        file: RepoPath::parse(&format!("tenants/{}/organizations/{}.yaml", id.tenant, id.name)).unwrap(),
        id,
        lifecycle: Lifecycle::Active,
        msp_id: MspId::parse(msp).unwrap(),
        ca: CertificateAuthority::FabricCa {
            regions: vec![RegionName::parse("eu-west").unwrap()],
            version: "1.5.21".into(),
            storage: storage(),
            resources: resources(),
        },
        orderers: orderers.into_iter().map(|node| Orderer { node }).collect(),
        peers: peers
            .into_iter()
            .map(|(node, anchor)| Peer { node, anchor, state_database: StateDatabase::LevelDB })
            .collect(),
    }
}

fn network(id: &str, version: &str, members: &[(&str, MemberRole)]) -> Network {
    let id = NetworkRef::parse(id).unwrap();
    let member = |(organization, role): &(&str, MemberRole)| Member {
        name: MemberName::parse(&organization.replace('/', ".")).unwrap(),
        organization: OrganizationRef::parse(organization).unwrap(),
        role: *role,
    };
    Network {
        file: RepoPath::parse(&format!("tenants/{}/networks/{}.yaml", id.tenant, id.name)).unwrap(),
        endpoints: Endpoints { domain: format!("{}.fabric.example", id.name), port: 443 },
        id,
        lifecycle: Lifecycle::Active,
        fabric: FabricVersion::parse(version).unwrap(),
        members: members.iter().map(member).collect(),
        channels: Vec::new(),
    }
}

/// One network of 3.1.5 over three tenants and two regions, one of 2.5.16 within a tenant.
fn fleet() -> Fleet {
    let region = |domain: &str| Region { description: None, cluster_domain: domain.into() };
    let names = |name: &str| RegionName::parse(name).unwrap();
    let classes = BTreeMap::from([(names("eu-west"), "ssd".to_owned()), (names("us-east"), "gp3".to_owned())]);
    let tenants = [
        tenant("platform", &["eu-west"], Access::Standard),
        tenant("acme", &["eu-west", "us-east"], Access::Standard),
        tenant("bravo", &["eu-west"], Access::Restricted),
    ];
    let orderers = ["o1", "o2", "o3"].map(|name| node("platform/trade", name, "eu-west")).to_vec();
    let organizations = [
        organization("platform/ordering", "OrdererMSP", orderers, Vec::new()),
        organization(
            "acme/acme",
            "AcmeMSP",
            vec![node("acme/private", "o1", "eu-west")],
            vec![
                (node("platform/trade", "eu1", "eu-west"), true),
                (node("platform/trade", "eu2", "eu-west"), false),
                (node("platform/trade", "us1", "us-east"), true),
                (node("acme/private", "p1", "eu-west"), false),
            ],
        ),
        Organization {
            ca: CertificateAuthority::Builtin { region: names("eu-west") },
            ..organization(
                "bravo/bravo",
                "BravoMSP",
                Vec::new(),
                vec![(node("platform/trade", "eu1", "eu-west"), true)],
            )
        },
    ];
    let networks = [
        network(
            "platform/trade",
            "3.1.5",
            &[
                ("platform/ordering", MemberRole::Orderer),
                ("acme/acme", MemberRole::Peer),
                ("bravo/bravo", MemberRole::Peer),
            ],
        ),
        network("acme/private", "2.5.16", &[("acme/acme", MemberRole::Orderer), ("acme/acme", MemberRole::Peer)]),
    ];
    Fleet {
        settings: FleetSettings {
            name: "fleet".into(),
            regions: BTreeMap::from([
                (names("eu-west"), region("cluster.local")),
                (names("us-east"), region("us.example")),
            ]),
            storage: BTreeMap::from([(StorageProfileName::parse("fast").unwrap(), StorageProfile { classes })]),
            image_repository: "docker.io/hyperledger".into(),
            apply: ApplyPolicy { conflicts: ConflictPolicy::Correct },
            budgets: Budgets { deletes: 5, restarts: 1 },
        },
        tenants: tenants.into_iter().map(|tenant| (tenant.name.clone(), tenant)).collect(),
        organizations: organizations.into_iter().map(|found| (found.id.clone(), found)).collect(),
        networks: networks.into_iter().map(|found| (found.id.clone(), found)).collect(),
        approvals: Vec::new(),
    }
}

fn unit(text: &str) -> UnitId {
    UnitId::parse(text).unwrap()
}

fn rendered(fleet: &Fleet, text: &str) -> DesiredUnit {
    render(&installation(), fleet, &unit(text)).unwrap()
}

fn all(fleet: &Fleet) -> Vec<DesiredUnit> {
    units(fleet).iter().map(|unit| render(&installation(), fleet, unit).unwrap()).collect()
}

fn golden(path: &Path, text: &str) {
    if std::env::var_os("HEDDLE_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == text, "{} differs from what is rendered; see the module's doc", path.display());
}

/// The identities of a unit for people: recipe, issuer, what the Secret holds.
fn listed(desired: &DesiredUnit) -> String {
    let mut text = String::new();
    for (identity, wanted) in &desired.identities {
        let issuer = wanted.issuer.as_ref().map_or("itself".to_owned(), |issuer| issuer.identity.id.to_string());
        writeln!(text, "{identity}\n  {}\n  by {issuer}", wanted.recipe).unwrap();
        for (key, content) in &wanted.content {
            let content = match content {
                Content::CertificateOf(of) => format!("certificate of {}", of.identity.id),
                own => format!("{own:?}").to_lowercase(),
            };
            writeln!(text, "  {key}: {content}").unwrap();
        }
    }
    text
}

#[test]
fn every_object_is_as_its_golden_file_says() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/render/three-tenants");
    let mut written = BTreeSet::new();
    for desired in all(&fleet()) {
        let folder = root.join(desired.unit.to_string().replace('/', "."));
        let first = |identity: &IdentityRef| (identity.clone(), identity.id.secret(Generation::FIRST).name);
        let desired = desired.resolved(&desired.identities.keys().map(first).collect());
        if !desired.identities.is_empty() {
            let path = folder.join("identities.txt");
            golden(&path, &listed(&desired));
            written.insert(path);
        }
        for (key, object) in &desired.objects {
            let id = &key.id;
            let name = format!("{}.{}.{}.{}", key.region, id.kind, id.namespace.as_deref().unwrap_or("-"), id.name);
            let mut tree = object.object.tree();
            // Files within a ConfigMap are golden files of their own, so that people can read them.
            if id.kind == Kind::ConfigMap {
                for (file, text) in tree["data"].as_object_mut().unwrap() {
                    let path = folder.join(format!("{name}.{file}"));
                    golden(&path, text.as_str().unwrap());
                    *text = Value::String(format!("see {file}"));
                    written.insert(path);
                }
            }
            let path = folder.join(format!("{name}.json"));
            golden(&path, &(serde_json::to_string_pretty(&tree).unwrap() + "\n"));
            written.insert(path);
        }
    }
    for folder in std::fs::read_dir(&root).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            assert!(written.contains(&path), "{} belongs to nothing that is rendered", path.display());
        }
    }
}
