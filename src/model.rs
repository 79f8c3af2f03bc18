//! L0: the nouns that every room shares.
//!
//! Input: plain values. Output: names, ids, digests, diagnostics, reasons for waiting. No input or output, no clock, no
//! randomness, nothing of Kubernetes' or Fabric's wire formats. Invariant: everything here is ordered, so that whatever
//! is built from it prints the same twice.

pub mod causes;
pub mod channel;
pub mod diagnostic;
pub mod digest;
pub mod fabric_release;
pub mod identity;
pub mod names;
pub mod object;
pub mod retry;
pub mod revision;
pub mod secret;
pub mod unit;
pub mod waiting;
