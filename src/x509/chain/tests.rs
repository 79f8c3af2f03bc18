//! Paths that hold and paths that do not. Output: none.

use p256::ecdsa::Signature;

use super::*;
use crate::x509::encode::{Fields, signed_part, whole};
use crate::x509::issue::{Authority, issue, issue_root};
use crate::x509::key::PrivateKey;
use crate::x509::profile::{NodeKind, Profile, Purpose};
use crate::x509::tests::{Authorities, at, key, now, recipe, serial};

const PEER: Profile = Profile::Node(NodeKind::Peer);

fn check(leaf: &Certificate, trust: &Trust<'_>, instant: &str, wanted: Result<usize, ChainError>) {
    let found = verify(leaf, trust, &ExtendedUse::ServerAuth, at(instant)).map(|path| path.len());
    assert_eq!(found, wanted, "{instant}");
}

#[test]
fn a_path_holds_while_all_of_it_is_valid() {
    let identity = Authorities::new(Purpose::Identity, "acme");
    let peer = identity.leaf(PEER, "p1");
    let trust = identity.trust();
    check(&peer, &trust, "2026-11-26T12:00:00Z", Ok(3));
    check(&peer, &trust, "2026-11-26T11:00:00Z", Ok(3));
    check(&peer, &trust, "2027-11-26T12:00:00Z", Ok(3));
    check(&peer, &trust, "2026-11-26T10:59:59Z", Err(ChainError::OutsideValidity));
    check(&peer, &trust, "2027-11-26T12:00:01Z", Err(ChainError::OutsideValidity));
    check(&identity.issuing, &trust, "2030-01-01T00:00:00Z", Ok(2));
    check(&identity.root, &trust, "2030-01-01T00:00:00Z", Ok(1));
    let path = verify(&peer, &trust, &ExtendedUse::ServerAuth, now()).unwrap();
    assert_eq!(path, [&peer, &identity.issuing, &identity.root]);
}

#[test]
fn an_authority_that_is_over_ends_what_it_issued_but_not_for_a_membership_provider() {
    let identity = Authorities::new(Purpose::Identity, "acme");
    let peer = identity.leaf(PEER, "p1");
    check(&peer, &identity.trust(), "2032-01-01T00:00:00Z", Err(ChainError::OutsideValidity));
    assert_eq!(verify_member(&peer, &identity.trust()).map(|path| path.len()), Ok(3));
}

#[test]
fn without_its_root_or_its_issuer_there_is_no_path() {
    let (identity, other) = (Authorities::new(Purpose::Identity, "acme"), Authorities::new(Purpose::Identity, "other"));
    let peer = identity.leaf(PEER, "p1");
    let one = std::slice::from_ref;
    for trust in [
        Trust { roots: one(&identity.root), intermediates: &[] },
        Trust { roots: &[], intermediates: one(&identity.issuing) },
        Trust { roots: one(&other.root), intermediates: one(&identity.issuing) },
        other.trust(),
        Trust { roots: &[], intermediates: &[identity.issuing.clone(), identity.root.clone()] },
    ] {
        check(&peer, &trust, "2026-11-26T12:00:00Z", Err(ChainError::UnknownIssuer));
        assert_eq!(verify_member(&peer, &trust), Err(ChainError::UnknownIssuer));
    }
    let as_root = Trust { roots: one(&identity.issuing), intermediates: &[] };
    check(&peer, &as_root, "2026-11-26T12:00:00Z", Ok(2));
}

/// Somebody who took the names of our authorities, with keys of his own.
#[test]
fn a_name_alone_proves_nothing() {
    let ours = Authorities::new(Purpose::Identity, "acme");
    let theirs = |root: &str, issuing: &str| {
        let wanted = recipe(Profile::Root(Purpose::Identity), "acme root of identities");
        let root_of = issue_root(&wanted, &key(root), &serial("1"), now()).unwrap();
        let root_key = key(root);
        let by_root = Authority::new(Purpose::Identity, &root_of, &root_key).unwrap();
        let wanted = recipe(Profile::Issuing(Purpose::Identity), "acme issuing of identities");
        let issuing_of = issue(&wanted, &key(issuing).public_key(), &by_root, &serial("2"), now()).unwrap();
        let issuing_key = key(issuing);
        let by_issuing = Authority::new(Purpose::Identity, &issuing_of, &issuing_key).unwrap();
        let leaf = issue(&recipe(PEER, "p1"), &key("p1").public_key(), &by_issuing, &serial("3"), now()).unwrap();
        (leaf, issuing_of)
    };
    let (leaf, issuing) = theirs("thief", "thief too");
    check(&leaf, &ours.trust(), "2026-11-26T12:00:00Z", Err(ChainError::WrongSignature));
    let with_theirs = Trust { intermediates: std::slice::from_ref(&issuing), ..ours.trust() };
    check(&leaf, &with_theirs, "2026-11-26T12:00:00Z", Err(ChainError::WrongSignature));
    assert_eq!(is_signed_by(&leaf, &ours.issuing), Err(ChainError::WrongSignature));
    assert_eq!(is_signed_by(&leaf, &issuing), Ok(()));
}

