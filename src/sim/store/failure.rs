//! Refusals as the API server words them.
//!
//! Input: what went wrong. Output: [`Failure`], and its `Status` object. It decides nothing. Invariant: codes, reasons
//! and texts are those of `k8s.io/apimachinery/pkg/api/errors`, because clients tell cases apart by them.

use serde_json::{Value, json};
use thiserror::Error;

use super::resources::Resource;

/// A refused request.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{message}")]
pub struct Failure {
    /// HTTP status.
    pub code: u16,
    /// `reason` of the Status.
    pub reason: &'static str,
    /// `message` of the Status.
    pub message: String,
    /// `details` of the Status.
    pub details: Option<Value>,
    /// Seconds of `Retry-After`.
    pub retry_after: Option<u64>,
}

impl Failure {
    /// Any refusal.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, retry_after: None }
    }

    /// 404 for an object.
    pub fn not_found(resource: Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", resource.qualified());
        Self { details: Some(details(resource, name)), ..Self::new(404, "NotFound", message) }
    }

    /// 409 because the name is taken.
    pub fn already_exists(resource: Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        Self { details: Some(details(resource, name)), ..Self::new(409, "AlreadyExists", message) }
    }

    /// 409 because of a precondition.
    pub fn conflict(resource: Resource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", resource.qualified());
        Self { details: Some(details(resource, name)), ..Self::new(409, "Conflict", message) }
    }

    /// 409 because of a precondition of a deletion, which names the kind and not the resource.
    pub fn precondition(resource: Resource, name: &str, why: &str) -> Self {
        let (group, kind) = (resource.info().group, resource.info().kind);
        let (qualified, details) = if group.is_empty() {
            (kind.to_owned(), json!({"name": name, "kind": kind}))
        } else {
            (format!("{kind}.{group}"), json!({"name": name, "group": group, "kind": kind}))
        };
        let message = format!("Operation cannot be fulfilled on {qualified} \"{name}\": {why}");
        Self { details: Some(details), ..Self::new(409, "Conflict", message) }
    }

    /// 409 because the stored version is another one.
    pub fn modified(resource: Resource, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    /// 403 for one object.
    pub fn forbidden(resource: Resource, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is forbidden: {why}", resource.qualified());
        Self { details: Some(details(resource, name)), ..Self::new(403, "Forbidden", message) }
    }

    /// 403 because the namespace is being deleted.
    pub fn terminating(resource: Resource, name: &str, namespace: &str) -> Self {
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut failure = Self::forbidden(resource, name, &why);
        if let Some(details) = failure.details.as_mut().and_then(Value::as_object_mut) {
            let cause = json!({
                "reason": "NamespaceTerminating",
                "message": format!("namespace {namespace} is being terminated"),
                "field": "metadata.namespace",
            });
            details.insert("causes".into(), json!([cause]));
        }
        failure
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 422 with one cause for each field.
    pub fn invalid(resource: Resource, name: &str, problems: &[Problem]) -> Self {
        let texts: Vec<String> = problems.iter().map(Problem::text).collect();
        let list = match texts.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let causes: Vec<Value> = problems
            .iter()
            .map(|problem| json!({"reason": problem.reason, "message": problem.message, "field": problem.field}))
            .collect();
        let info = resource.info();
        let mut details = json!({"name": name, "kind": info.kind, "causes": causes});
        if let (false, Some(details)) = (info.group.is_empty(), details.as_object_mut()) {
            details.insert("group".into(), json!(info.group));
        }
        let message = format!("{} \"{name}\" is invalid: {list}", resource.qualified_kind());
        Self { details: Some(details), ..Self::new(422, "Invalid", message) }
    }

    /// 409 of an apply that meets the fields of others: manager, and path.
    pub fn field_conflicts(conflicts: &[(String, String)]) -> Self {
        let causes: Vec<Value> = conflicts
            .iter()
            .map(|(manager, path)| {
                let message = format!("conflict with {manager}");
                json!({"reason": "FieldManagerConflict", "message": message, "field": path})
            })
            .collect();
        let message = match conflicts {
            [(manager, path)] => format!("Apply failed with 1 conflict: conflict with {manager}: {path}"),
            several => {
                let mut lines = Vec::new();
                let mut last = None;
                for (manager, path) in several {
                    if last != Some(manager) {
                        lines.push(format!("conflicts with {manager}:"));
                        last = Some(manager);
                    }
                    lines.push(format!("- {path}"));
                }
                format!("Apply failed with {} conflicts: {}", several.len(), lines.join("\n"))
            }
        };
        Self { details: Some(json!({ "causes": causes })), ..Self::new(409, "Conflict", message) }
    }

    /// 410 of a watch.
    pub fn expired(from: u64, oldest: u64) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {from} ({oldest})"))
    }

    /// 410 of a list that goes on.
    pub fn continue_expired() -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. You can start a \
                       new list without the continue parameter.";
        Self::new(410, "Expired", message)
    }

    /// The causes of a 409 that names field managers.
    pub fn field_causes(&self) -> Vec<(String, String)> {
        let causes = self.details.as_ref().and_then(|details| details.get("causes")).and_then(Value::as_array);
        let text = |cause: &Value, key: &str| cause.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        causes
            .into_iter()
            .flatten()
            .filter(|cause| text(cause, "reason") == "FieldManagerConflict")
            .map(|cause| (text(cause, "message"), text(cause, "field")))
            .collect()
    }

    /// Whether the refusal has a cause with this reason.
    pub fn has_cause(&self, reason: &str) -> bool {
        let causes = self.details.as_ref().and_then(|details| details.get("causes")).and_then(Value::as_array);
        causes.into_iter().flatten().any(|cause| cause.get("reason").and_then(Value::as_str) == Some(reason))
    }

    /// Whether one of the causes is about this field.
    pub fn names_field(&self, field: &str) -> bool {
        let causes = self.details.as_ref().and_then(|details| details.get("causes")).and_then(Value::as_array);
        causes.into_iter().flatten().any(|cause| cause.get("field").and_then(Value::as_str) == Some(field))
    }

    /// The `Status` object that is sent.
    pub fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        });
        if let Some(map) = status.as_object_mut() {
            let mut details = self.details.clone();
            if let Some(seconds) = self.retry_after {
                let details = details.get_or_insert_with(|| json!({}));
                if let Some(details) = details.as_object_mut() {
                    details.insert("retryAfterSeconds".into(), json!(seconds));
                }
            }
            if let Some(details) = details {
                map.insert("details".into(), details);
            }
        }
        status
    }
}

