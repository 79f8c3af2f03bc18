//! What to do after a failed call.
//!
//! Input: the error enums of the ports, which classify themselves by exhaustive match. Output: [`Retry`].
//! It schedules nothing. Invariant: an ambiguous answer is a class of its own, because a blind resend duplicates.

use std::time::Duration;

/// The class of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same call can never succeed.
    Never,
    /// It can succeed once something else has changed (a permission, a spec, an object).
    OnChange,
    /// It can succeed after this time.
    After(Duration),
    /// The effect may have happened: read before anything else.
    Ambiguous,
}
