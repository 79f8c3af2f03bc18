//! Certificates of heddle's own and of others, whole and damaged. Output: none.

use x509_cert::der::Encode as _;
use x509_cert::der::asn1::Int;

use super::*;
use crate::x509::profile::{NodeKind, Profile, Purpose};
use crate::x509::tests::{Authorities, at, key, names, now};

/// Fabric CA 1.5 for an identity with the affiliation `org1.department1`: three units in one relative name, and attributes
/// in an extension of its own.
const OF_FABRIC_CA: &str = "\
-----BEGIN CERTIFICATE-----
MIICdTCCAhygAwIBAgIUNnNqboljz46GCJUCl205XoJqOm8wCgYIKoZIzj0EAwIw
aDELMAkGA1UEBhMCVVMxFzAVBgNVBAgTDk5vcnRoIENhcm9saW5hMRQwEgYDVQQK
EwtIeXBlcmxlZGdlcjEPMA0GA1UECxMGRmFicmljMRkwFwYDVQQDExBmYWJyaWMt
Y2Etc2VydmVyMB4XDTI2MTEyMjEzMzgwMFoXDTI3MTEyMjEzNDQwMFowQTEwMAsG
A1UECxMEb3JnMTANBgNVBAsTBmNsaWVudDASBgNVBAsTC2RlcGFydG1lbnQxMQ0w
CwYDVQQDEwRhZmYxMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEWxOK+62uwi1U
xN10h5geoIPqfBf63manfGoAxZh8LmZsOlXmuu9kEreR5yClc79UahiPXxA2Suvs
Kn/GA1X9UaOByjCBxzAOBgNVHQ8BAf8EBAMCB4AwDAYDVR0TAQH/BAIwADAdBgNV
HQ4EFgQUlkzm/rLHjCAA52pgE1nQt/7d93IwHwYDVR0jBBgwFoAUR+vKc+dgFRGu
a65wPjgV0jmhD2EwZwYIKgMEBQYHCAEEW3siYXR0cnMiOnsiaGYuQWZmaWxpYXRp
b24iOiJvcmcxLmRlcGFydG1lbnQxIiwiaGYuRW5yb2xsbWVudElEIjoiYWZmMSIs
ImhmLlR5cGUiOiJjbGllbnQifX0wCgYIKoZIzj0EAwIDRwAwRAIgFKol63e63PTa
Ar2LjVFNep2OiwtpzjzFRxhDVVbq0VkCIE95WXKIEPM7DWPqrZclXZRSgRbenZcy
2tkLhqsiwbhH
-----END CERTIFICATE-----
";
/// Fabric CA 1.5 with the profile `tls`.
const TLS_OF_FABRIC_CA: &str = "\
-----BEGIN CERTIFICATE-----
MIICrjCCAlSgAwIBAgIUBxSKRe/zwlUScQ9JBlGCdyuUlXswCgYIKoZIzj0EAwIw
aDELMAkGA1UEBhMCVVMxFzAVBgNVBAgTDk5vcnRoIENhcm9saW5hMRQwEgYDVQQK
EwtIeXBlcmxlZGdlcjEPMA0GA1UECxMGRmFicmljMRkwFwYDVQQDExBmYWJyaWMt
Y2Etc2VydmVyMB4XDTI2MTEyMjEzMzgwMFoXDTI3MTEyMjEzNDQwMFowHzENMAsG
A1UECxMEcGVlcjEOMAwGA1UEAxMFcGVlcjAwWTATBgcqhkjOPQIBBggqhkjOPQMB
BwNCAAQxesi3cfrUwTnLAsai8c13THS+GL16KBf6cvk3AAe/gHX3zJPNpqse6WYp
xpgj4mq3P3Rf7fTdU8gGR4xpT6Hno4IBIzCCAR8wDgYDVR0PAQH/BAQDAgOoMB0G
A1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjAMBgNVHRMBAf8EAjAAMB0GA1Ud
DgQWBBQNpzDXkg14wv84dCATHRA57Rhb/TAfBgNVHSMEGDAWgBRH68pz52AVEa5r
rnA+OBXSOaEPYTA9BgNVHREENjA0gg9wZWVyMC5vcmcxLnRlc3SCCWxvY2FsaG9z
dIcEfwAAAYcQAAAAAAAAAAAAAAAAAAAAATBhBggqAwQFBgcIAQRVeyJhdHRycyI6
eyJoZi5BZmZpbGlhdGlvbiI6IiIsImhmLkVucm9sbG1lbnRJRCI6InBlZXIwIiwi
aGYuVHlwZSI6InBlZXIiLCJyb2xlIjoieCJ9fTAKBggqhkjOPQQDAgNIADBFAiEA
nyaTi4OgF/jhzHAub5GErCUnlpMwdvurNEaONJqhlvgCICdN509WfI7nuRlHErkH
MPzw4tuhEoz9WymCxkWf2IJy
-----END CERTIFICATE-----
";
/// Made with openssl: another curve, and names that nobody verifies here.
const OF_ANOTHER_CURVE: &str = "\
-----BEGIN CERTIFICATE-----
MIICKjCCAbCgAwIBAgIUcPir6jNJ7C8qgcJe5Gt85AzjZEowCgYIKoZIzj0EAwMw
KzESMBAGA1UECgwJRWxzZXdoZXJlMRUwEwYDVQQDDAxhIFAtMzg0IHJvb3QwHhcN
MjYxMTI2MTI1NjExWhcNMzYxMTIzMTI1NjExWjArMRIwEAYDVQQKDAlFbHNld2hl
cmUxFTATBgNVBAMMDGEgUC0zODQgcm9vdDB2MBAGByqGSM49AgEGBSuBBAAiA2IA
BLYWvlKt6xVJwy8lhc3s9mLPLXttU4diOsCQ31H89l8aQLvUUT9D6PI8M42eOJ63
2ABjvV8SRrRo4X7VmAnfLsVPxTTZIpWas0fjN5d0aZ16khrJTpwf6SZeESaS/ohm
76OBlDCBkTAdBgNVHQ4EFgQUBuB706N3kfY1DOMi0h2/FDGRXbIwHwYDVR0jBBgw
FoAUBuB706N3kfY1DOMi0h2/FDGRXbIwDwYDVR0TAQH/BAUwAwEB/zA+BgNVHREE
NzA1gg0qLkV4YW1wbGUuY29tgQ1hQGV4YW1wbGUuY29thhVodHRwczovL2V4YW1w
bGUuY29tL3gwCgYIKoZIzj0EAwMDaAAwZQIxAPSrkAnPEZlwbLP0YxPmS3wyEZIc
L3BskXTI9kzC6Y81vD6oFrHFec88EKrVrYrXGQIwEttbFDlazPyTgjkju1VRZaC/
5MG5anBzcmDJMV7IzKQqQkYuct34snyZaOBdoIwr
-----END CERTIFICATE-----
";

