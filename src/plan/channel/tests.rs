//! The creation rule, as situations and as histories.
//!
//! Input: what places remember and nodes say; sequences of events. Output: decisions in words; what never happens.

use proptest::collection::vec;
use proptest::prelude::*;

mod turns;

use super::state::NodeState;
use super::*;
use crate::desired::channel::{ChannelNode, Clients, Consenter, Home};
use crate::fabric::metrics::RaftState;
use crate::model::identity::{IdentityId, IdentityRef};
use crate::model::names::{ChannelId, MemberName, MspId, TenantName};
use crate::model::object::{Kind, ObjectId};
use crate::model::unit::{NetworkRef, UnitId};
use crate::observed::channel::Founders;

fn region(name: &str) -> RegionName {
    RegionName::parse(name).unwrap()
}

fn node(name: &str) -> ObjectRef {
    ObjectRef { region: region("eu"), id: ObjectId::namespaced(Kind::StatefulSet, "demo", name) }
}

/// How a node is asked; the rule does not look at it.
fn asked() -> ChannelNode {
    let identity = |name| IdentityRef { region: region("eu"), id: IdentityId::new("custody", name) };
    ChannelNode {
        tenant: TenantName::parse("acme").unwrap(),
        msp_id: MspId::parse("AcmeMSP").unwrap(),
        organization: UnitId::parse("organization/acme/acme").unwrap(),
        clients: Clients { administrator: identity("admin"), operations: identity("operations") },
        port: 9443,
        operations_port: 8443,
    }
}

fn home() -> Home {
    Home {
        record: ObjectId::namespaced(Kind::ConfigMap, "demo", "trade-channel-ch1"),
        tenant: TenantName::parse("platform").unwrap(),
        labels: BTreeMap::new(),
    }
}

pub(crate) fn consenter(name: &str) -> Consenter {
    Consenter {
        node: asked(),
        member: MemberName::parse("Orderers").unwrap(),
        host: format!("{name}.trade.example.com"),
        port: 443,
        certificate: IdentityRef { region: region("eu"), id: IdentityId::new("demo", name) },
    }
}

/// Three consenters `o1` to `o3`, two peers `p1` and `p2`, kept in two regions `eu` and `us`.
pub(crate) fn desired() -> DesiredChannel {
    DesiredChannel {
        channel: ChannelRef {
            network: NetworkRef::parse("platform/trade").unwrap(),
            id: ChannelId::parse("ch1").unwrap(),
        },
        orderers: Vec::new(),
        members: Vec::new(),
        consenters: ["o1", "o2", "o3"].map(|name| (node(name), consenter(name))).into(),
        peers: ["p1", "p2"].map(|name| (node(name), asked())).into(),
        homes: ["eu", "us"].map(|name| (region(name), home())).into(),
    }
}

