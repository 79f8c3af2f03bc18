//! The machine's clock, behind until the story puts it forward to the present.
//!
//! Input: how far behind. Output: the [`Clock`] port. Waits are as long as on the machine. Invariants: it never goes back; it
//! ends at the machine's time, so that another program that looks at the same certificates agrees about them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::adapters::system::SystemClock;
use crate::ports::clock::Clock;

/// A clock that is behind the machine's by some seconds.
#[derive(Debug)]
pub(super) struct DemoClock(AtomicU64);

impl DemoClock {
    /// Behind by so much.
    pub(super) fn behind(by: Duration) -> Self {
        Self(AtomicU64::new(by.as_secs()))
    }

    /// Puts it forward to the machine's time.
    pub(super) fn catch_up(&self) {
        self.0.store(0, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        let behind = Duration::from_secs(self.0.load(Ordering::SeqCst));
        SystemClock.now().checked_sub(behind).unwrap_or(Timestamp::MIN)
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_in_the_past_and_ends_at_the_machines_time() {
        let clock = DemoClock::behind(Duration::from_hours(1));
        let is_present = |clock: &DemoClock| SystemClock.now().duration_since(clock.now()).as_secs() < 600;
        assert!(!is_present(&clock));
        clock.catch_up();
        assert!(is_present(&clock) && clock.now() <= SystemClock.now());
    }
}
