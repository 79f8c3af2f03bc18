//! One step of a plan on one object.
//!
//! Input: the verdicts of `plan::diff` and `plan::prune`. Output: [`Change`] and its parts. It applies nothing.
//! Invariants: the id says what is done to what with which content; the precondition says what must be found; neither
//! holds a clock value, a revision, a resource version or wording.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use crate::desired::unit::Stage;
use crate::model::channel::ChannelRef;
use crate::model::digest::Digest;
use crate::model::identity::{Generation, IdentityRef};
use crate::model::names::TenantName;
use crate::model::object::{ObjectId, ObjectRef, Uid};
use crate::x509::recipe::Recipe;

/// The id of a change: twelve hexadecimal digits over target, operation and desired content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ChangeId(Box<str>);

impl ChangeId {
    fn of(target: &ObjectRef, op: &str, content: Option<&Digest>) -> Self {
        let content = content.map(ToString::to_string).unwrap_or_default();
        let digest = Digest::of_parts([target.to_string().as_str(), op, &content]);
        Self(digest.short(12).into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// It is created.
    Create,
    /// Some of its fields change.
    Update(Vec<FieldChange>),
    /// It is deleted.
    Delete,
    /// A key and its certificates are made, and stored as a new Secret.
    Issue(Box<Issue>),
    /// A channel comes nearer to what it should be.
    Channel(Box<ChannelStep>),
}

impl Op {
    /// `create`, `update`, `delete`, `issue`, `genesis`, `copy` or `join`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update(_) => "update",
            Self::Delete => "delete",
            Self::Issue(_) => "issue",
            Self::Channel(step) => step.action.word(),
        }
    }
}

/// One step of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelStep {
    /// The channel.
    pub channel: ChannelRef,
    /// What is done.
    pub action: ChannelAction,
}

/// What is done about a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelAction {
    /// Its first block is made, and kept as a ConfigMap.
    Genesis,
    /// Its first block is kept in another region too.
    Copy {
        /// The block.
        block: Digest,
    },
    /// An ordering node gets the first block.
    JoinOrderer {
        /// The block; none before it is made.
        block: Option<Digest>,
    },
    /// A peer gets the first block.
    JoinPeer {
        /// The block; none before it is made.
        block: Option<Digest>,
    },
}

impl ChannelAction {
    fn word(&self) -> &'static str {
        match self {
            Self::Genesis => "genesis",
            Self::Copy { .. } => "copy",
            Self::JoinOrderer { .. } | Self::JoinPeer { .. } => "join",
        }
    }

    fn stage(&self) -> Stage {
        match self {
            Self::Genesis | Self::Copy { .. } => Stage::Records,
            Self::JoinOrderer { .. } => Stage::Consenters,
            Self::JoinPeer { .. } => Stage::Members,
        }
    }
}

/// One field that changes. Values are short texts for people; a long or many-lined one is kept whole for a diff.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldChange {
    /// Its path, such as `spec.template.spec.containers[name="peer"].image`.
    pub path: String,
    /// The live value; none when the field is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<serde_json::Value>,
    /// The desired value; none when the field goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<serde_json::Value>,
    /// Who took the field from us, when somebody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<String>,
}

/// What is issued: recipes and names, never bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The identity.
    pub identity: IdentityRef,
    /// Which of its certificates.
    pub generation: Generation,
    /// The certificate.
    pub recipe: Recipe,
    /// The Secret whose key it keeps; none for a new key.
    pub keeps: Option<ObjectId>,
    /// The authorities that it needs, by identity.
    pub authorities: BTreeMap<IdentityRef, Signer>,
    /// Why.
    pub reasons: BTreeSet<Reason>,
}

/// An authority as a step needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The Secret that holds it.
    pub secret: ObjectId,
    /// The fingerprint of its key; none while it is issued by an earlier step of the same plan.
    pub key: Option<Digest>,
}

/// Why a certificate is issued.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// There is none yet.
    New,
    /// What is asked for is not what there is.
    Asked,
    /// A third of its life or less is left.
    Ends {
        /// Its last second.
        at: Timestamp,
    },
}
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("there is none yet"),
            Self::Asked => f.write_str("something else is asked for than there is"),
            Self::Ends { at } => write!(f, "the present one ends at {at}"),
        }
    }
}

/// What must be found just before the effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing of that name.
    Absent,
    /// The node does not have the channel.
    NotJoined,
    /// This life of it, with this projection of our fields, and these fields lost to others.
    Exists {
        /// This life.
        uid: Uid,
        /// The digest of the projection; none when no field is ours.
        projection: Option<Digest>,
        /// Fields lost to others: path and manager.
        lost: BTreeSet<(String, String)>,
    },
}

impl Precondition {
    /// A digest for plan ids and stored plans.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Absent => Digest::of_parts(["absent"]),
            Self::NotJoined => Digest::of_parts(["not joined"]),
            Self::Exists { uid, projection, lost } => {
                let projection = projection.map(|d| d.to_string()).unwrap_or_default();
                let mut parts = vec!["exists".to_owned(), uid.to_string(), projection];
                parts.extend(lost.iter().flat_map(|(path, manager)| [path.clone(), manager.clone()]));
                Digest::of_parts(parts)
            }
        }
    }
}

