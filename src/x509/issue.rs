//! Issuing: from a recipe, a key, an authority, a serial number and an instant to a certificate.
//!
//! Input: all of these, by the caller. Output: [`Certificate`], or why not. It has no clock, draws nothing by chance and
//! keeps no book of what it issued.
//! Invariants: equal inputs give equal bytes; what is issued reads back and fits its recipe; an authority signs only for
//! its own purpose, a root only issuing authorities, and an issuing authority only what is used: Fabric refuses
//! identities from anything but the leaves of the tree of authorities.

use jiff::Timestamp;
use thiserror::Error;

use super::certificate::{Certificate, CertificateError, Constraints};
use super::encode::{Fields, signed_part, whole};
use super::key::{KeyError, KeyIdentifier, PrivateKey, PublicKey};
use super::profile::{Profile, Purpose};
use super::recipe::{KeyChoice, Recipe};
use super::serial::Serial;
use super::validity::Validity;

/// Why nothing was issued.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IssueError {
    /// The authority vouches for something else.
    #[error("an authority for {authority} does not issue a certificate for {wanted}")]
    WrongPurpose {
        /// What it vouches for.
        authority: Purpose,
        /// What is wanted.
        wanted: Purpose,
    },
    /// A root issues only issuing authorities, these only the rest, and a root comes from nobody.
    #[error("this authority does not issue such a certificate: {0}")]
    WrongLevel(Profile),
    /// The private key is not that of the authority's certificate.
    #[error("the private key is not that of the authority's certificate")]
    ForeignKey,
    /// The certificate is not an authority's.
    #[error("the certificate is not one of an authority")]
    NotAnAuthority,
    /// The recipe names another authority.
    #[error("the recipe names another authority")]
    OtherIssuer,
    /// The recipe keeps another key.
    #[error("the recipe keeps another key")]
    OtherKey,
    /// A name or a key that is the authority's own: readers would take the certificate for the authority's.
    #[error("the subject has the authority's own name or key")]
    SubjectIsIssuer,
    /// The authority is not valid now, or the certificate would have no life.
    #[error("the authority is not valid at this time")]
    OutsideValidity,
    /// A renewal that would not last longer, since the authority ends first: renew the authority.
    #[error("the renewed certificate would end no later than the present one")]
    NothingGained,
    /// It could not be written. Not known to happen.
    #[error("the certificate could not be written")]
    Encoding(#[source] x509_cert::der::Error),
    /// It could not be signed. Not known to happen.
    #[error("the certificate could not be signed")]
    Signing(#[source] KeyError),
    /// What was written does not read back. Not known to happen.
    #[error("the certificate does not read back")]
    Unreadable(#[source] CertificateError),
}

/// An authority that can sign: a certificate, its key, and what it vouches for.
#[derive(Debug)]
pub struct Authority<'a> {
    purpose: Purpose,
    certificate: &'a Certificate,
    key: &'a PrivateKey,
}

impl<'a> Authority<'a> {
    /// Puts them together; the key must be the certificate's.
    pub fn new(purpose: Purpose, certificate: &'a Certificate, key: &'a PrivateKey) -> Result<Self, IssueError> {
        if certificate.constraints() == Constraints::Leaf {
            return Err(IssueError::NotAnAuthority);
        }
        if certificate.public_key() != Some(&key.public_key()) {
            return Err(IssueError::ForeignKey);
        }
        Ok(Self { purpose, certificate, key })
    }

    /// What certificates call it: the identifier in its own certificate, or if that has none, the one it should have.
    fn identifier(&self) -> KeyIdentifier {
        self.certificate.subject_key().cloned().unwrap_or_else(|| self.key.public_key().identifier())
    }

    fn check(&self, recipe: &Recipe, key: &PublicKey) -> Result<(), IssueError> {
        let profile = recipe.profile();
        if profile.purpose() != self.purpose {
            return Err(IssueError::WrongPurpose { authority: self.purpose, wanted: profile.purpose() });
        }
        let fits_level = match profile {
            Profile::Root(_) => false,
            Profile::Issuing(_) => self.certificate.is_self_issued(),
            _ => !self.certificate.is_self_issued(),
        };
        if !fits_level {
            return Err(IssueError::WrongLevel(profile));
        }
        if recipe.issuer().is_some_and(|issuer| *issuer != self.identifier()) {
            return Err(IssueError::OtherIssuer);
        }
        if self.certificate.public_key() == Some(key) {
            return Err(IssueError::SubjectIsIssuer);
        }
        check_key(recipe, key)
    }
}

fn check_key(recipe: &Recipe, key: &PublicKey) -> Result<(), IssueError> {
    match recipe.key() {
        KeyChoice::Kept(wanted) if wanted != key.fingerprint() => Err(IssueError::OtherKey),
        KeyChoice::Kept(_) | KeyChoice::New => Ok(()),
    }
}

/// Issues a root, which signs itself.
pub fn issue_root(
    recipe: &Recipe,
    key: &PrivateKey,
    serial: &Serial,
    now: Timestamp,
) -> Result<Certificate, IssueError> {
    if !matches!(recipe.profile(), Profile::Root(_)) {
        return Err(IssueError::WrongLevel(recipe.profile()));
    }
    let public = key.public_key();
    check_key(recipe, &public)?;
    let validity = Validity::planned(recipe.life(), None, now).ok_or(IssueError::OutsideValidity)?;
    sign(&Fields { recipe, key: &public, issuer: None, issuer_key: None, serial, validity: &validity }, key)
}

/// Issues everything but a root.
pub fn issue(
    recipe: &Recipe,
    key: &PublicKey,
    authority: &Authority<'_>,
    serial: &Serial,
    now: Timestamp,
) -> Result<Certificate, IssueError> {
    authority.check(recipe, key)?;
    let issuer = authority.certificate;
    let validity = Validity::planned(recipe.life(), Some(issuer.validity()), now).ok_or(IssueError::OutsideValidity)?;
    let issuer_key = authority.identifier();
    let fields = Fields {
        recipe,
        key,
        issuer: Some(issuer.subject().raw()),
        issuer_key: Some(&issuer_key),
        serial,
        validity: &validity,
    };
    let certificate = sign(&fields, authority.key)?;
    if certificate.is_self_issued() { Err(IssueError::SubjectIsIssuer) } else { Ok(certificate) }
}

/// Issues a certificate for the key of the present one, with a life of its own: consenters of Raft are recognized by
/// their keys, so that no channel has to change.
pub fn renew(
    present: &Certificate,
    recipe: &Recipe,
    authority: &Authority<'_>,
    serial: &Serial,
    now: Timestamp,
) -> Result<Certificate, IssueError> {
    let key = present.public_key().ok_or(IssueError::OtherKey)?;
    let renewed = issue(recipe, key, authority, serial, now)?;
    if renewed.validity().not_after <= present.validity().not_after {
        return Err(IssueError::NothingGained);
    }
    Ok(renewed)
}

fn sign(fields: &Fields<'_>, key: &PrivateKey) -> Result<Certificate, IssueError> {
    let part = signed_part(fields).map_err(IssueError::Encoding)?;
    let signature = key.sign(&part).map_err(IssueError::Signing)?;
    let der = whole(part, &signature).map_err(IssueError::Encoding)?;
    Certificate::from_der(&der).map_err(IssueError::Unreadable)
}

#[cfg(test)]
mod tests;
