//! What an answer that is no success means.
//!
//! Input: HTTP status, headers, the `Status` object of the body (`apimachinery/pkg/apis/meta/v1`). Output:
//! [`ClusterError`]. It decides nothing about what to do. Invariants: texts are masked; what is not certain to have had
//! no effect is ambiguous.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::text::masked;
use crate::ports::cluster::{ClusterError, FieldConflict};

/// The causes that are kept of one refusal.
const CAUSES_MAX: usize = 200;

/// A `Status`, as far as it matters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    reason: Option<String>,
    message: Option<String>,
    code: Option<u16>,
    details: Option<Details>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    name: Option<String>,
    causes: Option<Vec<Cause>>,
    retry_after_seconds: Option<u64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Cause {
    reason: Option<String>,
    message: Option<String>,
    field: Option<String>,
}

/// What was tried, for messages.
#[derive(Debug, Clone, Copy)]
pub struct Tried<'a> {
    /// The impersonated user.
    pub user: &'a str,
    /// In words, such as `patch configmaps`.
    pub verb: &'a str,
    /// The namespace; empty for a cluster-wide call.
    pub namespace: &'a str,
}

impl Status {
    /// Reads a body; a proxy's page or a bare text is no `Status`.
    pub fn read(body: &[u8]) -> Option<Self> {
        let kind = |value: &serde_json::Value| value.get("kind").and_then(serde_json::Value::as_str) == Some("Status");
        let value: serde_json::Value = serde_json::from_slice(body).ok().filter(kind)?;
        serde_json::from_value(value).ok()
    }

    /// The status code that it names.
    pub fn code(&self) -> StatusCode {
        self.code.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether it says that this object is not there, and not that its whole path is unknown.
    pub fn is_absence_of(&self, name: &str) -> bool {
        let named = self.details.as_ref().and_then(|details| details.name.as_deref());
        self.reason.as_deref() == Some("NotFound") && named == Some(name)
    }

    fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    fn causes(&self) -> impl Iterator<Item = &Cause> {
        self.details.iter().flat_map(|details| details.causes.iter().flatten()).take(CAUSES_MAX)
    }

    fn has_cause(&self, reason: &str) -> bool {
        self.causes().any(|cause| cause.reason.as_deref() == Some(reason))
    }
}

/// The error of an answer with this code.
pub fn error(code: StatusCode, headers: &HeaderMap, status: Option<&Status>, tried: Tried<'_>) -> ClusterError {
    let nothing = Status::default();
    let said = status.unwrap_or(&nothing);
    let detail = || match status {
        Some(status) => masked(status.message()),
        None => format!("HTTP {} without a reason", code.as_u16()),
    };
    let busy = || ClusterError::Busy { retry_after: retry_after(headers, said) };
    if is_denial(said) {
        return ClusterError::Denied { detail: detail() };
    }
    match code.as_u16() {
        // Another life of the object: an apply with an old uid changes an immutable field.
        422 if said.causes().any(|cause| cause.field.as_deref() == Some("metadata.uid")) => ClusterError::Conflict,
        500 if is_unknown_field(said) => ClusterError::Invalid { detail: detail() },
        400 | 413 | 422 => ClusterError::Invalid { detail: invalid(said).unwrap_or_else(detail) },
        401 => ClusterError::Unauthenticated,
        403 => forbidden(said, detail(), tried),
        404 => ClusterError::NotFound { detail: detail() },
        409 => conflict(said),
        410 => ClusterError::Expired,
        429 => busy(),
        // A server that is not ready says so itself and has done nothing; a proxy that lost its server may have sent
        // the request on.
        503 if headers.contains_key(header::RETRY_AFTER) || said.reason.as_deref() == Some("ServiceUnavailable") => {
            busy()
        }
        500..=599 => ClusterError::Ambiguous { detail: detail() },
        _ => ClusterError::Malformed { detail: detail() },
    }
}

/// The words of `admission/plugin/webhook` and of validating admission policies; a webhook chooses its own code.
fn is_denial(status: &Status) -> bool {
    let message = status.message();
    message.contains("denied the request")
        || message.contains(" denied request: ")
        || message.contains("violates PodSecurity ")
}

/// A field that no schema has, found before anything is stored: the server calls it an internal error.
fn is_unknown_field(status: &Status) -> bool {
    status.message().starts_with("failed to create typed patch object ")
}

fn forbidden(status: &Status, detail: String, tried: Tried<'_>) -> ClusterError {
    let message = status.message();
    if status.has_cause("NamespaceTerminating") || message.contains("because it is being terminated") {
        return ClusterError::NamespaceTerminating { namespace: tried.namespace.to_owned() };
    }
    if message.contains("exceeded quota: ") {
        return ClusterError::QuotaExceeded { detail };
    }
    // The authorizer names the user; an admission plugin names only the object.
    let authorizer = status.message.is_none() || message.contains("User \"") && message.contains(" cannot ");
    if authorizer || message.contains("is attempting to grant RBAC permissions") {
        return ClusterError::Forbidden { identity: tried.user.to_owned(), verb: tried.verb.to_owned(), detail };
    }
    ClusterError::Denied { detail }
}

fn conflict(status: &Status) -> ClusterError {
    let causes = status.causes().filter(|cause| cause.reason.as_deref() == Some("FieldManagerConflict"));
    let conflicts: Vec<_> = causes
        .map(|cause| FieldConflict {
            manager: manager(cause.message.as_deref().unwrap_or_default()),
            field: cause.field.clone().unwrap_or_default(),
        })
        .collect();
    if conflicts.is_empty() { ClusterError::Conflict } else { ClusterError::FieldConflicts(conflicts) }
}

/// `conflict with "kubectl-edit" using apps/v1`.
fn manager(message: &str) -> String {
    let quoted = message.split_once('"').and_then(|(_, rest)| rest.split_once('"'));
    quoted.map_or_else(|| "unknown".to_owned(), |(name, _)| name.chars().take(128).collect())
}

/// The fields and what is wrong with them: shorter than the message, which repeats whole values.
fn invalid(status: &Status) -> Option<String> {
    let told = status.causes().filter_map(|cause| Some((cause.field.as_deref()?, cause.message.as_deref()?)));
    let told: Vec<_> = told.map(|(field, message)| format!("{field}: {message}")).collect();
    (!told.is_empty()).then(|| masked(&told.join("; ")))
}

fn retry_after(headers: &HeaderMap, status: &Status) -> Option<Duration> {
    let header = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let details =
        status.details.as_ref().and_then(|details| details.retry_after_seconds).filter(|seconds| *seconds > 0);
    header.or(details).map(Duration::from_secs)
}

/// The texts of `Warning: 299 - "…"` headers (RFC 7234), masked; at most ten.
pub fn warnings(headers: &HeaderMap) -> Vec<String> {
    let texts = headers.get_all(header::WARNING).iter().filter_map(|value| {
        let text = value.to_str().ok()?;
        let quoted = text.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"')).map_or(text, |(inner, _)| inner);
        Some(masked(&quoted.replace("\\\"", "\"")))
    });
    texts.take(10).collect()
}

#[cfg(test)]
mod tests;
