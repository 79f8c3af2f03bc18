//! Makes a key, its certificate and everything that their Secret holds, in memory.
//!
//! Input: a step and the Secrets of its authorities. Output: the values and what everybody may know of them. It stores
//! nothing. Invariants: a key that is read is compared with the fingerprint that is known; an identity is verified as a
//! node's MSP does before anybody gets it; private keys are [`Secret`] from end to end.

use std::collections::BTreeMap;

use super::{Issuing, MakingError};
use crate::desired::identity::{AUTHORITY_CERTIFICATE, AUTHORITY_KEY, AuthorityRef, Content};
use crate::model::identity::IdentityRef;
use crate::model::object::ObjectId;
use crate::model::secret::Secret;
use crate::observed::identity::IssuedFacts;
use crate::plan::change::Signer;
use crate::ports::cluster::Identity;
use crate::ports::secret_store::SecretValues;
use crate::x509::certificate::Certificate;
use crate::x509::chain::{self, Trust};
use crate::x509::issue::{self, Authority};
use crate::x509::key::PrivateKey;
use crate::x509::profile::Purpose;
use crate::x509::recipe::KeyChoice;
use crate::x509::serial::Serial;

/// How often bytes that are no key, or no serial number, are drawn again. One in 2^32 is none.
const DRAWS_MAX: usize = 4;

/// What a Secret is going to hold.
pub(super) struct Made {
    pub(super) values: SecretValues,
    pub(super) facts: IssuedFacts,
}

/// An authority as its Secret holds it.
struct Material {
    certificate: Certificate,
    key: PrivateKey,
}

pub(super) async fn make(issuing: Issuing<'_>) -> Result<Made, MakingError> {
    let Issuing { wanted, issue, .. } = issuing;
    let mut authorities = BTreeMap::new();
    for (of, signer) in &issue.authorities {
        authorities.insert(of.clone(), material(issuing, signer).await?);
    }
    let key = match &issue.keeps {
        None => draw_key(issuing)?,
        Some(present) => kept_key(issuing, present).await?,
    };
    let certificate = certificate(issuing, &key, &authorities)?;
    if wanted.recipe.profile().purpose() == Purpose::Identity && !wanted.is_authority() {
        verify_member(&certificate, &authorities)?;
    }
    let facts = IssuedFacts {
        wish: wanted.wish(),
        key: key.public_key().fingerprint(),
        certificate: certificate.fingerprint(),
        not_before: certificate.validity().not_before,
        not_after: certificate.validity().not_after,
    };
    Ok(Made { values: values(issuing, (&certificate, &key), &authorities)?, facts })
}

async fn material(issuing: Issuing<'_>, signer: &Signer) -> Result<Material, MakingError> {
    let values = read(issuing, &signer.secret).await?;
    let unusable = |key| MakingError::Unusable { secret: signer.secret.clone(), key };
    let certificate = values.get(AUTHORITY_CERTIFICATE).and_then(|bytes| std::str::from_utf8(bytes.expose()).ok());
    let certificate = certificate.and_then(|text| Certificate::from_pem(text).ok());
    let certificate = certificate.ok_or_else(|| unusable(AUTHORITY_CERTIFICATE))?;
    let key = private_key(&values, AUTHORITY_KEY).ok_or_else(|| unusable(AUTHORITY_KEY))?;
    if signer.key.is_some_and(|known| known != key.public_key().fingerprint()) {
        return Err(MakingError::OtherKey { secret: signer.secret.clone() });
    }
    Ok(Material { certificate, key })
}

async fn read(issuing: Issuing<'_>, secret: &ObjectId) -> Result<SecretValues, MakingError> {
    let gone = || MakingError::Gone { secret: secret.clone() };
    let identity = Identity::writer_of(secret, &issuing.change.tenant).ok_or_else(gone)?;
    let found = issuing.region.cluster().read_secret(&identity, secret).await;
    let found = found.map_err(|source| MakingError::Read { secret: secret.clone(), source })?;
    found.map(|(_, values)| values).ok_or_else(gone)
}

fn private_key(values: &SecretValues, key: &str) -> Option<PrivateKey> {
    let text = String::from_utf8(values.get(key)?.expose().clone()).map(Secret::new).ok()?;
    PrivateKey::from_pem(&text).ok()
}

