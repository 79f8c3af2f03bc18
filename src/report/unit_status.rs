//! `status.yaml` of a unit.
//!
//! Input: a [`UnitOutcome`] and the status stored before. Output: [`UnitStatus`], the wire form of the document. It
//! renders no text. Invariants: no clock value but the instant of the last real change; heights and latencies never
//! stand here; a document reads back into the same value.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::digest::Digest;
use crate::model::identity::{Generation, IdentityId, IdentityRef};
use crate::model::names::{ChannelId, RegionName};
use crate::model::object::{Kind, ObjectId, ObjectRef};
use crate::model::revision::{RepoPath, Revision};
use crate::model::unit::UnitId;
use crate::plan::channel::state::{ChannelState, NodeState};
use crate::plan::identity::{Issued, Recorded};
use crate::plan::outcome::{ChangeOutcome, UnitOutcome, UnitState, WorkloadState};
use crate::plan::unit_plan::{Counts, PlanId};

/// How many plans of a unit are kept.
pub const RECENT_PLANS: usize = 20;

/// The document. Unknown fields are ignored when it is read, so that an older program can read a newer one's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnitStatus {
    /// `heddle.dev/v1alpha1`.
    pub api_version: String,
    /// `Status`.
    pub kind: String,
    /// The unit, such as `network/platform/trade`.
    #[schemars(with = "String")]
    pub unit: UnitId,
    /// Where it stands.
    #[schemars(with = "String")]
    pub state: UnitState,
    /// The last good revision: the one whose wish is in force. It stays the same while later revisions wish the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub revision: Option<Revision>,
    /// The digest of the wish in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub wish: Option<Digest>,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<String>,
    /// What is held for an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldStatus>,
    /// What is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<Finding>,
    /// Problems of its documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Finding>,
    /// What failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
    /// Fields that others put into guarded places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_fields: Vec<String>,
    /// What exists and is not wanted any more, of a kind that no plan deletes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_behind: Vec<String>,
    /// Workloads by region.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, String>>")]
    pub workloads: BTreeMap<RegionName, BTreeMap<String, String>>,
    /// Identities that were issued, by region, each under `<namespace>/<name>`. None ever leaves this list while its unit
    /// lives: it is the second place that remembers what was issued, beside the inventory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, IdentityStatus>>")]
    pub identities: BTreeMap<RegionName, BTreeMap<String, IdentityStatus>>,
    /// Channels by name. None that was created ever leaves this list: it is the second place that remembers first blocks,
    /// beside the regions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, ChannelStatus>")]
    pub channels: BTreeMap<ChannelId, ChannelStatus>,
    /// The last plan of which something was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_change: Option<LastChange>,
    /// The newest plans, open ones and applied ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub plans: Vec<PlanId>,
}

/// An identity that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityStatus {
    /// Which of its certificates; each renewal is the next one.
    #[schemars(with = "u32")]
    pub generation: Generation,
    /// The fingerprint of its key, which renewals keep.
    #[schemars(with = "String")]
    pub key: Digest,
    /// The last second of its certificate.
    #[schemars(with = "String")]
    pub ends: Timestamp,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelStatus {
    /// The digest of its first block, once that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub block: Option<Digest>,
    /// Ordering nodes whose join was confirmed, by region, each as `<namespace>/<name>`. One that lost the channel since is not
    /// joined again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub confirmed: BTreeMap<RegionName, BTreeSet<String>>,
    /// Whether its ordering nodes have a leader.
    pub has_leader: bool,
    /// Its ordering nodes by region: `joined`, `follows`, `not joined`, `not ready` or `silent`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, String>>")]
    pub orderers: BTreeMap<RegionName, BTreeMap<String, String>>,
    /// Its peers by region.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, String>>")]
    pub peers: BTreeMap<RegionName, BTreeMap<String, String>>,
}