fn block(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// Consenters and organizations that a first block names: `o1,o2,AcmeMSP`.
fn named(text: &str) -> Founders {
    let (consenters, members): (Vec<_>, Vec<_>) = text.split(',').partition(|name| name.starts_with('o'));
    Founders {
        consenters: consenters.iter().map(|name| format!("{name}.trade.example.com:443")).collect(),
        members: members.iter().map(|name| MspId::parse(name).unwrap()).collect(),
    }
}

/// What a word of a situation means: `o1=with` (and `leads`, `follows`, `without`, `planned`, `starting`, `silent`), the same
/// for peers, `eu=block:o1,o2` (with `?` when only an inventory knows it; and `absent`, `unknown`), `branch=block:o1`,
/// `names=o1,o2,AcmeMSP` (and `unreadable`).
fn read(seen: &mut ChannelSeen, word: &str) {
    let (who, what) = word.split_once('=').unwrap();
    let detail = || "no answer".to_owned();
    let recorded = |text: &str| {
        let (name, joined) = text.split_once(':').unwrap();
        (block(name), joined.split(',').filter(|name| !name.is_empty()).map(node).collect())
    };
    let raft = |is_leader| RaftState {
        is_leader,
        active_nodes: if is_leader { 3 } else { 0 },
        cluster_size: 3,
        committed_block: None,
    };
    let with = |relation, leads| OrdererSeen::With { relation, height: 1, raft: Some(raft(leads)) };
    match (who.as_bytes()[0], what) {
        (b'o', what) => {
            let said = match what {
                "planned" => OrdererSeen::Planned,
                "starting" => OrdererSeen::Starting,
                "silent" => OrdererSeen::Silent { detail: detail() },
                "without" => OrdererSeen::Without,
                "follows" => with(Relation::Follower, false),
                what => with(Relation::Consenter, what == "leads"),
            };
            seen.orderers.insert(node(who), said);
        }
        (b'p', what) => {
            let said = match what {
                "planned" => PeerSeen::Planned,
                "starting" => PeerSeen::Starting,
                "silent" => PeerSeen::Silent { detail: detail() },
                "without" => PeerSeen::Without,
                _ => PeerSeen::With { height: 1 },
            };
            seen.peers.insert(node(who), said);
        }
        (b'n', "unreadable") => seen.founders = None,
        (b'n', what) => seen.founders = Some(named(what)),
        (b'b', what) => seen.branch = Some(recorded(what)),
        (_, "absent") => drop(seen.records.insert(region(who), RecordSeen::Absent)),
        (_, "unknown") => drop(seen.records.insert(region(who), RecordSeen::Unknown { detail: detail() })),
        (_, what) => {
            let (what, kept) = what.strip_suffix('?').map_or((what, true), |what| (what, false));
            let (block, joined) = recorded(what);
            seen.records.insert(region(who), RecordSeen::Present { block, kept, joined });
        }
    }
}

fn words(decision: &Decision) -> Vec<String> {
    let steps = decision.steps.iter().map(|step| match step {
        Step::Genesis => "genesis".to_owned(),
        Step::Copy { to: Place::Region(region), .. } => format!("copy {region}"),
        Step::Copy { to: Place::Branch, .. } => "copy branch".to_owned(),
        Step::Confirm { node } => format!("confirm {}", node.id.name),
        Step::JoinOrderer { node } | Step::JoinPeer { node } => format!("join {}", node.id.name),
    });
    let waits = decision.waits.iter().map(|wait| match wait {
        WaitingOn::ChannelRecord { region, .. } => format!("look {region}"),
        WaitingOn::NodeStarting { node, .. } => format!("await {}", node.id.name),
        WaitingOn::NodeSilent { node, .. } => format!("hear {}", node.id.name),
        WaitingOn::Leader { active, size, .. } => format!("leader {active}/{size}"),
        other => other.to_string(),
    });
    let refusals = decision.refusals.iter().map(|refusal| match refusal {
        Refusal::LostChannel { .. } => "lost".to_owned(),
        Refusal::WipedOrderer { node, .. } => format!("wiped {}", node.id.name),
        Refusal::UnrecordedChannel { node, .. } => format!("unrecorded {}", node.id.name),
        Refusal::RecordsDiffer { .. } => "differ".to_owned(),
        Refusal::NoConsenter { node, .. } => format!("no consenter {}", node.id.name),
        Refusal::NoMember { msp_id, .. } => format!("no member {msp_id}"),
        Refusal::LostRecord { .. } => "no record".to_owned(),
        other => other.to_string(),
    });
    steps.chain(waits).chain(refusals).collect()
}

/// A situation that differs by `but` from one in which everything is `as_if`: `fresh` or `done`.
fn situation(as_if: &str, but: &str) -> ChannelSeen {
    let mut seen = ChannelSeen { founders: Some(named("o1,o2,o3,AcmeMSP")), ..ChannelSeen::default() };
    let whole = match as_if {
        "fresh" => "eu=absent us=absent o1=without o2=without o3=without p1=without p2=without",
        _ => "eu=b:o1,o2,o3 us=b:o1,o2,o3 branch=b:o1,o2,o3 o1=leads o2=with o3=with p1=with p2=with",
    };
    whole.split(' ').chain(but.split_whitespace()).for_each(|word| read(&mut seen, word));
    seen
}

fn check(as_if: &str, but: &str, expected: &[&str]) {
    assert_eq!(words(&decide(&desired(), &situation(as_if, but))), expected, "{as_if} but {but}");
}

const CREATED: [&str; 6] = ["genesis", "join o1", "join o2", "join o3", "join p1", "join p2"];

#[test]
fn a_channel_is_created_where_every_place_and_every_node_says_that_there_is_none() {
    check("fresh", "", &CREATED);
    check("fresh", "o1=planned o2=planned o3=planned p1=planned p2=planned", &CREATED);
}

#[test]
fn nothing_is_created_while_a_place_or_a_node_cannot_be_told() {
    check("fresh", "us=unknown", &["look us"]);
    check("fresh", "o2=silent", &["hear o2"]);
    check("fresh", "o3=starting", &["await o3"]);
    check("fresh", "p1=silent p2=starting", &["await p2", "hear p1"]);
    let mut nobody_looked = ChannelSeen::default();
    "eu=absent o1=without o2=without o3=without p1=without".split(' ').for_each(|word| read(&mut nobody_looked, word));
    assert_eq!(words(&decide(&desired(), &nobody_looked)), ["look us", "hear p2"]);
}

#[test]
fn a_channel_that_somebody_has_and_nobody_remembers_is_neither_created_nor_adopted() {
    check("fresh", "o2=with", &["unrecorded o2"]);
    check("fresh", "p1=with", &["unrecorded p1"]);
    check("fresh", "p1=with o1=silent", &["hear o1", "unrecorded p1"]);
}

#[test]
fn a_creation_that_was_interrupted_goes_on_with_the_recorded_block() {
    check("fresh", "eu=b:", &["copy us", "copy branch", "join o1", "join o2", "join o3", "join p1", "join p2"]);
    // The branch remembers that there was a block, and not its bytes.
    check("fresh", "branch=b:", &["no record"]);
    // One region lost its record, or all of them did.
    check("done", "eu=b:o1,o2,o3?", &["copy eu"]);
    check("done", "eu=b:o1,o2,o3? us=b:o1,o2,o3? p1=without", &["no record"]);
    check("done", "eu=b: us=b: branch=b:", &["confirm o1", "confirm o2", "confirm o3"]);
    check("done", "eu=b:o1,o2 us=b:o1 branch=b: o3=without o1=with", &["join o3"]);
    check("done", "eu=b:o1,o2 us=b:o1 branch=b: o3=without o1=with p1=without", &["join o3", "join p1"]);
}

#[test]
fn nobody_is_joined_before_every_place_was_looked_at() {
    // The mark of the third may be in the place that nobody sees.
    check("done", "eu=b:o1,o2 us=unknown branch=b:o1,o2 o3=without", &["look us"]);
    check("done", "us=unknown p1=without", &["look us"]);
}

#[test]
fn an_ordering_node_that_joined_and_has_nothing_is_wiped_and_not_joined() {
    check("done", "o2=without", &["wiped o2"]);
    // One place that remembers is enough.
    check("done", "eu=b:o2 us=b: branch=b: o2=without", &["confirm o1", "confirm o3", "wiped o2"]);
    check("done", "o2=without o1=silent o3=silent", &["hear o1", "hear o3", "wiped o2"]);
    check("done", "o2=planned", &["await o2"]);
}

#[test]
fn a_channel_that_nobody_has_any_more_is_lost() {
    check("done", "o1=without o2=without o3=without p1=without p2=without", &["lost"]);
    check("done", "eu=b:o1 us=b: branch=b: o1=without o2=without o3=without", &["lost"]);
    check(
        "done",
        "o1=without o2=without o3=silent p1=without p2=without",
        &["join p1", "join p2", "hear o3", "wiped o1", "wiped o2"],
    );
}

#[test]
fn whom_the_first_block_does_not_name_is_not_joined() {
    let named = "names=o1,o2,o3,AcmeMSP";
    check("done", named, &[]);
    check("done", "names=o1,o2,AcmeMSP eu=b:o1,o2 us=b: branch=b: o3=without", &["no consenter o3"]);
    check("done", "names=o1,o2,AcmeMSP eu=b:o1,o2 us=b: branch=b: o3=planned", &["no consenter o3"]);
    check("done", "names=o1,o2,o3,BravoMSP p1=without", &["no member AcmeMSP"]);
    check("done", "names=o1,o2,o3,BravoMSP p1=planned p2=silent", &["no member AcmeMSP"]);
    // Nobody is joined on a guess about whom it names.
    check("done", "names=unreadable", &["look eu"]);
    check("done", "names=unreadable eu=b:o1,o2 us=b: branch=b: o3=without p1=without", &["look eu"]);
    // An address that was changed since: the others still look for it under the old one.
    check("done", "names=o1,o2,AcmeMSP", &["no consenter o3"]);
}

#[test]
fn records_that_differ_stop_everything() {
    check("done", "us=other:", &["differ"]);
    check("fresh", "eu=b: branch=other:", &["differ"]);
}

#[test]
fn a_channel_is_settled_when_everybody_has_it_and_one_leads() {
    check("done", "", &[]);
    check("done", "o1=with", &["leader 0/3"]);
    check("done", "o2=leads", &["leader 3/3"]);
    check("done", "p2=without", &["join p2"]);
    check("done", "o3=follows", &["no consenter o3"]);
}

#[test]
fn a_channels_state_says_nothing_that_moves_by_itself() {
    let told = |but: &str| state::state(&desired(), &situation("done", but));
    let all = told("");
    assert!(all.has_leader && all.confirmed.len() == 3 && all.block == Some(block("b")));
    assert_eq!(told("o1=with o2=leads"), all, "another one leads");
    let odd = told("o1=without o2=silent o3=follows p1=starting p2=silent");
    let states = |nodes: &BTreeMap<ObjectRef, NodeState>| nodes.values().copied().collect::<Vec<_>>();
    assert_eq!(states(&odd.orderers), [NodeState::NotJoined, NodeState::Silent, NodeState::Follows]);
    assert_eq!(states(&odd.peers), [NodeState::NotReady, NodeState::Silent]);
    assert!(!odd.has_leader);
}

/// What happens to the world between and while heddle acts.
#[derive(Debug, Clone)]
enum Event {
    /// heddle decides, does so many steps, and is killed.
    Act {
        steps: usize,
    },
    /// It is killed in the middle of one that writes to several places.
    ActHalf {
        steps: usize,
        places: usize,
    },
    /// The answer of a join is lost, and heddle killed.
    LoseAnswer,
    Silence(usize),
    Speak(usize),
    Wipe(usize),
    Hide(usize),
    Show(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..9usize).prop_map(|steps| Event::Act { steps }),
        2 => (0..9usize, 0..3usize).prop_map(|(steps, places)| Event::ActHalf { steps, places }),
        1 => Just(Event::LoseAnswer),
        1 => (0..5usize).prop_map(Event::Silence),
        2 => (0..5usize).prop_map(Event::Speak),
        1 => (0..5usize).prop_map(Event::Wipe),
        1 => (0..2usize).prop_map(Event::Hide),
        2 => (0..2usize).prop_map(Event::Show),
    ]
}

