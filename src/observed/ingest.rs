//! A live object's tree to what is kept of it (line 3 of the algorithm in ARCHITECTURE.md).
//!
//! Input: one tree as an API server sends it. Output: [`ObservedObject`]. It judges nothing. Invariants: what is kept
//! of an object is below one KiB, and a bounded list of paths where others added something; no data of a Secret or
//! ConfigMap is kept, only digests; an object without the parts that every object has is an error and never a guess.

use serde_json::Value;
use thiserror::Error;

use super::object::{Applied, ObservedObject, OwnerEvidence};
use crate::k8s::fields::{self, Entry, Fields};
use crate::k8s::health::HealthInputs;
use crate::k8s::{foreign, kinds, ownership, projection};
use crate::model::digest::Digest;
use crate::model::object::{Kind, ObjectId, ResourceVersion, Uid};

/// The longest text kept of a label or annotation, in bytes: a self-reference of the longest names fits.
const TEXT_MAX: usize = 512;

/// Why an answer is not an object.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the object has no {missing}")]
pub struct IngestError {
    /// The part that is missing or of another shape.
    pub missing: &'static str,
}

/// Keeps what matters of a live object.
pub fn ingest(kind: Kind, body: &Value, field_manager: &str) -> Result<ObservedObject, IngestError> {
    let metadata = body.get("metadata").ok_or(IngestError { missing: "metadata" })?;
    let text = |key: &'static str| {
        let found = metadata.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        found.ok_or(IngestError { missing: key })
    };
    let name = text("name")?;
    let id = if kinds::info(kind).namespaced {
        ObjectId::namespaced(kind, text("namespace")?, name)
    } else {
        ObjectId::cluster(kind, name)
    };
    Ok(ObservedObject {
        id,
        uid: Uid::new(text("uid")?),
        resource_version: ResourceVersion::new(text("resourceVersion")?),
        generation: metadata.get("generation").and_then(Value::as_i64),
        deleting: metadata.get("deletionTimestamp").is_some_and(|at| !at.is_null()),
        owner: owner(metadata),
        applied: applied(kind, body, field_manager),
        health: health(kind, body),
    })
}

pub(super) fn owner(metadata: &Value) -> OwnerEvidence {
    let text = |part: &str, key: &str| {
        let found = metadata.get(part)?.get(key)?.as_str()?;
        (found.len() <= TEXT_MAX).then(|| found.into())
    };
    let managed: Option<Box<str>> = text("labels", ownership::MANAGED_BY);
    OwnerEvidence {
        installation: managed.filter(|by| **by == *"heddle").and_then(|_| text("labels", ownership::INSTALLATION)),
        unit: text("labels", ownership::UNIT),
        self_reference: text("annotations", ownership::SELF),
    }
}

fn applied(kind: Kind, body: &Value, field_manager: &str) -> Option<Applied> {
    let (ours, others): (Vec<Entry<'_>>, Vec<Entry<'_>>) =
        fields::entries(body).partition(|entry| entry.is_applied_by(field_manager));
    let ours = ours.first()?;
    let others: Vec<&Fields> = others.iter().map(|entry| entry.fields).collect();
    let projection = Digest::of_json(&projection::projection(body, ours.fields, &others));
    let foreign = foreign::foreign(kind, body, field_manager).into();
    Some(Applied { api_version: ours.api_version.into(), projection, foreign })
}

fn health(kind: Kind, body: &Value) -> HealthInputs {
    match kind {
        Kind::StatefulSet => {
            let number = |pointer: &str| body.pointer(pointer).and_then(Value::as_i64);
            let status = |key: &str| body.get("status").and_then(|status| status.get(key));
            HealthInputs::StatefulSet {
                observed_generation: number("/status/observedGeneration"),
                replicas: number("/spec/replicas").unwrap_or(1),
                ready: number("/status/readyReplicas").unwrap_or(0),
                updated: number("/status/updatedReplicas").unwrap_or(0),
                revision_current: status("currentRevision") == status("updateRevision"),
            }
        }
        Kind::PersistentVolumeClaim | Kind::Namespace => {
            let phase = body.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default();
            HealthInputs::Phase(phase.chars().take(40).collect())
        }
        Kind::ResourceQuota
        | Kind::LimitRange
        | Kind::NetworkPolicy
        | Kind::ServiceAccount
        | Kind::RoleBinding
        | Kind::ConfigMap
        | Kind::Service
        | Kind::PodDisruptionBudget
        | Kind::Secret => HealthInputs::None,
    }
}

#[cfg(test)]
mod tests;
