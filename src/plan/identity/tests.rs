//! What is decided about a root, an issuing authority and a client, over everything that may be known and seen of them.
//!
//! Input: situations. Output: decisions in words.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::desired::identity::Content;
use crate::desired::unit::Stage;
use crate::model::identity::IdentityId;
use crate::model::names::MspId;
use crate::model::object::Uid;
use crate::model::unit::UnitId;
use crate::observed::identity::IdentityRow;
use crate::observed::inventory::{Inventory, Row};
use crate::plan::change::Op;
use crate::plan::planner::tests::{empty_world, eu, installation, owned, unit};
use crate::x509::name::{CommonName, Subject};
use crate::x509::profile::{Profile, Purpose};
use crate::x509::recipe::Recipe;
use crate::x509::validity::Life;

const ORGANIZATION: &str = "organization/acme/acme";

fn identity(name: &str) -> IdentityRef {
    IdentityRef { region: eu(), id: IdentityId::new("custody", name) }
}

fn authority(name: &str) -> AuthorityRef {
    AuthorityRef { unit: UnitId::parse(ORGANIZATION).unwrap(), identity: identity(name) }
}

fn wanted(stage: Stage, profile: Profile, days: u32, issuer: Option<&str>) -> DesiredIdentity {
    let subject = Subject::new(CommonName::parse("x").unwrap(), MspId::parse("AcmeMSP").unwrap()).unwrap();
    DesiredIdentity {
        tenant: TenantName::parse("acme").unwrap(),
        node: None,
        stage,
        recipe: Recipe::new(profile, subject, BTreeSet::new(), Life::from_days(days).unwrap()).unwrap(),
        issuer: issuer.map(authority),
        content: BTreeMap::from([("key".into(), Content::Key)]),
        labels: BTreeMap::new(),
    }
}

/// A root, an issuing authority below it, a client below that.
fn all() -> BTreeMap<IdentityRef, DesiredIdentity> {
    let purpose = Purpose::Identity;
    BTreeMap::from([
        (identity("root"), wanted(Stage::Roots, Profile::Root(purpose), 5000, None)),
        (identity("issuing"), wanted(Stage::Issuers, Profile::Issuing(purpose), 4000, Some("root"))),
        (identity("client"), wanted(Stage::Identities, Profile::Operator, 300, Some("issuing"))),
    ])
}

fn day(day: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap()
}

/// A situation: what is known and what is seen, at the beginning nothing.
#[derive(Clone)]
struct Situation {
    desired: DesiredUnit,
    world: World,
    recorded: Recorded,
    now: i64,
}

impl Situation {
    fn new() -> Self {
        let mut desired = unit(ORGANIZATION, []);
        desired.identities = all();
        let mut situation = Self { desired, world: empty_world(), recorded: Recorded::new(), now: 0 };
        for name in ["root", "issuing", "client"] {
            situation.see(name, 1, SecretSeen::Absent);
        }
        situation
    }

    /// Everything issued on day 0.
    fn settled() -> Self {
        let mut situation = Self::new();
        for (name, days) in [("root", 5000), ("issuing", 4000), ("client", 300)] {
            situation.issued(name, 1, (0, days));
        }
        situation
    }

    fn generation(number: u32) -> Generation {
        (1..number).fold(Generation::FIRST, |generation, _| generation.next())
    }

    fn facts(&self, name: &str, (from, until): (i64, i64)) -> IssuedFacts {
        IssuedFacts {
            wish: self.desired.identities[&identity(name)].wish(),
            key: Digest::of(name.as_bytes()),
            certificate: Digest::of(format!("{name} {until}").as_bytes()),
            not_before: day(from),
            not_after: day(until),
        }
    }

    fn see(&mut self, name: &str, generation: u32, seen: SecretSeen) {
        let id = identity(name).id.secret(Self::generation(generation));
        self.world.get_mut(&eu()).unwrap().secrets.insert(id, seen);
    }

    /// Its Secret is there, with these facts.
    fn present(&mut self, name: &str, generation: u32, facts: IssuedFacts) {
        let secret = identity(name).secret(Self::generation(generation));
        let owner = owned(&self.desired.unit, &secret);
        let found = SecretMetadata { uid: Uid::new("any"), owner, facts: Some(facts) };
        self.see(name, generation, SecretSeen::Present(Box::new(found)));
    }

