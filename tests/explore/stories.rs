//! Stories: what people do, step by step; between the steps heddle runs until everything is at rest.

use std::collections::BTreeMap;
use std::time::Duration;

use heddle::model::revision::RepoPath;
use heddle::report::unit_report;
use heddle::report::unit_status::UnitStatus;
use serde_json::json;

use crate::world::World;

/// A step of a story.
pub(crate) type Step = fn(&World);

/// A story.
pub(crate) struct Story {
    pub(crate) name: &'static str,
    /// Told without faults.
    pub(crate) before: &'static [Step],
    /// Told with faults.
    pub(crate) steps: &'static [Step],
    /// Whether objects end in it.
    pub(crate) deletes: bool,
    /// How many days it lasts.
    pub(crate) days: u64,
    /// Whether pods run ordering nodes and peers.
    pub(crate) nodes: bool,
}

pub(crate) const STORIES: [Story; 8] = [
    Story {
        name: "create",
        before: &[],
        steps: &[commit_fleet, bring_wanted_secrets],
        deletes: false,
        days: 1,
        nodes: false,
    },
    Story {
        name: "update",
        before: &[commit_fleet, bring_wanted_secrets],
        steps: &[update_fabric],
        deletes: false,
        days: 1,
        nodes: false,
    },
    Story {
        name: "prune",
        before: &[commit_fleet, bring_wanted_secrets],
        steps: &[decommission, approve],
        deletes: true,
        days: 1,
        nodes: false,
    },
    Story {
        name: "drift",
        before: &[commit_fleet, bring_wanted_secrets],
        steps: &[edit_by_hand],
        deletes: false,
        days: 1,
        nodes: false,
    },
    Story { name: "issue", before: &[], steps: &[commit_issued_fleet], deletes: false, days: 1, nodes: false },
    Story {
        name: "renew",
        before: &[commit_issued_fleet],
        steps: &[most_of_a_year],
        deletes: false,
        days: 1 + MOST_OF_A_YEAR,
        nodes: false,
    },
    // From nothing: nodes come up while their channel waits for them.
    Story { name: "found", before: &[], steps: &[commit_channel], deletes: false, days: 1, nodes: true },
    // Another channel on nodes that run, and a peer that comes to both.
    Story {
        name: "join",
        before: &[commit_channel],
        steps: &[commit_second_channel, commit_third_peer],
        deletes: false,
        days: 1,
        nodes: true,
    },
];

/// Days after which a certificate of a year is renewed.
const MOST_OF_A_YEAR: u64 = 250;

/// The same fleet with keys that heddle issues.
pub(crate) fn commit_issued_fleet(world: &World) {
    commit_fleet(world);
    world.issue_by_itself();
}

const NETWORK: &str = "tenants/platform/networks/trade.yaml";

/// The issued fleet with a channel.
pub(crate) fn commit_channel(world: &World) {
    commit_issued_fleet(world);
    let text = world.text(NETWORK);
    world.commit_text(NETWORK, &format!("{text}  channels:\n    - {{name: ch1, members: [Acme]}}\n"));
}

fn commit_second_channel(world: &World) {
    let text = world.text(NETWORK);
    world.commit_text(NETWORK, &format!("{text}    - {{name: ch2, members: [Acme]}}\n"));
}

fn commit_third_peer(world: &World) {
    let path = "tenants/acme/organizations/acme.yaml";
    let text = world.text(path);
    let peer = "    - network: platform/trade\n      name: peer3\n      region: local\n  defaults:";
    world.commit_text(path, &text.replace("  defaults:", peer));
}

fn most_of_a_year(world: &World) {
    world.let_pass(Duration::from_hours(24 * MOST_OF_A_YEAR));
}

/// The quick-start with a second peer and two more orderers, so that groups have more than one node.
pub(crate) fn commit_fleet(world: &World) {
    world.commit_quick_start();
    world.commit_change("tenants/acme/organizations/acme.yaml", with_second_peer);
    world.commit_change("tenants/platform/organizations/orderer-org.yaml", |text| {
        let first = "    - network: platform/trade\n      name: orderer1\n      region: local\n";
        let more: String = [1, 2, 3].iter().map(|n| first.replace("orderer1", &format!("orderer{n}"))).collect();
        text.replace(first, &more)
    });
    world.commit_change("tenants/platform/tenant.yaml", enough_quota);
    world.commit_change("tenants/acme/tenant.yaml", enough_quota);
}

fn enough_quota(text: &str) -> String {
    text.replace("cpu: \"8\"", "cpu: \"32\"").replace("memory: 8Gi", "memory: 64Gi").replace("100Gi", "500Gi")
}

fn with_second_peer(text: &str) -> String {
    text.replace("  defaults:", "    - network: platform/trade\n      name: peer2\n      region: local\n  defaults:")
}

/// Brings every Secret that a report waits for.
pub(crate) fn bring_wanted_secrets(world: &World) {
    for status in statuses(world).values() {
        for wait in &status.waits {
            let words: Vec<&str> = wait.split([' ', ',', ';']).collect();
            for secret in words.windows(2).filter(|pair| pair[0] == "Secret").map(|pair| pair[1]) {
                let (namespace, name) = secret.split_once('/').unwrap();
                if world.get("v1", "Secret", namespace, name).is_none() {
                    world.create("v1", "Secret", namespace, name, json!({"type": "Opaque"}));
                }
            }
        }
    }
}

/// All units' statuses.
pub(crate) fn statuses(world: &World) -> BTreeMap<RepoPath, UnitStatus> {
    let files = world.repository.status_files();
    let units = files.into_iter().filter(|(path, _)| path.as_str().ends_with("/status.yaml"));
    units.filter_map(|(path, bytes)| Some((path, heddle::app::status_yaml::read(&bytes)?))).collect()
}

fn update_fabric(world: &World) {
    world.commit_change("tenants/platform/networks/trade.yaml", |text| text.replace("3.1.5", "3.1.6"));
}

fn decommission(world: &World) {
    world.commit_change("tenants/acme/organizations/acme.yaml", |text| {
        with_second_peer(text).replace("      name: peer2\n", "      name: peer2\n      lifecycle: Decommissioned\n")
    });
}

/// Commits the approvals that the reports ask for.
pub(crate) fn approve(world: &World) {
    for held in statuses(world).into_values().filter_map(|status| status.held) {
        for tenant in held.approvals_from {
            let path = format!("tenants/{tenant}/approvals/{}.yaml", held.plan.short());
            world.commit_text(&path, &unit_report::approval(&held.plan.to_string(), &held.plan.short()));
        }
    }
}

fn edit_by_hand(world: &World) {
    let change = json!({"spec": {"selector": {"fabric.heddle.dev/role": "nobody"}}});
    world.edit("v1", "Service", "demo-acme", "trade-acme-peer1-a29dd58b", &change);
    let more = json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 7}}}});
    world.edit("apps/v1", "StatefulSet", "demo-acme", "trade-acme-peer1-a29dd58b", &more);
}
