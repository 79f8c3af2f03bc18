//! Keeps the inventory ahead of what exists.
//!
//! Input: what was stored, what is going to be created, what was done. Output: stored inventories. It decides no
//! deletion. Invariants: rows come before their objects; a row leaves only when its object was read as gone; equal rows
//! are not written again; a write carries the version that was read.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::desired::unit::DesiredUnit;
use crate::model::digest::Digest;
use crate::model::identity::Generation;
use crate::model::names::{InstallationId, RegionName, TenantName};
use crate::model::object::{Kind, ObjectId, ObjectRef, Uid};
use crate::model::unit::UnitId;
use crate::observed::channel::{ChannelRow, RecordSeen};
use crate::observed::identity::{IdentityRow, IssuedFacts, SecretSeen};
use crate::observed::inventory::{Inventory, Row};
use crate::observed::inventory_document::{self, InventoryError};
use crate::observed::object::ObservedObject;
use crate::observed::region::{Presence, RegionObservation};
use crate::plan::approval::ApprovedPlan;
use crate::plan::change::{ChannelAction, ChannelStep, Issue, Op};
use crate::plan::channel::turns;
use crate::plan::identity;
use crate::plan::outcome::ChangeOutcome;
use crate::ports::cluster::{ApplyRequest, ClusterError, Expect, Identity};

use super::execute::Executed;
use crate::region::access::RegionAccess;