/// What a status remembers of a channel's creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownChannel {
    /// The digest of its first block.
    pub block: Digest,
    /// Ordering nodes whose join was confirmed.
    pub joined: BTreeSet<ObjectRef>,
}

/// A held plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldStatus {
    /// Its id: what an Approval names.
    #[schemars(with = "String")]
    pub plan: PlanId,
    /// How many changes it holds.
    pub changes: usize,
    /// How many of them restart a node.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub restarts: usize,
    /// Whose folders the approvals belong into.
    pub approvals_from: Vec<String>,
    /// Approvals that seem to be meant for it and grant nothing of it, each with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub idle_approvals: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A coded finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Its stable code.
    pub code: String,
    /// The place in the source, as `file:line:column`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The last plan of which something was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastChange {
    /// The plan.
    #[schemars(with = "String")]
    pub plan: PlanId,
    /// When it ended.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Issued.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub issued: usize,
    /// Created.
    pub created: usize,
    /// Updated.
    pub updated: usize,
    /// Deleted.
    pub deleted: usize,
    /// Steps of channels.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub channel_steps: usize,
    /// Not done.
    pub not_done: usize,
}

/// The path of a unit's document below the status branch.
pub fn folder(unit: &UnitId) -> String {
    match unit {
        UnitId::Fleet => "fleet".to_owned(),
        UnitId::Tenant(tenant) => format!("tenants/{tenant}"),
        UnitId::Organization(organization) => {
            format!("tenants/{}/organizations/{}", organization.tenant, organization.name)
        }
        UnitId::Network(network) => format!("tenants/{}/networks/{}", network.tenant, network.name),
    }
}

/// The path of `status.yaml`.
pub fn path(unit: &UnitId) -> Option<RepoPath> {
    RepoPath::parse(&format!("{}/status.yaml", folder(unit))).ok()
}

/// What was applied in a cycle: the plan, and when it ended.
#[derive(Debug, Clone, Copy)]
pub struct AppliedNow {
    /// The plan.
    pub plan: PlanId,
    /// When it ended.
    pub at: Timestamp,
}

/// The status after a cycle.
pub fn status(outcome: &UnitOutcome, applied: Option<AppliedNow>, before: Option<&UnitStatus>) -> UnitStatus {
    let held = outcome.held.as_ref().map(|plan| HeldStatus {
        plan: plan.id(),
        changes: plan.changes.len(),
        restarts: plan.counts().disruptive,
        approvals_from: crate::plan::approval::consents_needed(plan).iter().map(ToString::to_string).collect(),
        idle_approvals: outcome.idle_approvals.iter().map(ToString::to_string).collect(),
    });
    let last_change =
        applied.map(|now| last_change(outcome, now)).or_else(|| before.and_then(|status| status.last_change.clone()));
    let mut plans = before.map(|status| status.plans.clone()).unwrap_or_default();
    // What is held stays in front from cycle to cycle, so that the list does not change when nothing happens.
    let new = applied.iter().map(|now| now.plan).chain(held.iter().map(|held| held.plan));
    for plan in new {
        plans.retain(|old| *old != plan);
        plans.insert(0, plan);
    }
    plans.truncate(RECENT_PLANS);
    UnitStatus {
        api_version: "heddle.dev/v1alpha1".into(),
        kind: "Status".into(),
        unit: outcome.unit.clone(),
        state: outcome.state(),
        revision: revision_in_force(outcome, before),
        wish: outcome.wish.or_else(|| before.and_then(|status| status.wish)),
        waits: outcome.waits.iter().map(ToString::to_string).collect(),
        held,
        refusals: outcome.refusals.iter().map(|refusal| finding(&refusal.diagnostic())).collect(),
        diagnostics: outcome.diagnostics.iter().map(finding).collect(),
        failures: failures(outcome),
        foreign_fields: outcome
            .foreign_fields
            .iter()
            .map(|field| format!("{}: {} (by {})", field.object, field.path, field.manager))
            .collect(),
        left_behind: outcome.left_behind.iter().map(ToString::to_string).collect(),
        workloads: workloads(outcome),
        identities: identities(outcome, before),
        channels: channels(outcome, before),
        last_change,
        plans,
    }
}

