//! From the fields of a certificate to DER.
//!
//! Input: fields that were decided before. Output: the part that is signed, and the whole. It decides nothing.
//! Invariants: canonical DER, so that equal fields give equal bytes; version 3; extensions always in the same order, those
//! critical that RFC 5280 wants critical.

use std::net::IpAddr;

use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{Any, BitString, ContextSpecific, Ia5String, ObjectIdentifier, OctetString, Utf8StringRef};
use x509_cert::der::flagset::FlagSet;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::oid::db::{rfc4519, rfc5280, rfc5912};
use x509_cert::der::{self, Encode, Tag, TagMode, TagNumber};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::name::{RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::{Version, time};

use jiff::Timestamp;
use x509_cert::der::asn1::{GeneralizedTime, SetOfVec, UtcTime};

use super::key::{KeyIdentifier, PublicKey};
use super::name::AlternativeName;
use super::profile::{ExtendedUse, KeyUse, Profile};
use super::recipe::Recipe;
use super::serial::Serial;
use super::validity::Validity;

/// What one certificate consists of.
pub(super) struct Fields<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) key: &'a PublicKey,
    /// The issuer's name as its own certificate has it; none for a root.
    pub(super) issuer: Option<&'a [u8]>,
    /// The issuer's key; none for a root.
    pub(super) issuer_key: Option<&'a KeyIdentifier>,
    pub(super) serial: &'a Serial,
    pub(super) validity: &'a Validity,
}

/// The part that is signed.
pub(super) fn signed_part(fields: &Fields<'_>) -> der::Result<Vec<u8>> {
    let subject = name(fields.recipe)?.to_der()?;
    let extensions = extensions(fields)?;
    let marked = |number: u8, value| ContextSpecific {
        tag_number: TagNumber(u32::from(number)),
        tag_mode: TagMode::Explicit,
        value,
    };
    sequence(&[
        marked(0, Any::encode_from(&Version::V3)?).to_der()?,
        SerialNumber::<x509_cert::certificate::Rfc5280>::new(fields.serial.as_bytes())?.to_der()?,
        algorithm().to_der()?,
        fields.issuer.map_or_else(|| subject.clone(), <[u8]>::to_vec),
        time::Validity::<x509_cert::certificate::Rfc5280>::new(
            instant(fields.validity.not_before)?,
            instant(fields.validity.not_after)?,
        )
        .to_der()?,
        subject,
        fields.key.to_spki(),
        marked(3, Any::encode_from(&extensions)?).to_der()?,
    ])
}

/// The whole certificate.
pub(super) fn whole(signed_part: Vec<u8>, signature: &[u8]) -> der::Result<Vec<u8>> {
    sequence(&[signed_part, algorithm().to_der()?, BitString::from_bytes(signature)?.to_der()?])
}

fn sequence(parts: &[Vec<u8>]) -> der::Result<Vec<u8>> {
    Any::new(Tag::Sequence, parts.concat())?.to_der()
}

/// ECDSA with SHA-256; it has no parameters (RFC 5758).
fn algorithm() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: rfc5912::ECDSA_WITH_SHA_256, parameters: None }
}

/// `O=<MSP id>, OU=<role>, CN=<name>`, from the widest to the narrowest.
fn name(recipe: &Recipe) -> der::Result<RdnSequence> {
    let part = |oid: ObjectIdentifier, text: &str| -> der::Result<RelativeDistinguishedName> {
        let value = Any::encode_from(&Utf8StringRef::new(text)?)?;
        Ok(RelativeDistinguishedName::from(SetOfVec::try_from([AttributeTypeAndValue { oid, value }])?))
    };
    let subject = recipe.subject();
    let mut parts = vec![part(rfc4519::ORGANIZATION_NAME, subject.organization().as_str())?];
    if let Some(unit) = recipe.profile().unit() {
        parts.push(part(rfc4519::ORGANIZATIONAL_UNIT_NAME, unit)?);
    }
    parts.push(part(rfc4519::COMMON_NAME, subject.common_name().as_str())?);
    Ok(RdnSequence::from(parts))
}

