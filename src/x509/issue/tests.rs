//! What is issued, and what is not. Output: none.

use super::*;
use crate::x509::name::AlternativeName;
use crate::x509::profile::NodeKind;
use crate::x509::recipe::fits;
use crate::x509::tests::{Authorities, at, key, names, now, recipe, serial, subject};
use crate::x509::validity::Life;

#[test]
fn equal_inputs_give_equal_bytes_also_in_the_next_version() {
    let certificate = || Authorities::new(Purpose::Tls, "acme").leaf(Profile::NodeTls, "o1");
    assert_eq!(certificate().der(), certificate().der());
    // Kept from the first version: a change of these bytes is a change of every certificate that is issued.
    assert_eq!(certificate().fingerprint().short(16), "719888e38821b441");
}

#[test]
fn another_serial_instant_key_or_name_gives_other_bytes() {
    let tls = Authorities::new(Purpose::Tls, "acme");
    let wanted = recipe(Profile::NodeTls, "o1");
    let issued = |recipe: &Recipe, owner: &str, number: &str, now: Timestamp| {
        issue(recipe, &key(owner).public_key(), &tls.by_issuing(), &serial(number), now).unwrap().fingerprint()
    };
    let first = issued(&wanted, "o1", "1", now());
    for other in [
        issued(&wanted, "o1", "2", now()),
        issued(&wanted, "o2", "1", now()),
        issued(&wanted, "o1", "1", at("2026-11-26T12:00:01Z")),
        issued(&recipe(Profile::NodeTls, "o2"), "o1", "1", now()),
        issued(&recipe(Profile::OrdererAdminServer, "o1"), "o1", "1", now()),
    ] {
        assert_ne!(first, other);
    }
}

/// Years are written with two digits until 2049.
#[test]
fn ends_before_and_after_2050_read_back() {
    for (days, end) in
        [(8436, "2049-12-31T12:00:00Z"), (8437, "2050-01-01T12:00:00Z"), (36_525, "2126-11-27T12:00:00Z")]
    {
        let wanted =
            Recipe::new(Profile::Root(Purpose::Identity), subject("old"), names(&[]), Life::from_days(days).unwrap());
        let root = issue_root(&wanted.unwrap(), &key("old"), &serial("old"), now()).unwrap();
        assert_eq!(root.validity().not_after, at(end));
        assert_eq!(root.validity().not_before, at("2026-11-26T11:00:00Z"));
    }
}

#[test]
fn an_authority_issues_only_what_is_its_own() {
    let identity = Authorities::new(Purpose::Identity, "acme");
    let check = |profile: Profile, authority: &Authority<'_>, refused: &IssueError| {
        let said = issue(&recipe(profile, "x"), &key("x").public_key(), authority, &serial("x"), now());
        assert_eq!(said.as_ref(), Err(refused), "{profile}");
    };
    for profile in Profile::all().filter(|profile| profile.purpose() != Purpose::Identity) {
        let refused = IssueError::WrongPurpose { authority: Purpose::Identity, wanted: profile.purpose() };
        check(profile, &identity.by_issuing(), &refused);
        check(profile, &identity.by_root(), &refused);
    }
    let peer = Profile::Node(NodeKind::Peer);
    check(peer, &identity.by_root(), &IssueError::WrongLevel(peer));
    let (root, issuing) = (Profile::Root(Purpose::Identity), Profile::Issuing(Purpose::Identity));
    check(root, &identity.by_root(), &IssueError::WrongLevel(root));
    check(issuing, &identity.by_issuing(), &IssueError::WrongLevel(issuing));
    let alone = issue_root(&recipe(peer, "x"), &key("x"), &serial("x"), now());
    assert_eq!(alone, Err(IssueError::WrongLevel(peer)));
}

#[test]
fn an_authority_is_a_certificate_with_its_own_key() {
    let identity = Authorities::new(Purpose::Identity, "acme");
    let check = |certificate: &Certificate, private: &PrivateKey| {
        Authority::new(Purpose::Identity, certificate, private).map(|_| ()).err()
    };
    assert_eq!(check(&identity.root, &identity.root_key), None);
    assert_eq!(check(&identity.root, &identity.issuing_key), Some(IssueError::ForeignKey));
    let peer = identity.leaf(Profile::Node(NodeKind::Peer), "p1");
    assert_eq!(check(&peer, &key("p1")), Some(IssueError::NotAnAuthority));
}

#[test]
fn nobody_gets_the_name_or_the_key_of_its_authority() {
    let identity = Authorities::new(Purpose::Identity, "acme");
    let wanted = recipe(Profile::Issuing(Purpose::Identity), "acme root of identities");
    let by_name = issue(&wanted, &key("x").public_key(), &identity.by_root(), &serial("x"), now());
    assert_eq!(by_name, Err(IssueError::SubjectIsIssuer));
    let wanted = recipe(Profile::Issuing(Purpose::Identity), "another");
    let by_key = issue(&wanted, &identity.root_key.public_key(), &identity.by_root(), &serial("x"), now());
    assert_eq!(by_key, Err(IssueError::SubjectIsIssuer));
}

