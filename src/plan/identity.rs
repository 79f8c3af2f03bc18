//! What is done about a unit's identities: which certificate is in force, which is issued, which is lost.
//!
//! Input: the identities that a unit wants, the inventories, a look at the metadata of their Secrets, what the status branch
//! says was issued. Output: [`Decisions`]. It sees no key. Invariants: unknown never reads as absent; what was issued once is
//! never issued with another key; a next certificate keeps the key; nothing is issued that gains no time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::change::{Change, FieldChange, Issue, Reason, Signer};
use super::diff::World;
use super::refusal::Refusal;
use crate::desired::identity::{AuthorityRef, DesiredIdentity};
use crate::desired::unit::DesiredUnit;
use crate::k8s::ownership;
use crate::model::digest::Digest;
use crate::model::identity::{Generation, IdentityRef};
use crate::model::names::{InstallationId, TenantName};
use crate::model::object::{Kind, ObjectRef};
use crate::model::waiting::WaitingOn;
use crate::observed::identity::{IssuedFacts, SecretMetadata, SecretSeen};
use crate::x509::recipe::KeyChoice;
use crate::x509::validity::Validity;

/// An identity as reports and the status branch know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Which of its certificates.
    pub generation: Generation,
    /// The fingerprint of its key.
    pub key: Digest,
    /// The last second of its certificate.
    pub ends: Timestamp,
}

/// Identities that the status branch says were issued: the second place that remembers them.
pub type Recorded = BTreeMap<IdentityRef, Issued>;

/// What deciding needs.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The installation.
    pub installation: &'a InstallationId,
    /// The unit, unresolved.
    pub desired: &'a DesiredUnit,
    /// The regions as seen, with the Secrets of [`to_look_up`].
    pub world: &'a World,
    /// What the status branch remembers.
    pub recorded: &'a Recorded,
    /// The present instant, for renewals.
    pub now: Timestamp,
}

/// What is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decisions {
    /// The Secret of each identity that its unit's objects are to name.
    pub in_force: BTreeMap<IdentityRef, Box<str>>,
    /// What is issued.
    pub changes: Vec<Change>,
    /// What cannot be decided yet.
    pub waits: BTreeSet<WaitingOn>,
    /// What is not done.
    pub refusals: BTreeSet<Refusal>,
}

/// What is known of an identity before anybody looks.
struct Known<'a> {
    generation: Generation,
    key: Digest,
    facts: Option<&'a IssuedFacts>,
}

/// How an identity stands.
enum Standing<'a> {
    /// It was never issued, or nobody knows of it.
    Never,
    /// It is there.
    Here { generation: Generation, facts: &'a IssuedFacts },
    /// It was issued, and its Secret is gone or holds something else.
    Lost(ObjectRef),
    /// Its Secret's name is taken.
    Foreign { object: ObjectRef, says: String },
    /// Nobody can tell.
    Unknown,
}

/// An authority that can be used, or will be when its step of the plan is done.
struct Usable {
    signer: Signer,
    validity: Option<Validity>,
}

/// The Secrets whose metadata [`decide`] wants, and those of rows that nothing wants any more.
pub fn to_look_up(desired: &DesiredUnit, world: &World, recorded: &Recorded) -> BTreeMap<ObjectRef, TenantName> {
    let mut wanted = BTreeMap::new();
    for (identity, asked) in &desired.identities {
        let generation = known(desired, identity, world, recorded).map_or(Generation::FIRST, |known| known.generation);
        wanted.insert(identity.secret(generation), asked.tenant.clone());
        wanted.insert(identity.secret(generation.next()), asked.tenant.clone());
    }
    for (region, seen) in world {
        let rows = seen.inventories.get(&desired.unit).into_iter().flat_map(|inventory| &inventory.rows);
        for (id, row) in rows.filter(|(id, _)| id.kind == Kind::Secret) {
            let secret = ObjectRef { region: region.clone(), id: id.clone() };
            wanted.entry(secret).or_insert_with(|| row.tenant.clone());
        }
    }
    wanted
}

/// Whether a Secret is a generation of an identity that the unit wants.
pub fn is_wanted(desired: &DesiredUnit, secret: &ObjectRef, name: &str) -> bool {
    desired.identities.keys().any(|identity| {
        identity.region == secret.region
            && secret.id.namespace.as_deref() == Some(&*identity.id.namespace)
            && *identity.id.name == *name
    })
}

