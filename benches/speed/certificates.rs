//! Ten thousand certificates, each for a new key, from one authority.
//!
//! Input: keys and serial numbers from digests, so that every run does the same. Output: samples of the time from the first
//! key to the last certificate, on one core; reading back is part of it, because `issue` does so.

use std::collections::BTreeSet;
use std::time::Instant;

use heddle::model::digest::Digest;
use heddle::model::names::MspId;
use heddle::model::secret::Secret;
use heddle::x509::issue::{Authority, issue, issue_root};
use heddle::x509::key::PrivateKey;
use heddle::x509::name::{AlternativeName, CommonName, Subject};
use heddle::x509::profile::{Profile, Purpose};
use heddle::x509::recipe::Recipe;
use heddle::x509::serial::Serial;
use heddle::x509::validity::Life;
use jiff::Timestamp;

use crate::results::Results;

const MANY: usize = 10_000;

/// Issues them `count` times.
pub fn measure(results: &mut Results, count: usize) {
    let now: Timestamp = "2026-11-26T12:00:00Z".parse().expect("an instant");
    let (root_key, issuing_key) = (key("root"), key("issuing"));
    let wanted = recipe(Profile::Root(Purpose::Tls), "root", 7305);
    let root = issue_root(&wanted, &root_key, &serial("root"), now).expect("a root");
    let by_root = Authority::new(Purpose::Tls, &root, &root_key).expect("an authority");
    let wanted = recipe(Profile::Issuing(Purpose::Tls), "issuing", 1826);
    let issuing = issue(&wanted, &issuing_key.public_key(), &by_root, &serial("issuing"), now).expect("an authority");
    let authority = Authority::new(Purpose::Tls, &issuing, &issuing_key).expect("an authority");
    for _ in 0..count {
        let begin = Instant::now();
        let mut bytes = 0;
        for number in 0..MANY {
            let name = format!("o{number}");
            let wanted = recipe(Profile::NodeTls, &name, 365);
            let certificate = issue(&wanted, &key(&name).public_key(), &authority, &serial(&name), now);
            bytes += certificate.expect("a certificate").der().len();
        }
        let time = begin.elapsed();
        assert!(bytes > MANY * 500, "{bytes} bytes");
        results.add("heddle: 10,000 keys and certificates", "s", time.as_secs_f64());
    }
}

fn key(seed: &str) -> PrivateKey {
    PrivateKey::from_entropy(&Secret::new(*Digest::of(seed.as_bytes()).as_bytes())).expect("a key")
}

fn serial(seed: &str) -> Serial {
    let entropy = Digest::of(seed.as_bytes()).as_bytes()[..16].try_into().expect("16 bytes");
    Serial::from_entropy(entropy).expect("a serial number")
}

fn recipe(profile: Profile, name: &str, days: u32) -> Recipe {
    let common_name = CommonName::parse(name).expect("a name");
    let subject = Subject::new(common_name, MspId::parse("OrdererMSP").expect("an id")).expect("a subject");
    let names = [format!("{name}.acme.svc.cluster.local"), "localhost".to_owned(), "127.0.0.1".to_owned()];
    let names: BTreeSet<AlternativeName> = names
        .iter()
        .filter(|_| profile.is_server())
        .map(|name| AlternativeName::parse(name).expect("a name"))
        .collect();
    Recipe::new(profile, subject, names, Life::from_days(days).expect("a life")).expect("a recipe")
}
