//! A certificate as values: read from bytes of any origin, shown by what it says.
//!
//! Input: DER or PEM of heddle itself, of a Fabric CA, of other organizations. Output: [`Certificate`], or why there is
//! none. It believes nothing: whether a certificate is signed by whom it says is `chain`'s question.
//! Invariants: the bytes are kept as they came; the size is bounded before anything is read; texts are the issuer's
//! own and may hold anything, so whoever shows them escapes them.

mod decode;
mod pem;

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use thiserror::Error;

use super::key::{KeyIdentifier, PublicKey};
use super::name::AlternativeName;
use super::profile::{ExtendedUse, KeyUse};
use super::serial::Serial;
use super::validity::Validity;
use crate::model::digest::Digest;

/// The longest certificate that is read, in bytes of DER.
pub const MAX_DER: usize = 16 * 1024;
/// The longest bundle that is read, in bytes of PEM.
pub const MAX_BUNDLE: usize = 1024 * 1024;
/// The most certificates of a bundle.
pub const MAX_CERTIFICATES: usize = 100;

/// Why bytes are not certificates.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// More than is read.
    #[error("larger than the {limit} bytes that are read")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
    /// Not DER of a certificate, or a part of it contradicts itself.
    #[error("no certificate: {what}")]
    Malformed {
        /// Which part.
        what: &'static str,
        /// What the decoder said.
        #[source]
        source: x509_cert::der::Error,
    },
    /// The texts of the subject, the serial number or the times are not what RFC 5280 allows.
    #[error("the certificate has {0}")]
    Unusable(&'static str),
    /// A text block that is not a certificate, such as a private key, or that does not end.
    #[error("the text holds a block that is no certificate, or an incomplete one")]
    OtherBlock,
    /// No certificate where one is needed, or several where one is.
    #[error("{found} certificates in the text where {wanted} needed")]
    Count {
        /// How many there are.
        found: usize,
        /// How many there should be.
        wanted: &'static str,
    },
}

/// The subject's or issuer's name, as far as Fabric looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    raw: Box<[u8]>,
    common_names: Vec<String>,
    organizations: Vec<String>,
    units: Vec<String>,
}

impl Name {
    /// The first common name.
    pub fn common_name(&self) -> Option<&str> {
        self.common_names.first().map(String::as_str)
    }

    /// Every common name.
    pub fn common_names(&self) -> &[String] {
        &self.common_names
    }

    /// Every organization.
    pub fn organizations(&self) -> &[String] {
        &self.organizations
    }

    /// Every organizational unit, in order; also several within one relative name, as Fabric CA writes them.
    pub fn units(&self) -> &[String] {
        &self.units
    }

    /// The DER that issuer and subject are compared by.
    pub(super) fn raw(&self) -> &[u8] {
        &self.raw
    }
}

/// What an authority's certificate says of itself (RFC 5280: `basicConstraints`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constraints {
    /// It issues nothing.
    Leaf,
    /// It issues; how many authorities may follow below it, if that is bounded.
    Authority(Option<u8>),
}

/// A certificate.
#[derive(Clone)]
pub struct Certificate {
    der: Box<[u8]>,
    pem: Box<str>,
    tbs: std::ops::Range<usize>,
    view: View,
}

/// What the bytes say.
#[derive(Clone)]
struct View {
    subject: Name,
    issuer: Name,
    serial: Serial,
    validity: Validity,
    spki: Digest,
    key: Option<PublicKey>,
    constraints: Constraints,
    key_uses: Option<BTreeSet<KeyUse>>,
    extended_uses: BTreeSet<ExtendedUse>,
    names: BTreeSet<AlternativeName>,
    other_names: Vec<String>,
    subject_key: Option<KeyIdentifier>,
    authority_key: Option<KeyIdentifier>,
    has_unknown_critical: bool,
    /// Present if the algorithm is ECDSA with SHA-256.
    signature: Option<Box<[u8]>>,
}

