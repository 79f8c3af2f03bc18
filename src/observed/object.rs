//! What is kept of a live object: identity, ownership, a digest of what we applied, and what health needs.
//!
//! Input: `observed::ingest`. Output: [`ObservedObject`], [`LiveObject`]. Bodies are dropped at ingest, so that ten
//! thousand objects fit in a few megabytes. Invariant: no Secret value ever gets in here.

use serde_json::Value;

use crate::k8s::foreign::Foreign;
use crate::k8s::health::HealthInputs;
use crate::model::digest::Digest;
use crate::model::object::{ObjectId, ResourceVersion, Uid};

/// A live object without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedObject {
    /// Kind, namespace, name.
    pub id: ObjectId,
    /// This life of it.
    pub uid: Uid,
    /// This version of it.
    pub resource_version: ResourceVersion,
    /// The generation of its spec, where the kind has one.
    pub generation: Option<i64>,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Whose it says it is.
    pub owner: OwnerEvidence,
    /// What we applied, if we did.
    pub applied: Option<Applied>,
    /// What it says about its health.
    pub health: HealthInputs,
}

/// The evidence on an object that it is ours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnerEvidence {
    /// Label `heddle.dev/installation`, when `managed-by` is heddle too.
    pub installation: Option<Box<str>>,
    /// Label `heddle.dev/unit`.
    pub unit: Option<Box<str>>,
    /// Annotation `heddle.dev/self`.
    pub self_reference: Option<Box<str>>,
}

impl OwnerEvidence {
    /// What the object says it is, in words and bounded; another installation than `ours` is named.
    pub fn says(&self, ours: &str) -> String {
        let itself = self.self_reference.as_deref();
        let others = self.installation.as_deref().filter(|label| *label != ours);
        let says = match (itself, others) {
            (None, None) => "nothing".to_owned(),
            (Some(itself), None) => itself.to_owned(),
            (None, Some(others)) => format!("of installation {others}"),
            (Some(itself), Some(others)) => format!("{itself} of installation {others}"),
        };
        says.chars().take(300).collect()
    }
}

/// Our `managedFields` entry (manager ours, operation Apply, no subresource).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The `apiVersion` we applied with.
    pub api_version: Box<str>,
    /// The digest of the projection of the live object on the fields we own.
    pub projection: Digest,
    /// What others own in guarded places beside it, bounded. Kept so that an object that is as it should be need not
    /// be read again to report it.
    pub foreign: Box<[Foreign]>,
}

/// A live object with its body, read for one comparison and then dropped.
#[derive(Debug, Clone)]
pub struct LiveObject {
    /// What is kept.
    pub observed: ObservedObject,
    /// The whole tree as the server sent it.
    pub body: Value,
}
