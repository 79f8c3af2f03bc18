//! Records of first blocks in regions.
//!
//! Input: a channel that should exist, regions as seen. Output: the record as an object, what places remember, a recorded block.
//! It writes nothing. Invariants: a record is immutable from its first moment; one that somebody else made is unknown and
//! never absent; what an inventory remembers counts even when the record is gone; a block is compared with the digest
//! that is known before anybody gets it.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::ByteString;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::custody::{Reachable, World};
use crate::desired::channel::{DesiredChannel, Home};
use crate::k8s::object::Object;
use crate::k8s::ownership;
use crate::model::digest::Digest;
use crate::model::names::{InstallationId, RegionName};
use crate::model::object::ObjectId;
use crate::model::unit::UnitId;
use crate::observed::channel::{ChannelRow, RecordSeen};
use crate::observed::object::ObservedObject;
use crate::observed::region::{Completeness, Presence, RegionObservation};
use crate::ports::cluster::{ClusterError, Identity};

/// The key of the block in its ConfigMap.
const BLOCK: &str = "genesis.block";

/// Why a recorded block cannot be had.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The region cannot be reached.
    #[error("region {region} cannot be reached")]
    Region {
        /// The region.
        region: RegionName,
    },
    /// No region is meant to keep it.
    #[error("no region keeps the first block of this channel")]
    Nowhere,
    /// It could not be read.
    #[error("{record} could not be read")]
    Read {
        /// The ConfigMap.
        record: ObjectId,
        /// Why.
        #[source]
        source: ClusterError,
    },
    /// It is gone, or holds no block, or another one than is known.
    #[error("{record} does not hold the first block that is known: restore it from a backup")]
    Unusable {
        /// The ConfigMap.
        record: ObjectId,
    },
}

/// The record of a block.
pub fn draft(installation: &InstallationId, region: &RegionName, home: &Home, block: &[u8]) -> Object {
    let reference = ownership::self_reference(installation, region, &home.record);
    let metadata = json!({ "labels": home.labels, "annotations": { ownership::SELF: reference } });
    let data = json!({ BLOCK: ByteString(block.to_vec()) });
    let body = [("metadata", metadata), ("immutable", json!(true)), ("binaryData", data)];
    let body: Map<String, Value> = body.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Object::new(home.record.clone(), body)
}

/// What regions remember of a channel.
pub async fn look(
    installation: &InstallationId,
    regions: &Reachable,
    world: &World,
    desired: &DesiredChannel,
) -> BTreeMap<RegionName, RecordSeen> {
    let mut found = BTreeMap::new();
    for (region, home) in &desired.homes {
        let seen = match world.get(region) {
            Some(seen) => one(installation, regions, seen, (desired, home)).await,
            None => unknown("nobody looked at the region"),
        };
        found.insert(region.clone(), seen);
    }
    found
}

fn unknown(detail: &str) -> RecordSeen {
    RecordSeen::Unknown { detail: detail.to_owned() }
}

async fn one(
    installation: &InstallationId,
    regions: &Reachable,
    seen: &RegionObservation,
    (desired, home): (&DesiredChannel, &Home),
) -> RecordSeen {
    if let Err(why) = &seen.cluster {
        return unknown(&why.to_string());
    }
    let unit = UnitId::Network(desired.channel.network.clone());
    let row = seen.inventories.get(&unit).and_then(|inventory| inventory.channel(&desired.channel.id));
    let row = row.map(|(_, row)| row);
    let remembered = row.and_then(|row| row.block);
    let joined = || row.map_or_else(BTreeSet::new, |ChannelRow { joined, .. }| joined.clone());
    match (seen.look_up(&home.record), remembered) {
        (Presence::Unknown(why), _) => unknown(in_words(why)),
        (Presence::Present(live), _) if !is_ours(installation, &seen.region, live) => {
            unknown(&format!("{} exists and belongs to somebody else", home.record))
        }
        (Presence::Absent, None) => RecordSeen::Absent,
        (Presence::Absent, Some(block)) => RecordSeen::Present { block, kept: false, joined: joined() },
        (Presence::Present(_), Some(block)) => RecordSeen::Present { block, kept: true, joined: joined() },
        // The answer to its creation was lost, or the inventory is new.
        (Presence::Present(_), None) => match read(regions, &seen.region, home, None).await {
            Ok(block) => RecordSeen::Present { block: Digest::of(&block), kept: true, joined: joined() },
            Err(error) => unknown(&crate::model::causes::chain(&error)),
        },
    }
}

fn in_words(completeness: &Completeness) -> &str {
    match completeness {
        Completeness::Complete => "it was seen and is not told",
        Completeness::Incomplete { detail } => detail,
        Completeness::Stale => "no news for three minutes",
        Completeness::Forbidden => "ConfigMaps may not be listed",
    }
}

fn is_ours(installation: &InstallationId, region: &RegionName, live: &ObservedObject) -> bool {
    let reference = ownership::self_reference(installation, region, &live.id);
    live.owner.self_reference.as_deref() == Some(&*reference)
        && live.owner.installation.as_deref() == Some(installation.as_str())
}

/// A recorded block; the one with this digest, when one is known.
pub async fn read(
    regions: &Reachable,
    region: &RegionName,
    home: &Home,
    known: Option<Digest>,
) -> Result<Vec<u8>, RecordError> {
    let record = || home.record.clone();
    let access = regions.get(region).ok_or_else(|| RecordError::Region { region: region.clone() })?;
    let unusable = || RecordError::Unusable { record: record() };
    let identity = Identity::writer_of(&home.record, &home.tenant).ok_or_else(unusable)?;
    let live = access.cluster().get(&identity, &home.record).await;
    let live = live.map_err(|source| RecordError::Read { record: record(), source })?.ok_or_else(unusable)?;
    let value = live.body.get("binaryData").and_then(|data| data.get(BLOCK)).cloned().ok_or_else(unusable)?;
    let ByteString(block) = serde_json::from_value(value).map_err(|_| unusable())?;
    if known.is_some_and(|known| known != Digest::of(&block)) {
        return Err(unusable());
    }
    Ok(block)
}