/// Nodes by place: `o1`, `o2`, `o3`, `p1`, `p2`. Places by number: `eu`, `us`, the branch.
#[derive(Default)]
struct History {
    has: [Option<Digest>; 5],
    silent: [bool; 5],
    hidden: [bool; 2],
    kept: [Option<(Digest, BTreeSet<ObjectRef>)>; 3],
    made: usize,
    wiped: bool,
}

const NAMES: [&str; 5] = ["o1", "o2", "o3", "p1", "p2"];

impl History {
    fn seen(&self) -> ChannelSeen {
        let founders = Some(named("o1,o2,o3,AcmeMSP"));
        let mut seen = ChannelSeen { branch: self.kept[2].clone(), founders, ..ChannelSeen::default() };
        for (place, name) in ["eu", "us"].into_iter().enumerate() {
            let record = match &self.kept[place] {
                _ if self.hidden[place] => RecordSeen::Unknown { detail: "hidden".to_owned() },
                None => RecordSeen::Absent,
                Some((block, joined)) => RecordSeen::Present { block: *block, kept: true, joined: joined.clone() },
            };
            seen.records.insert(region(name), record);
        }
        let leads = (0..3).find(|number| self.says(*number) == "with");
        let all = (0..3).filter(|number| self.says(*number) == "with").count() > 1;
        for (number, name) in NAMES.iter().enumerate() {
            let says = if all && leads == Some(number) { "leads" } else { self.says(number) };
            read(&mut seen, &format!("{name}={says}"));
        }
        seen
    }

