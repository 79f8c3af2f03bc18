//! Requests: paths with queries, impersonation headers, bodies.
//!
//! Input: ids, identities, objects. Output: `http` requests. Nothing is sent here. Invariants: every request
//! impersonates; an object is serialized once and never copied for it.

use std::fmt::Write as _;

use http::{HeaderName, HeaderValue, Method, Request, header};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use crate::k8s::ownership;
use crate::model::object::{ResourceVersion, Uid};
use crate::ports::cluster::{ClusterError, Expect, Identity, Propagation};

/// The whole object as JSON.
pub const JSON: &str = "application/json";
/// Only `metadata`, so that no data leaves the server.
pub const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
/// A server-side apply; JSON is YAML.
pub const APPLY: &str = "application/apply-patch+yaml";

/// The header that names whom a request impersonates.
pub(super) const IMPERSONATE_USER: HeaderName = HeaderName::from_static("impersonate-user");

/// The user name of an identity. The server itself adds the groups of a `ServiceAccount` when none are sent
/// (`apiserver/pkg/endpoints/filters/impersonation`).
pub fn user(identity: &Identity) -> String {
    match identity {
        Identity::Observer => ownership::account_user(ownership::SYSTEM_NAMESPACE, ownership::OBSERVER_ACCOUNT),
        Identity::Platform => ownership::account_user(ownership::SYSTEM_NAMESPACE, ownership::PLATFORM_ACCOUNT),
        Identity::Tenant { namespace, .. } => ownership::account_user(namespace, ownership::TENANT_ACCOUNT),
    }
}

/// A path with its query.
pub fn target(path: &str, query: &[(&str, &str)]) -> String {
    let mut target = path.to_owned();
    for (place, (key, value)) in query.iter().enumerate() {
        target.push(if place == 0 { '?' } else { '&' });
        target.push_str(key);
        target.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                target.push(char::from(byte));
            } else {
                let _infallible = write!(target, "%{byte:02X}");
            }
        }
    }
    target
}

/// A request, ready to be sent.
pub fn build(
    method: &Method,
    target: &str,
    user: &str,
    accept: &'static str,
    body: Option<(&'static str, Vec<u8>)>,
) -> Result<Request<Vec<u8>>, ClusterError> {
    // Names come from the spec and are checked there, so this cannot fail but for a bug.
    let wrong =
        |_: &dyn std::error::Error| ClusterError::Invalid { detail: "a name does not fit into a request".into() };
    let impersonated = HeaderValue::from_str(user).map_err(|error| wrong(&error))?;
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .header(header::ACCEPT, HeaderValue::from_static(accept))
        .header(IMPERSONATE_USER, impersonated);
    if let Some((content_type, _)) = &body {
        request = request.header(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    request.body(body.map(|(_, bytes)| bytes).unwrap_or_default()).map_err(|error| wrong(&error))
}

/// An object with what a write expects to find, without a copy of the tree.
pub struct ApplyBody<'a> {
    /// The object's tree.
    pub tree: &'a Value,
    /// What it expects.
    pub expect: &'a Expect,
}

impl ApplyBody<'_> {
    /// The body.
    pub fn bytes(&self) -> Result<Vec<u8>, ClusterError> {
        serde_json::to_vec(self).map_err(|_| ClusterError::Invalid { detail: "the object is no JSON".into() })
    }
}

impl Serialize for ApplyBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(tree) = self.tree.as_object() else { return self.tree.serialize(serializer) };
        let mut map = serializer.serialize_map(Some(tree.len()))?;
        for (key, value) in tree {
            if key == "metadata" {
                map.serialize_entry(key, &ExpectedMetadata { metadata: value, expect: self.expect })?;
            } else {
                map.serialize_entry(key, value)?;
            }
        }
        map.end()
    }
}

struct ExpectedMetadata<'a> {
    metadata: &'a Value,
    expect: &'a Expect,
}

impl Serialize for ExpectedMetadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let given = self.metadata.as_object().into_iter().flatten();
        for (key, value) in given.filter(|(key, _)| !matches!(key.as_str(), "uid" | "resourceVersion")) {
            map.serialize_entry(key, value)?;
        }
        match self.expect {
            // No object ever has version 1, so whatever has the name conflicts.
            Expect::Absent => map.serialize_entry("resourceVersion", "1")?,
            Expect::Exactly { uid, resource_version } => {
                map.serialize_entry("uid", uid.as_str())?;
                map.serialize_entry("resourceVersion", resource_version.as_str())?;
            }
        }
        map.end()
    }
}

/// The options of a conditioned deletion.
pub fn delete_options(uid: &Uid, resource_version: &ResourceVersion, propagation: Propagation) -> Vec<u8> {
    let policy = match propagation {
        Propagation::Background => "Background",
        Propagation::Orphan => "Orphan",
    };
    let options = json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": { "uid": uid.as_str(), "resourceVersion": resource_version.as_str() },
        "propagationPolicy": policy,
    });
    options.to_string().into_bytes()
}

#[cfg(test)]
mod tests;
