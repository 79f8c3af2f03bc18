//! A Lease's tree and the port's record of it.
//!
//! Input and output: both forms. Invariant: what is written reads back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::k8s::ownership;
use crate::model::object::ResourceVersion;
use crate::ports::cluster::{ClusterError, LeaseRecord};
use crate::sim::store::Target;
use crate::sim::store::resources::Resource;

/// Where leases live.
pub(super) fn target(name: &str) -> Result<Target<'_>, ClusterError> {
    let missing = || ClusterError::NotFound { detail: "the server serves no leases".into() };
    let resource = Resource::by_plural("coordination.k8s.io", "leases").ok_or_else(missing)?;
    Ok(Target { resource, namespace: ownership::SYSTEM_NAMESPACE, name })
}

/// The tree of a record.
pub(super) fn write(name: &str, record: &LeaseRecord) -> Value {
    let mut metadata = json!({"name": name, "namespace": ownership::SYSTEM_NAMESPACE});
    if let (Some(version), Some(metadata)) = (&record.resource_version, metadata.as_object_mut()) {
        metadata.insert("resourceVersion".into(), json!(version.as_str()));
    }
    let mut spec = json!({
        "leaseDurationSeconds": record.duration.as_secs(),
        "renewTime": record.renewed.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
        "leaseTransitions": record.transitions,
    });
    if let (Some(holder), Some(spec)) = (&record.holder, spec.as_object_mut()) {
        spec.insert("holderIdentity".into(), json!(holder));
    }
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec})
}

/// The record of a tree.
pub(super) fn read(body: &Value) -> Result<LeaseRecord, ClusterError> {
    let malformed = |what: &str| ClusterError::Malformed { detail: format!("the lease has no {what}") };
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    let number = |pointer: &str| body.pointer(pointer).and_then(Value::as_u64);
    let renewed = text("/spec/renewTime").and_then(|time| time.parse().ok()).ok_or_else(|| malformed("renewTime"))?;
    let transitions = number("/spec/leaseTransitions").and_then(|count| u32::try_from(count).ok());
    Ok(LeaseRecord {
        holder: text("/spec/holderIdentity").filter(|holder| !holder.is_empty()).map(str::to_owned),
        duration: Duration::from_secs(number("/spec/leaseDurationSeconds").unwrap_or(0)),
        renewed,
        transitions: transitions.unwrap_or(0),
        resource_version: text("/metadata/resourceVersion").map(ResourceVersion::new),
    })
}
