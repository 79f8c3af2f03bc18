//! From DER to a view.
//!
//! Input: bytes within the bound. Output: the place of the signed part, and what the certificate says.
//! Invariants: names and keys are taken as the bytes stand, not written anew, so that they compare as Go compares them;
//! an extension that occurs twice, or cannot be read, makes the certificate malformed.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::Range;

use jiff::Timestamp;
use x509_cert::der::asn1::{Ia5StringRef, ObjectIdentifier, OctetString};
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::oid::db::{rfc4519, rfc5280, rfc5912};
use x509_cert::der::{self, Decode, Reader, SliceReader};
use x509_cert::ext::pkix::name::{DirectoryString, GeneralName};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::time::Time;
use x509_cert::{TbsCertificate, Version};

use super::{CertificateError, Constraints, Name, View};
use crate::model::digest::Digest;
use crate::x509::key::{KeyIdentifier, PublicKey};
use crate::x509::name::{AlternativeName, DnsName};
use crate::x509::profile::{ExtendedUse, KeyUse};
use crate::x509::serial::Serial;
use crate::x509::validity::Validity;

/// The extensions that are understood.
const KNOWN: [ObjectIdentifier; 6] = [
    BasicConstraints::OID,
    KeyUsage::OID,
    ExtendedKeyUsage::OID,
    SubjectAltName::OID,
    SubjectKeyIdentifier::OID,
    AuthorityKeyIdentifier::OID,
];

/// The bits of the key usage, from the first on.
const KEY_USES: [KeyUse; 9] = [
    KeyUse::DigitalSignature,
    KeyUse::NonRepudiation,
    KeyUse::KeyEncipherment,
    KeyUse::DataEncipherment,
    KeyUse::KeyAgreement,
    KeyUse::CertificateSign,
    KeyUse::CrlSign,
    KeyUse::EncipherOnly,
    KeyUse::DecipherOnly,
];

fn malformed(what: &'static str) -> impl Fn(der::Error) -> CertificateError {
    move |source| CertificateError::Malformed { what, source }
}

/// Parts of the bytes as they stand.
struct Raw<'a> {
    tbs: Range<usize>,
    issuer: &'a [u8],
    subject: &'a [u8],
    spki: &'a [u8],
}

fn raw(bytes: &[u8]) -> der::Result<Raw<'_>> {
    let mut outer = SliceReader::new(bytes)?;
    let (start, signed) = outer.sequence(|whole| {
        let start = usize::try_from(whole.position())?;
        let signed = whole.tlv_bytes()?;
        whole.drain(whole.remaining_len())?;
        der::Result::Ok((start, signed))
    })?;
    SliceReader::new(signed)?.sequence(|fields| {
        // The version is marked, the rest has its place.
        if fields.peek_byte() == Some(0xa0) {
            fields.tlv_bytes()?;
        }
        let [_serial, _algorithm, issuer, _validity, subject, spki] = [
            fields.tlv_bytes()?,
            fields.tlv_bytes()?,
            fields.tlv_bytes()?,
            fields.tlv_bytes()?,
            fields.tlv_bytes()?,
            fields.tlv_bytes()?,
        ];
        fields.drain(fields.remaining_len())?;
        Ok(Raw { tbs: start..start + signed.len(), issuer, subject, spki })
    })
}

/// Reads a certificate.
pub(super) fn decode(bytes: &[u8]) -> Result<(Range<usize>, View), CertificateError> {
    let certificate = x509_cert::Certificate::from_der(bytes).map_err(malformed("its structure"))?;
    let raw = raw(bytes).map_err(malformed("its structure"))?;
    let tbs = certificate.tbs_certificate();
    if tbs.version() != Version::V3 || tbs.signature() != certificate.signature_algorithm() {
        return Err(CertificateError::Unusable("another version than 3, or two algorithms"));
    }
    let is_ours = certificate.signature_algorithm().oid == rfc5912::ECDSA_WITH_SHA_256
        && certificate.signature_algorithm().parameters.is_none();
    let (names, other_names) = alternative_names(tbs)?;
    let view = View {
        subject: name(tbs.subject(), raw.subject)?,
        issuer: name(tbs.issuer(), raw.issuer)?,
        serial: serial(tbs)?,
        validity: validity(tbs)?,
        spki: Digest::of(raw.spki),
        key: PublicKey::from_spki(raw.spki).ok(),
        constraints: constraints(tbs)?,
        key_uses: key_uses(tbs)?,
        extended_uses: extended_uses(tbs)?,
        names,
        other_names,
        subject_key: extension::<SubjectKeyIdentifier>(tbs, "its subject key identifier")?.map(|id| identifier(&id.0)),
        authority_key: extension::<AuthorityKeyIdentifier>(tbs, "its authority key identifier")?
            .and_then(|id| id.key_identifier)
            .map(|id| identifier(&id)),
        has_unknown_critical: tbs.extensions().into_iter().flatten().any(|e| e.critical && !KNOWN.contains(&e.extn_id)),
        signature: Some(certificate.signature()).filter(|_| is_ours).and_then(|bits| bits.as_bytes()).map(Into::into),
    };
    Ok((raw.tbs, view))
}

