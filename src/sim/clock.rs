//! Time in the simulated world.
//!
//! Input: a base instant and tokio's clock. Output: the [`Clock`] port, and the store's time. It never looks at the
//! machine's clock by itself: with tokio's time paused, the same run gives the same instants. Invariant: it never goes
//! back.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;

use super::store::TimeSource;
use crate::ports::clock::Clock;

/// A clock that starts at a base instant and goes on with tokio's.
#[derive(Debug, Clone, Copy)]
pub struct SimClock {
    base: Timestamp,
    start: Instant,
}

impl SimClock {
    /// Starts now, at `base`. To be made inside of the runtime whose time it follows.
    pub fn new(base: Timestamp) -> Self {
        Self { base, start: Instant::now() }
    }

    /// The present instant as the store wants it.
    pub fn source(self) -> TimeSource {
        Arc::new(move || self.instant())
    }

    fn instant(self) -> Timestamp {
        // Only a simulation of many thousand years gets over the end of time.
        self.base.checked_add(self.start.elapsed()).unwrap_or(Timestamp::MAX)
    }
}

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.instant()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paused_time_moves_only_by_sleeping() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let base: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
            let clock = SimClock::new(base);
            assert_eq!(clock.now(), base);
            clock.sleep(Duration::from_hours(1)).await;
            assert_eq!(clock.now().to_string(), "2026-01-01T01:00:00Z");
        });
    }
}
