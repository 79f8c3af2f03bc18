//! The stored and published form of a plan: `schemas/plan.json`.
//!
//! Input: a [`UnitPlan`]. Output: [`PlanDocument`]; from a stored one, the pairs that an approval may grant. Bodies of
//! objects never stand in it. Invariants: `formatVersion` grows its minor when fields are added and its major when they
//! change; a document that does not read back grants nothing.

use serde::{Deserialize, Serialize};

use crate::model::digest::Digest;
use crate::model::revision::Revision;
use crate::model::unit::UnitId;
use crate::plan::approval::StoredChanges;
use crate::plan::change::{Change, ChangeId, FieldChange, Issue, Op};
use crate::plan::unit_plan::{PlanId, UnitPlan};

/// The version of this form.
pub const FORMAT_VERSION: &str = "1.2";

/// A plan as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanDocument {
    /// Major breaks, minor adds.
    pub format_version: String,
    /// The plan's id: over the changes and what they expect, nothing else.
    #[schemars(with = "String")]
    pub id: PlanId,
    /// The unit.
    #[schemars(with = "String")]
    pub unit: UnitId,
    /// The revision that it was made from; none for a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub revision: Option<Revision>,
    /// Whether it was made from uncommitted files: it can be looked at, never applied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uncommitted: bool,
    /// What changes, in order.
    pub changes: Vec<ChangeDocument>,
    /// What changes after that, when its turn has come; each wait says when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<ChangeDocument>,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<String>,
    /// What it refuses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<RefusalDocument>,
    /// What others added in guarded places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_fields: Vec<String>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeDocument {
    /// Its id: what an Approval may name.
    #[schemars(with = "String")]
    pub id: ChangeId,
    /// `create`, `update`, `delete`, `issue`, or for a channel `genesis`, `copy`, `join`.
    pub op: String,
    /// The region.
    pub region: String,
    /// The kind.
    pub kind: String,
    /// The namespace, for kinds that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// `routine`, `disruptive` or `destructive`.
    pub risk: String,
    /// `spec`, `drift` or `renewal`.
    pub cause: String,
    /// The stage.
    pub stage: String,
    /// Whose consent it needs.
    pub tenant: String,
    /// The digest of what must be found.
    #[schemars(with = "String")]
    pub precondition: Digest,
    /// The digest of what will be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub desired: Option<Digest>,
    /// The fields of an update.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldDocument>,
    /// What is issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<IssueDocument>,
    /// The channel of a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// A certificate that is issued: its recipe, never its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssueDocument {
    /// What it is for, whom it names, which key it gets, how long it lives.
    pub recipe: String,
    /// Why.
    pub reasons: Vec<String>,
}

/// One field of an update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldDocument {
    /// Its path.
    pub path: String,
    /// The live value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<serde_json::Value>,
    /// The desired value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<serde_json::Value>,
    /// Who took it from us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<String>,
}

/// One refusal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusalDocument {
    /// Its stable code.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// The document of a plan.
pub fn document(plan: &UnitPlan, revision: Option<Revision>) -> PlanDocument {
    PlanDocument {
        format_version: FORMAT_VERSION.to_owned(),
        id: plan.id(),
        unit: plan.unit.clone(),
        revision,
        uncommitted: revision.is_none(),
        changes: plan.changes.iter().map(change).collect(),
        later: plan.deferred.iter().map(change).collect(),
        waits: plan.waits.iter().map(ToString::to_string).collect(),
        refusals: plan
            .refusals
            .iter()
            .map(|refusal| RefusalDocument {
                code: refusal.code().to_string(),
                message: refusal.to_string(),
                hint: refusal.hint().to_owned(),
            })
            .collect(),
        foreign_fields: plan
            .foreign_fields
            .iter()
            .map(|field| format!("{}: {} (by {})", field.object, field.path, field.manager))
            .collect(),
    }
}

fn change(change: &Change) -> ChangeDocument {
    let fields = match &change.op {
        Op::Update(fields) => fields.iter().map(field).collect(),
        Op::Create | Op::Delete | Op::Issue(_) | Op::Channel(_) => Vec::new(),
    };
    let (issue, channel) = match &change.op {
        Op::Issue(issue) => (Some(issue_document(issue)), None),
        Op::Channel(step) => (None, Some(step.channel.id.to_string())),
        Op::Create | Op::Update(_) | Op::Delete => (None, None),
    };
    ChangeDocument {
        id: change.id.clone(),
        op: change.op.word().to_owned(),
        region: change.target.region.to_string(),
        kind: change.target.id.kind.to_string(),
        namespace: change.target.id.namespace.as_deref().map(ToOwned::to_owned),
        name: change.target.id.name.to_string(),
        risk: word(&change.risk),
        cause: word(&change.cause),
        stage: word(&change.stage),
        tenant: change.tenant.to_string(),
        precondition: change.precondition.digest(),
        desired: change.desired,
        fields,
        issue,
        channel,
    }
}

fn issue_document(issue: &Issue) -> IssueDocument {
    IssueDocument { recipe: issue.recipe.to_string(), reasons: issue.reasons.iter().map(ToString::to_string).collect() }
}

fn field(field: &FieldChange) -> FieldDocument {
    let FieldChange { path, from, to, taken_by } = field.clone();
    FieldDocument { path, from, to, taken_by }
}

/// The word under which a value serializes.
fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}

impl PlanDocument {
    /// What an approval of this plan may grant; none when the document is another version's or does not hold together.
    pub fn grantable(&self) -> Option<StoredChanges> {
        let same_major = self.format_version.split('.').next() == FORMAT_VERSION.split('.').next();
        let parts = self.changes.iter().flat_map(|c| [c.id.as_str().to_owned(), c.precondition.to_string()]);
        let whole = PlanId(Digest::of_parts(parts)) == self.id;
        let changes = || self.changes.iter().map(|change| (change.id.clone(), change.precondition)).collect();
        (same_major && whole && !self.uncommitted).then(changes)
    }
}

/// Where a plan lies on the status branch, without its ending.
pub fn path_stem(plan: &PlanId) -> String {
    format!("plans/{}/{}", plan.0.short(2), plan.0.hex())
}
