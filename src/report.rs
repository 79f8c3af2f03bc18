//! L5: what happened, as documents for people and programs.
//!
//! Input: outcomes and the previous status. Output: status documents, reports, plans and audit records as bytes by
//! path. Pure: it writes nothing and knows no clock but the instants it is handed. Invariants: equal input gives equal
//! bytes; no document changes because time passed; nothing secret can get in, because nothing secret is handed in.

pub mod audit;
pub mod fleet_status;
pub mod markdown;
pub mod plan_document;
pub mod plan_text;
pub mod unit_report;
pub mod unit_status;
