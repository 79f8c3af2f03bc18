//! How many requests may be under way in one cluster.
//!
//! Input: what became of each request. Output: permits. It waits for permits and for nothing else. Invariants: never
//! more than [`AT_ONCE_MAX`] and never less than one; the limit is halved at most once for the requests that were under
//! way together, and grows by one after [`GROW_AFTER`] good answers.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests at once, at most.
pub const AT_ONCE_MAX: usize = 16;
/// Good answers until one more is allowed.
const GROW_AFTER: usize = 32;

/// The limit of one cluster.
#[derive(Debug, Clone)]
pub struct Limiter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    permits: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Permits that are out and do not come back.
    debt: usize,
    good: usize,
    /// Answers since the limit was halved.
    since_halved: usize,
}

/// The right to have one request under way.
#[derive(Debug)]
pub struct Permit {
    limiter: Limiter,
    permit: Option<OwnedSemaphorePermit>,
}

impl Default for Limiter {
    fn default() -> Self {
        let permits = Arc::new(Semaphore::new(AT_ONCE_MAX));
        let state = State { limit: AT_ONCE_MAX, debt: 0, good: 0, since_halved: AT_ONCE_MAX };
        Self(Arc::new(Inner { permits, state: Mutex::new(state) }))
    }
}

impl Limiter {
    /// Waits for a permit, in the order of asking. The semaphore is never closed, so there always comes one.
    pub async fn acquire(&self) -> Permit {
        let permit = Arc::clone(&self.0.permits).acquire_owned().await.ok();
        Permit { limiter: self.clone(), permit }
    }

    /// How many may be under way now.
    pub fn limit(&self) -> usize {
        self.with(|state| state.limit)
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn halve(&self) {
        self.with(|state| {
            state.good = 0;
            state.since_halved += 1;
            if state.since_halved < state.limit || state.limit == 1 {
                return;
            }
            let limit = (state.limit / 2).max(1);
            let fewer = state.limit - limit;
            state.debt += fewer - self.0.permits.forget_permits(fewer);
            state.limit = limit;
            state.since_halved = 0;
        });
    }

    fn grow(&self) {
        self.with(|state| {
            state.since_halved += 1;
            state.good += 1;
            if state.good < GROW_AFTER || state.limit >= AT_ONCE_MAX {
                return;
            }
            state.good = 0;
            state.limit += 1;
            if state.debt > 0 {
                state.debt -= 1;
            } else {
                self.0.permits.add_permits(1);
            }
        });
    }
}

impl Permit {
    /// Gives it back with what was learned: whether the server asked to slow down.
    pub fn finish(self, busy: bool) {
        if busy {
            self.limiter.halve();
        } else {
            self.limiter.grow();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let owed = self.limiter.with(|state| {
            let owed = state.debt > 0;
            state.debt -= usize::from(owed);
            owed
        });
        if let Some(permit) = self.permit.take()
            && owed
        {
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn round(limiter: &Limiter, requests: usize, busy: bool) {
        for _ in 0..requests {
            limiter.acquire().await.finish(busy);
        }
    }

    #[tokio::test]
    async fn a_burst_of_refusals_halves_once_and_good_answers_grow_slowly() {
        let limiter = Limiter::default();
        let mut burst = Vec::new();
        for _ in 0..AT_ONCE_MAX {
            burst.push(limiter.acquire().await);
        }
        burst.into_iter().take(8).for_each(|permit| permit.finish(true));
        assert_eq!(limiter.limit(), 8);
        assert_eq!(limiter.0.permits.available_permits(), 8, "what was out came back less the debt");
        round(&limiter, GROW_AFTER, false).await;
        assert_eq!(limiter.limit(), 9);
        round(&limiter, GROW_AFTER * 20, false).await;
        assert_eq!((limiter.limit(), limiter.0.permits.available_permits()), (AT_ONCE_MAX, AT_ONCE_MAX));
    }

    #[tokio::test]
    async fn the_limit_never_falls_below_one() {
        let limiter = Limiter::default();
        round(&limiter, 200, true).await;
        assert_eq!((limiter.limit(), limiter.0.permits.available_permits()), (1, 1));
    }
}