fn draw_key(issuing: Issuing<'_>) -> Result<PrivateKey, MakingError> {
    let mut drawn = PrivateKey::from_entropy(&issuing.entropy.bytes()?);
    for _ in 1..DRAWS_MAX {
        if drawn.is_ok() {
            break;
        }
        drawn = PrivateKey::from_entropy(&issuing.entropy.bytes()?);
    }
    Ok(drawn?)
}

fn draw_serial(issuing: Issuing<'_>) -> Result<Serial, MakingError> {
    let mut serial = None;
    for _ in 0..DRAWS_MAX {
        let drawn = issuing.entropy.bytes()?;
        let first = drawn.expose().first_chunk::<16>().and_then(|first| Serial::from_entropy(*first));
        serial = serial.or(first);
    }
    let none = || crate::ports::entropy::EntropyError { detail: "it gives only zeros".into() };
    Ok(serial.ok_or_else(none)?)
}

/// The key of the present certificate.
async fn kept_key(issuing: Issuing<'_>, present: &ObjectId) -> Result<PrivateKey, MakingError> {
    let holds = issuing.wanted.content.iter().find(|(_, content)| **content == Content::Key).map(|(key, _)| key);
    let values = read(issuing, present).await?;
    let unusable = || MakingError::Unusable { secret: present.clone(), key: "key" };
    let key = holds.and_then(|key| private_key(&values, key)).ok_or_else(unusable)?;
    match issuing.issue.recipe.key() {
        KeyChoice::Kept(known) if known != key.public_key().fingerprint() => {
            Err(MakingError::OtherKey { secret: present.clone() })
        }
        KeyChoice::Kept(_) | KeyChoice::New => Ok(key),
    }
}

fn certificate(
    issuing: Issuing<'_>,
    key: &PrivateKey,
    authorities: &BTreeMap<IdentityRef, Material>,
) -> Result<Certificate, MakingError> {
    let (serial, now) = (draw_serial(issuing)?, super::now(issuing));
    let recipe = &issuing.issue.recipe;
    let Some(issuer) = &issuing.wanted.issuer else {
        return Ok(issue::issue_root(recipe, key, &serial, now)?);
    };
    let issuer = authority(authorities, issuer)?;
    let signer = Authority::new(recipe.profile().purpose(), &issuer.certificate, &issuer.key)?;
    Ok(issue::issue(recipe, &key.public_key(), &signer, &serial, now)?)
}

fn authority<'a>(
    authorities: &'a BTreeMap<IdentityRef, Material>,
    of: &AuthorityRef,
) -> Result<&'a Material, MakingError> {
    let missing = || MakingError::Gone { secret: of.identity.id.secret(crate::model::identity::Generation::FIRST) };
    authorities.get(&of.identity).ok_or_else(missing)
}

/// As a node does at its start: exactly one path, through the issuing authority to the root.
fn verify_member(certificate: &Certificate, authorities: &BTreeMap<IdentityRef, Material>) -> Result<(), MakingError> {
    let of_identities = |is_root: bool| -> Vec<Certificate> {
        let certificates = authorities.values().map(|material| &material.certificate);
        certificates.filter(|found| found.is_self_issued() == is_root).cloned().collect()
    };
    let (roots, intermediates) = (of_identities(true), of_identities(false));
    chain::verify_member(certificate, &Trust { roots: &roots, intermediates: &intermediates })?;
    Ok(())
}

fn values(
    issuing: Issuing<'_>,
    (certificate, key): (&Certificate, &PrivateKey),
    authorities: &BTreeMap<IdentityRef, Material>,
) -> Result<SecretValues, MakingError> {
    let public = |text: &str| Secret::new(text.as_bytes().to_vec());
    let mut values = SecretValues::new();
    for (name, content) in &issuing.wanted.content {
        let value = match content {
            Content::Key => Secret::new(key.to_pem()?.expose().as_bytes().to_vec()),
            Content::Certificate => public(certificate.pem()),
            Content::Chain => match &issuing.wanted.issuer {
                Some(issuer) => {
                    let issuer = authority(authorities, issuer)?;
                    public(&format!("{}{}", certificate.pem(), issuer.certificate.pem()))
                }
                None => public(certificate.pem()),
            },
            Content::CertificateOf(of) => public(authority(authorities, of)?.certificate.pem()),
        };
        values.insert(name.clone(), value);
    }
    Ok(values)
}
