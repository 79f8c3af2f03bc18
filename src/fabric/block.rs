//! Configuration blocks: read, and verified as far as a block shows by itself.
//!
//! Input: bytes. Output: [`ConfigBlock`]. It verifies no signature of orderers: whoever hands out a block is authenticated by
//! the connection. Invariants: bounded before it is parsed; a block whose data does not have the hash in its header, or
//! that holds no configuration, is an error.

use prost::Message;
use thiserror::Error;

use super::config::{ChannelConfig, ConfigError};
use super::wire::common::{Block, BlockData, BlockHeader, ChannelHeader, ConfigEnvelope, Envelope, Payload};
use crate::model::digest::Digest;
use crate::model::names::{ChannelId, NameError};

/// The largest block that is read, in bytes: what a channel's own limits allow at most by default, and something more.
pub const BYTES_MAX: usize = 16 * 1024 * 1024;
/// `HeaderType.CONFIG`.
const CONFIG: i32 = 1;

/// Why bytes are no configuration block.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BlockError {
    /// More than [`BYTES_MAX`].
    #[error("the block has {0} bytes, more than {BYTES_MAX}")]
    TooLarge(usize),
    /// It is no message of that type.
    #[error("the {0} cannot be decoded")]
    Undecodable(&'static str),
    /// A part is missing.
    #[error("the block has no {0}")]
    Missing(&'static str),
    /// The hash in the header is another one.
    #[error("the data of the block does not have the hash that its header says")]
    DataHash,
    /// It holds transactions, or more than one envelope.
    #[error("the block holds no configuration")]
    NoConfig,
    /// The channel's name is none.
    #[error("the block's channel has no usable name")]
    Channel(#[from] NameError),
    /// The configuration cannot be read.
    #[error("the block's configuration cannot be read")]
    Config(#[from] ConfigError),
}

/// A configuration block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigBlock {
    /// Its channel.
    pub channel: ChannelId,
    /// Its number.
    pub number: u64,
    /// The hash of its header: what the next block names.
    pub hash: Digest,
    /// The configuration.
    pub config: ChannelConfig,
}

/// SHA-256 over all envelopes, one after the other (Fabric `protoutil/blockutils.go`).
pub fn data_hash(data: &BlockData) -> [u8; 32] {
    let whole: Vec<u8> = data.data.concat();
    *Digest::of(&whole).as_bytes()
}

/// SHA-256 over number, previous hash and data hash as an ASN.1 sequence (Fabric `protoutil/blockutils.go`).
pub fn header_hash(header: &BlockHeader) -> Digest {
    let mut content = integer(header.number);
    for part in [&header.previous_hash, &header.data_hash] {
        content.push(0x04);
        content.extend(length(part.len()));
        content.extend_from_slice(part);
    }
    let mut whole = vec![0x30];
    whole.extend(length(content.len()));
    whole.extend(content);
    Digest::of(&whole)
}

/// A non-negative INTEGER in DER.
fn integer(number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let mut digits: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    if digits.first().is_none_or(|first| *first >= 0x80) {
        digits.insert(0, 0);
    }
    let mut whole = vec![0x02];
    whole.extend(length(digits.len()));
    whole.extend(digits);
    whole
}

/// A length in DER.
fn length(length: usize) -> Vec<u8> {
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => vec![short],
        _ => {
            let digits: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            let count = u8::try_from(digits.len()).unwrap_or(u8::MAX);
            std::iter::once(0x80 | count).chain(digits).collect()
        }
    }
}

/// Reads a configuration block.
pub fn read(bytes: &[u8]) -> Result<ConfigBlock, BlockError> {
    if bytes.len() > BYTES_MAX {
        return Err(BlockError::TooLarge(bytes.len()));
    }
    let undecodable = |what: &'static str| move |_| BlockError::Undecodable(what);
    let block = Block::decode(bytes).map_err(undecodable("block"))?;
    let header = block.header.ok_or(BlockError::Missing("header"))?;
    let data = block.data.ok_or(BlockError::Missing("data"))?;
    if header.data_hash != data_hash(&data) {
        return Err(BlockError::DataHash);
    }
    let [envelope] = data.data.as_slice() else { return Err(BlockError::NoConfig) };
    let envelope = Envelope::decode(envelope.as_slice()).map_err(undecodable("envelope"))?;
    let payload = Payload::decode(envelope.payload.as_slice()).map_err(undecodable("payload"))?;
    let headers = payload.header.ok_or(BlockError::Missing("payload header"))?;
    let channel = ChannelHeader::decode(headers.channel_header.as_slice()).map_err(undecodable("channel header"))?;
    if channel.r#type != CONFIG {
        return Err(BlockError::NoConfig);
    }
    let envelope = ConfigEnvelope::decode(payload.data.as_slice()).map_err(undecodable("configuration"))?;
    let config = envelope.config.ok_or(BlockError::Missing("configuration"))?;
    Ok(ConfigBlock {
        channel: ChannelId::parse(&channel.channel_id)?,
        number: header.number,
        hash: header_hash(&header),
        config: ChannelConfig::of(&config)?,
    })
}
