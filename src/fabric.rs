//! L1: what Fabric's bytes mean: channel configurations, genesis blocks, memberships, proposals, answers.
//!
//! Input: facts about a channel; bytes that servers sent. Output: blocks and proposals as bytes; typed views of
//! configurations and answers. It opens no connection, has no clock and draws nothing by chance, holds no private key (a
//! signer is handed in) and decides nothing about what should be. Invariants: equal inputs give equal bytes; whatever the
//! bytes, reading them ends in bounded work with a value or a typed error; an answer that is not understood is never
//! taken for success.

pub mod block;
pub mod capability;
pub mod config;
pub mod genesis;
pub mod metrics;
pub mod msp;
pub mod participation;
pub mod policy;
pub mod proposal;
pub mod wire;

#[cfg(test)]
mod tests;
