//! Secrets of one region, one at a time.
//!
//! Input: names, and values that cannot be printed. Output: metadata, or the values of one Secret. An implementation
//! lists nothing, changes nothing that exists and keeps no value. Invariants: a Secret is created or read, never
//! overwritten; values travel as [`Secret`] on both sides of this port.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::cluster::{ClusterError, Identity};
use crate::model::object::ObjectId;
use crate::model::secret::Secret;
use crate::observed::identity::SecretMetadata;

/// The values of a Secret by key.
pub type SecretValues = BTreeMap<Box<str>, Secret<Vec<u8>>>;

/// A Secret that is to be created, immutable from its first moment.
#[derive(Debug)]
pub struct SecretDraft {
    /// Its namespace and name.
    pub id: ObjectId,
    /// Owner labels.
    pub labels: BTreeMap<String, String>,
    /// Self-reference and facts.
    pub annotations: BTreeMap<String, String>,
    /// What it holds.
    pub values: SecretValues,
}

/// Secrets.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// What can be known of a Secret without its values; `None` when the server says 404.
    async fn secret_metadata(&self, identity: &Identity, id: &ObjectId)
    -> Result<Option<SecretMetadata>, ClusterError>;

    /// Creates an immutable Secret; [`ClusterError::Conflict`] when anything has its name.
    async fn create_secret(&self, identity: &Identity, draft: &SecretDraft) -> Result<SecretMetadata, ClusterError>;

    /// Reads one Secret whole; `None` when the server says 404.
    async fn read_secret(
        &self,
        identity: &Identity,
        id: &ObjectId,
    ) -> Result<Option<(SecretMetadata, SecretValues)>, ClusterError>;
}