    /// Its Secret is there and the inventory knows it.
    fn issued(&mut self, name: &str, generation: u32, days: (i64, i64)) {
        let facts = self.facts(name, days);
        self.present(name, generation, facts.clone());
        self.row(name, generation, Some(facts));
    }

    fn row(&mut self, name: &str, generation: u32, facts: Option<IssuedFacts>) {
        let generation = Self::generation(generation);
        let row = Row {
            uid: facts.as_ref().map(|_| Uid::new("u")),
            identity: Some(IdentityRow { name: name.into(), generation, facts }),
            ..Row::intended(&TenantName::parse("acme").unwrap(), None)
        };
        let inventories = &mut self.world.get_mut(&eu()).unwrap().inventories;
        let inventory: &mut Inventory = inventories.entry(self.desired.unit.clone()).or_default();
        inventory.rows.insert(identity(name).id.secret(generation), row);
    }

    fn record(&mut self, name: &str, generation: u32) {
        let issued =
            Issued { generation: Self::generation(generation), key: Digest::of(name.as_bytes()), ends: day(300) };
        self.recorded.insert(identity(name), issued);
    }
}

/// What is decided, in words.
fn told(situation: &Situation) -> Vec<String> {
    let question = Question {
        installation: &installation(),
        desired: &situation.desired,
        world: &situation.world,
        recorded: &situation.recorded,
        now: day(situation.now),
    };
    let decisions = decide(question);
    let changes = decisions.changes.iter().map(|change| {
        let Op::Issue(issue) = &change.op else { panic!("{change:?}") };
        let key = if issue.keeps.is_some() { "its key" } else { "a new key" };
        format!("{} with {key} ({:?})", change.target.id.name, change.cause)
    });
    let waits = decisions.waits.iter().map(|wait| match wait {
        WaitingOn::Identity { identity } => format!("{} unseen", identity.id.name),
        WaitingOn::Authority { identity, authority } => format!("{} needs {}", identity.id.name, authority.id.name),
        WaitingOn::AuthorityEnds { identity, .. } => format!("{} ends", identity.id.name),
        other => panic!("{other:?}"),
    });
    let refusals = decisions.refusals.iter().map(|refusal| match refusal {
        Refusal::LostIdentity { object } => format!("{} lost", object.id.name),
        Refusal::Foreign { object, .. } => format!("{} foreign", object.id.name),
        other => panic!("{other:?}"),
    });
    changes.chain(waits).chain(refusals).collect()
}

fn check(situation: &Situation, expected: &[&str]) {
    assert_eq!(told(situation), expected);
}

fn after(mut situation: Situation, change: impl FnOnce(&mut Situation)) -> Situation {
    change(&mut situation);
    situation
}

const EVERYTHING: &[&str] =
    &["root-1 with a new key (Spec)", "issuing-1 with a new key (Spec)", "client-1 with a new key (Spec)"];

#[test]
fn what_never_was_is_issued_from_the_root_down_and_what_is_there_is_left_alone() {
    check(&Situation::new(), EVERYTHING);
    check(&Situation::settled(), &[]);
    let half = after(Situation::new(), |situation| situation.issued("root", 1, (0, 5000)));
    check(&half, &EVERYTHING[1..]);
}

#[test]
fn a_creation_whose_answer_was_lost_is_the_same_step_again() {
    let lost = after(Situation::new(), |situation| {
        let facts = situation.facts("root", (0, 5000));
        situation.present("root", 1, facts);
        situation.row("root", 1, None);
    });
    check(&lost, EVERYTHING);
}

#[test]
fn unknown_never_reads_as_absent() {
    let unseen = after(Situation::new(), |situation| situation.see("root", 1, SecretSeen::Unknown));
    check(&unseen, &["client needs issuing", "issuing needs root", "root unseen"]);
    let unreachable = after(Situation::settled(), |situation| {
        situation.world.get_mut(&eu()).unwrap().cluster = Err(crate::observed::region::RegionUnknown::NotConfigured);
    });
    check(&unreachable, &["client unseen", "issuing unseen", "root unseen"]);
}

