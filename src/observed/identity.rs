//! What is known in public of an issued identity, and what a look at its Secret's metadata says.
//!
//! Input: annotations of Secrets, rows of inventories. Output: [`IssuedFacts`], [`SecretMetadata`], [`SecretSeen`]. No value
//! of a Secret ever gets in here. Invariant: facts that cannot be read whole are none.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ingest;
use super::object::OwnerEvidence;
use crate::model::digest::Digest;
use crate::model::identity::{Generation, IdentityId};
use crate::model::object::Uid;

/// Annotation of a Secret that heddle issued: its [`IssuedFacts`] as JSON.
pub const FACTS: &str = "heddle.dev/issued";
/// The longest annotation that is read, in bytes.
const FACTS_MAX: usize = 1024;

/// What everybody may know of an issued certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssuedFacts {
    /// The digest of what was asked for.
    pub wish: Digest,
    /// The fingerprint of the public key.
    pub key: Digest,
    /// The fingerprint of the certificate.
    pub certificate: Digest,
    /// The first second of its validity.
    pub not_before: Timestamp,
    /// The last second of its validity.
    pub not_after: Timestamp,
}

/// What a row of an inventory knows of the identity that its Secret holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRow {
    /// The identity's name, in the Secret's namespace.
    pub name: Box<str>,
    /// Which of its certificates.
    pub generation: Generation,
    /// What was issued; none before the answer is known.
    pub facts: Option<IssuedFacts>,
}

impl IdentityRow {
    /// Whether it is a generation of this identity, in whose namespace the row is.
    pub fn is_of(&self, namespace: Option<&str>, id: &IdentityId) -> bool {
        namespace == Some(&*id.namespace) && self.name == id.name
    }
}

/// A Secret without its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretMetadata {
    /// This life of it.
    pub uid: Uid,
    /// Whose it says it is.
    pub owner: OwnerEvidence,
    /// What it says was issued; none for what heddle did not make.
    pub facts: Option<IssuedFacts>,
}

/// What a look at one Secret says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSeen {
    /// It could not be looked up.
    Unknown,
    /// It certainly is not there.
    Absent,
    /// It is there.
    Present(Box<SecretMetadata>),
}

/// Reads the metadata of a Secret; none when a part that every object has is missing.
pub fn metadata(body: &Value) -> Option<SecretMetadata> {
    let metadata = body.get("metadata")?;
    let uid = metadata.get("uid")?.as_str().filter(|uid| !uid.is_empty())?;
    let facts = metadata.get("annotations").and_then(|all| all.get(FACTS)).and_then(Value::as_str);
    let facts = facts.filter(|text| text.len() <= FACTS_MAX).and_then(|text| serde_json::from_str(text).ok());
    Some(SecretMetadata { uid: Uid::new(uid), owner: ingest::owner(metadata), facts })
}
