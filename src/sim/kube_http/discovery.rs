//! What the server serves: discovery, version, health.
//!
//! Input: a path and what the client accepts. Output: documents made from the table of resources. Invariant: both forms
//! of discovery say the same.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::answer;
use crate::sim::store::resources::Resource;

/// The answer to a path that is not about objects.
pub(super) fn respond(path: &str, accept: &str) -> Option<Response> {
    let aggregated = accept.split(',').find(|form| form.contains("apidiscovery.k8s.io"));
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let value = match parts.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => {
            return Some(super::plain(StatusCode::OK, "text/plain", Body::from("ok")));
        }
        ["version"] => json!({
            "major": "1", "minor": "36", "gitVersion": "v1.36.3+heddle-sim", "gitCommit": "", "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "rustc", "platform": "sim",
        }),
        ["api" | "apis"] if aggregated.is_some() => return Some(groups_aggregated(parts == ["api"], aggregated?)),
        ["api"] => json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
        ["apis"] => {
            let groups: Vec<Value> = groups().iter().map(|group| group_of(group)).collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        ["api", "v1"] => resource_list(""),
        ["apis", group] if groups().contains(group) => group_of(group),
        ["apis", group, "v1"] if groups().contains(group) => resource_list(group),
        ["openapi", "v3"] => openapi_index(),
        ["openapi", "v3", "api", "v1"] => openapi(""),
        ["openapi", "v3", "apis", group, "v1"] if groups().contains(group) => openapi(group),
        _ => return None,
    };
    Some(answer::json(StatusCode::OK, &value))
}

fn groups() -> Vec<&'static str> {
    let mut groups: Vec<&str> = Resource::all().map(|resource| resource.info().group).collect();
    groups.sort_unstable();
    groups.dedup();
    groups.retain(|group| !group.is_empty());
    groups
}

fn group_of(group: &str) -> Value {
    let version = json!({"groupVersion": format!("{group}/v1"), "version": "v1"});
    json!({"kind": "APIGroup", "apiVersion": "v1", "name": group, "versions": [version.clone()], "preferredVersion": version})
}

fn openapi_index() -> Value {
    let path = |group: &str| if group.is_empty() { "api/v1".to_owned() } else { format!("apis/{group}/v1") };
    let entry = |group: &str| (path(group), json!({"serverRelativeURL": format!("/openapi/v3/{}", path(group))}));
    let paths: serde_json::Map<String, Value> = std::iter::once("").chain(groups()).map(entry).collect();
    json!({ "paths": paths })
}

/// Only which parameters a PATCH takes: `kubectl edit` and `kubectl apply` ask before they leave validation to the
/// server. There are no schemas.
fn openapi(group: &str) -> Value {
    let root = if group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{group}/v1") };
    let paths: serde_json::Map<String, Value> = of_group(group)
        .map(|resource| {
            let info = resource.info();
            let scope = if info.namespaced { "/namespaces/{namespace}" } else { "" };
            let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation", "force"]
                .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string"}}))
                .to_vec();
            let kind = json!({"group": group, "version": "v1", "kind": info.kind});
            let patch = json!({"parameters": parameters, "x-kubernetes-group-version-kind": kind, "responses": {}});
            (format!("{root}{scope}/{}/{{name}}", info.plural), json!({ "patch": patch }))
        })
        .collect();
    json!({"openapi": "3.0.0", "info": {"title": "heddle simulated region", "version": "v1"}, "paths": paths})
}

fn of_group(group: &str) -> impl Iterator<Item = Resource> {
    Resource::all().filter(move |resource| resource.info().group == group)
}

const VERBS: [&str; 7] = ["create", "delete", "get", "list", "patch", "update", "watch"];
const SUBRESOURCE_VERBS: [&str; 3] = ["get", "patch", "update"];

fn singular(resource: Resource) -> String {
    resource.info().kind.to_ascii_lowercase()
}

fn resource_list(group: &str) -> Value {
    let mut resources = Vec::new();
    for resource in of_group(group) {
        let info = resource.info();
        resources.push(json!({
            "name": info.plural, "singularName": singular(resource), "namespaced": info.namespaced,
            "kind": info.kind, "verbs": VERBS, "shortNames": info.short,
        }));
        for (subresource, kind) in subresources(resource) {
            resources.push(json!({
                "name": format!("{}/{subresource}", info.plural), "singularName": "",
                "namespaced": info.namespaced, "kind": kind, "verbs": SUBRESOURCE_VERBS,
            }));
        }
    }
    let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources})
}

fn subresources(resource: Resource) -> Vec<(&'static str, &'static str)> {
    let info = resource.info();
    let status = info.status.then_some(("status", info.kind));
    let scale = info.scale.then_some(("scale", "Scale"));
    status.into_iter().chain(scale).collect()
}

fn groups_aggregated(core: bool, form: &str) -> Response {
    let version = if form.contains("v=v2beta1") { "v2beta1" } else { "v2" };
    let kind = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let names = if core { vec![""] } else { groups() };
    let items: Vec<Value> = names
        .into_iter()
        .map(|group| {
            let resources: Vec<Value> = of_group(group)
                .map(|resource| {
                    let info = resource.info();
                    let below: Vec<Value> = subresources(resource)
                        .into_iter()
                        .map(|(name, below)| {
                            let answers = if below == "Scale" {
                                kind("autoscaling", "v1", below)
                            } else {
                                kind(group, "v1", below)
                            };
                            json!({"subresource": name, "responseKind": answers, "verbs": SUBRESOURCE_VERBS})
                        })
                        .collect();
                    json!({
                        "resource": info.plural, "responseKind": kind(group, "v1", info.kind),
                        "scope": if info.namespaced { "Namespaced" } else { "Cluster" },
                        "singularResource": singular(resource), "verbs": VERBS, "shortNames": info.short,
                        "subresources": below,
                    })
                })
                .collect();
            let versions = json!([{"version": "v1", "resources": resources, "freshness": "Current"}]);
            json!({"metadata": {"name": group, "creationTimestamp": null}, "versions": versions})
        })
        .collect();
    let list = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"), "metadata": {},
        "items": items,
    });
    let content = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
    super::plain(StatusCode::OK, &content, Body::from(list.to_string()))
}
