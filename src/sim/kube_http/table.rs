//! Tables, as `kubectl get` shows them.
//!
//! Input: objects of one resource. Output: a `Table` (`meta.k8s.io/v1`). Only the columns that are worth their room are
//! there. Invariant: as many cells in each row as there are columns.

use serde_json::{Value, json};

use crate::sim::store::resources::Resource;

type Cell = fn(&Value) -> Value;

/// A table of objects.
pub(super) fn of(resource: Resource, objects: &[Value], metadata: &Value) -> Value {
    let columns = columns(resource);
    let definitions: Vec<Value> = columns
        .iter()
        .map(|(name, cell_type, _)| {
            let format = if *name == "Name" { "name" } else { "" };
            json!({"name": name, "type": cell_type, "format": format, "description": name, "priority": 0})
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells: Vec<Value> = columns.iter().map(|(_, _, cell)| cell(object)).collect();
            let metadata = object.get("metadata").cloned().unwrap_or_default();
            let partial =
                json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata});
            json!({"cells": cells, "object": partial})
        })
        .collect();
    json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "Table",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

fn columns(resource: Resource) -> Vec<(&'static str, &'static str, Cell)> {
    let mut columns: Vec<(&'static str, &'static str, Cell)> = vec![("Name", "string", |o| at(o, "/metadata/name"))];
    match resource.info().kind {
        "StatefulSet" | "Deployment" => columns.push(("Ready", "string", |object| {
            let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64);
            let ready = number("/status/readyReplicas").unwrap_or(0);
            json!(format!("{ready}/{}", number("/spec/replicas").unwrap_or(1)))
        })),
        "Pod" => columns.extend([
            (
                "Ready",
                "string",
                (|object| {
                    let ready = object.pointer("/status/conditions/0/status").and_then(Value::as_str) == Some("True");
                    json!(if ready { "1/1" } else { "0/1" })
                }) as Cell,
            ),
            ("Status", "string", |object| at(object, "/status/phase")),
        ]),
        "Namespace" => columns.push(("Status", "string", |object| at(object, "/status/phase"))),
        "PersistentVolumeClaim" => columns.extend([
            ("Status", "string", (|object| at(object, "/status/phase")) as Cell),
            ("Capacity", "string", |object| at(object, "/status/capacity/storage")),
            ("StorageClass", "string", |object| at(object, "/spec/storageClassName")),
        ]),
        "ConfigMap" | "Secret" => columns.push(("Data", "integer", |object| {
            json!(object.get("data").and_then(Value::as_object).map_or(0, serde_json::Map::len))
        })),
        "Service" => columns.extend([
            ("Type", "string", (|object| at(object, "/spec/type")) as Cell),
            ("Cluster-IP", "string", |object| at(object, "/spec/clusterIP")),
        ]),
        "Lease" => columns.push(("Holder", "string", |object| at(object, "/spec/holderIdentity"))),
        _ => {}
    }
    // The time itself: the real server prints an age, which would need a clock here.
    columns.push(("Created At", "dateTime", |object| at(object, "/metadata/creationTimestamp")));
    columns
}

fn at(object: &Value, pointer: &str) -> Value {
    match object.pointer(pointer) {
        Some(Value::Null) | None => json!(""),
        Some(value) => value.clone(),
    }
}
