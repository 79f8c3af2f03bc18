//! The fleet whose nodes run, as heddle brings it up in a simulated region.
//!
//! Input: a Fabric version. Output: for each node its files by the paths at which its container finds them, and the keys of
//! each organization.

use std::collections::BTreeMap;

use heddle::plan::outcome::UnitState;
use heddle::sim::store::read::Query;
use heddle::sim::store::resources::Resource;
use k8s_openapi::ByteString;
use serde_json::Value;

use crate::world::{World, all_are, states, world_at};

/// Files by path.
pub type Files = BTreeMap<String, Vec<u8>>;

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
    /// Files.
    pub files: Files,
    /// Folders that are empty at first.
    pub folders: Vec<String>,
    /// Its environment.
    pub env: Vec<(String, String)>,
    /// What it runs.
    pub command: Vec<String>,
}

/// A fleet at rest.
pub struct Fleet {
    /// By workload.
    pub nodes: BTreeMap<String, NodeFiles>,
    /// Secrets by namespace and name.
    pub secrets: BTreeMap<String, Files>,
}

impl Fleet {
    /// Brings it up.
    pub fn bring_up(version: &str) -> Self {
        let now = heddle::ports::clock::Clock::now(&heddle::adapters::system::SystemClock);
        world_at(11, now, async |world| {
            commit(world, version);
            let summary = world.run_once().await.expect("heddle runs");
            assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
            read(world)
        })
    }

    /// A file of a Secret.
    pub fn secret(&self, namespace: &str, name: &str, key: &str) -> String {
        let found = self.secrets.get(&format!("{namespace}/{name}")).and_then(|files| files.get(key));
        String::from_utf8(found.unwrap_or_else(|| panic!("no {namespace}/{name} {key}")).clone()).expect("PEM")
    }
}

fn commit(world: &World, version: &str) {
    world.commit_text("fleet.yaml", FLEET);
    for tenant in ["platform", "acme", "bravo"] {
        let text = TENANT.replace("TENANT", tenant);
        world.commit_text(&format!("tenants/{tenant}/tenant.yaml"), &text);
    }
    let nodes = |list: &str, names: &[&str]| -> String {
        let mut text = format!("  {list}:\n");
        for name in names {
            text.extend(["    - {network: platform/trade, name: ", name, ", region: local}\n"]);
        }
        text
    };
    let organization = |tenant: &str, name: &str, msp: &str, nodes: &str| {
        let text = ORGANIZATION.replace("NAME", name).replace("MSPID", msp).replace("NODES", nodes);
        world.commit_text(&format!("tenants/{tenant}/organizations/{name}.yaml"), &text);
    };
    organization(ORDERER_ORG.0, ORDERER_ORG.1, ORDERER_ORG.2, &nodes("orderers", &ORDERERS));
    for (name, msp) in PEERS {
        organization(name, name, msp, &nodes("peers", &["peer1"]));
    }
    world.commit_text("tenants/platform/networks/trade.yaml", &NETWORK.replace("VERSION", version));
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
    let spec = &set["spec"]["template"]["spec"];
    let container = &spec["containers"][0];
    let (mut files, mut folders) = (Files::new(), Vec::new());
    for volume in spec["volumes"].as_array().into_iter().flatten() {
        let mounts = container["volumeMounts"].as_array().into_iter().flatten();
        let Some(mount) = mounts.clone().find(|mount| mount["name"] == volume["name"]) else { continue };
        let path = mount["mountPath"].as_str().expect("a path");
        let from = |all: &BTreeMap<String, Files>, name: &Value| {
            let key = format!("{namespace}/{}", name.as_str().expect("a name"));
            all.get(&key).unwrap_or_else(|| panic!("{key} is mounted and not there")).clone()
        };
        if volume["secret"].is_object() {
            put(&mut files, path, from(secrets, &volume["secret"]["secretName"]));
        } else if volume["configMap"].is_object() {
            put(&mut files, path, from(maps, &volume["configMap"]["name"]));
        } else if volume["projected"].is_object() {
            for source in volume["projected"]["sources"].as_array().into_iter().flatten() {
                let (kind, all) = if source["secret"].is_object() { ("secret", secrets) } else { ("configMap", maps) };
                let whole = from(all, &source[kind]["name"]);
                for item in source[kind]["items"].as_array().into_iter().flatten() {
                    let key = item["key"].as_str().expect("a key");
                    let bytes = whole.get(key).unwrap_or_else(|| panic!("no {key}")).clone();
                    files.insert(format!("{path}/{}", item["path"].as_str().expect("a path")), bytes);
                }
            }
        } else {
            folders.push(path.to_owned());
        }
    }
    let env = container["env"].as_array().into_iter().flatten();
    let command = container["command"].as_array().into_iter().flatten();
    NodeFiles {
        name: text(set, "/metadata/name"),
        namespace,
        files,
        folders,
        env: env.map(|env| (text(env, "/name"), text(env, "/value"))).collect(),
        command: command.map(|word| word.as_str().unwrap_or_default().to_owned()).collect(),
    }
}

fn put(files: &mut Files, path: &str, of: Files) {
    files.extend(of.into_iter().map(|(key, bytes)| (format!("{path}/{key}"), bytes)));
}
