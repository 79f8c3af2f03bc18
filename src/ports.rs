//! L2: what the core asks of the world, as traits.
//!
//! Input: nouns of L0, L1 and `observed`. Output: the same, or a classified error. No implementation lives here.
//! Invariants: no foreign client's type appears in a signature; every error says whether its effect may have happened.

pub mod clock;
pub mod cluster;
pub mod dialer;
pub mod entropy;
pub mod ledger;
pub mod secret_store;
pub mod source;
pub mod status_sink;
