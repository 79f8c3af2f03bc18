//! Certificates that are the same in every run, so that blocks made by `configtxgen` from them can be kept.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::fabric::genesis::{Batch, CapabilityNames, ChannelFacts, Consenter, OrdererOrganization, PeerOrganization};
use crate::fabric::msp::{Authorities, Msp};
use crate::model::digest::Digest;
use crate::model::names::{ChannelId, MemberName, MspId};
use crate::model::secret::Secret;
use crate::x509::certificate::Certificate;
use crate::x509::issue::{self, Authority};
use crate::x509::key::PrivateKey;
use crate::x509::name::{AlternativeName, CommonName, Subject};
use crate::x509::profile::{Profile, Purpose};
use crate::x509::recipe::Recipe;
use crate::x509::serial::Serial;
use crate::x509::validity::Life;

fn now() -> Timestamp {
    "2026-11-01T00:00:00Z".parse().unwrap()
}

pub(super) fn key(label: &str) -> PrivateKey {
    PrivateKey::from_entropy(&Secret::new(*Digest::of(label.as_bytes()).as_bytes())).unwrap()
}

fn serial(label: &str) -> Serial {
    Serial::from_entropy(*Digest::of(label.as_bytes()).as_bytes().first_chunk::<16>().unwrap()).unwrap()
}

fn recipe(profile: Profile, msp: &str, label: &str) -> Recipe {
    let names = if profile.is_server() {
        BTreeSet::from([AlternativeName::parse(&format!("{label}.example")).unwrap()])
    } else {
        BTreeSet::new()
    };
    let subject = Subject::new(CommonName::parse(label).unwrap(), MspId::parse(msp).unwrap()).unwrap();
    Recipe::new(profile, subject, names, Life::from_days(3650).unwrap()).unwrap()
}

/// An authority of an organization: its root and its issuing one.
pub(super) fn authority(msp: &str, purpose: Purpose) -> [(Certificate, PrivateKey); 2] {
    let label = |level: &str| format!("{msp} {purpose} {level}");
    let root_key = key(&label("root"));
    let root = recipe(Profile::Root(purpose), msp, &label("root"));
    let root = issue::issue_root(&root, &root_key, &serial(&label("root")), now()).unwrap();
    let issuing_key = key(&label("issuing"));
    let wanted = recipe(Profile::Issuing(purpose), msp, &label("issuing"));
    let signer = Authority::new(purpose, &root, &root_key).unwrap();
    let issuing = issue::issue(&wanted, &issuing_key.public_key(), &signer, &serial(&label("issuing")), now()).unwrap();
    [(root, root_key), (issuing, issuing_key)]
}

/// A certificate for use.
pub(super) fn leaf(msp: &str, profile: Profile, label: &str) -> (Certificate, PrivateKey) {
    let [_, (issuing, issuing_key)] = authority(msp, profile.purpose());
    let own = key(label);
    let signer = Authority::new(profile.purpose(), &issuing, &issuing_key).unwrap();
    let wanted = recipe(profile, msp, label);
    (issue::issue(&wanted, &own.public_key(), &signer, &serial(label), now()).unwrap(), own)
}

/// An organization's membership, with its issuing authorities or with roots alone.
pub(super) fn msp(id: &str, with_issuing: bool) -> Msp {
    let [(root, _), (issuing, _)] = authority(id, Purpose::Identity);
    let [(tls_root, _), (tls_issuing, _)] = authority(id, Purpose::Tls);
    let issuing_if = |certificate| if with_issuing { vec![certificate] } else { Vec::new() };
    let authorities = Authorities {
        roots: vec![root],
        issuing: issuing_if(issuing),
        tls_roots: vec![tls_root],
        tls_issuing: issuing_if(tls_issuing),
    };
    Msp::new(MspId::parse(id).unwrap(), authorities).unwrap()
}

/// A channel of so many orderers and peer organizations.
pub(super) fn facts(id: &str, orderers: u16, organizations: usize, with_issuing: bool) -> ChannelFacts {
    let consenter = |number: u16| Consenter {
        host: format!("orderer{number}.example"),
        port: 7050 + number,
        certificate: leaf("OrdererMSP", Profile::NodeTls, &format!("orderer{number}")).0,
    };
    let consenters: Vec<Consenter> = (1..=orderers).map(consenter).collect();
    let endpoints = consenters.iter().map(|consenter| format!("{}:{}", consenter.host, consenter.port)).collect();
    let name = |name: &str| MemberName::parse(name).unwrap();
    let organization = |number: &usize| PeerOrganization {
        name: name(&format!("Org{number}")),
        msp: msp(&format!("Org{number}MSP"), with_issuing),
    };
    ChannelFacts {
        id: ChannelId::parse(id).unwrap(),
        orderers: vec![OrdererOrganization {
            name: name("OrdererOrg"),
            msp: msp("OrdererMSP", with_issuing),
            endpoints,
        }],
        applications: (1..=organizations).collect::<Vec<_>>().iter().map(organization).collect(),
        consenters,
        batch: Batch::default(),
        capabilities: CapabilityNames::default(),
    }
}
