//! Channels through the whole loop: from a commit to peers in a channel, on nodes that pods run.

use std::collections::BTreeMap;
use std::time::Duration;

use heddle::app::driver::Goal;
use heddle::app::status_yaml;
use heddle::model::names::RegionName;
use heddle::plan::outcome::UnitState;
use heddle::ports::clock::Clock as _;
use heddle::report::unit_status::{ChannelStatus, UnitStatus};
use heddle::sim::faults::Fault;
use tokio_util::sync::CancellationToken;

use crate::world::{World, all_are, fabric_world, states, unit};

const NETWORK: &str = "tenants/platform/networks/trade.yaml";
const STATUS: &str = "tenants/platform/networks/trade/status.yaml";
const REPORT: &str = "tenants/platform/networks/trade/REPORT.md";
const ORDERERS: &str = "tenants/platform/organizations/orderer-org.yaml";
const ACME: &str = "tenants/acme/organizations/acme.yaml";
const UNIT: &str = "network/platform/trade";
/// The Service of an ordering node.
const ORDERER_2: &str = "trade-orderer-org-orderer2.demo-platform.svc";

/// A network of three ordering nodes and two organizations whose peers have the channel `ch1`, at rest.
fn story<T>(tell: impl AsyncFnOnce(&World) -> T) -> T {
    begin(async |world| {
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}\n{:?}", states(&summary), world.status(STATUS));
        tell(world).await
    })
}

/// The same before anything was done.
fn begin<T>(tell: impl AsyncFnOnce(&World) -> T) -> T {
    fabric_world(5, "2026-01-01T00:00:00Z".parse().unwrap(), async |world| {
        world.commit_network();
        let text = without_channels(&world.text(NETWORK));
        world.commit_text(NETWORK, &format!("{text}  channels:\n    - {{name: ch1, members: [Acme, Bravo]}}\n"));
        tell(world).await
    })
}

fn without_channels(network: &str) -> String {
    network.lines().take_while(|line| *line != "  channels:").fold(String::new(), |text, line| text + line + "\n")
}

fn status(world: &World) -> UnitStatus {
    status_yaml::read(world.status(STATUS).unwrap().as_bytes()).unwrap()
}

fn channel(world: &World, name: &str) -> ChannelStatus {
    let found = status(world).channels.into_iter().find(|(id, _)| id.as_str() == name);
    found.unwrap().1
}

/// The words for the nodes of a role, by node.
fn words(nodes: &BTreeMap<RegionName, BTreeMap<String, String>>) -> Vec<(&str, &str)> {
    nodes.values().flatten().map(|(name, word)| (name.as_str(), word.as_str())).collect()
}

fn all_joined(nodes: &BTreeMap<RegionName, BTreeMap<String, String>>, count: usize) -> bool {
    let words = words(nodes);
    words.len() == count && words.iter().all(|(_, word)| *word == "joined")
}

/// The codes of what a network's status refuses.
fn codes(world: &World) -> Vec<String> {
    status(world).refusals.into_iter().map(|finding| finding.code).collect()
}

/// Joins and first blocks that nodes and the region saw since the beginning.
fn effects(world: &World) -> (usize, usize) {
    (first_blocks(world).len(), world.net.joined().len())
}

/// The numbers of the effects that made first blocks.
fn first_blocks(world: &World) -> Vec<u64> {
    let effects = world.faults.recorded().into_iter();
    effects.filter(|effect| effect.target.contains("--channel-")).map(|effect| effect.number).collect()
}

#[test]
fn a_commit_brings_up_a_channel_with_its_peers_and_then_nothing_more_is_done() {
    begin(async |world| {
        let begun = world.clock.now();
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}\n{:?}", states(&summary), world.status(STATUS));
        let told = channel(world, "ch1");
        assert!(told.has_leader && told.block.is_some(), "{told:?}");
        assert!(all_joined(&told.orderers, 3) && all_joined(&told.peers, 2), "{told:?}");
        assert_eq!(told.confirmed.values().map(std::collections::BTreeSet::len).sum::<usize>(), 3);
        assert_eq!(effects(world), (1, 5));
        let took = world.clock.now().duration_since(begun);
        assert!(took.as_secs() < 30, "{took}");
        let report = world.status(REPORT).unwrap();
        assert!(
            report.contains("3 of 3 ordering nodes and 2 of 2 peers have it, and the ordering nodes have a leader")
        );
        world.clock_forward(Duration::from_hours(1)).await;
        world.take_object_requests();
        let before = world.repository.status_files();
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        assert!(world.take_object_requests().is_empty());
        assert_eq!(effects(world), (1, 5));
        assert_eq!(world.repository.status_files(), before, "nothing happened, nothing is told");
    });
}

