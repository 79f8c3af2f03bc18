//! The store's refusals as the port's errors.
//!
//! Input: a [`Failure`]. Output: a [`ClusterError`]. Invariant: the same classes as the real client gives for the same
//! answers; the contract cases compare both.

use std::time::Duration;

use crate::ports::cluster::{ClusterError, FieldConflict};
use crate::sim::store::failure::Failure;

/// No answer came.
pub(super) fn lost() -> ClusterError {
    ClusterError::Ambiguous { detail: "connection reset".into() }
}

/// The authorizer says no.
pub(super) fn refused() -> ClusterError {
    ClusterError::Forbidden {
        identity: "the caller".into(),
        verb: "do this".into(),
        detail: "no rule allows it".into(),
    }
}

/// The error of a refusal.
pub(super) fn error(failure: &Failure, verb: &str) -> ClusterError {
    let detail = failure.message.clone();
    let conflicts = failure.field_causes();
    match failure.code {
        401 => ClusterError::Unauthenticated,
        403 if failure.has_cause("NamespaceTerminating") => {
            let namespace = detail.split(" namespace ").nth(1).and_then(|rest| rest.split(' ').next());
            ClusterError::NamespaceTerminating { namespace: namespace.unwrap_or_default().to_owned() }
        }
        _ if detail.starts_with("admission webhook ") => ClusterError::Denied { detail },
        403 if detail.contains("exceeded quota") => ClusterError::QuotaExceeded { detail },
        403 => ClusterError::Forbidden { identity: "the caller".into(), verb: verb.to_owned(), detail },
        404 => ClusterError::NotFound { detail },
        409 if conflicts.is_empty() => ClusterError::Conflict,
        409 => ClusterError::FieldConflicts(conflicts.iter().map(conflict).collect()),
        410 => ClusterError::Expired,
        429 | 503 => ClusterError::Busy { retry_after: failure.retry_after.map(Duration::from_secs) },
        // Another life of the object: an apply with an old uid changes an immutable field.
        422 if failure.names_field("metadata.uid") => ClusterError::Conflict,
        400 | 422 => ClusterError::Invalid { detail },
        // The typed reader of an apply refuses with 500 what is simply wrong.
        500 if detail.starts_with("failed to create typed patch object") => ClusterError::Invalid { detail },
        _ => ClusterError::Ambiguous { detail },
    }
}

/// `conflict with "x" using apps/v1` and a path.
fn conflict((message, field): &(String, String)) -> FieldConflict {
    let manager = message.split('"').nth(1).unwrap_or_default().to_owned();
    FieldConflict { manager, field: field.clone() }
}
