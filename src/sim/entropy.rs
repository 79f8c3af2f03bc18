//! Chance in the simulated world.
//!
//! Input: a seed. Output: the [`Entropy`] port. Nothing that is drawn here is secret. Invariant: the same seed and the same
//! calls give the same bytes; no two calls of one source give the same.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::digest::Digest;
use crate::model::secret::Secret;
use crate::ports::entropy::{Entropy, EntropyError};

/// A source of bytes that follow from a seed.
#[derive(Debug)]
pub struct SimEntropy {
    seed: u64,
    drawn: AtomicU64,
}

impl SimEntropy {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: AtomicU64::new(0) }
    }
}

impl Entropy for SimEntropy {
    fn bytes(&self) -> Result<Secret<[u8; 32]>, EntropyError> {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        Ok(Secret::new(*Digest::of_parts([self.seed.to_string(), number.to_string()]).as_bytes()))
    }
}
