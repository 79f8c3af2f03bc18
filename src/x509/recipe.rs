//! A certificate that is wanted, described without bytes, and how one that exists differs from it.
//!
//! Input: what a spec wants. Output: [`Recipe`] with a stable digest, which plans show in place of bytes; a list of
//! [`Difference`]s. It issues nothing, and does not verify signatures: `chain` does.
//! Invariants: what `issue` makes from a recipe fits it; time is not compared, so that nothing differs merely because it
//! grew old.

use std::collections::BTreeSet;
use std::fmt;

use thiserror::Error;

use super::certificate::{Certificate, Constraints};
use super::key::KeyIdentifier;
use super::name::{AlternativeName, Subject};
use super::profile::{ExtendedUse, KeyUse, Profile};
use super::validity::{BACKDATED, Life};
use crate::model::digest::Digest;

/// The most alternative names of one certificate.
pub const MAX_NAMES: usize = 100;
/// The most characters of somebody else's text in a reason.
const LONGEST_SHOWN: usize = 200;

/// Why a recipe cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecipeError {
    /// A server that nobody could call.
    #[error("a certificate of a server needs the names by which clients call it")]
    NamesMissing,
    /// Names on something that serves nothing.
    #[error("only a certificate of a server carries names by which clients call it")]
    NamesForNobody,
    /// More than [`MAX_NAMES`].
    #[error("a certificate carries at most 100 names")]
    TooManyNames,
}

/// Which key the certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyChoice {
    /// A new one, which nobody knows yet.
    New,
    /// The one with this fingerprint ([`super::key::PublicKey::fingerprint`]): a renewal, which Raft takes without a change of the
    /// channel.
    Kept(Digest),
}

/// A certificate that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Recipe {
    profile: Profile,
    subject: Subject,
    names: BTreeSet<AlternativeName>,
    life: Life,
    key: KeyChoice,
    issuer: Option<KeyIdentifier>,
}

impl Recipe {
    /// Describes a certificate for a new key, from an authority that is not known yet.
    pub fn new(
        profile: Profile,
        subject: Subject,
        names: BTreeSet<AlternativeName>,
        life: Life,
    ) -> Result<Self, RecipeError> {
        match (profile.is_server(), names.len()) {
            (true, 0) => Err(RecipeError::NamesMissing),
            (false, 1..) => Err(RecipeError::NamesForNobody),
            (true, count) if count > MAX_NAMES => Err(RecipeError::TooManyNames),
            _ => Ok(Self { profile, subject, names, life, key: KeyChoice::New, issuer: None }),
        }
    }

    /// The same for this key.
    #[must_use]
    pub fn for_key(self, key: KeyChoice) -> Self {
        Self { key, ..self }
    }

    /// The same from the authority with this key. Without it any authority of the profile's purpose will do.
    #[must_use]
    pub fn issued_by(self, issuer: KeyIdentifier) -> Self {
        Self { issuer: Some(issuer), ..self }
    }

    /// What it is for.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Whom it is for.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// By which names it serves.
    pub fn names(&self) -> &BTreeSet<AlternativeName> {
        &self.names
    }

    /// How long it is to live.
    pub fn life(&self) -> Life {
        self.life
    }

    /// Which key it is for.
    pub fn key(&self) -> KeyChoice {
        self.key
    }

    /// Whose key signs it, where that is known.
    pub fn issuer(&self) -> Option<&KeyIdentifier> {
        self.issuer.as_ref()
    }

    /// What tells this recipe from others, also between versions of heddle.
    pub fn digest(&self) -> Digest {
        let mut parts = vec![
            "x509 recipe 1".to_owned(),
            self.profile.code().to_owned(),
            self.subject.organization().to_string(),
            self.subject.common_name().to_string(),
            self.life.seconds().to_string(),
            match self.key {
                KeyChoice::New => String::new(),
                KeyChoice::Kept(fingerprint) => fingerprint.to_string(),
            },
            self.issuer.as_ref().map(ToString::to_string).unwrap_or_default(),
        ];
        parts.extend(self.names.iter().map(ToString::to_string));
        Digest::of_parts(parts)
    }
}

