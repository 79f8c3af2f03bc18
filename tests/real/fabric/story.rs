//! Cases of the whole program: from a commit to a channel on real nodes, and the same while heddle is killed.
//!
//! Input: a region in which nothing was done. Output: cases. What happened is read from the volumes and logs of the nodes,
//! from the region's objects and from the repository, never from heddle. How long it took is printed, not judged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Output;

use heddle::adapters::system::SystemClock;
use heddle::fabric::wire::common::Block;
use heddle::model::digest::Digest;
use heddle::plan::outcome::UnitState;
use heddle::ports::clock::Clock as _;
use jiff::Timestamp;
use prost::Message as _;

use super::kubelet::Pod;
use super::region::{CHANNEL, Region};
use crate::ledger::Node;

/// A case on a region of its own.
pub type Case = (&'static str, fn(&Path, &str));

/// All cases.
pub const CASES: [Case; 4] = [
    ("a commit becomes a channel with its peers, and then nothing more is done", from_a_commit),
    ("heddle is killed at every step, and the next one comes to the same end", killed),
    ("an ordering node that is down at its join is joined when it is back", down),
    ("a wiped ordering node is told and not joined again, and silence is no reason to do anything", wiped_and_silent),
];

/// Something that can be seen.
type Milestone = (&'static str, fn(&Region) -> bool);

/// What can be seen of the way to a channel, in its order.
const MILESTONES: [Milestone; 8] = [
    ("the first key", |region| issued(region) > 0),
    ("the first workload of a node", |region| !region.objects("apps", "statefulsets").is_empty()),
    ("the first block", |region| record(region).is_some()),
    ("the status branch remembers the block", |region| region.channel().is_some_and(|channel| channel.block.is_some())),
    ("an ordering node has the channel", |region| holders(region, is_orderer) > 0),
    ("all ordering nodes have it", |region| holders(region, is_orderer) == 3),
    ("a peer has it", |region| holders(region, is_peer) > 0),
    ("all peers have it", |region| holders(region, is_peer) == 2),
];

fn is_orderer(node: Node) -> bool {
    matches!(node, Node::Orderer(_))
}

fn is_peer(node: Node) -> bool {
    matches!(node, Node::Peer(_))
}

fn holders(region: &Region, of: fn(Node) -> bool) -> usize {
    region.processes.pods().iter().filter(|(node, pod)| of(**node) && pod.blocks(CHANNEL).is_some()).count()
}

/// How many Secrets with keys there are.
fn issued(region: &Region) -> usize {
    let secrets = region.objects("", "secrets");
    secrets.iter().filter(|secret| secret["metadata"]["annotations"]["heddle.dev/issued"].is_string()).count()
}

/// The recorded first block; there is one at most.
fn record(region: &Region) -> Option<Vec<u8>> {
    let maps = region.objects("", "configmaps").into_iter();
    let of_channels =
        maps.filter(|map| map["metadata"]["name"].as_str().is_some_and(|name| name.contains("--channel-")));
    let records: Vec<_> = of_channels.collect();
    assert!(records.len() <= 1, "{} first blocks", records.len());
    let data = records.first()?["binaryData"].clone();
    let data: BTreeMap<String, k8s_openapi::ByteString> = serde_json::from_value(data).expect("a record holds bytes");
    data.into_values().next().map(|bytes| bytes.0)
}

fn told(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("exit {:?}\n{out}\n{err}", output.status.code())
}

/// Whether the channel is as declared: on the volumes, in the logs, and as it is reported.
fn check_end(region: &Region) {
    let status = region.status().expect("the network is reported");
    assert_eq!(status.state, UnitState::Converged, "{:?}", status.waits);
    let channel = region.channel().expect("the channel is reported");
    let told: Vec<&String> =
        channel.orderers.values().chain(channel.peers.values()).flat_map(|nodes| nodes.values()).collect();
    assert!(told.len() == 5 && told.iter().all(|word| *word == "joined"), "{told:?}");
    assert!(channel.has_leader && channel.confirmed.values().map(BTreeSet::len).sum::<usize>() == 3);
    let recorded = record(region).expect("the first block is recorded");
    assert_eq!(channel.block, Some(Digest::of(&recorded)));
    let data = Block::decode(recorded.as_slice()).expect("a block").data.expect("a first block has data");
    let envelope = data.data.first().expect("a first block has an envelope");
    let pods = region.processes.pods();
    assert_eq!(pods.len(), 5);
    for (node, pod) in pods.iter() {
        let blocks = pod.blocks(CHANNEL).expect("each node has the channel");
        let has = blocks.windows(envelope.len()).any(|window| window == envelope.as_slice());
        assert!(has, "{node:?} has another first block");
        assert_eq!(joins(pod), 1, "{node:?} was joined more than once");
    }
}

/// How often a node took a join.
fn joins(pod: &Pod) -> usize {
    let log = pod.log();
    [ORDERER_JOINS, PEER_JOINS].iter().map(|words| log.matches(words).count()).sum()
}

/// What nodes say of a join, in their logs.
const ORDERER_JOINS: &str = "Joining channel: {ch1";
const PEER_JOINS: &str = "Creating ledger [ch1] with genesis block";
/// What ordering nodes say when one of them leads.
const LEADER: &str = "Raft leader changed: 0 -> ";

fn from_a_commit(programs: &Path, version: &str) {
    let region = Region::open(programs, version);
    let begun = SystemClock.now();
    let mut heddle = region.begin();
    let mut seen = Vec::new();
    for (what, holds) in MILESTONES {
        region.until(what, holds);
        seen.push((SystemClock.now(), what));
    }
    let output = heddle.end();
    seen.push((SystemClock.now(), "heddle is at rest"));
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    check_end(&region);
    print_times(&region, begun, seen);

    let (before, blocks, logs) = (region.head(), sizes(&region), joined(&region));
    let quiet = region.heddle(&["run", "--once"]);
    assert_eq!(quiet.status.code(), Some(0), "{}", told(&quiet));
    assert_eq!(region.head(), before, "a new report although nothing changed");
    assert_eq!((sizes(&region), joined(&region)), (blocks, logs), "something was done although nothing changed");
    check_end(&region);
}

/// Bytes of the channel's blocks by node.
fn sizes(region: &Region) -> Vec<usize> {
    region.processes.pods().values().map(|pod| pod.blocks(CHANNEL).map_or(0, |blocks| blocks.len())).collect()
}

fn joined(region: &Region) -> Vec<usize> {
    region.processes.pods().values().map(joins).collect()
}

/// Who waited for whom.
fn print_times(region: &Region, begun: Timestamp, mut seen: Vec<(Timestamp, &str)>) {
    let pods = region.processes.pods();
    let first = |times: &mut dyn Iterator<Item = Timestamp>| times.min().expect("nodes were started");
    let last = |times: &mut dyn Iterator<Item = Timestamp>| times.max().expect("nodes were started");
    let said = |words: &'static str| pods.values().filter_map(move |pod| pod.said(words));
    let started = first(&mut pods.values().map(|pod| pod.started));
    let answered = last(&mut pods.values().filter_map(|pod| pod.answered));
    let (ordered, leader) = (last(&mut said(ORDERER_JOINS)), first(&mut said(LEADER)));
    let (peers_asked, peers_joined) = (first(&mut said(PEER_JOINS)), last(&mut said("finished chaincode: cscc")));
    seen.extend([
        (started, "Kubernetes starts the first node"),
        (answered, "the last node answers"),
        (ordered, "the last ordering node joined"),
        (leader, "the ordering nodes have a leader"),
        (peers_asked, "the first peer is told to join"),
        (peers_joined, "the last peer joined"),
    ]);
    seen.sort();
    let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs_f64();
    for (at, what) in &seen {
        println!("    {:>6.3} s  {what}", seconds(begun, *at));
    }
    let waits = [
        (seconds(started, answered), "nodes start"),
        (seconds(ordered, leader), "a leader is found"),
        (seconds(peers_asked, peers_joined), "peers join"),
    ];
    let all: f64 = waits.iter().map(|(wait, _)| wait).sum();
    let whole = seconds(begun, peers_joined);
    let words: Vec<String> = waits.iter().map(|(wait, what)| format!("{what} {wait:.3} s")).collect();
    println!(
        "    Fabric's own: {}; together {all:.3} s; from the commit to the last join {whole:.3} s, {:.2} times that",
        words.join(", "),
        whole / all
    );
}

fn killed(programs: &Path, version: &str) {
    let region = Region::open(programs, version);
    for (what, holds) in MILESTONES {
        let mut heddle = region.begin();
        region.until(what, holds);
        heddle.kill();
    }
    let output = region.begin().end();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    check_end(&region);
}

fn down(programs: &Path, version: &str) {
    let region = Region::open(programs, version);
    let mut heddle = region.begin();
    region.until("the first block", |region| record(region).is_some());
    region.processes.kill(Node::Orderer(2));
    region.until("the others are joined and have a leader", |region| holders(region, is_peer) == 2);
    assert_eq!(holders(&region, is_orderer), 2, "the third was down");
    region.processes.start_again(Node::Orderer(2));
    let output = heddle.end();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    check_end(&region);
}

fn wiped_and_silent(programs: &Path, version: &str) {
    let region = Region::open(programs, version);
    let output = region.begin().end();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let wiped = Node::Orderer(1);
    region.processes.kill(wiped);
    region.processes.wipe(wiped);
    region.processes.start_again(wiped);
    let output = region.begin().end();
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    let codes = |region: &Region| -> Vec<String> {
        region.status().expect("it is reported").refusals.into_iter().map(|finding| finding.code).collect()
    };
    assert_eq!(codes(&region), ["HDL4011"]);
    assert_eq!(region.processes.pods()[&wiped].blocks(CHANNEL), None, "it was joined again");

    for number in 0..3 {
        region.processes.kill(Node::Orderer(number));
    }
    let before = joined(&region);
    let output = region.begin().end();
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    let status = region.status().expect("it is reported");
    assert_eq!(status.state, UnitState::Unknown, "{:?}", status.refusals);
    assert_eq!(joined(&region), before, "somebody was joined although nobody answered");
}