/// How bad it is when it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Nobody notices.
    Routine,
    /// A node restarts.
    Disruptive,
    /// Something is gone.
    Destructive,
}

/// Why it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The spec wants something new.
    Spec,
    /// Somebody changed the object.
    Drift,
    /// A certificate comes to its end.
    Renewal,
}

/// One step on one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What is done to what with which content.
    pub id: ChangeId,
    /// The object.
    pub target: ObjectRef,
    /// What is done.
    pub op: Op,
    /// What must be found.
    pub precondition: Precondition,
    /// How bad it is.
    pub risk: Risk,
    /// Why.
    pub cause: Cause,
    /// When.
    pub stage: Stage,
    /// As whom it runs and whose consent it needs.
    pub tenant: TenantName,
    /// The digest of the desired content; none for a deletion and for a step of a channel.
    pub desired: Option<Digest>,
    /// Paths that may be taken back by force, as the server writes them (`.spec.replicas`).
    pub correctable: BTreeSet<String>,
}

/// What every change has beside its operation.
#[derive(Debug, Clone)]
pub struct ChangeSite {
    /// The object.
    pub target: ObjectRef,
    /// When.
    pub stage: Stage,
    /// As whom.
    pub tenant: TenantName,
}

impl Change {
    /// A creation: routine, because it makes what never was.
    pub fn create(site: ChangeSite, desired: Digest) -> Self {
        let ChangeSite { target, stage, tenant } = site;
        Self {
            id: ChangeId::of(&target, "create", Some(&desired)),
            target,
            op: Op::Create,
            precondition: Precondition::Absent,
            risk: Risk::Routine,
            cause: Cause::Spec,
            stage,
            tenant,
            desired: Some(desired),
            correctable: BTreeSet::new(),
        }
    }

    /// An identity's next certificate. Routine: what never was is made, and a renewal keeps its key. That a node takes it up
    /// is another change.
    pub fn issue(tenant: &TenantName, stage: Stage, issue: Issue, wish: Digest) -> Self {
        let target = issue.identity.secret(issue.generation);
        let renews = issue.reasons.iter().all(|reason| matches!(reason, Reason::Ends { .. }));
        Self {
            id: ChangeId::of(&target, "issue", Some(&wish)),
            target,
            op: Op::Issue(Box::new(issue)),
            precondition: Precondition::Absent,
            risk: Risk::Routine,
            cause: if renews { Cause::Renewal } else { Cause::Spec },
            stage,
            tenant: tenant.clone(),
            desired: Some(wish),
            correctable: BTreeSet::new(),
        }
    }

    /// A step of a channel. Routine: nobody had the channel before. Its id does not depend on the block, which is not there
    /// yet when a plan first shows the step.
    pub fn channel(target: ObjectRef, tenant: &TenantName, step: ChannelStep) -> Self {
        let word = step.action.word();
        let content = Digest::of_parts([step.channel.to_string()]);
        let precondition = match step.action {
            ChannelAction::Genesis | ChannelAction::Copy { .. } => Precondition::Absent,
            ChannelAction::JoinOrderer { .. } | ChannelAction::JoinPeer { .. } => Precondition::NotJoined,
        };
        Self {
            id: ChangeId::of(&target, word, Some(&content)),
            target,
            stage: step.action.stage(),
            op: Op::Channel(Box::new(step)),
            precondition,
            risk: Risk::Routine,
            cause: Cause::Spec,
            tenant: tenant.clone(),
            desired: None,
            correctable: BTreeSet::new(),
        }
    }

    /// A deletion: destructive.
    pub fn delete(site: ChangeSite, precondition: Precondition) -> Self {
        let ChangeSite { target, stage, tenant } = site;
        Self {
            id: ChangeId::of(&target, "delete", None),
            target,
            op: Op::Delete,
            precondition,
            risk: Risk::Destructive,
            cause: Cause::Spec,
            stage,
            tenant,
            desired: None,
            correctable: BTreeSet::new(),
        }
    }

    /// An update.
    pub fn update(site: ChangeSite, desired: Digest, update: Update) -> Self {
        let ChangeSite { target, stage, tenant } = site;
        let Update { fields, precondition, risk, cause, correctable } = update;
        Self {
            id: ChangeId::of(&target, "update", Some(&desired)),
            target,
            op: Op::Update(fields),
            precondition,
            risk,
            cause,
            stage,
            tenant,
            desired: Some(desired),
            correctable,
        }
    }
}

/// What an update has beside its place.
#[derive(Debug, Clone)]
pub struct Update {
    /// The fields.
    pub fields: Vec<FieldChange>,
    /// What must be found.
    pub precondition: Precondition,
    /// How bad it is.
    pub risk: Risk,
    /// Why.
    pub cause: Cause,
    /// Paths that may be taken back by force.
    pub correctable: BTreeSet<String>,
}