/// Decides about every identity of a unit.
pub fn decide(question: Question<'_>) -> Decisions {
    let mut decisions = Decisions::default();
    let mut usable: BTreeMap<&IdentityRef, Usable> = BTreeMap::new();
    let mut identities: Vec<_> = question.desired.identities.iter().collect();
    identities.sort_by_key(|(identity, wanted)| (wanted.stage, *identity));
    for (identity, wanted) in identities {
        let mut in_force = Generation::FIRST;
        match standing(question, identity) {
            Standing::Never => {
                if let Some(change) = first(question, (identity, wanted), &usable, &mut decisions) {
                    usable
                        .insert(identity, Usable { signer: signer(identity, Generation::FIRST, None), validity: None });
                    decisions.changes.push(change);
                }
            }
            Standing::Here { generation, facts } => {
                in_force = generation;
                let validity = validity(facts);
                let signer = signer(identity, generation, Some(facts.key));
                usable.insert(identity, Usable { signer, validity: Some(validity) });
                if let Some(change) = next(question, (identity, wanted), (generation, facts), &usable, &mut decisions) {
                    in_force = generation.next();
                    decisions.changes.push(change);
                }
            }
            Standing::Lost(object) => {
                decisions.refusals.insert(Refusal::LostIdentity { object });
            }
            Standing::Foreign { object, says } => {
                decisions.refusals.insert(Refusal::Foreign { object, says });
            }
            Standing::Unknown => {
                decisions.waits.insert(WaitingOn::Identity { identity: identity.clone() });
            }
        }
        if let Some(known) = known(question.desired, identity, question.world, question.recorded) {
            in_force = in_force.max(known.generation);
        }
        decisions.in_force.insert(identity.clone(), identity.id.secret(in_force).name);
    }
    decisions
}

/// What a unit's inventories say was issued, for reports.
pub fn issued(desired: &DesiredUnit, world: &World) -> Recorded {
    let of = |identity: &IdentityRef| {
        let inventory = world.get(&identity.region)?.inventories.get(&desired.unit)?;
        let (_, row) = inventory.identity(&identity.id)?;
        let facts = row.facts.as_ref()?;
        Some(Issued { generation: row.generation, key: facts.key, ends: facts.not_after })
    };
    desired.identities.keys().filter_map(|identity| Some((identity.clone(), of(identity)?))).collect()
}

/// Whether a field only names the next certificate of the same identity.
pub fn is_renewal(field: &FieldChange, in_force: &BTreeMap<IdentityRef, Box<str>>) -> bool {
    let text =
        |value: &Option<serde_json::Value>| value.as_ref().and_then(|value| value.as_str().map(ToOwned::to_owned));
    let (Some(from), Some(to)) = (text(&field.from), text(&field.to)) else { return false };
    let identity = |secret: &str| {
        let (name, generation) = secret.rsplit_once('-')?;
        generation.parse::<u32>().is_ok().then(|| name.to_owned())
    };
    in_force.values().any(|secret| **secret == *to) && identity(&from).is_some() && identity(&from) == identity(&to)
}

fn signer(identity: &IdentityRef, generation: Generation, key: Option<Digest>) -> Signer {
    Signer { secret: identity.id.secret(generation), key }
}

fn validity(facts: &IssuedFacts) -> Validity {
    Validity { not_before: facts.not_before, not_after: facts.not_after }
}

/// The newest certificate that the inventory or the status branch knows; the inventory, which has more, goes first when
/// both know the same.
fn known<'a>(
    desired: &DesiredUnit,
    identity: &IdentityRef,
    world: &'a World,
    recorded: &Recorded,
) -> Option<Known<'a>> {
    let inventory = world.get(&identity.region).and_then(|seen| seen.inventories.get(&desired.unit));
    let row = inventory.and_then(|inventory| inventory.identity(&identity.id)).and_then(|(_, row)| {
        let facts = row.facts.as_ref()?;
        Some(Known { generation: row.generation, key: facts.key, facts: Some(facts) })
    });
    let remembered = recorded.get(identity).map(|r| Known { generation: r.generation, key: r.key, facts: None });
    match (row, remembered) {
        (Some(row), Some(remembered)) if remembered.generation > row.generation => Some(remembered),
        (row, remembered) => row.or(remembered),
    }
}

fn standing<'a>(question: Question<'a>, identity: &IdentityRef) -> Standing<'a> {
    let known = known(question.desired, identity, question.world, question.recorded);
    let generation = known.as_ref().map_or(Generation::FIRST, |known| known.generation);
    let secret = identity.secret(generation);
    let Some(seen) = question.world.get(&identity.region).filter(|seen| seen.cluster.is_ok()) else {
        return Standing::Unknown;
    };
    match (seen.secret(&secret.id), known) {
        (SecretSeen::Unknown, _) => Standing::Unknown,
        (SecretSeen::Absent, Some(_)) => Standing::Lost(secret),
        (SecretSeen::Absent, None) => Standing::Never,
        (SecretSeen::Present(found), known) => {
            let is_ours = is_ours(question.installation, &secret, found);
            match (known, &found.facts) {
                // A Secret that was restored from a backup is another object with the same key.
                (Some(known), Some(facts)) if is_ours && facts.key == known.key => {
                    Standing::Here { generation, facts: known.facts.unwrap_or(facts) }
                }
                (Some(_), _) => Standing::Lost(secret),
                // The answer to its creation was lost: the step finds it and takes it in.
                (None, Some(_)) if is_ours => Standing::Never,
                (None, _) => {
                    Standing::Foreign { object: secret, says: found.owner.says(question.installation.as_str()) }
                }
            }
        }
    }
}

