//! L2: what was seen, when, and how completely.
//!
//! Input: trees from a server. Output: [`region::RegionObservation`], [`inventory::Inventory`]. It knows nothing of
//! specs. Invariant: absent can only be read from a complete observation; everything else is unknown.

pub mod channel;
pub mod identity;
pub mod ingest;
pub mod inventory;
pub mod inventory_document;
pub mod object;
pub mod region;
