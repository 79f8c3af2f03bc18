//! One request on a resource.
//!
//! Input: a route and a body. Output: the store's answer. It decides nothing. Invariant: each method and content type
//! goes to exactly one call of the store.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::route::Route;
use super::{Shared, answer, body, watching};
use crate::sim::store::delete::{DeleteOptions, Deleted, Dependents};
use crate::sim::store::failure::Failure;
use crate::sim::store::read::Query;
use crate::sim::store::selector::{FieldSelector, Selector};
use crate::sim::store::write::{PatchKind, Validation, WriteOptions, Written};

/// The largest body that is read, as on the real server (3 MiB).
const BODY_MAX: usize = 3 * 1024 * 1024;

pub(super) async fn handle(shared: &Arc<Shared>, route: Route, request: Request) -> Result<Response, Failure> {
    let bytes = axum::body::to_bytes(request.into_body(), BODY_MAX)
        .await
        .map_err(|_| Failure::new(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728"))?;
    match (route.method.as_str(), route.name.is_empty()) {
        ("GET", true) => collection(shared, &route),
        ("GET", false) if route.flag("watch") => collection(shared, &route),
        ("GET", false) => {
            let object = shared.store.get(route.target())?;
            let object = if is_scale(&route) { scale_of(&object) } else { (*object).clone() };
            Ok(answer::object(&route, StatusCode::OK, &object, &[]))
        }
        ("DELETE", false) if route.subresource.is_none() => delete(shared, &route, &bytes),
        ("POST", true) => {
            let (tree, warnings) = tree(&route, &bytes)?;
            let manager = route.manager();
            let written = shared.store.create(route.target(), tree, options(&route, &manager))?;
            Ok(written_answer(&route, written, warnings))
        }
        ("PUT", false) => {
            let (tree, warnings) = tree(&route, &bytes)?;
            let manager = route.manager();
            let written = match tree.pointer("/spec/replicas").and_then(Value::as_i64) {
                Some(replicas) if is_scale(&route) => {
                    shared.store.scale(route.target(), replicas, options(&route, &manager))?
                }
                _ => shared.store.update(route.target(), tree, options(&route, &manager))?,
            };
            Ok(written_answer(&route, written, warnings))
        }
        ("PATCH", false) => patch(shared, &route, &bytes),
        (method, _) => {
            let message = format!("the server does not allow this method on the requested resource ({method})");
            Err(Failure::new(405, "MethodNotAllowed", message))
        }
    }
}

fn collection(shared: &Arc<Shared>, route: &Route) -> Result<Response, Failure> {
    let mut fields = route.text("fieldSelector").to_owned();
    if !route.name.is_empty() {
        fields = format!("metadata.name={}", route.name);
    }
    let query = Query {
        resource: route.resource,
        namespace: Some(route.namespace.clone()).filter(|namespace| !namespace.is_empty()),
        labels: Selector::parse(route.text("labelSelector"))?,
        fields: FieldSelector::parse(&fields)?,
    };
    if route.flag("watch") {
        return watching::respond(shared, route, query);
    }
    let limit = route.text("limit").parse().unwrap_or(0);
    let from = Some(route.text("continue")).filter(|token| !token.is_empty());
    Ok(answer::list(route, &shared.store.list(&query, limit, from)?))
}

fn options<'a>(route: &'a Route, manager: &'a str) -> WriteOptions<'a> {
    WriteOptions {
        manager,
        dry_run: route.dry_run(),
        force: route.flag("force"),
        validation: route.validation(),
        subresource: route.subresource.as_deref(),
    }
}

fn patch(shared: &Arc<Shared>, route: &Route, bytes: &Bytes) -> Result<Response, Failure> {
    let manager = route.manager();
    let (mut tree, warnings) = tree(route, bytes)?;
    let kind = match route.content_type.as_str() {
        "application/apply-patch+yaml" => {
            let named = route.text("fieldManager");
            let written = shared.store.apply(route.target(), tree, options(route, named))?;
            return Ok(written_answer(route, written, warnings));
        }
        "application/merge-patch+json" => PatchKind::Merge,
        "application/strategic-merge-patch+json" => PatchKind::Strategic,
        other => {
            let message = format!(
                "the body of the request was in an unknown format - accepted media types include: \
                 application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml \
                 (got {other})"
            );
            return Err(Failure::new(415, "UnsupportedMediaType", message));
        }
    };
    if is_scale(route) {
        // Of a Scale only the number reaches the object.
        let replicas = tree.pointer("/spec/replicas").cloned().unwrap_or_default();
        tree = json!({"spec": {"replicas": replicas}});
    }
    let written = shared.store.patch(route.target(), kind, &tree, options(route, &manager))?;
    Ok(written_answer(route, written, warnings))
}

/// The body, and warnings of keys that occur twice.
fn tree(route: &Route, bytes: &Bytes) -> Result<(Value, Vec<String>), Failure> {
    if route.content_type.contains("protobuf") {
        let message = "the body of the request was in an unknown format - accepted media types include: \
                       application/json";
        return Err(Failure::new(415, "UnsupportedMediaType", message));
    }
    let (tree, twice) =
        body::read(bytes).map_err(|error| Failure::bad_request(format!("error decoding JSON: {error}")))?;
    let words: Vec<String> = twice.iter().map(|path| format!("duplicate field {path:?}")).collect();
    match route.validation() {
        Validation::Strict if !words.is_empty() => {
            Err(Failure::bad_request(format!("strict decoding error: {}", words.join(", "))))
        }
        Validation::Ignore => Ok((tree, Vec::new())),
        Validation::Strict | Validation::Warn => Ok((tree, words)),
    }
}

fn written_answer(route: &Route, written: Written, mut warnings: Vec<String>) -> Response {
    let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
    warnings.extend(written.warnings);
    let object = if is_scale(route) { scale_of(&written.object) } else { (*written.object).clone() };
    answer::object(route, status, &object, &warnings)
}

fn delete(shared: &Arc<Shared>, route: &Route, bytes: &Bytes) -> Result<Response, Failure> {
    let body = if bytes.is_empty() { Value::Null } else { tree(route, bytes)?.0 };
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    let propagation = text("/propagationPolicy").unwrap_or_else(|| route.text("propagationPolicy"));
    let dependents = match propagation {
        "Orphan" => Dependents::Orphan,
        "Foreground" => Dependents::Foreground,
        _ => Dependents::Background,
    };
    let options = DeleteOptions {
        uid: text("/preconditions/uid"),
        resource_version: text("/preconditions/resourceVersion"),
        dependents,
        dry_run: route.dry_run() || body.pointer("/dryRun/0").is_some(),
    };
    match shared.store.delete(route.target(), options)? {
        Deleted::Waiting(object) => Ok(answer::object(route, StatusCode::OK, &object, &[])),
        Deleted::Gone(object) => {
            let info = route.resource.info();
            let uid = object.pointer("/metadata/uid").cloned().unwrap_or_default();
            let mut details = json!({"name": route.name, "kind": info.plural, "uid": uid});
            if let (false, Some(details)) = (info.group.is_empty(), details.as_object_mut()) {
                details.insert("group".into(), json!(info.group));
            }
            let status =
                json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
            Ok(super::plain(StatusCode::OK, "application/json", Body::from(status.to_string())))
        }
    }
}

fn is_scale(route: &Route) -> bool {
    route.subresource.as_deref() == Some("scale")
}

fn scale_of(object: &Value) -> Value {
    let at = |pointer: &str| object.pointer(pointer).cloned().unwrap_or_default();
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64);
    json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {
            "name": at("/metadata/name"),
            "namespace": at("/metadata/namespace"),
            "uid": at("/metadata/uid"),
            "resourceVersion": at("/metadata/resourceVersion"),
            "creationTimestamp": at("/metadata/creationTimestamp"),
        },
        "spec": {"replicas": number("/spec/replicas").unwrap_or(1)},
        "status": {"replicas": number("/status/replicas").unwrap_or(0)},
    })
}