#[test]
fn another_channel_and_another_peer_leave_the_first_channel_as_it_is() {
    story(async |world| {
        let first = channel(world, "ch1").block;
        let text = world.text(NETWORK);
        world.commit_text(NETWORK, &format!("{text}    - {{name: ch2.private, members: [Acme]}}\n"));
        let text = world.text(ACME);
        let peer = "      anchor: true\n";
        let another = format!("{peer}    - network: platform/trade\n      name: peer2\n      region: local\n");
        world.commit_text(ACME, &text.replacen(peer, &another, 1));
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}\n{:?}", states(&summary), world.status(STATUS));
        let (one, two) = (channel(world, "ch1"), channel(world, "ch2.private"));
        assert_eq!(one.block, first);
        assert!(all_joined(&one.orderers, 3) && all_joined(&one.peers, 3), "{one:?}");
        assert!(all_joined(&two.orderers, 3) && all_joined(&two.peers, 2), "{two:?}");
        assert_eq!(effects(world), (2, 5 + 1 + 5));
    });
}

#[test]
fn whoever_comes_after_the_creation_is_refused_with_the_reason_and_nobody_else_is_touched() {
    story(async |world| {
        let text = world.text(ORDERERS);
        let node = "    - network: platform/trade\n      name: orderer3\n      region: local\n";
        let another = node.replace("orderer3", "orderer4");
        world.commit_text(ORDERERS, &text.replacen(node, &format!("{node}{another}"), 1));
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit(UNIT)], UnitState::Refused, "{:?}", world.status(STATUS));
        assert_eq!(codes(world), ["HDL4014"]);
        let told = channel(world, "ch1");
        assert_eq!(words(&told.orderers)[3], ("trade-orderer-org-orderer4", "not joined"));
        assert_eq!(effects(world), (1, 5));
    });
    begin(async |world| {
        let text = world.text(NETWORK);
        world.commit_text(NETWORK, &text.replace("members: [Acme, Bravo]", "members: [Acme]"));
        world.run_once().await.unwrap();
        world.commit_text(NETWORK, &text);
        let summary = world.run_once().await.unwrap();
        assert_eq!(summary.units[&unit(UNIT)], UnitState::Refused, "{:?}", world.status(STATUS));
        assert_eq!((codes(world).as_slice(), effects(world)), (["HDL4017".to_owned()].as_slice(), (1, 4)));
    });
}

#[test]
fn an_ordering_node_that_a_channel_counts_on_neither_leaves_nor_loses_its_volume() {
    story(async |world| {
        let text = world.text(ORDERERS);
        let node = "      name: orderer2\n      region: local\n";
        let changes = ["      lifecycle: Decommissioned\n", "      incarnation: 2\n"];
        for (change, forget) in changes.into_iter().zip([false, true]) {
            if forget {
                // What the region forgot it learns again.
                world.forget_inventories();
                world.commit_text(ORDERERS, &text);
                world.run_once().await.unwrap();
            }
            world.commit_text(ORDERERS, &text.replacen(node, &format!("{node}{change}"), 1));
            let before = world.get("apps/v1", "StatefulSet", "demo-platform", "trade-orderer-org-orderer2");
            let summary = world.run_once().await.unwrap();
            assert_eq!(summary.units[&unit(UNIT)], UnitState::Refused, "{change}: {:?}", world.status(STATUS));
            assert_eq!(codes(world), ["HDL4016"], "{change}");
            assert_eq!(world.get("apps/v1", "StatefulSet", "demo-platform", "trade-orderer-org-orderer2"), before);
        }
        assert_eq!(effects(world), (1, 5));
    });
}