/// One line, as plans show it.
impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} of {}", self.profile, self.subject.common_name(), self.subject.organization())?;
        if !self.names.is_empty() {
            let names: Vec<String> = self.names.iter().map(ToString::to_string).collect();
            write!(f, ", for {}", names.join(" "))?;
        }
        match self.key {
            KeyChoice::New => f.write_str(", new key")?,
            KeyChoice::Kept(fingerprint) => write!(f, ", key {}", fingerprint.short(12))?,
        }
        write!(f, ", {}", self.life)
    }
}

/// Where a certificate is not what its recipe wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The common names are not exactly the one that is wanted.
    CommonName {
        /// What there is.
        found: Vec<String>,
    },
    /// The organizations are not exactly the one that is wanted.
    Organization {
        /// What there is.
        found: Vec<String>,
    },
    /// The organizational units are not exactly the role, or there is one where none is wanted.
    Unit {
        /// What there is.
        found: Vec<String>,
    },
    /// The names of a server are others.
    Names {
        /// Wanted and not there.
        missing: Vec<AlternativeName>,
        /// There and not wanted.
        surplus: Vec<String>,
    },
    /// Not a P-256 key, or not signed with ECDSA and SHA-256.
    Algorithm,
    /// Another key than the one that is kept.
    Key {
        /// Its fingerprint.
        found: Digest,
    },
    /// Another authority; none if the certificate names none.
    Issuer {
        /// The key that it says it was signed with.
        found: Option<KeyIdentifier>,
    },
    /// The key may do other things.
    KeyUses {
        /// What there is; none if it says nothing.
        found: Option<BTreeSet<KeyUse>>,
    },
    /// It may be used for other things.
    ExtendedUses {
        /// What there is.
        found: BTreeSet<ExtendedUse>,
    },
    /// It is an authority and should not be, or the other way round, or one of another depth.
    Constraints {
        /// What there is.
        found: Constraints,
    },
    /// It carries no identifier of its own key, which Fabric demands of authorities.
    SubjectKey,
    /// It carries a critical extension that heddle does not know.
    UnknownExtension,
    /// It was made to live longer than is wanted. A shorter life is no difference: an issuer's end cuts it.
    Life {
        /// From its beginning to its end, in seconds.
        found: i64,
    },
}

/// One line, as reasons in plans show it. Texts of the certificate are escaped and cut.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = |texts: &[String]| match texts {
            [] => "none".to_owned(),
            texts => cut(&format!("{texts:?}")),
        };
        match self {
            Self::CommonName { found } => write!(f, "another common name: {}", texts(found)),
            Self::Organization { found } => write!(f, "another organization: {}", texts(found)),
            Self::Unit { found } => write!(f, "another role: {}", texts(found)),
            Self::Names { missing, surplus } => {
                let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
                write!(f, "other names: missing {}, surplus {}", texts(&missing), texts(surplus))
            }
            Self::Algorithm => f.write_str("not a P-256 key, or not signed with ECDSA and SHA-256"),
            Self::Key { found } => write!(f, "another key: {}", found.short(12)),
            Self::Issuer { found: Some(found) } => write!(f, "another authority: {}", cut(&found.to_string())),
            Self::Issuer { found: None } => f.write_str("another authority: none is named"),
            Self::KeyUses { found } => write!(f, "the key may be used otherwise: {}", cut(&format!("{found:?}"))),
            Self::ExtendedUses { found } => write!(f, "it may be used otherwise: {}", cut(&format!("{found:?}"))),
            Self::Constraints { found } => write!(f, "another depth: {found:?}"),
            Self::SubjectKey => f.write_str("no identifier of its own key"),
            Self::UnknownExtension => f.write_str("a critical extension that is not known"),
            Self::Life { found } => write!(f, "a longer life: {found} s"),
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST_SHOWN).collect()
}

