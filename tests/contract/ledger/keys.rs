//! Certificates that heddle would not ask with, from the authorities that it made.

use heddle::adapters::fabric::Client;
use heddle::model::digest::Digest;
use heddle::model::names::MspId;
use heddle::model::secret::Secret;
use heddle::x509::certificate::Certificate;
use heddle::x509::issue::{self, Authority};
use heddle::x509::key::PrivateKey;
use heddle::x509::name::{CommonName, Subject};
use heddle::x509::profile::Profile;
use heddle::x509::recipe::Recipe;
use heddle::x509::serial::Serial;
use heddle::x509::validity::Life;
use jiff::{SignedDuration, Timestamp};

use super::fleet::Fleet;

/// A certificate with its issuer and its key.
pub struct Issued {
    /// The certificate.
    pub certificate: Certificate,
    /// Whoever issued it.
    pub issuer: Certificate,
    /// Its key.
    pub key: PrivateKey,
}

impl Issued {
    /// As a TLS client.
    pub fn client(&self) -> Client {
        Client { chain: vec![self.certificate.clone(), self.issuer.clone()], key: self.key.to_pem().expect("PEM") }
    }
}

/// What heddle issued as a Secret of a custody namespace.
pub fn kept(
    fleet: &Fleet,
    namespace: &str,
    name: &str,
    (certificate, key): (&str, &str),
) -> (Vec<Certificate>, PrivateKey) {
    let chain = Certificate::bundle(&fleet.secret(namespace, name, certificate)).expect("certificates");
    let key = PrivateKey::from_pem(&Secret::new(fleet.secret(namespace, name, key))).expect("a key");
    (chain, key)
}

/// A new certificate of an organization's authority; one that has ended was issued two days ago for one.
pub fn issue(fleet: &Fleet, namespace: &str, msp: &str, profile: Profile, has_ended: bool) -> Issued {
    let authority = match profile {
        Profile::OrdererAdminClient => "orderer-admin",
        Profile::OperationsClient => "operations",
        _ => "identity",
    };
    let (chain, issuing_key) = kept(fleet, namespace, &format!("{authority}-issuing-1"), ("ca.crt", "ca.key"));
    let issuer = chain.into_iter().next().expect("one certificate");
    let label = format!("{namespace} {profile} {has_ended}");
    let key = PrivateKey::from_entropy(&Secret::new(*Digest::of(label.as_bytes()).as_bytes())).expect("a key");
    let serial = Digest::of(format!("serial {label}").as_bytes());
    let serial = Serial::from_entropy(*serial.as_bytes().first_chunk::<16>().expect("16 bytes")).expect("no zero");
    let subject = Subject::new(CommonName::parse("somebody").expect("a name"), MspId::parse(msp).expect("an id"));
    let life = if has_ended { Life::from_seconds(60) } else { Life::from_days(1) };
    let recipe = Recipe::new(profile, subject.expect("short"), [].into(), life.expect("a life")).expect("a recipe");
    let begin = if has_ended {
        issuer.validity().not_before.checked_add(SignedDuration::from_mins(2)).expect("a time")
    } else {
        now()
    };
    let signer = Authority::new(profile.purpose(), &issuer, &issuing_key).expect("an authority");
    let certificate = issue::issue(&recipe, &key.public_key(), &signer, &serial, begin).expect("a certificate");
    Issued { certificate, issuer, key }
}

fn now() -> Timestamp {
    heddle::ports::clock::Clock::now(&heddle::adapters::system::SystemClock)
}
