//! The machine's clock, which the story can put forward.
//!
//! Input: durations. Output: the [`Clock`] port. Waits are as long as on the machine. Invariant: it never goes back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::adapters::system::SystemClock;
use crate::ports::clock::Clock;

/// A clock that is ahead of the machine's.
#[derive(Debug, Default)]
pub(super) struct DemoClock(AtomicU64);

impl DemoClock {
    /// Puts it forward.
    pub(super) fn forward(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        let ahead = Duration::from_secs(self.0.load(Ordering::SeqCst));
        SystemClock.now().checked_add(ahead).unwrap_or(Timestamp::MAX)
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}
