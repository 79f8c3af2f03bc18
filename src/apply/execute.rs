//! Walks an approved plan: stage after stage, the changes of a stage at once.
//!
//! Input: an [`ApprovedPlan`] and the objects it speaks of. Output: an outcome for each change, and the inventory as it
//! is afterwards. It makes no choices. Invariants: a stage begins when every change of the one before is done; after a
//! stage with a failure nothing more is reached; rows of creations are stored before the first creation.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::desired::unit::{DesiredUnit, Stage};
use crate::k8s::object::Object;
use crate::ledger::blocks::Blocks;
use crate::ledger::custody::World;
use crate::ledger::nodes::Nodes;
use crate::model::digest::Digest;
use crate::model::names::{InstallationId, RegionName};
use crate::model::object::Kind;
use crate::observed::object::ObservedObject;
use crate::plan::approval::{ApprovedPlan, Consent};
use crate::plan::change::{Change, ChangeId, Op};
use crate::plan::outcome::{ChangeOutcome, ChangeResult};
use crate::ports::clock::Clock;
use crate::ports::cluster::Identity;
use crate::ports::entropy::Entropy;

use super::channel::{self, Stepped, Stepping};
use super::delete::{self, Delete};
use super::issue::{self, Issuing, Stored};
use super::write::{self, Write};
use crate::region::access::RegionAccess;

/// What applying needs beside the plan.
#[derive(Clone, Copy)]
pub struct Effects<'a> {
    /// The installation.
    pub installation: &'a InstallationId,
    /// The regions that can be reached.
    pub regions: &'a BTreeMap<RegionName, Arc<RegionAccess>>,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// Where keys come from.
    pub entropy: &'a dyn Entropy,
    /// Ordering nodes and peers.
    pub nodes: &'a Nodes,
    /// First blocks.
    pub blocks: &'a Blocks,
    /// What was seen before anything was done.
    pub world: &'a World,
}

/// One change, what became of it, and what the server keeps.
#[derive(Debug)]
pub struct Executed {
    /// The change and its outcome.
    pub result: ChangeResult,
    /// What the server keeps, where it is known.
    pub live: Option<ObservedObject>,
    /// What was issued.
    pub stored: Option<Stored>,
    /// The first block that is kept now.
    pub recorded: Option<Digest>,
}

/// Applies the plan.
pub async fn execute(effects: Effects<'_>, approved: &ApprovedPlan, desired: Option<&DesiredUnit>) -> Vec<Executed> {
    let mut executed = Vec::new();
    let mut halted = false;
    for stage in stages(approved.changes()) {
        if halted {
            executed.extend(stage.iter().map(|(change, consent)| not_reached(change, consent)));
            continue;
        }
        let mut running: FuturesUnordered<_> =
            stage.iter().map(|(change, consent)| one(effects, change, consent, desired)).collect();
        while let Some(done) = running.next().await {
            halted |= !done.result.outcome.is_done();
            executed.push(done);
        }
    }
    executed.sort_by(|a, b| order(&a.result.change).cmp(&order(&b.result.change)));
    executed
}

fn order(change: &Change) -> (bool, Stage, &crate::model::object::ObjectRef, &ChangeId) {
    (change.op == Op::Delete, change.stage, &change.target, &change.id)
}

/// Runs of changes that may happen at once. Deletions of one stage are their own run, after all else.
fn stages(changes: &[(Change, Consent)]) -> Vec<&[(Change, Consent)]> {
    changes.chunk_by(|(a, _), (b, _)| a.stage == b.stage && (a.op == Op::Delete) == (b.op == Op::Delete)).collect()
}

fn object_of<'a>(desired: Option<&'a DesiredUnit>, change: &Change) -> Option<&'a Arc<Object>> {
    desired.and_then(|unit| unit.objects.get(&change.target)).map(|wanted| &wanted.object)
}

async fn one(effects: Effects<'_>, change: &Change, consent: &Consent, desired: Option<&DesiredUnit>) -> Executed {
    let identity = Identity::writer_of(&change.target.id, &change.tenant);
    let Effect { outcome, live, stored, recorded } = match (effects.regions.get(&change.target.region), identity) {
        (Some(region), Some(identity)) => effect(effects, region, &identity, (change, desired)).await,
        _ => Effect::of(ChangeOutcome::NotReached),
    };
    tracing::debug!(object = %change.target, op = change.op.word(), done = outcome.is_done(), "change");
    Executed {
        result: ChangeResult { change: change.clone(), consent: consent.clone(), outcome },
        live,
        stored,
        recorded,
    }
}

struct Effect {
    outcome: ChangeOutcome,
    live: Option<ObservedObject>,
    stored: Option<Stored>,
    recorded: Option<Digest>,
}

impl Effect {
    fn of(outcome: ChangeOutcome) -> Self {
        Self { outcome, live: None, stored: None, recorded: None }
    }
}

async fn effect(
    effects: Effects<'_>,
    region: &RegionAccess,
    identity: &Identity,
    (change, desired): (&Change, Option<&DesiredUnit>),
) -> Effect {
    let Effects { installation, clock, entropy, .. } = effects;
    match &change.op {
        Op::Create | Op::Update(_) => match object_of(desired, change) {
            Some(object) => {
                let written = write::write(Write { region, clock, identity, change, object }).await;
                Effect { live: written.live, ..Effect::of(written.outcome) }
            }
            None => Effect::of(ChangeOutcome::NotReached),
        },
        Op::Delete => Effect::of(delete::delete(Delete { installation, region, clock, identity, change }).await),
        Op::Issue(issue) => match desired.and_then(|unit| unit.identities.get(&issue.identity)) {
            Some(wanted) => {
                let issuing = Issuing { installation, region, clock, entropy, change, issue, wanted };
                let (outcome, stored) = issue::issue(issuing).await;
                Effect { stored, ..Effect::of(outcome) }
            }
            None => Effect::of(ChangeOutcome::NotReached),
        },
        Op::Channel(step) => match desired.and_then(|unit| unit.channels.get(&step.channel.id)) {
            Some(wanted) => {
                let Stepped { outcome, live, recorded } =
                    channel::step(Stepping { effects, region, change, step, wanted }).await;
                Effect { live, recorded, ..Effect::of(outcome) }
            }
            None => Effect::of(ChangeOutcome::NotReached),
        },
    }
}

fn not_reached(change: &Change, consent: &Consent) -> Executed {
    let result = ChangeResult { change: change.clone(), consent: consent.clone(), outcome: ChangeOutcome::NotReached };
    Executed { result, live: None, stored: None, recorded: None }
}

/// Whether a change only puts back what somebody changed, without a restart: the one thing that may start before its
/// `started` record is pushed.
pub fn is_routine_repair(change: &Change) -> bool {
    use crate::plan::change::{Cause, Risk};
    change.cause == Cause::Drift && change.risk == Risk::Routine && change.target.id.kind != Kind::Namespace
}
