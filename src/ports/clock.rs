//! Time from outside.
//!
//! Input: none. Output: the present instant, and waits. It schedules nothing. Invariant: L0 to L6 know no other clock.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// The clock.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);
}