#[test]
fn what_was_issued_and_is_gone_is_lost_whoever_remembers_it() {
    let gone = after(Situation::settled(), |situation| situation.see("root", 1, SecretSeen::Absent));
    check(&gone, &["root-1 lost"]);
    let by_report = after(Situation::new(), |situation| situation.record("root", 1));
    check(&by_report, &["client needs issuing", "issuing needs root", "root-1 lost"]);
    let other_key = after(Situation::settled(), |situation| {
        let facts = IssuedFacts { key: Digest::of(b"other"), ..situation.facts("root", (0, 5000)) };
        situation.present("root", 1, facts);
    });
    check(&other_key, &["root-1 lost"]);
    let restored = after(Situation::settled(), |situation| {
        let facts = situation.facts("root", (0, 5000));
        situation.present("root", 1, facts);
    });
    check(&restored, &[]);
}

#[test]
fn somebody_elses_secret_of_that_name_is_foreign() {
    let foreign = after(Situation::new(), |situation| {
        let found = SecretMetadata {
            uid: Uid::new("any"),
            owner: crate::observed::object::OwnerEvidence::default(),
            facts: None,
        };
        situation.see("root", 1, SecretSeen::Present(Box::new(found)));
    });
    check(&foreign, &["client needs issuing", "issuing needs root", "root-1 foreign"]);
}

#[test]
fn a_certificate_is_renewed_with_its_key_when_a_third_is_left_and_an_authority_is_a_persons_matter() {
    let on = |day| after(Situation::settled(), |situation| situation.now = day);
    check(&on(199), &[]);
    check(&on(200), &["client-2 with its key (Renewal)"]);
    let renewed = after(on(200), |situation| situation.issued("client", 2, (200, 500)));
    check(&renewed, &[]);
    let expired = after(renewed, |situation| situation.now = 3700);
    check(&expired, &["client-3 with its key (Renewal)", "issuing ends"]);
}

#[test]
fn what_the_end_of_its_authority_cuts_is_not_renewed_for_nothing() {
    let cut = after(Situation::settled(), |situation| {
        situation.issued("issuing", 1, (0, 300));
        situation.now = 250;
    });
    check(&cut, &["issuing ends"]);
}

#[test]
fn another_wish_is_another_certificate_for_the_same_key() {
    let asked = after(Situation::settled(), |situation| {
        let client = wanted(Stage::Identities, Profile::Operator, 200, Some("issuing"));
        situation.desired.identities.insert(identity("client"), client);
    });
    check(&asked, &["client-2 with its key (Spec)"]);
}

#[test]
fn objects_name_the_newest_secret_that_is_or_will_be_there() {
    let name = |situation: &Situation| {
        let question = Question {
            installation: &installation(),
            desired: &situation.desired,
            world: &situation.world,
            recorded: &situation.recorded,
            now: day(situation.now),
        };
        decide(question).in_force[&identity("client")].to_string()
    };
    assert_eq!(name(&Situation::new()), "client-1");
    assert_eq!(name(&after(Situation::settled(), |situation| situation.now = 200)), "client-2");
    let lost = after(Situation::settled(), |situation| {
        situation.issued("client", 2, (0, 300));
        situation.see("client", 2, SecretSeen::Absent);
    });
    assert_eq!(name(&lost), "client-2", "a running pod is not sent back to an old one");
}

#[test]
fn a_field_that_names_the_next_certificate_of_the_same_identity_is_a_renewal() {
    let in_force = BTreeMap::from([(identity("client"), "client-2".into())]);
    let field = |from: &str, to: &str| FieldChange {
        path: "spec.template.spec.volumes".into(),
        from: Some(from.into()),
        to: Some(to.into()),
        taken_by: None,
    };
    assert!(is_renewal(&field("client-1", "client-2"), &in_force));
    for (from, to) in
        [("client-1", "client-3"), ("other-1", "client-2"), ("client-x", "client-2"), ("client", "client-2")]
    {
        assert!(!is_renewal(&field(from, to), &in_force), "{from} {to}");
    }
}
