//! The whole road over many seeds, and other people's verifiers. Input: seeds. Output: none.
//!
//! Entropy and serial numbers of all tests of this room come from digests of a text, so that every run is the same.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{CertificateError, Error, RootCertStore};

use super::certificate::Certificate;
use super::chain::{Trust, verify, verify_member};
use super::issue::{Authority, issue, issue_root};
use super::key::PrivateKey;
use super::name::{AlternativeName, CommonName, Subject};
use super::profile::{ExtendedUse, NodeKind, Profile, Purpose};
use super::recipe::{Recipe, fits};
use super::serial::Serial;
use super::validity::Life;
use crate::model::digest::Digest;
use crate::model::names::MspId;
use crate::model::secret::Secret;

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When everything of these tests is issued.
pub(super) fn now() -> Timestamp {
    at("2026-11-26T12:00:00Z")
}

pub(super) fn key(seed: &str) -> PrivateKey {
    PrivateKey::from_entropy(&Secret::new(*Digest::of(seed.as_bytes()).as_bytes())).unwrap()
}

pub(super) fn serial(seed: &str) -> Serial {
    Serial::from_entropy(Digest::of(seed.as_bytes()).as_bytes()[..16].try_into().unwrap()).unwrap()
}

pub(super) fn subject(common_name: &str) -> Subject {
    Subject::new(CommonName::parse(common_name).unwrap(), MspId::parse("OrdererMSP").unwrap()).unwrap()
}

pub(super) fn names(texts: &[&str]) -> BTreeSet<AlternativeName> {
    texts.iter().map(|text| AlternativeName::parse(text).unwrap()).collect()
}

/// A recipe with names where the profile needs them. Roots live twenty years, issuing authorities five, the rest one.
pub(super) fn recipe(profile: Profile, common_name: &str) -> Recipe {
    let days = match profile {
        Profile::Root(_) => 7305,
        Profile::Issuing(_) => 1826,
        _ => 365,
    };
    let names = if profile.is_server() { names(&["o1.ord.test", "localhost", "127.0.0.1", "::1"]) } else { names(&[]) };
    Recipe::new(profile, subject(common_name), names, Life::from_days(days).unwrap()).unwrap()
}

/// Both authorities of a purpose.
pub(super) struct Authorities {
    pub(super) purpose: Purpose,
    pub(super) root: Certificate,
    pub(super) root_key: PrivateKey,
    pub(super) issuing: Certificate,
    pub(super) issuing_key: PrivateKey,
}

impl Authorities {
    pub(super) fn new(purpose: Purpose, seed: &str) -> Self {
        let (root_key, issuing_key) = (key(&format!("{seed} root")), key(&format!("{seed} issuing")));
        let wanted = recipe(Profile::Root(purpose), &format!("{seed} root of {purpose}"));
        let root = issue_root(&wanted, &root_key, &serial(&format!("{seed} 1")), now()).unwrap();
        let by_root = Authority::new(purpose, &root, &root_key).unwrap();
        let wanted = recipe(Profile::Issuing(purpose), &format!("{seed} issuing of {purpose}"));
        let issuing =
            issue(&wanted, &issuing_key.public_key(), &by_root, &serial(&format!("{seed} 2")), now()).unwrap();
        Self { purpose, root, root_key, issuing, issuing_key }
    }

    pub(super) fn by_root(&self) -> Authority<'_> {
        Authority::new(self.purpose, &self.root, &self.root_key).unwrap()
    }

    pub(super) fn by_issuing(&self) -> Authority<'_> {
        Authority::new(self.purpose, &self.issuing, &self.issuing_key).unwrap()
    }

    pub(super) fn leaf(&self, profile: Profile, seed: &str) -> Certificate {
        let wanted = recipe(profile, seed);
        issue(&wanted, &key(seed).public_key(), &self.by_issuing(), &serial(seed), now()).unwrap()
    }

    pub(super) fn trust(&self) -> Trust<'_> {
        Trust { roots: std::slice::from_ref(&self.root), intermediates: std::slice::from_ref(&self.issuing) }
    }
}