impl Certificate {
    /// Reads DER: exactly one certificate and nothing after it.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_DER {
            return Err(CertificateError::TooLarge { limit: MAX_DER });
        }
        let (tbs, view) = decode::decode(der)?;
        Ok(Self { der: der.into(), pem: pem::encode(der)?, tbs, view })
    }

    /// Reads PEM with exactly one certificate.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        let mut bundle = Self::bundle(text)?;
        match (bundle.pop(), bundle.len()) {
            (Some(certificate), 0) => Ok(certificate),
            (_, others) => Err(CertificateError::Count { found: others + 1, wanted: "one is" }),
        }
    }

    /// Reads PEM with one or more certificates, in their order. Text between the blocks does not count.
    pub fn bundle(text: &str) -> Result<Vec<Self>, CertificateError> {
        if text.len() > MAX_BUNDLE {
            return Err(CertificateError::TooLarge { limit: MAX_BUNDLE });
        }
        let blocks = pem::blocks(text)?;
        if !(1..=MAX_CERTIFICATES).contains(&blocks.len()) {
            return Err(CertificateError::Count { found: blocks.len(), wanted: "1 to 100 are" });
        }
        blocks.iter().map(|der| Self::from_der(der)).collect()
    }

    /// The bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The bytes as text, with a line break at the end: several put together are a bundle.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The digest of the bytes: what tells this certificate from others, also of the same key.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.der)
    }

    /// Whom it is for.
    pub fn subject(&self) -> &Name {
        &self.view.subject
    }

    /// Who issued it, by its own word.
    pub fn issuer(&self) -> &Name {
        &self.view.issuer
    }

    /// Whether it says that it issued itself.
    pub fn is_self_issued(&self) -> bool {
        self.view.subject.raw == self.view.issuer.raw
    }

    /// Its serial number.
    pub fn serial(&self) -> &Serial {
        &self.view.serial
    }

    /// From when until when.
    pub fn validity(&self) -> &Validity {
        &self.view.validity
    }

    /// Its public key; none if it is not a P-256 key.
    pub fn public_key(&self) -> Option<&PublicKey> {
        self.view.key.as_ref()
    }

    /// The digest of its public key, of whatever kind. For P-256 it is [`PublicKey::fingerprint`].
    pub fn key_fingerprint(&self) -> Digest {
        self.view.spki
    }

    /// Whether it is an authority's, and how many may follow.
    pub fn constraints(&self) -> Constraints {
        self.view.constraints
    }

    /// What its key may do; none if the certificate does not say, which allows everything.
    pub fn key_uses(&self) -> Option<&BTreeSet<KeyUse>> {
        self.view.key_uses.as_ref()
    }

    /// What it may be used for; empty if the certificate does not say, which allows everything.
    pub fn extended_uses(&self) -> &BTreeSet<ExtendedUse> {
        &self.view.extended_uses
    }

    /// By which names it serves.
    pub fn names(&self) -> &BTreeSet<AlternativeName> {
        &self.view.names
    }

    /// Alternative names that are neither host names without wildcards nor IP addresses, in words.
    pub fn other_names(&self) -> &[String] {
        &self.view.other_names
    }

    /// The identifier of its own key.
    pub fn subject_key(&self) -> Option<&KeyIdentifier> {
        self.view.subject_key.as_ref()
    }

    /// The identifier of its issuer's key.
    pub fn authority_key(&self) -> Option<&KeyIdentifier> {
        self.view.authority_key.as_ref()
    }

    /// Whether it carries a critical extension that is not understood here: it must not be relied upon then.
    pub fn has_unknown_critical(&self) -> bool {
        self.view.has_unknown_critical
    }

    /// Whether it may be used for this.
    pub fn allows(&self, wanted: &ExtendedUse) -> bool {
        let uses = &self.view.extended_uses;
        uses.is_empty() || uses.contains(wanted) || uses.contains(&ExtendedUse::Any)
    }

    /// Whether a third of its life or less is left ([`Validity::renewal_due`]).
    pub fn renewal_due(&self, now: Timestamp) -> bool {
        self.view.validity.renewal_due(now)
    }

    /// What the signature is over.
    pub(super) fn signed_part(&self) -> &[u8] {
        self.der.get(self.tbs.clone()).unwrap_or_default()
    }

    /// The signature; none if it is not ECDSA with SHA-256.
    pub(super) fn signature(&self) -> Option<&[u8]> {
        self.view.signature.as_deref()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name: String = self.subject().common_name().unwrap_or_default().chars().take(64).collect();
        write!(f, "Certificate({name:?}, {:?})", self.fingerprint())
    }
}

#[cfg(test)]
mod tests;
