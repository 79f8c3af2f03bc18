//! Fabric's messages as they travel, as far as heddle reads or writes them.
//!
//! Input: bytes. Output: messages, and back. They mean nothing here: the rooms beside give them a meaning. Invariants: field
//! numbers and types are those of `hyperledger/fabric-protos`; maps are ordered, so that equal messages encode to equal
//! bytes; what must stay as it is (blocks, signed parts) is kept as bytes, because fields that are unknown here get lost.

pub mod common;
pub mod msp;
pub mod orderer;
pub mod peer;