/// Everything in which a certificate is not what the recipe wants; nothing if it fits. It does not look at signatures, nor
/// at the time: renewal is [`Certificate::renewal_due`].
pub fn fits(certificate: &Certificate, recipe: &Recipe) -> Vec<Difference> {
    let mut differences = Vec::new();
    identity(certificate, recipe, &mut differences);
    names(certificate, recipe, &mut differences);
    keys(certificate, recipe, &mut differences);
    powers(certificate, recipe.profile, &mut differences);
    let life = certificate.validity().not_after.as_second() - certificate.validity().not_before.as_second();
    if life > recipe.life.seconds() + BACKDATED.as_secs() {
        differences.push(Difference::Life { found: life });
    }
    differences
}

fn identity(certificate: &Certificate, recipe: &Recipe, differences: &mut Vec<Difference>) {
    let subject = certificate.subject();
    if subject.common_names() != [recipe.subject.common_name().as_str()] {
        differences.push(Difference::CommonName { found: subject.common_names().to_vec() });
    }
    if subject.organizations() != [recipe.subject.organization().as_str()] {
        differences.push(Difference::Organization { found: subject.organizations().to_vec() });
    }
    if subject.units() != recipe.profile.unit().as_slice() {
        differences.push(Difference::Unit { found: subject.units().to_vec() });
    }
}

fn names(certificate: &Certificate, recipe: &Recipe, differences: &mut Vec<Difference>) {
    let missing: Vec<AlternativeName> = recipe.names.difference(certificate.names()).cloned().collect();
    let surplus = certificate.names().difference(&recipe.names).map(ToString::to_string);
    let surplus: Vec<String> = surplus.chain(certificate.other_names().iter().cloned()).collect();
    if !missing.is_empty() || !surplus.is_empty() {
        differences.push(Difference::Names { missing, surplus });
    }
}

fn keys(certificate: &Certificate, recipe: &Recipe, differences: &mut Vec<Difference>) {
    if certificate.public_key().is_none() || certificate.signature().is_none() {
        differences.push(Difference::Algorithm);
    }
    if matches!(recipe.key, KeyChoice::Kept(wanted) if wanted != certificate.key_fingerprint()) {
        differences.push(Difference::Key { found: certificate.key_fingerprint() });
    }
    let is_root = matches!(recipe.profile, Profile::Root(_));
    let other_issuer = recipe.issuer.is_some() && recipe.issuer.as_ref() != certificate.authority_key();
    if other_issuer || is_root != certificate.is_self_issued() {
        differences.push(Difference::Issuer { found: certificate.authority_key().cloned() });
    }
    if certificate.subject_key().is_none() {
        differences.push(Difference::SubjectKey);
    }
}

fn powers(certificate: &Certificate, profile: Profile, differences: &mut Vec<Difference>) {
    let key_uses: BTreeSet<KeyUse> = profile.key_uses().iter().copied().collect();
    if certificate.key_uses() != Some(&key_uses) {
        differences.push(Difference::KeyUses { found: certificate.key_uses().cloned() });
    }
    let extended: BTreeSet<ExtendedUse> = profile.extended_uses().iter().cloned().collect();
    if *certificate.extended_uses() != extended {
        differences.push(Difference::ExtendedUses { found: certificate.extended_uses().clone() });
    }
    let wanted = profile.path_length().map_or(Constraints::Leaf, |length| Constraints::Authority(Some(length)));
    if certificate.constraints() != wanted {
        differences.push(Difference::Constraints { found: certificate.constraints() });
    }
    if certificate.has_unknown_critical() {
        differences.push(Difference::UnknownExtension);
    }
}

#[cfg(test)]
mod tests;
