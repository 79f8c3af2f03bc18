//! L1: X.509 certificates: described, issued, read, verified.
//!
//! Input: recipes, keys, serial numbers and instants that the caller brings. Output: certificates and keys as bytes and
//! as typed views, differences between a recipe and a certificate, chains. It has no clock and draws nothing by chance,
//! writes no files, knows no MSP folder and no revocation list, and asks no authority but the keys it is handed.
//! Invariants: equal inputs give equal bytes; P-256 with SHA-256 only, and every signature made here is low-S, because
//! Fabric refuses the other half; a private key is in no text; whatever the bytes, reading them ends in bounded work.

pub mod certificate;
pub mod chain;
mod encode;
pub mod issue;
pub mod key;
pub mod name;
pub mod profile;
pub mod recipe;
pub mod serial;
pub mod validity;

#[cfg(test)]
mod tests;
