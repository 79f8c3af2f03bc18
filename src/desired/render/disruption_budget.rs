//! How many pods of a group a drain may take.
//!
//! Input: a network's wanted nodes. Output: one `PodDisruptionBudget` for each (network, organization, role, region).
//! Invariant: none may go while there is no spare. Spare for orderers: a majority of all the network's orderers stays
//! without one (Raft needs three for that); for peers: another peer of the group. Budgets know nothing of other
//! regions: two drains in two regions at once are for heddle's own budgets and the people who drain.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::inputs::NetworkInputs;
use super::labels;
use super::sheet::{Draft, Sheet, named};
use crate::desired::naming;
use crate::desired::unit::Stage;
use crate::model::object::Kind;
use crate::spec::network::MemberRole;

/// Orderers with which one may be down: a majority of three is two.
const ORDERERS_WITH_SPARE: usize = 3;
/// Peers of a group with which one may be down.
const PEERS_WITH_SPARE: usize = 2;

/// Writes the budgets of a network down.
pub(super) fn render(sheet: &mut Sheet<'_>, network: &NetworkInputs<'_>) {
    let mut groups = BTreeMap::new();
    let mut orderers = 0;
    for of in network.nodes.iter().filter(|of| of.active) {
        *groups.entry((of.organization, of.role, &of.node.region)).or_insert(0_usize) += 1;
        orderers += usize::from(of.role == MemberRole::Orderer);
    }
    for ((organization, role, region), members) in groups {
        let Some(namespace) = sheet.namespace(&organization.tenant) else { continue };
        let spare = match role {
            MemberRole::Orderer => orderers >= ORDERERS_WITH_SPARE,
            MemberRole::Peer => members >= PEERS_WITH_SPARE,
        };
        let pods = labels::of_group(network.id, organization, role);
        sheet.put(Draft {
            region,
            tenant: &organization.tenant,
            id: named(
                Kind::PodDisruptionBudget,
                &namespace,
                &naming::group(network.id, organization, labels::role(role)),
            ),
            stage: Stage::Support,
            node: None,
            secrets: BTreeSet::new(),
            labels: pods.clone(),
            body: body(spare, &pods),
        });
    }
}

/// The body: at most one of these pods when there is a spare, else none.
pub(super) fn body(spare: bool, pods: &Value) -> Value {
    json!({ "spec": { "maxUnavailable": u8::from(spare), "selector": { "matchLabels": pods } } })
}