/// Whether a Secret is this installation's under its own name.
pub fn is_ours(installation: &InstallationId, secret: &ObjectRef, found: &SecretMetadata) -> bool {
    let reference = ownership::self_reference(installation, &secret.region, &secret.id);
    found.owner.self_reference.as_deref() == Some(&*reference)
        && found.owner.installation.as_deref() == Some(installation.as_str())
}

/// The step that makes an identity for the first time.
fn first(
    question: Question<'_>,
    (identity, wanted): (&IdentityRef, &DesiredIdentity),
    usable: &BTreeMap<&IdentityRef, Usable>,
    decisions: &mut Decisions,
) -> Option<Change> {
    let authorities = authorities(question, (identity, wanted), usable, &mut decisions.waits)?;
    let issue = Issue {
        identity: identity.clone(),
        generation: Generation::FIRST,
        recipe: wanted.recipe.clone(),
        keeps: None,
        authorities: authorities.into_iter().map(|(of, usable)| (of, usable.signer)).collect(),
        reasons: BTreeSet::from([Reason::New]),
    };
    Some(Change::issue(&wanted.tenant, wanted.stage, issue, wanted.wish()))
}

/// The step that issues the next certificate for the same key, if there is reason to.
fn next(
    question: Question<'_>,
    (identity, wanted): (&IdentityRef, &DesiredIdentity),
    (generation, facts): (Generation, &IssuedFacts),
    usable: &BTreeMap<&IdentityRef, Usable>,
    decisions: &mut Decisions,
) -> Option<Change> {
    let Question { now, .. } = question;
    if wanted.is_authority() {
        // Its members' channels name it, so its end is nothing that a certificate of its own mends.
        let short = Validity::planned(wanted.recipe.life(), Some(&validity(facts)), now);
        let year_from_now = now.checked_add(jiff::SignedDuration::from_hours(365 * 24)).ok();
        if short.is_none() || year_from_now.is_some_and(|then| facts.not_after < then) {
            let wait = WaitingOn::AuthorityEnds { identity: identity.clone(), ends: facts.not_after };
            decisions.waits.insert(wait);
        }
        return None;
    }
    let mut reasons = BTreeSet::new();
    if facts.wish != wanted.wish() {
        reasons.insert(Reason::Asked);
    }
    if validity(facts).renewal_due(now) {
        reasons.insert(Reason::Ends { at: facts.not_after });
    }
    if reasons.is_empty() {
        return None;
    }
    let authorities = authorities(question, (identity, wanted), usable, &mut decisions.waits)?;
    let issuer = wanted.issuer.as_ref().and_then(|issuer| authorities.get(&issuer.identity)?.validity);
    let planned = Validity::planned(wanted.recipe.life(), issuer.as_ref(), now)?;
    if !reasons.contains(&Reason::Asked) && planned.not_after <= facts.not_after {
        return None;
    }
    let issue = Issue {
        identity: identity.clone(),
        generation: generation.next(),
        recipe: wanted.recipe.clone().for_key(KeyChoice::Kept(facts.key)),
        keeps: Some(identity.id.secret(generation)),
        authorities: authorities.into_iter().map(|(of, usable)| (of, usable.signer)).collect(),
        reasons,
    };
    Some(Change::issue(&wanted.tenant, wanted.stage, issue, wanted.wish()))
}

/// Everything that an identity needs, or a wait for what is not there.
fn authorities(
    question: Question<'_>,
    (identity, wanted): (&IdentityRef, &DesiredIdentity),
    usable: &BTreeMap<&IdentityRef, Usable>,
    waits: &mut BTreeSet<WaitingOn>,
) -> Option<BTreeMap<IdentityRef, Usable>> {
    let mut found = BTreeMap::new();
    let mut complete = true;
    for authority in wanted.authorities() {
        if let Some(usable) = authority_of(question, authority, usable) {
            found.insert(authority.identity.clone(), usable);
        } else {
            complete = false;
            let authority = authority.identity.clone();
            waits.insert(WaitingOn::Authority { identity: identity.clone(), authority });
        }
    }
    complete.then_some(found)
}

fn authority_of(
    question: Question<'_>,
    authority: &AuthorityRef,
    usable: &BTreeMap<&IdentityRef, Usable>,
) -> Option<Usable> {
    let AuthorityRef { unit, identity } = authority;
    if *unit == question.desired.unit {
        let Usable { signer, validity } = usable.get(identity)?;
        return Some(Usable { signer: signer.clone(), validity: *validity });
    }
    let inventory = question.world.get(&identity.region)?.inventories.get(unit)?;
    let (_, row) = inventory.identity(&identity.id)?;
    let facts = row.facts.as_ref()?;
    let signer = signer(identity, row.generation, Some(facts.key));
    Some(Usable { signer, validity: Some(validity(facts)) })
}

#[cfg(test)]
mod tests;
