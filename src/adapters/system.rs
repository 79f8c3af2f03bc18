//! The machine's clock and its random numbers.
//!
//! Input: none. Output: the present instant, real waits, random bytes. Invariant: the only place that asks the system's
//! time or its source of randomness.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use zeroize::Zeroize;

use crate::model::secret::Secret;
use crate::ports::clock::Clock;
use crate::ports::entropy::{Entropy, EntropyError};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The machine's source of random bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn bytes(&self) -> Result<Secret<[u8; 32]>, EntropyError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| EntropyError { detail: error.to_string() })?;
        let drawn = Secret::new(bytes);
        bytes.zeroize();
        Ok(drawn)
    }
}
