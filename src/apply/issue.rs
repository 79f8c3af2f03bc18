//! Issues one certificate and stores it with its key as a new Secret.
//!
//! Input: a step of an approved plan and the identity that it is for. Output: its [`ChangeOutcome`], and what everybody may
//! know of what is there now. It decides nothing. Invariants: key and certificate are made and checked whole before
//! anything is sent; the Secret is only ever created, so that the server itself refuses a second key under its name; an
//! unclear answer is followed by a look at the metadata; every attempt ends before another process may take the region's
//! lease.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;

use crate::desired::identity::DesiredIdentity;
use crate::k8s::ownership;
use crate::model::causes;
use crate::model::names::InstallationId;
use crate::model::object::{ObjectId, ObjectRef, Uid};
use crate::model::retry::Retry;
use crate::observed::identity::{FACTS, IssuedFacts, SecretMetadata};
use crate::plan::change::{Change, Issue};
use crate::plan::identity::is_ours;
use crate::plan::outcome::ChangeOutcome;
use crate::ports::clock::Clock;
use crate::ports::cluster::{ClusterError, Identity};
use crate::ports::entropy::{Entropy, EntropyError};
use crate::ports::secret_store::{SecretDraft, SecretValues};
use crate::region::access::RegionAccess;
use crate::x509::recipe::KeyChoice;

use super::write;

mod making;

/// How often one step is tried again after an unclear answer or a busy server.
const ATTEMPTS_MAX: u32 = 8;
/// A RoleBinding takes a moment to reach the authorizer's cache: a refusal right after it was made is tried again.
const FORBIDDEN_PAUSE: Duration = Duration::from_millis(250);
/// How long the server may ask to wait at most.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// What issuing needs.
#[derive(Clone, Copy)]
pub struct Issuing<'a> {
    /// The installation.
    pub installation: &'a InstallationId,
    /// The region.
    pub region: &'a RegionAccess,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// Where keys and serial numbers come from.
    pub entropy: &'a dyn Entropy,
    /// The change.
    pub change: &'a Change,
    /// What of it is issued.
    pub issue: &'a Issue,
    /// The identity.
    pub wanted: &'a DesiredIdentity,
}

/// What is there after a step that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The Secret's life.
    pub uid: Uid,
    /// What it holds, as far as everybody may know.
    pub facts: IssuedFacts,
}

