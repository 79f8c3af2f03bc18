//! The fleet whose nodes run, as heddle brings it up in a simulated region.
//!
//! Input: a Fabric version. Output: for each node its files by the paths at which its container finds them, and the keys of
//! each organization.

use std::collections::BTreeMap;

use heddle::plan::outcome::UnitState;
use heddle::sim::fabric::container::{Container, Files, Source};
use heddle::sim::store::read::Query;
use heddle::sim::store::resources::Resource;
use k8s_openapi::ByteString;
use serde_json::Value;

use crate::world::{World, all_are, states, world_at};

/// The nodes in the order in which the contract counts them: tenant, organization, node.
pub const ORDERERS: [&str; 3] = ["orderer1", "orderer2", "orderer3"];
/// Organizations with peers: tenant (also the organization's name) and MSP id.
pub const PEERS: [(&str, &str); 2] = [("acme", "AcmeMSP"), ("bravo", "BravoMSP")];
/// The organization whose nodes order.
pub const ORDERER_ORG: (&str, &str, &str) = ("platform", "orderer-org", "OrdererMSP");
/// The domain of canonical addresses.
pub const DOMAIN: &str = "trade.example.com";

/// One node as its container finds it.
pub struct NodeFiles {
    /// Its workload's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// What it mounts and runs.
    pub container: Container,
}

impl NodeFiles {
    /// The name of its Service.
    pub fn service(&self) -> String {
        format!("{}.{}.svc", self.name, self.namespace)
    }
}

/// A fleet at rest.
pub struct Fleet {
    /// By workload.
    pub nodes: BTreeMap<String, NodeFiles>,
    /// Secrets by namespace and name.
    pub secrets: BTreeMap<String, Files>,
}

impl Fleet {
    /// Brings it up in a region whose pods run nothing.
    pub fn bring_up(version: &str) -> Self {
        let now = heddle::ports::clock::Clock::now(&heddle::adapters::system::SystemClock);
        world_at(11, now, async |world| Self::bring_up_in(world, version).await)
    }

    /// Brings it up in a region.
    pub async fn bring_up_in(world: &World, version: &str) -> Self {
        commit(world, version);
        let summary = world.run_once().await.expect("heddle runs");
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        read(world)
    }

    /// A file of a Secret.
    pub fn secret(&self, namespace: &str, name: &str, key: &str) -> String {
        let files = self.secrets.get(&format!("{namespace}/{name}")).expect("the Secret is there");
        String::from_utf8(files[key].clone()).expect("PEM")
    }
}

fn commit(world: &World, version: &str) {
    for (path, text) in documents(version) {
        world.commit_text(&path, &text);
    }
}

/// The documents by path. The network has no channel.
pub fn documents(version: &str) -> BTreeMap<String, String> {
    let mut documents = BTreeMap::from([("fleet.yaml".to_owned(), FLEET.to_owned())]);
    for tenant in ["platform", "acme", "bravo"] {
        documents.insert(format!("tenants/{tenant}/tenant.yaml"), TENANT.replace("TENANT", tenant));
    }
    let nodes = |list: &str, names: &[&str]| -> String {
        let mut text = format!("  {list}:\n");
        for name in names {
            text.extend(["    - {network: platform/trade, name: ", name, ", region: local}\n"]);
        }
        text
    };
    let mut organization = |tenant: &str, name: &str, msp: &str, nodes: &str| {
        let text = ORGANIZATION.replace("NAME", name).replace("MSPID", msp).replace("NODES", nodes);
        documents.insert(format!("tenants/{tenant}/organizations/{name}.yaml"), text);
    };
    organization(ORDERER_ORG.0, ORDERER_ORG.1, ORDERER_ORG.2, &nodes("orderers", &ORDERERS));
    for (name, msp) in PEERS {
        organization(name, name, msp, &nodes("peers", &["peer1"]));
    }
    documents.insert("tenants/platform/networks/trade.yaml".to_owned(), NETWORK.replace("VERSION", version));
    documents
}

const FLEET: &str = "apiVersion: heddle.dev/v1alpha1
kind: Fleet
metadata: {name: real}
spec:
  regions: {local: {description: this machine}}
  storage: {standard: {classes: {local: standard}}}
";
const TENANT: &str = "apiVersion: heddle.dev/v1alpha1
kind: Tenant
metadata: {name: TENANT}
spec:
  regions: [local]
  quota: {cpu: \"40\", memory: 40Gi, storage: 400Gi, pods: 20}
";
const ORGANIZATION: &str = "apiVersion: heddle.dev/v1alpha1
kind: Organization
metadata: {name: NAME}
spec:
  mspId: MSPID
  ca: {mode: builtin, regions: [local]}
NODES  defaults: {storage: {profile: standard, size: 10Gi}}
";
const NETWORK: &str = "apiVersion: heddle.dev/v1alpha1
kind: Network
metadata: {name: trade}
spec:
  fabric: {version: VERSION}
  endpoints: {domain: trade.example.com, port: 7050}
  members:
    - {name: Orderers, organization: platform/orderer-org, role: orderer}
    - {name: Acme, organization: acme/acme, role: peer}
    - {name: Bravo, organization: bravo/bravo, role: peer}
";

fn read(world: &World) -> Fleet {
    let all = |group: &str, plural: &str| -> Vec<Value> {
        let resource = Resource::by_plural(group, plural).expect("the server serves it");
        let listed = world.store.list(&Query::all(resource), 0, None).expect("a list");
        listed.objects.iter().map(|object| (**object).clone()).collect()
    };
    let named = |object: &Value| format!("{}/{}", text(object, "/metadata/namespace"), text(object, "/metadata/name"));
    let secrets: BTreeMap<String, Files> =
        all("", "secrets").iter().map(|secret| (named(secret), data(secret))).collect();
    let maps: BTreeMap<String, Files> = all("", "configmaps").iter().map(|map| (named(map), strings(map))).collect();
    let nodes = all("apps", "statefulsets");
    let nodes = nodes.iter().map(|set| (text(set, "/metadata/name"), node(set, &secrets, &maps)));
    Fleet { nodes: nodes.collect(), secrets: secrets.clone() }
}

fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn data(secret: &Value) -> Files {
    let data: BTreeMap<String, ByteString> = serde_json::from_value(secret["data"].clone()).expect("base64");
    data.into_iter().map(|(key, value)| (key, value.0)).collect()
}

fn strings(map: &Value) -> Files {
    let data = map["data"].as_object().into_iter().flatten();
    data.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().as_bytes().to_vec())).collect()
}

/// What the kubelet would put into the container.
fn node(set: &Value, secrets: &BTreeMap<String, Files>, maps: &BTreeMap<String, Files>) -> NodeFiles {
    let namespace = text(set, "/metadata/namespace");
    let get = |source: Source, name: &str| {
        let all = if source == Source::Secret { secrets } else { maps };
        all.get(&format!("{namespace}/{name}")).cloned()
    };
    let container = Container::mount(&set["spec"]["template"], get).expect("what is mounted is there");
    NodeFiles { name: text(set, "/metadata/name"), namespace, container }
}
