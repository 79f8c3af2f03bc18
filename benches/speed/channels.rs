//! A plan of a network whose channels are asked over the wire.
//!
//! Input: a simulated region behind HTTPS, whose pods are nodes behind TLS: twenty nodes of four organizations, three channels.
//! Output: samples of `heddle plan` as a whole process, once everything is as declared. Nodes are reached through the API
//! server, as from outside of a cluster, so that every connection is a new one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle::adapters::system::SystemClock;
use heddle::ports::clock::Clock as _;
use heddle::sim::fabric::kubelet::FabricKubelet;
use heddle::sim::fabric::net::FabricNet;

use crate::outside::Outside;
use crate::results::Results;

const ORDERERS: usize = 5;
/// Organizations with peers, and the peers of each.
const MEMBERS: [&str; 3] = ["acme", "bravo", "cargo"];
const PEERS: usize = 5;
const CHANNELS: [(&str, &str); 3] = [("all", "acme, bravo, cargo"), ("two", "acme, bravo"), ("others", "bravo, cargo")];
/// How long simulated ordering nodes take to find a leader.
const COUNTED_AFTER: Duration = Duration::from_millis(100);

/// Plans `count` times, three in each round.
pub fn measure(results: &mut Results, count: usize) {
    let net = FabricNet::counting_after(Arc::new(|| SystemClock.now()), COUNTED_AFTER);
    let (region, _kubelet) = Outside::open(documents(), |_, _| FabricKubelet::new(net.clone()));
    let output = region.command(&["run", "--once"]).output().expect("heddle starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let holders: Vec<usize> = CHANNELS.iter().map(|(channel, _)| net.holders(channel)).collect();
    assert_eq!(holders, [20, 15, 15], "not everybody has its channels");
    for _ in 0..count * 3 {
        let begin = Instant::now();
        let output = region.command(&["plan"]).output().expect("heddle starts");
        let time = begin.elapsed();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        results.add("heddle: plan, 20 nodes with 3 channels", "ms", time.as_secs_f64() * 1000.0);
    }
}

fn documents() -> BTreeMap<String, String> {
    let mut documents = BTreeMap::from([("fleet.yaml".to_owned(), FLEET.to_owned())]);
    let mut organization = |tenant: &str, list: &str, nodes: usize| {
        documents.insert(format!("tenants/{tenant}/tenant.yaml"), TENANT.replace("TENANT", tenant));
        let mut text = ORGANIZATION.replace("NAME", tenant);
        text.extend(["  ", list, ":\n"]);
        for number in 1..=nodes {
            let number = number.to_string();
            text.extend(["    - {network: platform/trade, name: n", &number, ", region: local}\n"]);
        }
        documents.insert(format!("tenants/{tenant}/organizations/{tenant}.yaml"), text);
    };
    organization("platform", "orderers", ORDERERS);
    for member in MEMBERS {
        organization(member, "peers", PEERS);
    }
    let mut network = NETWORK.to_owned();
    for member in MEMBERS {
        network.extend(["    - {name: ", member, ", organization: ", member, "/", member, ", role: peer}\n"]);
    }
    network += "  channels:\n";
    for (channel, members) in CHANNELS {
        network.extend(["    - {name: ", channel, ", members: [", members, "]}\n"]);
    }
    documents.insert("tenants/platform/networks/trade.yaml".to_owned(), network);
    documents
}

const FLEET: &str = "apiVersion: heddle.dev/v1alpha1
kind: Fleet
metadata: {name: channels}
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
  mspId: NAMEMSP
  ca: {mode: builtin, regions: [local]}
  defaults: {storage: {profile: standard, size: 10Gi}}
";
const NETWORK: &str = "apiVersion: heddle.dev/v1alpha1
kind: Network
metadata: {name: trade}
spec:
  fabric: {version: 3.1.5}
  endpoints: {domain: trade.example.com, port: 443}
  members:
    - {name: platform, organization: platform/platform, role: orderer}
";
