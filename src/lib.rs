//! heddle keeps Hyperledger Fabric networks equal to what is written in Git.
//!
//! The rooms and who may use whom are the layer table of `ARCHITECTURE.md`; `tests/it/tidy.rs` enforces it.

pub mod adapters;
pub mod app;
pub mod apply;
pub mod desired;
pub mod fabric;
pub mod k8s;
pub mod ledger;
pub mod model;
pub mod observed;
pub mod plan;
pub mod ports;
pub mod region;
pub mod report;
pub mod sim;
pub mod spec;
pub mod telemetry;
pub mod x509;
pub mod yaml;
