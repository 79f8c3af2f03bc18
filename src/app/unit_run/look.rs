//! What a unit's cycle looks at before it plans.
//!
//! Input: a wish, regions, nodes. Output: [`Looked`]. It decides nothing and writes nothing. Invariants: Secrets are looked up
//! by name and only their metadata; what the status branch says of first blocks is what the branch holds, never what is
//! still to be pushed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Shared, Wish};
use crate::apply::secrets;
use crate::desired::channel::DesiredChannel;
use crate::desired::unit::DesiredUnit;
use crate::k8s::health::{self, Health};
use crate::ledger::observe::{self, Said};
use crate::ledger::records;
use crate::model::names::{ChannelId, RegionName};
use crate::model::object::ObjectId;
use crate::observed::channel::{ChannelSeen, RecordSeen};
use crate::observed::identity::SecretSeen;
use crate::observed::region::{Presence, RegionObservation};
use crate::plan::channel::turns;
use crate::plan::diff::World;
use crate::plan::identity::{self, Decisions, Question};

/// The world as far as a unit needs it, what follows from it for its identities, and the unit with the names of their
/// Secrets.
pub(super) struct Looked {
    pub(super) world: World,
    pub(super) identities: Decisions,
    pub(super) channels: turns::Seen,
    /// The unit; none when its document vanished.
    pub(super) desired: Option<Arc<DesiredUnit>>,
}

/// Looks at the world, and at the Secrets that hold the unit's identities.
pub(super) async fn look(shared: Shared<'_>, wish: &Wish) -> Looked {
    let mut world = world_of(shared, wish);
    let looked = |world, identities, desired| Looked { world, identities, channels: turns::Seen::new(), desired };
    let Some(desired) = &wish.desired else { return looked(world, Decisions::default(), None) };
    let wanted = identity::to_look_up(desired, &world, &wish.recorded);
    if wanted.is_empty() {
        return looked(world, Decisions::default(), Some(desired.clone()));
    }
    take_in(&mut world, secrets::look_up(shared.reachable, wanted).await);
    let question = Question {
        installation: shared.installation,
        desired,
        world: &world,
        recorded: &wish.recorded,
        now: shared.clock.now(),
    };
    let identities = identity::decide(question);
    let resolved = desired.resolved(&identities.in_force);
    looked(world, identities, Some(Arc::new(resolved)))
}

/// Asks the nodes of the unit's channels, and looks at what places remember.
pub(super) async fn look_at_channels(shared: Shared<'_>, wish: &Wish, world: &World) -> turns::Seen {
    let Some(desired) = &wish.desired else { return turns::Seen::new() };
    let each = desired.channels.iter().map(|(id, channel)| look_at_channel(shared, wish, world, (id, channel)));
    futures::future::join_all(each).await.into_iter().collect()
}

async fn look_at_channel(
    shared: Shared<'_>,
    wish: &Wish,
    world: &World,
    (id, channel): (&ChannelId, &DesiredChannel),
) -> (ChannelId, ChannelSeen) {
    let Shared { installation, reachable, nodes, blocks, .. } = shared;
    let (said, records) = tokio::join!(
        observe::ask(nodes, reachable, world, channel),
        records::look(installation, reachable, world, channel),
    );
    let Said { orderers, peers } = said;
    let branch = wish.blocks.get(id).map(|known| (known.block, known.joined.clone()));
    let kept = records.values().find_map(|record| match record {
        RecordSeen::Present { block, .. } => Some(*block),
        RecordSeen::Absent | RecordSeen::Unknown { .. } => None,
    });
    let founders = match kept {
        // Without the block nobody can be joined anyway.
        Some(digest) => blocks.get(reachable, channel, digest).await.ok().map(|block| block.founders.clone()),
        None => None,
    };
    (id.clone(), ChannelSeen { records, branch, founders, orderers, peers })
}

fn take_in(world: &mut World, found: BTreeMap<RegionName, BTreeMap<ObjectId, SecretSeen>>) {
    for (region, found) in found {
        if let Some(seen) = world.get_mut(&region) {
            seen.secrets.extend(found);
        }
    }
}

pub(super) fn world_of(shared: Shared<'_>, wish: &Wish) -> World {
    let (no_objects, no_units) = (BTreeMap::new(), BTreeSet::new());
    let objects = wish.desired.as_ref().map_or(&no_objects, |desired| &desired.objects);
    let builds_on = wish.desired.as_ref().map_or(&no_units, |desired| &desired.depends_on);
    let mut world = World::new();
    for (region, access) in shared.regions {
        let seen = match access {
            Ok(access) => {
                let objects = objects.keys().filter(|target| target.region == *region).map(|target| &target.id);
                let homes = wish.desired.iter().flat_map(|desired| desired.channels.values());
                let records = homes.filter_map(|channel| channel.homes.get(region)).map(|home| &home.record);
                let ids: Vec<&ObjectId> = objects.chain(records).collect();
                access.slice(&wish.unit, builds_on, &ids)
            }
            Err(why) => RegionObservation::unknown(region.clone(), why.clone()),
        };
        world.insert(region.clone(), seen);
    }
    world
}

/// Secrets matter only to workloads that are not ready.
pub(super) async fn look_up_secrets(shared: Shared<'_>, desired: &DesiredUnit, world: &mut World) {
    let unready = desired.objects.iter().any(|(target, wanted)| {
        let seen = world.get(&target.region).map(|seen| seen.look_up(&target.id));
        !wanted.secrets.is_empty()
            && matches!(seen, Some(Presence::Present(live)) if health::judge(live.generation, &live.health) != Health::Healthy)
    });
    if !unready {
        return;
    }
    take_in(world, secrets::look_up(shared.reachable, secrets::brought(desired)).await);
}
