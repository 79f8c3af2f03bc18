//! Identities that should exist: what is asked for, never a byte of a key.
//!
//! Input: the renderers. Output: [`DesiredIdentity`], its digest and which others it needs. It issues nothing. Invariants:
//! the digest covers everything that decides what the Secret holds, but for keys, serial numbers and instants; an
//! identity never needs one of a later stage.

use std::collections::{BTreeMap, BTreeSet};

use super::unit::Stage;
use crate::model::digest::Digest;
use crate::model::identity::IdentityRef;
use crate::model::names::TenantName;
use crate::model::unit::UnitId;
use crate::x509::recipe::Recipe;

/// Key of an authority's Secret: its certificate.
pub const AUTHORITY_CERTIFICATE: &str = "ca.crt";
/// Key of an authority's Secret: its private key.
pub const AUTHORITY_KEY: &str = "ca.key";

/// An identity of some unit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuthorityRef {
    /// Whose it is.
    pub unit: UnitId,
    /// Which.
    pub identity: IdentityRef,
}

/// What a key of a Secret holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// The private key, as PKCS#8 in PEM.
    Key,
    /// The certificate alone.
    Certificate,
    /// The certificate and the issuing one after it, as servers and clients send them.
    Chain,
    /// The certificate of an authority.
    CertificateOf(AuthorityRef),
}

/// One identity that should exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredIdentity {
    /// As whom it is written: the tenant in whose namespace it lives.
    pub tenant: TenantName,
    /// The node it belongs to, if it belongs to one.
    pub node: Option<Box<str>>,
    /// When.
    pub stage: Stage,
    /// The certificate.
    pub recipe: Recipe,
    /// Who signs it; none for a root.
    pub issuer: Option<AuthorityRef>,
    /// What its Secret holds.
    pub content: BTreeMap<Box<str>, Content>,
    /// Owner labels of its Secret.
    pub labels: BTreeMap<String, String>,
}

impl DesiredIdentity {
    /// The digest of what is asked for.
    pub fn wish(&self) -> Digest {
        let mut parts = vec![self.recipe.digest().to_string()];
        parts.extend(self.issuer.iter().map(|issuer| format!("by {}", issuer.identity)));
        parts.extend(self.content.iter().map(|(key, content)| match content {
            Content::Key => format!("{key} key"),
            Content::Certificate => format!("{key} certificate"),
            Content::Chain => format!("{key} chain"),
            Content::CertificateOf(authority) => format!("{key} of {}", authority.identity),
        }));
        Digest::of_parts(parts)
    }

    /// Every authority that must exist before: the issuer, and those whose certificates its Secret holds.
    pub fn authorities(&self) -> BTreeSet<&AuthorityRef> {
        let held = self.content.values().filter_map(|content| match content {
            Content::CertificateOf(authority) => Some(authority),
            Content::Key | Content::Certificate | Content::Chain => None,
        });
        self.issuer.iter().chain(held).collect()
    }

    /// Whether it signs others, so that its key is never drawn anew and its end is a person's matter.
    pub fn is_authority(&self) -> bool {
        self.recipe.profile().path_length().is_some()
    }
}