#[test]
fn a_leaf_issues_nothing_and_an_issuing_authority_no_authority() {
    let ours = Authorities::new(Purpose::Identity, "acme");
    let below = forged(Profile::Issuing(Purpose::Identity), "below", &ours.issuing, &ours.issuing_key);
    let of_below = forged(PEER, "p1", &below, &key("below"));
    let peer = ours.leaf(PEER, "p2");
    let of_peer = forged(PEER, "p3", &peer, &key("p2"));
    let all = [ours.issuing.clone(), below, peer];
    let trust = Trust { intermediates: &all, ..ours.trust() };
    check(&of_below, &trust, "2026-11-26T12:00:00Z", Err(ChainError::NotAnAuthority));
    check(&of_peer, &trust, "2026-11-26T12:00:00Z", Err(ChainError::NotAnAuthority));
}

/// What `issue` refuses to make, and somebody with a stolen key makes all the same.
fn forged(profile: Profile, name: &str, issuer: &Certificate, issuer_key: &PrivateKey) -> Certificate {
    let fields = Fields {
        recipe: &recipe(profile, name),
        key: &key(name).public_key(),
        issuer: Some(issuer.subject().raw()),
        issuer_key: issuer.subject_key(),
        serial: &serial(name),
        validity: issuer.validity(),
    };
    let part = signed_part(&fields).unwrap();
    let signature = issuer_key.sign(&part).unwrap();
    Certificate::from_der(&whole(part, &signature).unwrap()).unwrap()
}

#[test]
fn a_certificate_is_for_what_it_says() {
    let admin = Authorities::new(Purpose::OrdererAdmin, "acme");
    let client = admin.leaf(Profile::OrdererAdminClient, "heddle");
    let use_as = |wanted: ExtendedUse| verify(&client, &admin.trust(), &wanted, now()).map(|path| path.len());
    assert_eq!(use_as(ExtendedUse::ClientAuth), Ok(3));
    assert_eq!(use_as(ExtendedUse::ServerAuth), Err(ChainError::WrongUse));
    // Fabric would refuse it as an identity for the same reason.
    assert_eq!(verify_member(&client, &admin.trust()), Err(ChainError::WrongUse));
}

/// What others issued may have the other half of `s`: Fabric and Go take it in certificates.
#[test]
fn a_high_s_in_a_certificate_holds() {
    let identity = Authorities::new(Purpose::Identity, "acme");
    let peer = identity.leaf(PEER, "p1");
    let low = Signature::from_der(peer.signature().unwrap()).unwrap();
    let (r, s) = low.split_scalars();
    let high = Signature::from_scalars(r, -s).unwrap();
    assert_eq!(high.normalize_s(), low);
    let der = whole(peer.signed_part().to_vec(), high.to_der().as_bytes()).unwrap();
    let turned = Certificate::from_der(&der).unwrap();
    assert_ne!(turned, peer);
    check(&turned, &identity.trust(), "2026-11-26T12:00:00Z", Ok(3));
    assert!(identity.issuing_key.public_key().verify(turned.signed_part(), turned.signature().unwrap()).is_err());
}

/// An authority's certificate that was renewed with the same key, beside the old one.
#[test]
fn a_membership_provider_refuses_two_paths() {
    let identity = Authorities::new(Purpose::Identity, "acme");
    let peer = identity.leaf(PEER, "p1");
    let wanted = recipe(Profile::Issuing(Purpose::Identity), "acme issuing of identities");
    let renewed =
        issue(&wanted, &identity.issuing_key.public_key(), &identity.by_root(), &serial("renewed"), now()).unwrap();
    let both = [identity.issuing.clone(), renewed.clone()];
    let trust = Trust { intermediates: &both, ..identity.trust() };
    assert_eq!(verify_member(&peer, &trust), Err(ChainError::Ambiguous));
    check(&peer, &trust, "2026-11-26T12:00:00Z", Ok(3));
    let alone = Trust { intermediates: &[renewed], ..identity.trust() };
    assert_eq!(verify_member(&peer, &alone).map(|path| path.len()), Ok(3));
}

/// Certificates that all carry one name and issue each other, as somebody might send them.
#[test]
fn a_crowd_of_issuers_costs_bounded_work() {
    let identity = Authorities::new(Purpose::Identity, "acme");
    let peer = identity.leaf(PEER, "p1");
    let wanted = recipe(Profile::Root(Purpose::Identity), "acme issuing of identities");
    let one = issue_root(&wanted, &identity.issuing_key, &serial("0"), now()).unwrap();
    let crowd: Vec<Certificate> = (0..101)
        .map(|number| match number {
            0 => one.clone(),
            _ => issue_root(&wanted, &identity.issuing_key, &serial(&number.to_string()), now()).unwrap(),
        })
        .collect();
    let trust = Trust { roots: &[], intermediates: &crowd };
    check(&peer, &trust, "2026-11-26T12:00:00Z", Err(ChainError::TooMany));
}
