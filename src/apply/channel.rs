//! One step of a channel: its first block is made and kept, copied, or given to a node.
//!
//! Input: a step of an approved plan, the channel that should exist. Output: what became of it. Whether its turn has come is
//! decided elsewhere. Invariants: a first block is created only where nothing of its name is; one whose creation may have
//! happened is read and never made a second time; nobody gets another block than the one that is kept and known.

use std::sync::Arc;

use super::execute::Effects;
use super::join::{self, Join};
use super::write::{self, Write};
use crate::desired::channel::{DesiredChannel, Home};
use crate::fabric::genesis::Origin;
use crate::k8s::projection;
use crate::ledger::genesis;
use crate::ledger::nodes::{Node, Role};
use crate::ledger::records;
use crate::model::causes;
use crate::model::digest::Digest;
use crate::observed::object::ObservedObject;
use crate::plan::change::{Change, ChangeSite, ChannelAction, ChannelStep};
use crate::plan::outcome::ChangeOutcome;
use crate::ports::cluster::Identity;
use crate::region::access::RegionAccess;

/// What a step needs.
#[derive(Clone, Copy)]
pub struct Stepping<'a> {
    /// The effects.
    pub effects: Effects<'a>,
    /// The region of its target.
    pub region: &'a RegionAccess,
    /// The change.
    pub change: &'a Change,
    /// The step.
    pub step: &'a ChannelStep,
    /// The channel.
    pub wanted: &'a DesiredChannel,
}

/// What became of a step.
#[derive(Debug)]
pub struct Stepped {
    /// What became of it.
    pub outcome: ChangeOutcome,
    /// The record as the server keeps it.
    pub live: Option<ObservedObject>,
    /// The first block that is kept now.
    pub recorded: Option<Digest>,
}

impl Stepped {
    fn of(outcome: ChangeOutcome) -> Self {
        Self { outcome, live: None, recorded: None }
    }

    /// What cannot be had now may be had in the next cycle, which plans anew.
    fn failed(category: &str, error: &dyn std::error::Error) -> Self {
        Self::of(ChangeOutcome::Failed { category: category.to_owned(), detail: causes::chain(error), transient: true })
    }
}

/// Does the step.
pub async fn step(stepping: Stepping<'_>) -> Stepped {
    match &stepping.step.action {
        ChannelAction::Genesis => create(stepping).await,
        ChannelAction::Copy { block } => {
            match stepping.effects.blocks.get(stepping.effects.regions, stepping.wanted, *block).await {
                Ok(block) => keep(stepping, &block.bytes).await,
                Err(error) => Stepped::failed("record", &error),
            }
        }
        ChannelAction::JoinOrderer { block } | ChannelAction::JoinPeer { block } => {
            Stepped::of(join(stepping, *block).await)
        }
    }
}

async fn create(stepping: Stepping<'_>) -> Stepped {
    let Effects { regions, world, clock, entropy, .. } = stepping.effects;
    let nonce = match entropy.bytes() {
        // Nothing secret: it only tells this creation from another one.
        Ok(drawn) => drawn.expose().first_chunk::<24>().copied().unwrap_or_default(),
        Err(error) => return Stepped::failed("entropy", &error),
    };
    let origin = Origin { nonce, at: clock.now() };
    match genesis::first_block(regions, world, stepping.wanted, origin).await {
        Ok(block) => keep(stepping, &block).await,
        Err(error) => Stepped::failed("genesis", &error),
    }
}

/// Keeps a first block in the region of the change.
async fn keep(stepping: Stepping<'_>, block: &[u8]) -> Stepped {
    let Stepping { effects, region, change, wanted, .. } = stepping;
    let Some(home) = wanted.homes.get(&change.target.region) else { return Stepped::of(ChangeOutcome::NotReached) };
    let Home { record, tenant, .. } = home;
    let Some(identity) = Identity::writer_of(record, tenant) else { return Stepped::of(ChangeOutcome::NotReached) };
    let object = Arc::new(records::draft(effects.installation, &change.target.region, home, block));
    let site = ChangeSite { target: change.target.clone(), stage: change.stage, tenant: tenant.clone() };
    let creation = Change::create(site, projection::desired_digest(&object));
    let write = Write { region, clock: effects.clock, identity: &identity, change: &creation, object: &object };
    let written = write::write(write).await;
    let recorded = written.outcome.is_done().then(|| Digest::of(block));
    Stepped { outcome: written.outcome, live: written.live, recorded }
}

async fn join(stepping: Stepping<'_>, digest: Option<Digest>) -> ChangeOutcome {
    let Stepping { effects, region, change, wanted, .. } = stepping;
    let (workload, channel) = (&change.target, &wanted.channel.id);
    let (node, role) = match (wanted.consenters.get(workload), wanted.peers.get(workload)) {
        (Some(consenter), _) => (&consenter.node, Role::Orderer),
        (None, Some(node)) => (node, Role::Peer),
        (None, None) => return ChangeOutcome::NotReached,
    };
    let Some(digest) = digest else { return ChangeOutcome::NotReached };
    let block = match effects.blocks.get(effects.regions, wanted, digest).await {
        Ok(block) => block,
        Err(error) => return Stepped::failed("record", &error).outcome,
    };
    let join = Join { region, clock: effects.clock, channel, block: &block.bytes };
    match effects.nodes.get(effects.regions, effects.world, (workload, node, role)).await {
        Ok(Node::Orderer(port)) => join::orderer(join, &*port).await,
        Ok(Node::Peer(port)) => join::peer(join, &*port).await,
        Err(error) => Stepped::failed("access", &error).outcome,
    }
}