fn node() -> Certificate {
    Authorities::new(Purpose::Tls, "acme").leaf(Profile::NodeTls, "o1")
}

#[test]
fn every_unit_of_a_fabric_ca_certificate_is_found() {
    let found = Certificate::from_pem(OF_FABRIC_CA).unwrap();
    assert_eq!(found.subject().units(), ["org1", "client", "department1"]);
    assert_eq!(found.subject().common_name(), Some("aff1"));
    assert_eq!(found.subject().organizations(), [""; 0]);
    assert_eq!(found.issuer().organizations(), ["Hyperledger"]);
    assert_eq!(found.serial().to_string(), "36736a6e8963cf8e86089502976d395e826a3a6f");
    assert_eq!(found.validity().not_before, at("2026-11-22T13:38:00Z"));
    assert_eq!(found.validity().not_after, at("2027-11-22T13:44:00Z"));
    assert_eq!(found.key_uses(), Some(&[KeyUse::DigitalSignature].into()));
    assert_eq!(found.constraints(), Constraints::Leaf);
    assert_eq!(found.authority_key().unwrap().to_string(), "47ebca73e7601511ae6bae703e3815d239a10f61");
    assert!(found.extended_uses().is_empty() && !found.has_unknown_critical() && !found.is_self_issued());
    assert_eq!(found.pem(), OF_FABRIC_CA);
}