#[test]
fn every_profile_gives_what_fits_its_recipe_and_verifies_up_to_the_root() {
    for profile in Profile::all() {
        let authorities = Authorities::new(profile.purpose(), "acme");
        let wanted = recipe(profile, "somebody");
        let (issued, key) = (serial("somebody"), key("somebody"));
        let certificate = match profile {
            Profile::Root(_) => issue_root(&wanted, &key, &issued, now()),
            Profile::Issuing(_) => issue(&wanted, &key.public_key(), &authorities.by_root(), &issued, now()),
            _ => issue(&wanted, &key.public_key(), &authorities.by_issuing(), &issued, now()),
        }
        .unwrap();
        assert_eq!(fits(&certificate, &wanted), [], "{profile}");
        assert_eq!(Certificate::from_pem(certificate.pem()), Ok(certificate.clone()), "{profile}");
        assert_eq!(certificate.serial(), &issued);
        assert_eq!(certificate.public_key(), Some(&key.public_key()));
        assert_eq!(certificate.key_fingerprint(), key.public_key().fingerprint());
        let usage = profile.extended_uses().first().cloned().unwrap_or(ExtendedUse::ServerAuth);
        let own_root = [certificate.clone()];
        let trust = match profile {
            Profile::Root(_) => Trust { roots: &own_root, intermediates: &[] },
            _ => authorities.trust(),
        };
        let path = verify(&certificate, &trust, &usage, now()).unwrap();
        let length = match profile {
            Profile::Root(_) => 1,
            Profile::Issuing(_) => 2,
            _ => 3,
        };
        assert_eq!(path.len(), length, "{profile}");
        if profile.purpose() == Purpose::Identity {
            assert_eq!(verify_member(&certificate, &trust).map(|path| path.len()), Ok(length), "{profile}");
        }
    }
}

#[test]
fn over_hundreds_of_keys_every_signature_is_low_s_and_holds() {
    let authorities = Authorities::new(Purpose::Identity, "acme");
    for seed in 0..300 {
        let name = format!("peer{seed}");
        let own = key(&name);
        let message = Digest::of(name.as_bytes()).hex();
        assert_eq!(
            own.public_key().verify(message.as_bytes(), &own.sign(message.as_bytes()).unwrap()),
            Ok(()),
            "{seed}"
        );
        let issued = authorities.leaf(Profile::Node(NodeKind::Peer), &name);
        let (part, signature) = (issued.signed_part(), issued.signature().unwrap());
        assert_eq!(authorities.issuing_key.public_key().verify(part, signature), Ok(()), "{seed}");
        let private = PrivateKey::from_pem(&own.to_pem().unwrap()).unwrap();
        assert_eq!(private.public_key(), own.public_key(), "{seed}");
    }
}

/// Names, lives and profiles of all kinds.
#[test]
fn over_hundreds_of_recipes_what_is_issued_reads_back_as_what_was_wanted() {
    let authorities = Purpose::ALL.map(|purpose| Authorities::new(purpose, "acme"));
    let leaves: Vec<Profile> = Profile::all().filter(|profile| profile.path_length().is_none()).collect();
    for seed in 0..300_usize {
        let noise = *Digest::of(&seed.to_be_bytes()).as_bytes();
        let profile = leaves[seed % leaves.len()];
        let text: String = noise.iter().take(1 + seed % 32).map(|byte| char::from(b'!' + byte % 94)).collect();
        let dns = (0..seed % 50).map(|number| format!("o{number}.{}.test", Digest::of(&noise).short(8)));
        let ips = [
            IpAddr::from(noise.first_chunk::<4>().copied().unwrap()).to_string(),
            IpAddr::from(noise.first_chunk::<16>().copied().unwrap()).to_string(),
        ];
        let names: BTreeSet<AlternativeName> =
            dns.chain(ips).filter(|_| profile.is_server()).map(|name| AlternativeName::parse(&name).unwrap()).collect();
        let life = Life::from_seconds(1 + i64::from(noise[0]) * 86_400 * 5).unwrap();
        let wanted = Recipe::new(profile, subject(&text), names, life).unwrap();
        let ours = authorities.iter().find(|one| one.purpose == profile.purpose()).unwrap();
        let issued = issue(&wanted, &key(&text).public_key(), &ours.by_issuing(), &serial(&text), now()).unwrap();
        assert_eq!(fits(&issued, &wanted), [], "{wanted}");
        assert_eq!(issued.names(), wanted.names());
        assert_eq!(issued.subject().common_name(), Some(text.as_str()));
        let usage = profile.extended_uses().first().cloned().unwrap_or(ExtendedUse::ServerAuth);
        assert!(verify(&issued, &ours.trust(), &usage, now()).is_ok(), "{wanted}");
    }
}

