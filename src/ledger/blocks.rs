//! First blocks as this process knows them.
//!
//! Input: channels that should exist, regions, the digest that is known. Output: the block and whom it names. Invariants: a block
//! is read once, because what has its digest never changes; one of another channel, or that is no first block, is unusable.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::custody::Reachable;
use super::records::{self, RecordError};
use crate::desired::channel::DesiredChannel;
use crate::fabric::block;
use crate::model::digest::Digest;
use crate::model::names::ChannelId;
use crate::observed::channel::Founders;

/// A first block.
#[derive(Debug)]
pub struct FirstBlock {
    /// As it is kept.
    pub bytes: Vec<u8>,
    /// Whom it names.
    pub founders: Founders,
}

/// First blocks that this process has read.
#[derive(Default)]
pub struct Blocks {
    kept: Mutex<BTreeMap<Digest, Arc<FirstBlock>>>,
}

impl Blocks {
    /// The first block with this digest, from whichever home region keeps it.
    pub async fn get(
        &self,
        regions: &Reachable,
        desired: &DesiredChannel,
        digest: Digest,
    ) -> Result<Arc<FirstBlock>, RecordError> {
        if let Some(kept) = self.kept().get(&digest) {
            return Ok(kept.clone());
        }
        let mut failure = RecordError::Nowhere;
        for (region, home) in &desired.homes {
            let read = records::read(regions, region, home, Some(digest)).await;
            match read.and_then(|bytes| first(&desired.channel.id, bytes, home)) {
                Ok(block) => {
                    let block = Arc::new(block);
                    self.kept().insert(digest, block.clone());
                    return Ok(block);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<Digest, Arc<FirstBlock>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn first(channel: &ChannelId, bytes: Vec<u8>, home: &crate::desired::channel::Home) -> Result<FirstBlock, RecordError> {
    let read = block::read(&bytes).ok().filter(|read| read.channel == *channel && read.number == 0);
    let founders = read.map(|read| Founders::of(&read.config));
    let founders = founders.ok_or_else(|| RecordError::Unusable { record: home.record.clone() })?;
    Ok(FirstBlock { bytes, founders })
}