/// One invalid field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its path (`spec.template`).
    pub field: String,
    /// `FieldValueInvalid`, `FieldValueForbidden`, `FieldValueRequired`.
    pub reason: &'static str,
    /// The text after the field.
    pub message: String,
}

impl Problem {
    /// A value that is not allowed.
    pub fn invalid(field: &str, value: &Value, why: &str) -> Self {
        let message = format!("Invalid value: {value}: {why}");
        Self { field: field.into(), reason: "FieldValueInvalid", message }
    }

    /// A change that is not allowed.
    pub fn forbidden(field: &str, why: &str) -> Self {
        Self { field: field.into(), reason: "FieldValueForbidden", message: format!("Forbidden: {why}") }
    }

    /// A value that is missing.
    pub fn required(field: &str, why: &str) -> Self {
        let message = if why.is_empty() { "Required value".into() } else { format!("Required value: {why}") };
        Self { field: field.into(), reason: "FieldValueRequired", message }
    }

    fn text(&self) -> String {
        format!("{}: {}", self.field, self.message)
    }
}

fn details(resource: Resource, name: &str) -> Value {
    let info = resource.info();
    if info.group.is_empty() {
        json!({"name": name, "kind": info.plural})
    } else {
        json!({"name": name, "group": info.group, "kind": info.plural})
    }
}
