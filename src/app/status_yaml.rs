//! Status documents as bytes.
//!
//! Input: status values. Output: YAML. A document that cannot be read is no status. Invariant: equal values give equal
//! bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::yaml::{self, YamlError};

/// Reads a document; none when it is damaged or of another form.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    yaml::read(bytes).ok()
}

/// Writes a document.
pub fn write<T: Serialize>(value: &T) -> Result<Vec<u8>, YamlError> {
    yaml::write(value).map(String::into_bytes)
}