#[test]
fn names_and_uses_of_a_fabric_ca_server_certificate_are_found() {
    let found = Certificate::from_pem(TLS_OF_FABRIC_CA).unwrap();
    assert_eq!(*found.names(), names(&["peer0.org1.test", "localhost", "127.0.0.1", "::1"]));
    assert_eq!(*found.extended_uses(), [ExtendedUse::ServerAuth, ExtendedUse::ClientAuth].into());
    let uses = [KeyUse::DigitalSignature, KeyUse::KeyEncipherment, KeyUse::KeyAgreement];
    assert_eq!(found.key_uses(), Some(&uses.into()));
    assert!(found.allows(&ExtendedUse::ClientAuth) && !found.allows(&ExtendedUse::Any));
}

#[test]
fn a_certificate_of_another_curve_is_read_without_a_key_that_could_be_used() {
    let found = Certificate::from_pem(OF_ANOTHER_CURVE).unwrap();
    assert_eq!((found.public_key(), found.signature()), (None, None));
    assert_eq!(found.constraints(), Constraints::Authority(None));
    assert_eq!(found.key_uses(), None);
    assert!(found.names().is_empty());
    assert_eq!(found.other_names(), ["*.Example.com", "a@example.com", "https://example.com/x"]);
    assert_ne!(found.key_fingerprint(), found.fingerprint());
}

#[test]
fn a_bundle_keeps_its_order_and_ignores_the_text_between() {
    let identity = Authorities::new(Purpose::Identity, "acme");
    let text = format!("the root\n{}\r\n\n# and\n{}", identity.root.pem(), identity.issuing.pem());
    assert_eq!(Certificate::bundle(&text).unwrap(), [identity.root.clone(), identity.issuing.clone()]);
    let of_windows = identity.root.pem().replace('\n', "\r\n");
    assert_eq!(Certificate::from_pem(&of_windows).unwrap(), identity.root);
}

#[test]
fn a_text_without_exactly_what_is_needed_is_refused() {
    let one = node();
    let cut = one.pem().replace("-----END CERTIFICATE-----\n", "");
    let private = key("canary").to_pem().unwrap();
    let count = |found, wanted| Some(CertificateError::Count { found, wanted });
    let check = |text: &str, refused: Option<CertificateError>| assert_eq!(Certificate::from_pem(text).err(), refused);
    check("", count(0, "1 to 100 are"));
    check("no certificate", count(0, "1 to 100 are"));
    check(&one.pem().repeat(2), count(2, "one is"));
    check(&one.pem().repeat(101), count(101, "1 to 100 are"));
    check(&cut, Some(CertificateError::OtherBlock));
    check(&cut.repeat(2), Some(CertificateError::OtherBlock));
    check(&format!("{}{}", one.pem(), private.expose()), Some(CertificateError::OtherBlock));
    check(&"x".repeat(MAX_BUNDLE + 1), Some(CertificateError::TooLarge { limit: MAX_BUNDLE }));
    assert_eq!(
        Certificate::from_der(&vec![0x30; MAX_DER + 1]).err(),
        Some(CertificateError::TooLarge { limit: MAX_DER })
    );
}

/// Bytes that look random and are the same in each run.
fn noise(seed: usize, length: usize) -> Vec<u8> {
    (0..length.div_ceil(32))
        .flat_map(|part| *Digest::of(format!("{seed} {part}").as_bytes()).as_bytes())
        .take(length)
        .collect()
}

