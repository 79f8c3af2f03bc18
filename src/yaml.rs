//! L1: the one door to YAML.
//!
//! Input: bytes. Output: heddle's own documents as types ([`read`], [`write`]), or a user's document as a tree with the
//! place of every key and value ([`tree::parse`]). It knows no schema. Invariants: no other room names a YAML crate;
//! what is written reads the same with YAML 1.1 and 1.2 readers; equal values give equal bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

pub mod scalar;
mod text;
pub mod tree;

/// Why a document cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{detail}")]
pub struct YamlError {
    /// What is wrong.
    pub detail: String,
}

/// Reads a document that heddle wrote itself.
///
/// Words such as `no` stay text, numbers with leading zeros stay text, a repeated key, an alias or a second document is
/// an error.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, YamlError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_aliases: 0, max_anchors: 0, max_merge_keys: 0 },
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    };
    serde_saphyr::from_slice_with_options(bytes, options).map_err(|error| YamlError { detail: error.to_string() })
}

/// Writes a document, block style, keys in the order of the type, readable by YAML 1.1 and 1.2 parsers alike.
///
/// Block scalars are off, because one that starts with a tab cannot be read by libyaml.
pub fn write<T: Serialize>(value: &T) -> Result<String, YamlError> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(value, options).map_err(|error| YamlError { detail: error.to_string() })
}

#[cfg(test)]
mod tests;
