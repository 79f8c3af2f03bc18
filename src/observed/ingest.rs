//! A live object's tree to what is kept of it (line 3 of the algorithm in ARCHITECTURE.md).
//!
//! stub

use serde_json::Value;
use thiserror::Error;

use super::object::ObservedObject;
use crate::model::object::Kind;

/// Why an answer is not an object.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the object has no {missing}")]
pub struct IngestError {
    /// The part that is missing or of another shape.
    pub missing: &'static str,
}

/// Keeps what matters of a live object.
pub fn ingest(_kind: Kind, _body: &Value, _field_manager: &str) -> Result<ObservedObject, IngestError> {
    Err(IngestError { missing: "stub" })
}