/// The revision that a unit's documents name: the stored one as long as the wish is the same. So a commit that does not
/// concern the unit, or a restart, changes none of its documents.
pub fn revision_in_force(outcome: &UnitOutcome, before: Option<&UnitStatus>) -> Option<Revision> {
    let stored = before.and_then(|status| status.revision);
    let same_wish = outcome.wish.is_some() && outcome.wish == before.and_then(|status| status.wish);
    if same_wish { stored.or(outcome.revision) } else { outcome.revision.or(stored) }
}

fn last_change(outcome: &UnitOutcome, now: AppliedNow) -> LastChange {
    let mut done = Counts::default();
    let mut not_done = 0;
    for result in &outcome.results {
        match (result.outcome.is_done(), result.change.op.word()) {
            (false, _) => not_done += 1,
            (true, "issue") => done.issue += 1,
            (true, "create") => done.create += 1,
            (true, "update") => done.update += 1,
            (true, "delete") => done.delete += 1,
            (true, _) => done.channel += 1,
        }
    }
    LastChange {
        plan: now.plan,
        at: now.at,
        issued: done.issue,
        created: done.create,
        updated: done.update,
        deleted: done.delete,
        channel_steps: done.channel,
        not_done,
    }
}

/// A diagnostic as it stands in a report.
pub fn finding(diagnostic: &crate::model::diagnostic::Diagnostic) -> Finding {
    let place = diagnostic.file.as_ref().map(|file| match diagnostic.span {
        Some(span) => format!("{file}:{}:{}", span.start.line, span.start.column),
        None => file.to_string(),
    });
    Finding {
        code: diagnostic.code.to_string(),
        place,
        message: diagnostic.message.clone(),
        hint: diagnostic.hint.clone(),
    }
}

fn failures(outcome: &UnitOutcome) -> Vec<String> {
    let of_changes = outcome.results.iter().filter_map(|result| {
        let target = &result.change.target;
        match &result.outcome {
            ChangeOutcome::Done | ChangeOutcome::DoneBefore | ChangeOutcome::NotReached => None,
            ChangeOutcome::Stale { found } => Some(format!("{target}: the plan is stale: {found}")),
            ChangeOutcome::Foreign { says } => {
                let hint = "rename it or delete it, if nobody needs it; heddle looks again every minute";
                Some(format!("{target}: it exists and belongs to somebody else (it says it is `{says}`): {hint}"))
            }
            ChangeOutcome::Conflict { fields } => {
                let fields: Vec<String> = fields.iter().map(|(path, by)| format!("{path} held by {by}")).collect();
                Some(format!("{target}: {}", fields.join(", ")))
            }
            ChangeOutcome::NotSettled { detail } | ChangeOutcome::Failed { detail, .. } => {
                Some(format!("{target}: {detail}"))
            }
        }
    });
    outcome.failure.iter().map(ToString::to_string).chain(of_changes).collect()
}

fn workloads(outcome: &UnitOutcome) -> BTreeMap<RegionName, BTreeMap<String, String>> {
    let mut regions: BTreeMap<RegionName, BTreeMap<String, String>> = BTreeMap::new();
    for workload in &outcome.workloads {
        let state = match workload.state {
            WorkloadState::Ready => "ready",
            WorkloadState::NotReady => "not ready",
            WorkloadState::Absent => "absent",
            WorkloadState::Unknown => "unknown",
        };
        regions
            .entry(workload.object.region.clone())
            .or_default()
            .insert(workload.object.id.name.to_string(), state.to_owned());
    }
    regions
}