fn identifier(bytes: &OctetString) -> KeyIdentifier {
    KeyIdentifier::of(bytes.as_bytes())
}

fn extension<'a, T>(tbs: &'a TbsCertificate, what: &'static str) -> Result<Option<T>, CertificateError>
where
    T: Decode<'a, Error = der::Error> + AssociatedOid,
{
    Ok(tbs.get_extension::<T>().map_err(malformed(what))?.map(|(_critical, value)| value))
}

fn name(name: &x509_cert::name::Name, raw: &[u8]) -> Result<Name, CertificateError> {
    let texts = |wanted: ObjectIdentifier| -> Result<Vec<String>, CertificateError> {
        let values = name.iter().filter(|attribute| attribute.oid == wanted);
        values
            .map(|attribute| {
                let directory = attribute.value.decode_as::<DirectoryString>().map(String::from);
                let ascii = || attribute.value.decode_as::<Ia5StringRef<'_>>().map(|text| text.as_str().to_owned());
                directory.or_else(|_| ascii()).map_err(malformed("a text of its names"))
            })
            .collect()
    };
    Ok(Name {
        raw: raw.into(),
        common_names: texts(rfc4519::COMMON_NAME)?,
        organizations: texts(rfc4519::ORGANIZATION_NAME)?,
        units: texts(rfc4519::ORGANIZATIONAL_UNIT_NAME)?,
    })
}

/// Positive: Go refuses negative ones, and zero says nothing.
fn serial(tbs: &TbsCertificate) -> Result<Serial, CertificateError> {
    let bytes = tbs.serial_number().as_bytes();
    let serial = Serial::of(bytes);
    if bytes.first().is_some_and(|first| *first >= 0x80) || serial.as_bytes().is_empty() {
        return Err(CertificateError::Unusable("a serial number that is not positive"));
    }
    Ok(serial)
}

fn validity(tbs: &TbsCertificate) -> Result<Validity, CertificateError> {
    // "Does not expire" (RFC 5280: 99991231235959Z) lies a day behind the last instant that there is here.
    let instant = |time: Time| {
        let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_second(seconds.min(Timestamp::MAX.as_second()))
    };
    let (from, until) = (instant(tbs.validity().not_before), instant(tbs.validity().not_after));
    match (from, until) {
        (Ok(not_before), Ok(not_after)) if not_before <= not_after => Ok(Validity { not_before, not_after }),
        _ => Err(CertificateError::Unusable("an end before its beginning")),
    }
}

fn constraints(tbs: &TbsCertificate) -> Result<Constraints, CertificateError> {
    Ok(match extension::<BasicConstraints>(tbs, "its basic constraints")? {
        Some(found) if found.ca => Constraints::Authority(found.path_len_constraint),
        _ => Constraints::Leaf,
    })
}

fn key_uses(tbs: &TbsCertificate) -> Result<Option<BTreeSet<KeyUse>>, CertificateError> {
    let Some(found) = extension::<KeyUsage>(tbs, "its key usage")? else { return Ok(None) };
    let is_set = |bit: usize| found.0.bits() & (1 << bit) != 0;
    Ok(Some(KEY_USES.into_iter().enumerate().filter(|(bit, _)| is_set(*bit)).map(|(_, one)| one).collect()))
}

fn extended_uses(tbs: &TbsCertificate) -> Result<BTreeSet<ExtendedUse>, CertificateError> {
    let found = extension::<ExtendedKeyUsage>(tbs, "its extended key usage")?;
    let one = |oid: ObjectIdentifier| match oid {
        rfc5280::ID_KP_SERVER_AUTH => ExtendedUse::ServerAuth,
        rfc5280::ID_KP_CLIENT_AUTH => ExtendedUse::ClientAuth,
        rfc5280::ANY_EXTENDED_KEY_USAGE => ExtendedUse::Any,
        other => ExtendedUse::Other(other.to_string()),
    };
    Ok(found.map(|found| found.0).unwrap_or_default().into_iter().map(one).collect())
}

type Names = (BTreeSet<AlternativeName>, Vec<String>);

fn alternative_names(tbs: &TbsCertificate) -> Result<Names, CertificateError> {
    let mut names = Names::default();
    let found = extension::<SubjectAltName>(tbs, "its alternative names")?;
    for name in found.map(|found| found.0).unwrap_or_default() {
        let known = match &name {
            GeneralName::DnsName(text) => DnsName::parse(text.as_str()).ok().map(AlternativeName::Dns),
            GeneralName::IpAddress(bytes) => address(bytes.as_bytes()).map(AlternativeName::Ip),
            _ => None,
        };
        match (known, name) {
            (Some(known), _) => drop(names.0.insert(known)),
            (None, GeneralName::DnsName(text)) => names.1.push(text.as_str().to_owned()),
            (None, GeneralName::Rfc822Name(text) | GeneralName::UniformResourceIdentifier(text)) => {
                names.1.push(text.as_str().to_owned());
            }
            (None, _) => names.1.push("a name of another kind".to_owned()),
        }
    }
    Ok(names)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    four.or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))
}