    fn says(&self, number: usize) -> &'static str {
        match (self.silent[number], self.has[number]) {
            (true, _) => "silent",
            (false, Some(_)) => "with",
            (false, None) => "without",
        }
    }

    /// Keeps a block in places that lack one; tells whether it could.
    fn keep(&mut self, block: Digest, places: &[usize]) -> bool {
        for place in places {
            if *place < 2 && self.hidden[*place] {
                return false;
            }
            self.kept[*place].get_or_insert((block, BTreeSet::new()));
        }
        true
    }

    fn confirm(&mut self, node: &ObjectRef) {
        for place in 0..3 {
            let hidden = place < 2 && self.hidden[place];
            if let Some((_, joined)) = self.kept[place].as_mut().filter(|_| !hidden) {
                joined.insert(node.clone());
            }
        }
    }

    fn number(node: &ObjectRef) -> usize {
        NAMES.iter().position(|name| **name == *node.id.name).unwrap()
    }

    /// Does one step; tells whether heddle goes on.
    fn step(&mut self, step: &Step, places: usize, answers: bool) -> bool {
        match step {
            Step::Genesis => {
                assert!(self.kept.iter().all(Option::is_none), "a second first block");
                assert!(self.has.iter().all(Option::is_none), "a first block beside an old one");
                // A block that is kept nowhere when heddle is killed never was.
                self.made += usize::from(places > 0);
                let all = &[0, 1, 2][..places.min(3)];
                self.keep(block(&format!("made {}", self.made)), all) && places > 2
            }
            Step::Copy { to, block } => match to {
                Place::Region(name) => self.keep(*block, &[usize::from(name.as_str() == "us")]),
                Place::Branch => self.keep(*block, &[2]),
            },
            Step::Confirm { node } => {
                self.confirm(node);
                true
            }
            Step::JoinOrderer { node } | Step::JoinPeer { node } => {
                let number = Self::number(node);
                // As the step's preconditions say: it answers, it has nothing, the block is kept everywhere, it has no mark.
                let kept: Vec<_> = self.kept.iter().flatten().collect();
                let everywhere = kept.len() == 3 && self.hidden == [false; 2];
                if self.silent[number] || self.has[number].is_some() || !everywhere {
                    return false;
                }
                let marked = kept.iter().any(|(_, joined)| joined.contains(node));
                assert!(number > 2 || !marked, "{node} is joined a second time");
                self.has[number] = kept.first().map(|(block, _)| *block);
                if answers && number < 3 {
                    self.confirm(node);
                }
                answers
            }
        }
    }

    fn act(&mut self, steps: usize, places: usize, answers: bool) {
        for step in decide(&desired(), &self.seen()).steps.iter().take(steps) {
            if !self.step(step, places, answers) {
                return;
            }
        }
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Act { steps } => self.act(steps, 3, true),
            Event::ActHalf { steps, places } => self.act(steps, places, true),
            Event::LoseAnswer => self.act(9, 3, false),
            Event::Silence(number) => self.silent[number] = true,
            Event::Speak(number) => self.silent[number] = false,
            Event::Wipe(number) => {
                // What is wiped before anybody could confirm its join is new to everybody.
                let marked = self.kept.iter().flatten().any(|(_, joined)| joined.contains(&node(NAMES[number])));
                if marked {
                    (self.has[number], self.wiped) = (None, true);
                }
            }
            Event::Hide(place) => self.hidden[place] = true,
            Event::Show(place) => self.hidden[place] = false,
        }
        let blocks: BTreeSet<Digest> =
            self.has.iter().flatten().copied().chain(self.kept.iter().flatten().map(|(block, _)| *block)).collect();
        assert!(blocks.len() < 2, "two first blocks");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_there_is_one_first_block_and_nobody_orders_twice(events in vec(event(), 0..40)) {
        let mut history = History::default();
        for event in &events {
            history.happen(event);
        }
        (history.silent, history.hidden) = ([false; 5], [false; 2]);
        for _ in 0..4 {
            history.happen(&Event::Act { steps: 9 });
        }
        let end = decide(&desired(), &history.seen());
        prop_assert!(end.is_settled() || history.wiped, "it does not come to rest: {:?}", words(&end));
        prop_assert!(history.made <= 1);
    }
}