/// Two-digit years until 2049, four digits from 2050 on (RFC 5280, 4.1.2.5).
fn instant(at: Timestamp) -> der::Result<time::Time> {
    let seconds = u64::try_from(at.as_second()).map_err(|_| Tag::UtcTime.value_error())?;
    let since = std::time::Duration::from_secs(seconds);
    UtcTime::from_unix_duration(since)
        .map(time::Time::UtcTime)
        .or_else(|_| GeneralizedTime::from_unix_duration(since).map(time::Time::GeneralTime))
}

fn extensions(fields: &Fields<'_>) -> der::Result<Vec<Extension>> {
    let profile = fields.recipe.profile();
    let constraints =
        BasicConstraints { ca: profile.path_length().is_some(), path_len_constraint: profile.path_length() };
    let identifier = SubjectKeyIdentifier(OctetString::new(fields.key.identifier().as_bytes())?);
    let mut extensions = vec![extension(true, &constraints)?, extension(true, &key_usage(profile))?];
    if !profile.extended_uses().is_empty() {
        extensions.push(extension(false, &extended_usage(profile))?);
    }
    extensions.push(extension(false, &identifier)?);
    if let Some(issuer) = fields.issuer_key {
        let key_identifier = Some(OctetString::new(issuer.as_bytes())?);
        extensions.push(extension(false, &AuthorityKeyIdentifier { key_identifier, ..Default::default() })?);
    }
    if !fields.recipe.names().is_empty() {
        let names = fields.recipe.names().iter().map(general_name).collect::<der::Result<Vec<_>>>()?;
        extensions.push(extension(false, &SubjectAltName(names))?);
    }
    Ok(extensions)
}

fn extension<T: Encode + AssociatedOid>(critical: bool, value: &T) -> der::Result<Extension> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}

fn key_usage(profile: Profile) -> KeyUsage {
    let bit = |one: &KeyUse| match one {
        KeyUse::DigitalSignature => KeyUsages::DigitalSignature,
        KeyUse::NonRepudiation => KeyUsages::NonRepudiation,
        KeyUse::KeyEncipherment => KeyUsages::KeyEncipherment,
        KeyUse::DataEncipherment => KeyUsages::DataEncipherment,
        KeyUse::KeyAgreement => KeyUsages::KeyAgreement,
        KeyUse::CertificateSign => KeyUsages::KeyCertSign,
        KeyUse::CrlSign => KeyUsages::CRLSign,
        KeyUse::EncipherOnly => KeyUsages::EncipherOnly,
        KeyUse::DecipherOnly => KeyUsages::DecipherOnly,
    };
    KeyUsage(profile.key_uses().iter().map(bit).fold(FlagSet::default(), |set, one| set | one))
}

fn extended_usage(profile: Profile) -> ExtendedKeyUsage {
    let identifier = |one: &ExtendedUse| match one {
        ExtendedUse::ServerAuth => Some(rfc5280::ID_KP_SERVER_AUTH),
        ExtendedUse::ClientAuth => Some(rfc5280::ID_KP_CLIENT_AUTH),
        ExtendedUse::Any => Some(rfc5280::ANY_EXTENDED_KEY_USAGE),
        ExtendedUse::Other(text) => ObjectIdentifier::new(text).ok(),
    };
    ExtendedKeyUsage(profile.extended_uses().iter().filter_map(identifier).collect())
}

fn general_name(name: &AlternativeName) -> der::Result<GeneralName> {
    Ok(match name {
        AlternativeName::Dns(name) => GeneralName::DnsName(Ia5String::new(name.as_str())?),
        AlternativeName::Ip(IpAddr::V4(address)) => GeneralName::IpAddress(OctetString::new(address.octets())?),
        AlternativeName::Ip(IpAddr::V6(address)) => GeneralName::IpAddress(OctetString::new(address.octets())?),
    })
}
