//! heddle keeps Hyperledger Fabric networks equal to what is written in Git.
//!
//! The rooms and who may use whom are the layer table of `ARCHITECTURE.md`; `tests/it/tidy.rs` enforces it.

pub mod desired;
pub mod k8s;
pub mod model;
pub mod observed;
pub mod ports;
pub mod spec;