/// An issuing authority of somebody else, made by another program: its identifier is of another kind, and its signatures
/// have their `s` in either half.
#[test]
fn an_authority_that_was_made_elsewhere_issues_too() {
    let (root_key, issuing_key) = (key("their root"), key("their issuing"));
    let pair = |of: &PrivateKey| rcgen::KeyPair::from_pem(of.to_pem().unwrap().expose()).unwrap();
    let params = |name: &str, below: u8| {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(below));
        params.use_authority_key_identifier_extension = true;
        params
    };
    let of_root = params("their root", 1);
    let root = of_root.self_signed(&pair(&root_key)).unwrap();
    let by_root = rcgen::Issuer::from_params(&of_root, pair(&root_key));
    let issuing = params("their issuing", 0).signed_by(&pair(&issuing_key), &by_root).unwrap();
    let read = |der: &[u8]| Certificate::from_der(der).unwrap();
    let (root, issuing) = (read(root.der()), read(issuing.der()));
    let own = issuing.subject_key().unwrap().clone();
    assert_ne!(own, issuing_key.public_key().identifier(), "an identifier of another kind is needed here");
    let authority = Authority::new(Purpose::Tls, &issuing, &issuing_key).unwrap();
    let wanted = recipe(Profile::NodeTls, "o1").issued_by(own.clone());
    let node = issue(&wanted, &key("o1").public_key(), &authority, &serial("o1"), now()).unwrap();
    assert_eq!(fits(&node, &wanted), []);
    assert_eq!(node.authority_key(), Some(&own));
    let trust = Trust { roots: std::slice::from_ref(&root), intermediates: std::slice::from_ref(&issuing) };
    assert_eq!(verify(&node, &trust, &ExtendedUse::ServerAuth, now()).map(|path| path.len()), Ok(3));
    assert_eq!(as_client(&node, &[&issuing], &root, "localhost"), Ok(()));
}

fn of_rustls(certificate: &Certificate) -> CertificateDer<'static> {
    CertificateDer::from(certificate.der().to_vec())
}

fn roots(root: &Certificate) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(of_rustls(root)).unwrap();
    Arc::new(roots)
}

fn server_verifier(root: &Certificate) -> Arc<dyn ServerCertVerifier> {
    WebPkiServerVerifier::builder_with_provider(roots(root), Arc::new(default_provider())).build().unwrap()
}

fn client_verifier(root: &Certificate) -> Arc<dyn ClientCertVerifier> {
    WebPkiClientVerifier::builder_with_provider(roots(root), Arc::new(default_provider())).build().unwrap()
}

fn server_name(name: &str) -> ServerName<'static> {
    ServerName::try_from(name.to_owned()).unwrap()
}

fn time() -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(now().as_second().unsigned_abs()))
}

/// What rustls says of a server's certificate.
fn as_client(leaf: &Certificate, chain: &[&Certificate], root: &Certificate, name: &str) -> Result<(), Error> {
    let chain: Vec<_> = chain.iter().map(|one| of_rustls(one)).collect();
    let verifier = server_verifier(root);
    verifier.verify_server_cert(&of_rustls(leaf), &chain, &server_name(name), &[], time()).map(|_| ())
}

/// What rustls says of a client's certificate.
fn as_server(leaf: &Certificate, chain: &[&Certificate], root: &Certificate) -> Result<(), Error> {
    let chain: Vec<_> = chain.iter().map(|one| of_rustls(one)).collect();
    client_verifier(root).verify_client_cert(&of_rustls(leaf), &chain, time()).map(|_| ())
}

#[test]
fn rustls_takes_a_node_by_each_of_its_names_and_by_no_other() {
    let (tls, other) = (Authorities::new(Purpose::Tls, "acme"), Authorities::new(Purpose::Tls, "other"));
    let node = tls.leaf(Profile::NodeTls, "o1");
    for name in ["o1.ord.test", "localhost", "127.0.0.1", "::1"] {
        assert_eq!(as_client(&node, &[&tls.issuing], &tls.root, name), Ok(()), "{name}");
    }
    for name in ["o2.ord.test", "ord.test", "127.0.0.2"] {
        let refused = as_client(&node, &[&tls.issuing], &tls.root, name).unwrap_err();
        assert!(
            matches!(refused, Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. })),
            "{name}: {refused:?}"
        );
    }
    let unknown = Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
    assert_eq!(as_client(&node, &[&tls.issuing], &other.root, "localhost"), unknown);
    assert_eq!(as_client(&node, &[], &tls.root, "localhost"), unknown, "the chain is needed");
}

#[test]
fn rustls_takes_clients_as_clients_only_and_from_their_own_authority() {
    let (admin, tls) = (Authorities::new(Purpose::OrdererAdmin, "acme"), Authorities::new(Purpose::Tls, "acme"));
    let (client, node) = (admin.leaf(Profile::OrdererAdminClient, "heddle"), tls.leaf(Profile::NodeTls, "o1"));
    let server = tls.leaf(Profile::OrdererAdminServer, "o1 admin");
    assert_eq!(as_server(&client, &[&admin.issuing], &admin.root), Ok(()));
    assert_eq!(as_server(&node, &[&tls.issuing], &tls.root), Ok(()), "a node is a client too");
    assert!(as_server(&node, &[&tls.issuing], &admin.root).is_err(), "a node is no administrator");
    assert!(as_server(&server, &[&tls.issuing], &tls.root).is_err(), "a server is no client");
}

#[test]
fn rustls_reads_the_private_keys() {
    let pem = key("o1").to_pem().unwrap();
    let read = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes()).unwrap();
    assert!(matches!(read, PrivateKeyDer::Pkcs8(_)));
    default_provider().key_provider.load_private_key(read).unwrap();
}