/// Why a certificate could not be made.
#[derive(Debug, Error)]
pub enum MakingError {
    /// A Secret that is needed could not be read.
    #[error("{secret} could not be read")]
    Read {
        /// The Secret.
        secret: ObjectId,
        /// Why.
        #[source]
        source: ClusterError,
    },
    /// A Secret that is needed is gone.
    #[error("{secret} is gone")]
    Gone {
        /// The Secret.
        secret: ObjectId,
    },
    /// A Secret does not hold what it should.
    #[error("{secret} holds no usable `{key}`: restore it from a backup")]
    Unusable {
        /// The Secret.
        secret: ObjectId,
        /// The key of its data.
        key: &'static str,
    },
    /// A Secret holds another key than the one that is known.
    #[error("{secret} holds another key than the one that was issued: restore it from a backup")]
    OtherKey {
        /// The Secret.
        secret: ObjectId,
    },
    /// No random bytes.
    #[error("no key could be drawn")]
    Entropy(#[from] EntropyError),
    /// The certificate cannot be issued.
    #[error("the certificate cannot be issued")]
    Issue(#[from] crate::x509::issue::IssueError),
    /// A key cannot be used.
    #[error("the key cannot be used")]
    Key(#[from] crate::x509::key::KeyError),
    /// A node would refuse its own MSP folder.
    #[error("the MSP folder would be refused")]
    Member(#[from] crate::x509::chain::ChainError),
}

/// A step's end.
pub type Issued = (ChangeOutcome, Option<Stored>);

/// Makes and stores it.
pub async fn issue(issuing: Issuing<'_>) -> Issued {
    let Some(identity) = Identity::writer_of(&issuing.change.target.id, &issuing.change.tenant) else {
        return (ChangeOutcome::NotReached, None);
    };
    // What another attempt made is there under the name already; then nothing is drawn.
    let attempt = async { making::make(issuing).await };
    let made = match write::within_lease(issuing.region, issuing.clock, attempt).await {
        Err(ends) => return (ends, None),
        Ok(Err(error)) => return (failed(&error), None),
        Ok(Ok(made)) => made,
    };
    let draft = draft(issuing, made.values, &made.facts);
    let mut last = ChangeOutcome::NotReached;
    for _ in 0..ATTEMPTS_MAX {
        let attempt = store(issuing, &identity, &draft);
        match write::within_lease(issuing.region, issuing.clock, attempt).await {
            Err(ends) => return (ends, None),
            Ok(Step::Finished(issued)) => return *issued,
            Ok(Step::Again(why, pause)) => {
                last = why;
                issuing.clock.sleep(pause.min(PAUSE_MAX)).await;
            }
        }
    }
    (last, None)
}

enum Step {
    Finished(Box<Issued>),
    Again(ChangeOutcome, Duration),
}

impl Step {
    fn finished(outcome: ChangeOutcome, stored: Option<Stored>) -> Self {
        Self::Finished(Box::new((outcome, stored)))
    }
}

async fn store(issuing: Issuing<'_>, identity: &Identity, draft: &SecretDraft) -> Step {
    let cluster = issuing.region.cluster();
    match cluster.create_secret(identity, draft).await {
        Ok(metadata) => taken(issuing, metadata, ChangeOutcome::Done),
        Err(ClusterError::Conflict) => look(issuing, identity, None).await,
        Err(error) => match error.retry() {
            Retry::Ambiguous => look(issuing, identity, Some(&error)).await,
            Retry::After(pause) => Step::Again(write::failed(&error), pause),
            Retry::OnChange if matches!(error, ClusterError::Forbidden { .. }) => {
                Step::Again(write::failed(&error), FORBIDDEN_PAUSE)
            }
            Retry::Never | Retry::OnChange => Step::finished(write::failed(&error), None),
        },
    }
}

/// What is under the name after a refusal or an unclear answer.
async fn look(issuing: Issuing<'_>, identity: &Identity, after: Option<&ClusterError>) -> Step {
    match issuing.region.cluster().secret_metadata(identity, &issuing.change.target.id).await {
        Ok(Some(metadata)) => taken(issuing, metadata, ChangeOutcome::DoneBefore),
        Ok(None) => {
            let why = after.map_or(ChangeOutcome::NotReached, write::failed);
            Step::Again(why, Duration::from_millis(100))
        }
        Err(error) => match error.retry() {
            Retry::After(pause) => Step::Again(write::failed(&error), pause),
            Retry::Ambiguous => Step::Again(write::failed(&error), Duration::from_secs(1)),
            Retry::Never | Retry::OnChange => Step::finished(write::failed(&error), None),
        },
    }
}

/// Takes in what is there, if it is this installation's and was made for the same wish.
fn taken(issuing: Issuing<'_>, found: SecretMetadata, outcome: ChangeOutcome) -> Step {
    let Issuing { installation, change, issue, .. } = issuing;
    let foreign = || ChangeOutcome::Foreign { says: found.owner.says(installation.as_str()) };
    let Some(facts) = found.facts.clone().filter(|_| is_ours(installation, &change.target, &found)) else {
        return Step::finished(foreign(), None);
    };
    let keeps_the_key = match issue.recipe.key() {
        KeyChoice::Kept(key) => key == facts.key,
        KeyChoice::New => true,
    };
    if !keeps_the_key {
        let found = "a Secret of the next certificate's name holds another key";
        return Step::finished(ChangeOutcome::Stale { found: found.to_owned() }, None);
    }
    Step::finished(outcome, Some(Stored { uid: found.uid, facts }))
}

fn draft(issuing: Issuing<'_>, values: SecretValues, facts: &IssuedFacts) -> SecretDraft {
    let ObjectRef { region, id } = &issuing.change.target;
    let reference = ownership::self_reference(issuing.installation, region, id);
    let facts = serde_json::to_string(facts).unwrap_or_default();
    let annotations = BTreeMap::from([(ownership::SELF.to_owned(), reference), (FACTS.to_owned(), facts)]);
    SecretDraft { id: id.clone(), labels: issuing.wanted.labels.clone(), annotations, values }
}

fn failed(error: &MakingError) -> ChangeOutcome {
    let (category, transient) = match error {
        MakingError::Read { source, .. } => {
            let transient = match source.retry() {
                Retry::After(_) | Retry::Ambiguous => true,
                Retry::Never | Retry::OnChange => false,
            };
            (source.category(), transient)
        }
        MakingError::Gone { .. } => ("identity", true),
        MakingError::Entropy(_) => ("entropy", true),
        MakingError::Unusable { .. }
        | MakingError::OtherKey { .. }
        | MakingError::Issue(_)
        | MakingError::Key(_)
        | MakingError::Member(_) => ("identity", false),
    };
    ChangeOutcome::Failed { category: category.to_owned(), detail: causes::chain(error), transient }
}

/// The instant at which certificates of this step begin.
fn now(issuing: Issuing<'_>) -> Timestamp {
    issuing.clock.now()
}
