//! Chance from outside.
//!
//! Input: none. Output: bytes that nobody can guess. Invariant: L0 to L6 draw nothing by chance but from here.

use thiserror::Error;

use crate::model::secret::Secret;

/// The machine gives no random bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the machine gives no random bytes: {detail}")]
pub struct EntropyError {
    /// In which way.
    pub detail: String,
}

/// A source of random bytes.
pub trait Entropy: Send + Sync {
    /// 32 bytes, good enough for a key.
    fn bytes(&self) -> Result<Secret<[u8; 32]>, EntropyError>;
}
