//! What of an object is ours: the normal form of a desired object and the projection of a live one on our fields.
//!
//! Input: trees and `managedFields`. Output: comparable trees and their digests. It needs no schema but the table of
//! keyed lists. Invariant: the projection of what we applied equals the normal form of what we sent.

use serde_json::Value;

use super::object::Object;
use crate::model::digest::Digest;

/// The normal form of a desired object.
pub fn normal_form(object: &Object) -> Value {
    object.tree().clone()
}

/// Its digest: what [`crate::observed::object::Applied::projection`] must equal.
pub fn desired_digest(object: &Object) -> Digest {
    Digest::of_json(&normal_form(object))
}
