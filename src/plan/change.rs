//! One step of a plan on one object.
//!
//! Input: the verdicts of `plan::diff` and `plan::prune`. Output: [`Change`] and its parts. It applies nothing.
//! Invariants: the id says what is done to what with which content; the precondition says what must be found; neither
//! holds a clock value, a revision, a resource version or wording.

use std::collections::BTreeSet;
use std::fmt;

use crate::desired::unit::Stage;
use crate::model::digest::Digest;
use crate::model::names::TenantName;
use crate::model::object::{ObjectRef, Uid};

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
}

impl Op {
    /// `create`, `update` or `delete`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update(_) => "update",
            Self::Delete => "delete",
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

/// What must be found just before the effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing of that name.
    Absent,
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
    /// The digest of the desired content; none for a deletion.
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
