//! Recipes and what differs from them. Output: none.

use super::*;
use crate::x509::profile::{NodeKind, Purpose};
use crate::x509::tests::{Authorities, key, names, recipe, subject};

#[test]
fn names_belong_to_servers() {
    let check = |profile: Profile, given: &[&str], refused: Option<RecipeError>| {
        let said = Recipe::new(profile, subject("x"), names(given), Life::from_days(1).unwrap());
        assert_eq!(said.err(), refused, "{profile}");
    };
    check(Profile::NodeTls, &["o1"], None);
    check(Profile::NodeTls, &[], Some(RecipeError::NamesMissing));
    check(Profile::OperationsServer, &[], Some(RecipeError::NamesMissing));
    check(Profile::Operator, &[], None);
    check(Profile::Operator, &["o1"], Some(RecipeError::NamesForNobody));
    check(Profile::OrdererAdminClient, &["o1"], Some(RecipeError::NamesForNobody));
    check(Profile::Root(Purpose::Tls), &["o1"], Some(RecipeError::NamesForNobody));
    let many: Vec<String> = (0..=MAX_NAMES).map(|number| format!("o{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    check(Profile::NodeTls, &many[1..], None);
    check(Profile::NodeTls, &many, Some(RecipeError::TooManyNames));
}

#[test]
fn every_part_of_a_recipe_is_in_its_digest_and_the_digest_stays() {
    let kept = |name: &str| KeyChoice::Kept(key(name).public_key().fingerprint());
    let base = recipe(Profile::NodeTls, "o1");
    let different = [
        base.clone(),
        recipe(Profile::NodeTls, "o2"),
        recipe(Profile::OrdererAdminServer, "o1"),
        recipe(Profile::OperationsServer, "o1"),
        base.clone().for_key(kept("o1")),
        base.clone().for_key(kept("o2")),
        base.clone().issued_by(key("a").public_key().identifier()),
        base.clone().issued_by(key("b").public_key().identifier()),
        Recipe::new(Profile::NodeTls, subject("o1"), names(&["localhost"]), base.life()).unwrap(),
        Recipe::new(Profile::NodeTls, subject("o1"), base.names().clone(), Life::from_days(366).unwrap()).unwrap(),
    ];
    let digests: BTreeSet<Digest> = different.iter().map(Recipe::digest).collect();
    assert_eq!(digests.len(), different.len());
    assert_eq!(base.digest(), recipe(Profile::NodeTls, "o1").digest());
    // Kept from the first version: plans that are stored name it.
    assert_eq!(base.digest().short(16), "7f5362d463b2a7dd");
}

#[test]
fn a_recipe_is_shown_in_one_line_without_bytes() {
    assert_eq!(
        recipe(Profile::NodeTls, "o1").to_string(),
        "TLS of a node, o1 of OrdererMSP, for localhost o1.ord.test 127.0.0.1 ::1, new key, 365 days"
    );
    let kept = recipe(Profile::Operator, "op").for_key(KeyChoice::Kept(Digest::of(b"x")));
    assert_eq!(kept.to_string(), "identity of the operator, op of OrdererMSP, key 2d711642b726, 365 days");
}

/// One certificate against recipes that want something else.
#[test]
fn each_difference_is_found_and_nothing_else() {
    let tls = Authorities::new(Purpose::Tls, "acme");
    let node = tls.leaf(Profile::NodeTls, "o1");
    let base = recipe(Profile::NodeTls, "o1");
    let check = |wanted: Recipe, expected: Vec<Difference>| assert_eq!(fits(&node, &wanted), expected, "{wanted}");
    check(base.clone(), vec![]);
    check(recipe(Profile::NodeTls, "o2"), vec![Difference::CommonName { found: vec!["o1".into()] }]);
    let elsewhere = Subject::new(subject("o1").common_name().clone(), "OtherMSP".parse().unwrap()).unwrap();
    check(
        Recipe::new(Profile::NodeTls, elsewhere, base.names().clone(), base.life()).unwrap(),
        vec![Difference::Organization { found: vec!["OrdererMSP".into()] }],
    );
    check(
        Recipe::new(Profile::NodeTls, subject("o1"), names(&["localhost", "o9"]), base.life()).unwrap(),
        vec![Difference::Names {
            missing: names(&["o9"]).into_iter().collect(),
            surplus: vec!["o1.ord.test".into(), "127.0.0.1".into(), "::1".into()],
        }],
    );
    check(
        Recipe::new(Profile::NodeTls, subject("o1"), names(&["localhost", "o1.ord.test", "127.0.0.1"]), base.life())
            .unwrap(),
        vec![Difference::Names { missing: vec![], surplus: vec!["::1".into()] }],
    );
    let other_key = KeyChoice::Kept(key("o2").public_key().fingerprint());
    check(base.clone().for_key(other_key), vec![Difference::Key { found: key("o1").public_key().fingerprint() }]);
    check(base.clone().for_key(KeyChoice::Kept(key("o1").public_key().fingerprint())), vec![]);
    let issuing = tls.issuing_key.public_key().identifier();
    check(base.clone().issued_by(issuing.clone()), vec![]);
    check(
        base.clone().issued_by(tls.root_key.public_key().identifier()),
        vec![Difference::Issuer { found: Some(issuing) }],
    );
    let server_only: BTreeSet<ExtendedUse> = [ExtendedUse::ServerAuth, ExtendedUse::ClientAuth].into();
    check(recipe(Profile::OrdererAdminServer, "o1"), vec![Difference::ExtendedUses { found: server_only }]);
    let day = |seconds: i64| {
        Recipe::new(Profile::NodeTls, subject("o1"), base.names().clone(), Life::from_seconds(seconds).unwrap())
            .unwrap()
    };
    check(day(365 * 86_400 - 1), vec![Difference::Life { found: 365 * 86_400 + 3600 }]);
    check(day(366 * 86_400), vec![]);
}

#[test]
fn an_authority_is_no_node_and_a_peer_no_orderer() {
    let identity = Authorities::new(Purpose::Identity, "acme");
    let peer = identity.leaf(Profile::Node(NodeKind::Peer), "p1");
    let found = fits(&peer, &recipe(Profile::Node(NodeKind::Orderer), "p1"));
    assert_eq!(found, [Difference::Unit { found: vec!["peer".into()] }]);
    let found = fits(&peer, &recipe(Profile::OrdererAdminClient, "p1"));
    let none = Difference::ExtendedUses { found: BTreeSet::new() };
    assert_eq!(found, [Difference::Unit { found: vec!["peer".into()] }, none]);
    let found = fits(&identity.issuing, &recipe(Profile::Root(Purpose::Identity), "acme issuing of identities"));
    let issuer = Some(identity.root_key.public_key().identifier());
    let depth = Difference::Constraints { found: Constraints::Authority(Some(0)) };
    assert_eq!(found, [Difference::Issuer { found: issuer }, depth]);
    let found = fits(&identity.root, &recipe(Profile::Application, "acme root of identities"));
    let of_authority: BTreeSet<KeyUse> = [KeyUse::CertificateSign, KeyUse::CrlSign].into();
    let depth = Difference::Constraints { found: Constraints::Authority(Some(1)) };
    let life = Difference::Life { found: 7305 * 86_400 + 3600 };
    assert_eq!(
        found,
        [
            Difference::Unit { found: vec![] },
            Difference::Issuer { found: None },
            Difference::KeyUses { found: Some(of_authority) },
            depth,
            life,
        ]
    );
}

#[test]
fn a_difference_is_shown_in_one_short_line_whatever_stands_in_the_certificate() {
    let evil = vec!["\n| a table | \u{202e}".repeat(100)];
    let shown = Difference::CommonName { found: evil }.to_string();
    assert!(!shown.contains(['\n', '\u{202e}']) && shown.len() < 250, "{shown}");
    let names = Difference::Names { missing: names(&["o9"]).into_iter().collect(), surplus: vec![] };
    assert_eq!(names.to_string(), "other names: missing [\"o9\"], surplus none");
    assert_eq!(Difference::Constraints { found: Constraints::Leaf }.to_string(), "another depth: Leaf");
}

#[test]
fn authorities_are_told_by_their_identifiers() {
    let tls = Authorities::new(Purpose::Tls, "acme");
    let issued = tls.leaf(Profile::NodeTls, "o1");
    assert_eq!(issued.authority_key(), tls.issuing.subject_key());
    assert_eq!(tls.issuing.authority_key(), tls.root.subject_key());
    assert_eq!(tls.root.authority_key(), None);
}