#[test]
fn a_recipe_that_names_a_key_or_an_authority_gets_that_one() {
    let tls = Authorities::new(Purpose::Tls, "acme");
    let issued = |recipe: &Recipe| issue(recipe, &key("o1").public_key(), &tls.by_issuing(), &serial("o1"), now());
    let wanted = recipe(Profile::NodeTls, "o1");
    let of = |name: &str| KeyChoice::Kept(key(name).public_key().fingerprint());
    assert!(issued(&wanted.clone().for_key(of("o1"))).is_ok());
    assert_eq!(issued(&wanted.clone().for_key(of("o2"))), Err(IssueError::OtherKey));
    assert!(issued(&wanted.clone().issued_by(tls.issuing_key.public_key().identifier())).is_ok());
    let other = wanted.issued_by(tls.root_key.public_key().identifier());
    assert_eq!(issued(&other), Err(IssueError::OtherIssuer));
    let root = recipe(Profile::Root(Purpose::Tls), "r").for_key(of("o2"));
    assert_eq!(issue_root(&root, &key("o1"), &serial("r"), now()), Err(IssueError::OtherKey));
}

#[test]
fn what_is_issued_ends_with_its_authority_and_begins_no_earlier() {
    let tls = Authorities::new(Purpose::Tls, "acme");
    let issued = |text: &str| {
        let wanted = recipe(Profile::NodeTls, "o1");
        issue(&wanted, &key("o1").public_key(), &tls.by_issuing(), &serial("o1"), at(text))
    };
    let first = issued("2026-11-26T12:00:00Z").unwrap();
    assert_eq!(first.validity().not_before, at("2026-11-26T11:00:00Z"));
    assert_eq!(first.validity().not_after, at("2027-11-26T12:00:00Z"));
    // A clock that was set back after the authority was made.
    assert_eq!(issued("2026-11-26T11:20:00Z").unwrap().validity().not_before, tls.issuing.validity().not_before);
    let late = issued("2031-06-01T00:00:00Z").unwrap();
    assert_eq!(late.validity().not_after, tls.issuing.validity().not_after);
    assert_eq!(fits(&late, &recipe(Profile::NodeTls, "o1")), [], "a shorter life is no difference");
    assert_eq!(issued("2031-11-26T12:00:00Z"), Err(IssueError::OutsideValidity));
    assert_eq!(issued("2026-11-26T10:59:59Z"), Err(IssueError::OutsideValidity));
}

#[test]
fn a_renewal_keeps_the_key_and_lasts_longer() {
    let tls = Authorities::new(Purpose::Tls, "acme");
    let wanted = recipe(Profile::NodeTls, "o1");
    let present = tls.leaf(Profile::NodeTls, "o1");
    let due = at("2027-08-01T00:00:00Z");
    assert!(present.renewal_due(due) && !present.renewal_due(now()));
    let renewed = renew(&present, &wanted, &tls.by_issuing(), &serial("second"), due).unwrap();
    assert_eq!(renewed.key_fingerprint(), present.key_fingerprint());
    assert_eq!(renewed.names(), present.names());
    assert_ne!(renewed.serial(), present.serial());
    assert_eq!(renewed.validity().not_after, at("2028-07-31T00:00:00Z"));
    assert!(!renewed.renewal_due(due));
    let again = renew(&present, &wanted, &tls.by_issuing(), &serial("third"), now());
    assert_eq!(again, Err(IssueError::NothingGained));
}

/// Or the last weeks of an authority would be filled with certificates that gain nothing.
#[test]
fn a_renewal_that_the_end_of_the_authority_cuts_is_not_made() {
    let tls = Authorities::new(Purpose::Tls, "acme");
    let wanted = recipe(Profile::NodeTls, "o1");
    let late = at("2031-06-01T00:00:00Z");
    let present = issue(&wanted, &key("o1").public_key(), &tls.by_issuing(), &serial("o1"), late).unwrap();
    let due = at("2031-11-01T00:00:00Z");
    assert!(present.renewal_due(due));
    let renewed = renew(&present, &wanted, &tls.by_issuing(), &serial("second"), due);
    assert_eq!(renewed, Err(IssueError::NothingGained));
}

#[test]
fn a_server_carries_its_names_and_nobody_else_does() {
    let tls = Authorities::new(Purpose::Tls, "acme");
    let node = tls.leaf(Profile::NodeTls, "o1");
    assert_eq!(*node.names(), names(&["o1.ord.test", "localhost", "127.0.0.1", "::1"]));
    assert_eq!(node.other_names(), [""; 0]);
    assert!(node.names().contains(&AlternativeName::parse("localhost").unwrap()));
    assert!(tls.root.names().is_empty());
}