#[test]
fn a_node_that_is_silent_for_a_moment_is_no_news_and_one_that_stays_silent_is() {
    story(async |world| {
        let stop = CancellationToken::new();
        let daemon = world.driver(Goal::Forever, &stop).run();
        let scene = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            let quiet = world.repository.status_files();
            world.net.kill(ORDERER_2);
            // Longer than the pause between two looks, and shorter than it takes to believe it.
            tokio::time::sleep(Duration::from_secs(18)).await;
            assert!(world.repository.status_files() == quiet, "two looks are no news");
            world.net.start(ORDERER_2).unwrap();
            tokio::time::sleep(Duration::from_mins(1)).await;
            assert!(world.repository.status_files() == quiet);
            world.net.kill(ORDERER_2);
            tokio::time::sleep(Duration::from_secs(90)).await;
            assert_eq!(status(world).state, UnitState::Unknown);
            assert_eq!(words(&channel(world, "ch1").orderers)[1], ("trade-orderer-org-orderer2", "silent"));
            world.net.start(ORDERER_2).unwrap();
            tokio::time::sleep(Duration::from_mins(1)).await;
            assert_eq!(status(world).state, UnitState::Converged);
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(daemon, scene);
        ended.unwrap();
        assert_eq!(effects(world), (1, 5), "silence is no reason to join anybody");
    });
}

#[test]
fn an_ordering_node_that_lost_its_volume_is_told_as_wiped_even_when_the_region_forgot_its_join() {
    story(async |world| {
        world.net.kill(ORDERER_2);
        world.net.wipe(ORDERER_2);
        world.net.start(ORDERER_2).unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
        for forget in [false, true] {
            if forget {
                world.forget_inventories();
            }
            let summary = world.run_once().await.unwrap();
            assert_eq!(summary.units[&unit(UNIT)], UnitState::Refused, "{forget}: {:?}", world.status(STATUS));
            assert_eq!((codes(world), effects(world)), (vec!["HDL4011".to_owned()], (1, 5)), "{forget}");
        }
    });
}

#[test]
fn nobody_is_joined_before_the_status_branch_remembers_the_first_block() {
    let number = story(async |world| first_blocks(world)[0]);
    begin(async |world| {
        // From the moment that the block is kept nothing gets onto the branch.
        world.faults.fail_pushes_after(number, Fault::Refused, 1000);
        let stop = CancellationToken::new();
        let daemon = world.driver(Goal::Forever, &stop).run();
        let scene = async {
            while effects(world).0 == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            tokio::time::sleep(Duration::from_mins(2)).await;
            assert_eq!(effects(world), (1, 0));
            world.faults.fail_pushes(Fault::Refused, 0);
            tokio::time::sleep(Duration::from_mins(10)).await;
            assert_eq!((status(world).state, effects(world)), (UnitState::Converged, (1, 5)));
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(daemon, scene);
        ended.unwrap();
    });
}

#[test]
fn a_first_block_that_no_region_keeps_any_more_is_told_and_not_made_again() {
    story(async |world| {
        world.delete("v1", "ConfigMap", "demo-platform", "trade--channel-ch1");
        for forget in [false, true] {
            if forget {
                world.forget_inventories();
            }
            let summary = world.run_once().await.unwrap();
            assert_eq!(summary.units[&unit(UNIT)], UnitState::Refused, "{forget}: {:?}", world.status(STATUS));
            assert_eq!((codes(world), effects(world)), (vec!["HDL4015".to_owned()], (1, 5)), "{forget}");
        }
    });
}

#[test]
fn a_lost_answer_to_the_first_block_makes_no_second_one() {
    let number = story(async |world| first_blocks(world)[0]);
    for fault in [Fault::LostAnswer, Fault::CrashAfter, Fault::LostRequest] {
        begin(async |world| {
            world.faults.at_effect(number, fault);
            while world.run_until_crash().await.is_none() {}
            assert_eq!(status(world).state, UnitState::Converged, "{fault:?}: {:?}", world.status(STATUS));
            let hit = world.faults.recorded().into_iter().find(|effect| effect.fault.is_some()).unwrap();
            assert!(hit.target.contains("--channel-"), "{hit:?}");
            let made = 1 + usize::from(fault == Fault::LostRequest);
            assert_eq!((effects(world), world.net.blocks()["ch1"].len()), ((made, 5), 1), "{fault:?}");
        });
    }
}
