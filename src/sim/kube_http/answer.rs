//! Answers: objects, lists and refusals in the form that was asked for.
//!
//! Input: what the store gave. Output: responses. Invariant: a refusal is always a `Status` with its own code.

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::route::{Route, Shape};
use super::table;
use crate::sim::store::failure::Failure;
use crate::sim::store::read::Listed;

const JSON: &str = "application/json";

pub(super) fn json(status: StatusCode, value: &Value) -> Response {
    super::plain(status, JSON, Body::from(value.to_string()))
}

pub(super) fn failure(failure: &Failure) -> Response {
    let status = StatusCode::from_u16(failure.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, &failure.to_status());
    if let Some(seconds) = failure.retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}

/// An object in the asked form.
pub(super) fn shaped(route: &Route, object: &Value) -> Value {
    match route.shape {
        Shape::Whole => object.clone(),
        Shape::Metadata | Shape::MetadataList => metadata_only(object),
        Shape::Table => table::of(route.resource, std::slice::from_ref(object), &json!({})),
    }
}

pub(super) fn object(route: &Route, status: StatusCode, object: &Value, warnings: &[String]) -> Response {
    let mut response = json(status, &shaped(route, object));
    for warning in warnings {
        if let Ok(value) = format!("299 - \"{}\"", warning.replace('\\', "\\\\").replace('"', "\\\"")).parse() {
            response.headers_mut().append("warning", value);
        }
    }
    response
}

pub(super) fn list(route: &Route, listed: &Listed) -> Response {
    let mut metadata = json!({"resourceVersion": listed.version.to_string()});
    if let Some(metadata) = metadata.as_object_mut() {
        if let Some(next) = &listed.next {
            metadata.insert("continue".into(), json!(next));
        }
        if let Some(remaining) = listed.remaining {
            metadata.insert("remainingItemCount".into(), json!(remaining));
        }
    }
    let whole = |object: &Arc<Value>| (**object).clone();
    let value = match route.shape {
        Shape::Table => {
            let objects: Vec<Value> = listed.objects.iter().map(whole).collect();
            table::of(route.resource, &objects, &metadata)
        }
        Shape::Metadata => {
            let message = "you requested PartialObjectMetadata, but the requested object is a list";
            return failure(&Failure::new(406, "NotAcceptable", message));
        }
        Shape::MetadataList => {
            let items: Vec<Value> = listed.objects.iter().map(|object| metadata_only(object)).collect();
            let kind = "PartialObjectMetadataList";
            json!({"apiVersion": "meta.k8s.io/v1", "kind": kind, "metadata": metadata, "items": items})
        }
        Shape::Whole => {
            let kind = format!("{}List", route.resource.info().kind);
            let items: Vec<Value> = listed.objects.iter().map(whole).map(without_type).collect();
            json!({"apiVersion": route.resource.api_version(), "kind": kind, "metadata": metadata, "items": items})
        }
    };
    json(StatusCode::OK, &value)
}

/// Items of a list do not repeat their kind on the real server.
fn without_type(mut object: Value) -> Value {
    if let Some(object) = object.as_object_mut() {
        object.remove("kind");
        object.remove("apiVersion");
    }
    object
}

fn metadata_only(object: &Value) -> Value {
    let metadata = object.get("metadata").cloned().unwrap_or_default();
    json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata})
}