fn identities(
    outcome: &UnitOutcome,
    before: Option<&UnitStatus>,
) -> BTreeMap<RegionName, BTreeMap<String, IdentityStatus>> {
    let mut regions = before.map(|status| status.identities.clone()).unwrap_or_default();
    for (identity, issued) in &outcome.identities {
        let Issued { generation, key, ends } = issued.clone();
        let of_region = regions.entry(identity.region.clone()).or_default();
        of_region.insert(identity.id.to_string(), IdentityStatus { generation, key, ends });
    }
    regions
}

/// Nodes by region, each under its name with its word.
fn by_region(nodes: &BTreeMap<ObjectRef, NodeState>) -> BTreeMap<RegionName, BTreeMap<String, String>> {
    let mut regions: BTreeMap<RegionName, BTreeMap<String, String>> = BTreeMap::new();
    for (node, state) in nodes {
        let word = match state {
            NodeState::Joined => JOINED,
            NodeState::Follows => "follows",
            NodeState::NotJoined => "not joined",
            NodeState::NotReady => "not ready",
            NodeState::Silent => "silent",
        };
        regions.entry(node.region.clone()).or_default().insert(node.id.name.to_string(), word.to_owned());
    }
    regions
}

/// The word of a node that has its channel.
pub const JOINED: &str = "joined";

fn channels(outcome: &UnitOutcome, before: Option<&UnitStatus>) -> BTreeMap<ChannelId, ChannelStatus> {
    let known = before.map(|status| &status.channels).into_iter().flatten();
    let mut channels: BTreeMap<ChannelId, ChannelStatus> = known
        .filter(|(_, channel)| channel.block.is_some())
        .map(|(id, channel)| (id.clone(), channel.clone()))
        .collect();
    for (id, state) in &outcome.channels {
        let ChannelState { block, confirmed, has_leader, orderers, peers } = state;
        let before = channels.remove(id);
        let mut marks = before.as_ref().map(|before| before.confirmed.clone()).unwrap_or_default();
        for ObjectRef { region, id } in confirmed {
            let name = format!("{}/{}", id.namespace.as_deref().unwrap_or_default(), id.name);
            marks.entry(region.clone()).or_default().insert(name);
        }
        let status = ChannelStatus {
            block: before.and_then(|before| before.block).or(*block),
            confirmed: marks,
            has_leader: *has_leader,
            orderers: by_region(orderers),
            peers: by_region(peers),
        };
        channels.insert(id.clone(), status);
    }
    channels
}

/// What a status remembers of channels.
pub fn known_channels(status: &UnitStatus) -> BTreeMap<ChannelId, KnownChannel> {
    let known = |(id, channel): (&ChannelId, &ChannelStatus)| {
        let of_region = |(region, nodes): (&RegionName, &BTreeSet<String>)| {
            let node = |name: &String| {
                let (namespace, name) = name.split_once('/')?;
                Some(ObjectRef { region: region.clone(), id: ObjectId::namespaced(Kind::StatefulSet, namespace, name) })
            };
            nodes.iter().filter_map(node).collect::<Vec<_>>()
        };
        let joined = channel.confirmed.iter().flat_map(of_region).collect();
        Some((id.clone(), KnownChannel { block: channel.block?, joined }))
    };
    status.channels.iter().filter_map(known).collect()
}

/// What a status remembers of what was issued.
pub fn recorded(status: &UnitStatus) -> Recorded {
    let of_region = |(region, identities): (&RegionName, &BTreeMap<String, IdentityStatus>)| {
        let read = |(name, identity): (&String, &IdentityStatus)| {
            let (namespace, name) = name.split_once('/')?;
            let IdentityStatus { generation, key, ends } = identity.clone();
            let id = IdentityId::new(namespace, name);
            Some((IdentityRef { region: region.clone(), id }, Issued { generation, key, ends }))
        };
        identities.iter().filter_map(read).collect::<Vec<_>>()
    };
    status.identities.iter().flat_map(of_region).collect()
}

#[cfg(test)]
mod tests;