/// Why an inventory could not be kept.
#[derive(Debug, Error)]
pub enum KeepError {
    /// It cannot be stored in its form, or what is stored is damaged.
    #[error("the inventory cannot be stored")]
    Form(#[from] InventoryError),
    /// The server did not take it.
    #[error("the inventory of {unit} in {region} was not stored")]
    Store {
        /// The unit.
        unit: UnitId,
        /// The region.
        region: RegionName,
        /// Why.
        #[source]
        source: ClusterError,
    },
}

/// The inventory with a row for every creation of the plan, before anything is created.
pub fn extended(
    inventory: &Inventory,
    region: &RegionName,
    approved: &ApprovedPlan,
    desired: &DesiredUnit,
) -> Inventory {
    let mut extended = inventory.clone();
    for (change, _) in approved.changes().iter().filter(|(change, _)| change.target.region == *region) {
        let (node, identity) = match &change.op {
            Op::Create => (desired.objects.get(&change.target).and_then(|wanted| wanted.node.as_deref()), None),
            Op::Issue(issue) => {
                let node = desired.identities.get(&issue.identity).and_then(|wanted| wanted.node.as_deref());
                let Issue { identity, generation, .. } = &**issue;
                let row = IdentityRow { name: identity.id.name.clone(), generation: *generation, facts: None };
                (node, Some(row))
            }
            Op::Channel(step) => {
                intend_record(&mut extended, &change.target.id, (&change.tenant, step));
                continue;
            }
            Op::Update(_) | Op::Delete => continue,
        };
        // What exists under this row later was made with this content, or by somebody else.
        let row = Row { applied: change.desired, identity, ..Row::intended(&change.tenant, node) };
        extended.rows.insert(change.target.id.clone(), row);
    }
    extended
}

/// A row for a first block that is about to be kept; one that is there says more.
fn intend_record(inventory: &mut Inventory, record: &ObjectId, (tenant, step): (&TenantName, &ChannelStep)) {
    match step.action {
        ChannelAction::Genesis | ChannelAction::Copy { .. } => {
            let row = ChannelRow { id: step.channel.id.clone(), block: None, joined: BTreeSet::new() };
            let intended = || Row { channel: Some(row), ..Row::intended(tenant, None) };
            inventory.rows.entry(record.clone()).or_insert_with(intended);
        }
        ChannelAction::JoinOrderer { .. } | ChannelAction::JoinPeer { .. } => {}
    }
}

/// The inventory with all that is seen of channels and that a row lacks: blocks that regions keep, joins that nodes or the status branch
/// tell of.
pub fn with_channels(
    inventory: &Inventory,
    seen: &RegionObservation,
    unit: &DesiredUnit,
    channels: &turns::Seen,
) -> Inventory {
    let mut completed = inventory.clone();
    let unconfirmed = turns::unconfirmed(unit, channels);
    for (id, desired) in &unit.channels {
        let record = channels.get(id).and_then(|channel| channel.records.get(&seen.region));
        let (Some(home), Some(RecordSeen::Present { block, .. })) = (desired.homes.get(&seen.region), record) else {
            continue;
        };
        let row = completed.rows.entry(home.record.clone()).or_insert_with(|| Row::intended(&home.tenant, None));
        if let Presence::Present(live) = seen.look_up(&home.record) {
            row.uid = Some(live.uid.clone());
        }
        let known =
            row.channel.get_or_insert_with(|| ChannelRow { id: id.clone(), block: None, joined: BTreeSet::new() });
        // What was known first stays known.
        known.block.get_or_insert(*block);
        let branch = channels.get(id).and_then(|channel| channel.branch.as_ref()).map(|(_, joined)| joined);
        let told = unconfirmed.get(id).into_iter().chain(branch).flatten();
        known.joined.extend(told.filter(|node| node.region == seen.region).cloned());
    }
    completed
}

/// The inventory after the changes: uids and contents of what was written, without what is gone.
pub fn after(inventory: &Inventory, region: &RegionName, executed: &[Executed]) -> Inventory {
    let mut after = inventory.clone();
    for Executed { result, live, stored, recorded } in
        executed.iter().filter(|done| done.result.change.target.region == *region)
    {
        let id = &result.change.target.id;
        match (&result.change.op, &result.outcome) {
            (Op::Delete, ChangeOutcome::Done | ChangeOutcome::DoneBefore) => drop(after.rows.remove(id)),
            (Op::Create | Op::Update(_), outcome) => {
                let (Some(row), Some(live)) = (after.rows.get_mut(id), live) else { continue };
                row.uid = Some(live.uid.clone());
                if outcome.is_done() {
                    row.applied = result.change.desired;
                    row.settled = None;
                }
                if let (ChangeOutcome::NotSettled { .. }, Some(desired), Some(applied)) =
                    (outcome, result.change.desired, &live.applied)
                {
                    row.applied = Some(desired);
                    row.settled = Some((desired, applied.projection));
                }
            }
            (Op::Issue(_), _) => {
                if let (Some(row), Some(stored)) = (after.rows.get_mut(id), stored) {
                    confirm(row, &stored.uid, &stored.facts);
                }
            }
            (Op::Channel(step), outcome) => {
                let step = (&**step, &result.change.target);
                channel_step(&mut after, step, (outcome, live.as_ref(), *recorded));
            }
            (Op::Delete, _) => {}
        }
    }
    without_superseded(&mut after);
    after
}

/// A first block that is kept now, or a join that was confirmed.
fn channel_step(
    inventory: &mut Inventory,
    (step, target): (&ChannelStep, &ObjectRef),
    (outcome, live, recorded): (&ChangeOutcome, Option<&ObservedObject>, Option<Digest>),
) {
    match step.action {
        ChannelAction::Genesis | ChannelAction::Copy { .. } => {
            let (Some(row), Some(live)) = (inventory.rows.get_mut(&target.id), live) else { return };
            row.uid = Some(live.uid.clone());
            if let (Some(known), Some(block), true) = (&mut row.channel, recorded, outcome.is_done()) {
                known.block.get_or_insert(block);
            }
        }
        ChannelAction::JoinOrderer { .. } if outcome.is_done() => {
            let mut rows = inventory.rows.values_mut().filter_map(|row| row.channel.as_mut());
            if let Some(known) = rows.find(|known| known.id == step.channel.id) {
                known.joined.insert(target.clone());
            }
        }
        ChannelAction::JoinOrderer { .. } | ChannelAction::JoinPeer { .. } => {}
    }
}

fn confirm(row: &mut Row, uid: &Uid, facts: &IssuedFacts) {
    row.uid = Some(uid.clone());
    row.applied = Some(facts.wish);
    if let Some(identity) = &mut row.identity {
        identity.facts = Some(facts.clone());
    }
}

/// Rows of certificates that a confirmed newer one of the same identity follows say nothing any more.
fn without_superseded(inventory: &mut Inventory) {
    let mut newest: BTreeMap<(Option<Box<str>>, Box<str>), Generation> = BTreeMap::new();
    for (id, row) in &inventory.rows {
        if let Some(IdentityRow { name, generation, facts: Some(_) }) = &row.identity {
            let kept = newest.entry((id.namespace.clone(), name.clone())).or_insert(*generation);
            *kept = (*kept).max(*generation);
        }
    }
    inventory.rows.retain(|id, row| {
        row.identity.as_ref().is_none_or(|identity| {
            let key = (id.namespace.clone(), identity.name.clone());
            newest.get(&key).is_none_or(|newest| identity.generation >= *newest)
        })
    });
}

/// The inventory as it should be when nothing is in flight: every wanted object that exists has its row with uid and
/// content; rows without a uid whose object certainly is absent are dropped, and so are those of objects that a
/// complete observation no longer shows and nothing wants.
pub fn at_rest(
    installation: &InstallationId,
    inventory: &Inventory,
    unit: Option<&DesiredUnit>,
    seen: &RegionObservation,
) -> Inventory {
    let wanted: BTreeMap<&ObjectId, _> = unit
        .into_iter()
        .flat_map(|unit| &unit.objects)
        .filter(|(target, _)| target.region == seen.region)
        .map(|(target, wanted)| (&target.id, wanted))
        .collect();
    let mut at_rest = inventory.clone();
    at_rest.rows.retain(|id, row| id.kind != Kind::Secret || keeps_key(unit, seen, (id, row)));
    at_rest.rows.retain(|id, row| {
        id.kind == Kind::Secret
            || match seen.look_up(id) {
                // What was known of a channel is remembered, or a lost one would look new.
                Presence::Absent => row.uid.is_some() && (wanted.contains_key(id) || row.channel.is_some()),
                Presence::Present(_) | Presence::Unknown(_) => true,
            }
    });
    for (id, wanted) in wanted {
        let Presence::Present(live) = seen.look_up(id) else { continue };
        let equal = live.applied.as_ref().is_some_and(|applied| applied.projection == wanted.digest);
        if !equal {
            continue;
        }
        let row =
            at_rest.rows.entry(id.clone()).or_insert_with(|| Row::intended(&wanted.tenant, wanted.node.as_deref()));
        row.uid = Some(live.uid.clone());
        row.applied = Some(wanted.digest);
        row.node.clone_from(&wanted.node);
    }
    if let Some(unit) = unit {
        take_in_keys(&mut at_rest, installation, unit, seen);
    }
    without_superseded(&mut at_rest);
    at_rest
}

/// Secrets say what was issued, so that an inventory that was lost knows it again.
fn take_in_keys(
    inventory: &mut Inventory,
    installation: &InstallationId,
    unit: &DesiredUnit,
    seen: &RegionObservation,
) {
    for (id, secret) in &seen.secrets {
        let SecretSeen::Present(found) = secret else { continue };
        let object = ObjectRef { region: seen.region.clone(), id: id.clone() };
        let (Some(facts), true) = (&found.facts, identity::is_ours(installation, &object, found)) else { continue };
        let held = unit.identities.iter().find_map(|(identity, wanted)| {
            let here = identity.region == seen.region && id.namespace.as_deref() == Some(&*identity.id.namespace);
            let generation = id.name.strip_prefix(&*identity.id.name)?.strip_prefix('-')?;
            here.then_some((identity, wanted, Generation::parse(generation)?))
        });
        let Some((identity, wanted, generation)) = held else { continue };
        let row = inventory.rows.entry(id.clone()).or_insert_with(|| {
            let row = IdentityRow { name: identity.id.name.clone(), generation, facts: None };
            Row { identity: Some(row), ..Row::intended(&wanted.tenant, wanted.node.as_deref()) }
        });
        if row.identity.as_ref().is_some_and(|known| known.facts.is_none()) {
            confirm(row, &found.uid, facts);
        }
    }
}

/// A row of a key leaves when its Secret certainly is gone and either it was never confirmed or nothing wants it.
fn keeps_key(unit: Option<&DesiredUnit>, seen: &RegionObservation, (id, row): (&ObjectId, &Row)) -> bool {
    let secret = ObjectRef { region: seen.region.clone(), id: id.clone() };
    let wanted = || {
        let name = row.identity.as_ref().map(|identity| &*identity.name);
        unit.zip(name).is_some_and(|(unit, name)| identity::is_wanted(unit, &secret, name))
    };
    match seen.secret(id) {
        SecretSeen::Absent => row.uid.is_some() && wanted(),
        SecretSeen::Present(_) | SecretSeen::Unknown => true,
    }
}

/// Stores an inventory where it differs from what is stored.
pub async fn store(
    installation: &InstallationId,
    region: &RegionAccess,
    unit: &UnitId,
    before: &Inventory,
    after: Inventory,
) -> Result<Inventory, KeepError> {
    if before.rows == after.rows {
        return Ok(after);
    }
    let object = inventory_document::encode(installation, unit, &after)?;
    let expect = match &before.stored {
        None => Expect::Absent,
        Some((uid, version)) => Expect::Exactly { uid: uid.clone(), resource_version: version.clone() },
    };
    let failed = |source| KeepError::Store { unit: unit.clone(), region: region.name().clone(), source };
    let request = ApplyRequest { object: &object, expect, force: true, dry_run: false };
    let stored = match region.cluster().apply(&Identity::Platform, request).await {
        Ok(applied) => (applied.live.uid, applied.live.resource_version),
        // Our own lost answer, or another writer: only a copy with our rows counts as ours.
        Err(error) => {
            let Some(live) = region.cluster().get(&Identity::Platform, object.id()).await.map_err(failed)? else {
                // Somebody deleted it while we know its rows: the next cycle stores them anew.
                region.record_inventory(unit, &Inventory { stored: None, ..before.clone() });
                return Err(failed(error));
            };
            let (_, stored) = inventory_document::decode(&live.body)?;
            if stored.rows != after.rows {
                // Somebody else wrote it: the next cycle starts from theirs.
                region.record_inventory(unit, &stored);
                return Err(failed(error));
            }
            stored.stored.ok_or_else(|| failed(error))?
        }
    };
    let after = Inventory { stored: Some(stored), ..after };
    region.record_inventory(unit, &after);
    Ok(after)
}

/// The regions in which a plan changes something.
pub fn regions_of(approved: &ApprovedPlan) -> Vec<RegionName> {
    let mut regions: Vec<RegionName> =
        approved.changes().iter().map(|(change, _)| change.target.region.clone()).collect();
    regions.sort();
    regions.dedup();
    regions
}

/// A target's row.
pub fn row<'a>(inventory: &'a Inventory, target: &ObjectRef) -> Option<&'a Row> {
    inventory.rows.get(&target.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::names::ChannelId;
    use crate::observed::region::{Completeness, RegionUnknown};

    #[test]
    fn what_was_known_of_a_channel_is_remembered_when_its_record_is_gone() {
        let region = RegionName::parse("eu").unwrap();
        let unreachable = RegionUnknown::Unreachable { detail: "for this test".into() };
        let mut seen = RegionObservation::unknown(region, unreachable);
        seen.kinds.insert(Kind::ConfigMap, Completeness::Complete);
        let channel = ChannelRow {
            id: ChannelId::parse("ch1").unwrap(),
            block: Some(Digest::of(b"block")),
            joined: BTreeSet::new(),
        };
        let tenant = TenantName::parse("acme").unwrap();
        let row = |uid: Option<&str>| Row {
            uid: uid.map(Uid::new),
            channel: Some(channel.clone()),
            ..Row::intended(&tenant, None)
        };
        let known = ObjectId::namespaced(Kind::ConfigMap, "ns", "trade-channel-ch1");
        let never = ObjectId::namespaced(Kind::ConfigMap, "ns", "trade-channel-ch2");
        let rows = BTreeMap::from([(known.clone(), row(Some("uid"))), (never, row(None))]);
        let installation = InstallationId::parse("demo").unwrap();
        let left = at_rest(&installation, &Inventory { rows, stored: None }, None, &seen).rows;
        assert_eq!(left.keys().collect::<Vec<_>>(), [&known]);
    }
}