#[test]
fn whatever_the_bytes_there_is_a_certificate_or_an_error() {
    for seed in 0..2000 {
        let mut bytes = noise(seed, seed % 700);
        assert!(Certificate::from_der(&bytes).is_err(), "{seed}");
        // The same behind the head of a certificate.
        let [.., high, low] = bytes.len().to_be_bytes();
        bytes.splice(0..0, [0x30, 0x82, high, low]);
        assert!(Certificate::from_der(&bytes).is_err(), "{seed}");
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        let block = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        assert!(Certificate::bundle(&block).is_err(), "{seed}");
    }
}

#[test]
fn a_certificate_cut_anywhere_is_refused_and_so_is_one_with_something_after_it() {
    for whole in [node(), Certificate::from_pem(OF_FABRIC_CA).unwrap()] {
        for length in 0..whole.der().len() {
            assert!(Certificate::from_der(&whole.der()[..length]).is_err(), "{length}");
        }
        assert!(Certificate::from_der(&[whole.der(), &[0]].concat()).is_err());
    }
}

/// Either it does not read any more, or the damage shows: in the signature, which no longer holds.
#[test]
fn no_changed_byte_goes_unnoticed() {
    let tls = Authorities::new(Purpose::Tls, "acme");
    let whole = tls.leaf(Profile::NodeTls, "o1");
    let issuer = tls.issuing_key.public_key();
    for place in 0..whole.der().len() {
        let mut bytes = whole.der().to_vec();
        bytes[place] ^= 1 << (place % 8);
        let Ok(read) = Certificate::from_der(&bytes) else { continue };
        let holds = read.signature().is_some_and(|signature| issuer.verify(read.signed_part(), signature).is_ok());
        assert!(!holds, "byte {place}");
    }
}

fn replaced(of: &Certificate, old: &[u8], new: &[u8]) -> Result<Certificate, CertificateError> {
    let place = of.der().windows(old.len()).position(|part| part == old).unwrap();
    let mut bytes = of.der().to_vec();
    bytes.splice(place..place + old.len(), new.iter().copied());
    Certificate::from_der(&bytes)
}

#[test]
fn a_serial_number_is_positive() {
    let one = node();
    let mut number = Int::new(one.serial().as_bytes()).unwrap().to_der().unwrap();
    assert_eq!(number.len(), 18, "a serial number of the same length is needed");
    let old = number.clone();
    number[2] |= 0x80;
    assert!(matches!(replaced(&one, &old, &number), Err(CertificateError::Unusable(_))));
}

#[test]
fn a_critical_extension_that_is_not_understood_is_said() {
    let one = node();
    // Its extended key usage becomes name constraints, and critical.
    let (old, new) =
        ([0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff], [0x06, 0x03, 0x55, 0x1d, 0x1e, 0x01, 0x01, 0xff]);
    let changed = replaced(&one, &old, &new).unwrap();
    assert!(changed.has_unknown_critical() && !one.has_unknown_critical());
    assert_eq!(changed.key_uses(), None);
}

#[test]
fn an_extension_that_occurs_twice_is_refused() {
    let one = node();
    let (of_uses, of_names) = ([0x06, 0x03, 0x55, 0x1d, 0x25], [0x06, 0x03, 0x55, 0x1d, 0x11]);
    assert!(matches!(replaced(&one, &of_uses, &of_names), Err(CertificateError::Malformed { .. })));
}

#[test]
fn what_it_shows_of_itself_is_short_and_what_it_is_compared_by_are_its_bytes() {
    let identity = Authorities::new(Purpose::Identity, "acme");
    let peer = identity.leaf(Profile::Node(NodeKind::Peer), "p1");
    assert_eq!(format!("{peer:?}"), format!("Certificate(\"p1\", {:?})", Digest::of(peer.der())));
    assert_eq!(peer, identity.leaf(Profile::Node(NodeKind::Peer), "p1"));
    assert_ne!(peer, identity.leaf(Profile::Node(NodeKind::Peer), "p2"));
    assert_eq!((peer.renewal_due(now()), peer.validity().days_left(now())), (false, 365));
}
