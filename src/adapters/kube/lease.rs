//! Leases between their stored form and the port's record.
//!
//! Input: `coordination.k8s.io/v1` trees, records. Output: the other of both. It holds and renews nothing. Invariant:
//! what is written reads back equal, to the microsecond that the API stores.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::k8s::ownership;
use crate::model::object::ResourceVersion;
use crate::ports::cluster::{ClusterError, LeaseRecord};

/// The path of the Leases, or of one.
pub fn path(name: Option<&str>) -> String {
    let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", ownership::SYSTEM_NAMESPACE);
    name.map_or_else(|| leases.clone(), |name| format!("{leases}/{name}"))
}

/// The stored form.
pub fn to_tree(name: &str, record: &LeaseRecord) -> Value {
    let mut tree = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": name, "namespace": ownership::SYSTEM_NAMESPACE },
        "spec": {
            "leaseDurationSeconds": record.duration.as_secs().max(1),
            "renewTime": record.renewed.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
            "leaseTransitions": record.transitions,
        },
    });
    if let (Some(holder), Some(spec)) = (&record.holder, tree.get_mut("spec").and_then(Value::as_object_mut)) {
        spec.insert("holderIdentity".into(), json!(holder));
    }
    let metadata = tree.get_mut("metadata").and_then(Value::as_object_mut);
    if let (Some(version), Some(metadata)) = (&record.resource_version, metadata) {
        metadata.insert("resourceVersion".into(), json!(version.as_str()));
    }
    tree
}

/// The record of a stored Lease. One that was never renewed counts as renewed at the epoch: long over.
pub fn from_tree(tree: &Value) -> Result<LeaseRecord, ClusterError> {
    let malformed = |detail: &str| ClusterError::Malformed { detail: detail.to_owned() };
    let text = |pointer: &str| tree.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let number = |pointer: &str| tree.pointer(pointer).and_then(Value::as_u64);
    let version = text("/metadata/resourceVersion").ok_or_else(|| malformed("a Lease without resourceVersion"))?;
    let renewed = match text("/spec/renewTime") {
        Some(text) => text.parse().map_err(|_| malformed("a Lease whose renewTime is no time"))?,
        None => Timestamp::UNIX_EPOCH,
    };
    Ok(LeaseRecord {
        holder: text("/spec/holderIdentity").map(ToOwned::to_owned),
        duration: Duration::from_secs(number("/spec/leaseDurationSeconds").unwrap_or(0)),
        renewed,
        transitions: number("/spec/leaseTransitions").and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        resource_version: Some(ResourceVersion::new(version)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(holder: Option<&str>, version: Option<&str>) -> LeaseRecord {
        LeaseRecord {
            holder: holder.map(Into::into),
            duration: Duration::from_secs(15),
            renewed: "2026-01-02T03:04:05.678901Z".parse().unwrap(),
            transitions: 3,
            resource_version: version.map(ResourceVersion::new),
        }
    }

    #[test]
    fn a_record_reads_back_from_its_stored_form() {
        for holder in [None, Some("host-1")] {
            let record = record(holder, Some("9"));
            let tree = to_tree("heddle-demo", &record);
            assert_eq!(tree.pointer("/spec/renewTime"), Some(&json!("2026-01-02T03:04:05.678901Z")));
            assert_eq!(from_tree(&tree).unwrap(), record);
        }
        assert_eq!(to_tree("x", &record(None, None)).pointer("/metadata/resourceVersion"), None);
    }

    #[test]
    fn a_lease_that_cannot_be_read_is_an_error() {
        let spec = json!({"renewTime": "yesterday"});
        assert!(from_tree(&json!({"metadata": {"resourceVersion": "1"}, "spec": spec})).is_err());
        assert!(from_tree(&json!({"spec": {}})).is_err());
        let bare = from_tree(&json!({"metadata": {"resourceVersion": "1"}})).unwrap();
        assert_eq!((bare.holder, bare.renewed), (None, Timestamp::UNIX_EPOCH));
    }
}
