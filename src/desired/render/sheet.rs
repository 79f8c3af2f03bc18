//! The sheet on which one unit's objects are written down.
//!
//! Input: drafts of the renderers. Output: [`DesiredUnit`] or every problem found. It decides no contents but the
//! metadata: names, owner labels, self-reference. Invariants: every object carries the same owner labels and exactly
//! one self-reference; two drafts of one name are a problem, never a silent overwrite.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::desired::identity::{AuthorityRef, Content, DesiredIdentity};
use crate::desired::naming;
use crate::desired::unit::{DesiredObject, DesiredUnit, Leaving, Stage};
use crate::k8s::object::Object;
use crate::k8s::{ownership, projection};
use crate::model::diagnostic::{Code, Diagnostic};
use crate::model::identity::IdentityRef;
use crate::model::names::{InstallationId, MspId, RegionName, TenantName};
use crate::model::object::{Kind, ObjectId, ObjectRef};
use crate::model::revision::RepoPath;
use crate::model::unit::UnitId;
use crate::x509::name::{AlternativeName, CommonName, Subject};
use crate::x509::profile::Profile;
use crate::x509::recipe::Recipe;
use crate::x509::validity::Life;

/// The fleet names no storage class for a profile in a region.
pub(super) const NO_STORAGE_CLASS: Code = Code(3902);
/// Two objects of one unit come to the same name.
pub(super) const SAME_NAME: Code = Code(3903);
/// A name does not fit into a certificate.
pub(super) const NO_CERTIFICATE: Code = Code(3904);

/// One object before its metadata is complete.
pub(super) struct Draft<'a> {
    /// Where.
    pub(super) region: &'a RegionName,
    /// In whose namespace.
    pub(super) tenant: &'a TenantName,
    /// Kind and names.
    pub(super) id: ObjectId,
    /// When.
    pub(super) stage: Stage,
    /// The node it belongs to.
    pub(super) node: Option<&'a str>,
    /// Secrets that it mounts.
    pub(super) secrets: BTreeSet<Box<str>>,
    /// Labels besides the owner's: a JSON object.
    pub(super) labels: Value,
    /// Everything but `apiVersion`, `kind` and `metadata`: a JSON object.
    pub(super) body: Value,
}

/// One identity before its recipe is checked.
pub(super) struct IdentityDraft<'a> {
    /// In whose namespace.
    pub(super) tenant: &'a TenantName,
    /// The node it belongs to.
    pub(super) node: Option<&'a str>,
    /// When.
    pub(super) stage: Stage,
    /// What it is for.
    pub(super) profile: Profile,
    /// The organization that it names.
    pub(super) msp_id: &'a MspId,
    /// Whom it names.
    pub(super) common_name: String,
    /// By which names it serves.
    pub(super) names: Vec<String>,
    /// How long it lives, in days.
    pub(super) days: u32,
    /// Who signs it.
    pub(super) issuer: Option<AuthorityRef>,
    /// What its Secret holds.
    pub(super) content: BTreeMap<Box<str>, Content>,
}

fn recipe(draft: &IdentityDraft<'_>) -> Result<Recipe, String> {
    let words = |error: &dyn std::error::Error| error.to_string();
    let common_name = CommonName::parse(&draft.common_name).map_err(|error| words(&error))?;
    let subject = Subject::new(common_name, draft.msp_id.clone()).map_err(|error| words(&error))?;
    let names = draft.names.iter().map(|name| AlternativeName::parse(name));
    let names = names.collect::<Result<_, _>>().map_err(|error| words(&error))?;
    let life = Life::from_days(draft.days).ok_or_else(|| "no life of that length".to_owned())?;
    Recipe::new(draft.profile, subject, names, life).map_err(|error| words(&error))
}

/// The sheet.
pub(super) struct Sheet<'a> {
    installation: &'a InstallationId,
    file: &'a RepoPath,
    unit_label: String,
    part_of: String,
    desired: DesiredUnit,
    problems: Vec<Diagnostic>,
}

impl<'a> Sheet<'a> {
    /// An empty sheet for a unit that is declared in `file`.
    pub(super) fn new(installation: &'a InstallationId, unit: &UnitId, file: &'a RepoPath) -> Self {
        Self {
            installation,
            file,
            unit_label: unit.label(),
            part_of: ownership::applyset_id(installation, unit),
            desired: DesiredUnit {
                unit: unit.clone(),
                depends_on: BTreeSet::new(),
                regions: BTreeSet::new(),
                channels: BTreeMap::new(),
                objects: BTreeMap::new(),
                identities: BTreeMap::new(),
                leaving: Leaving::default(),
                decommissioned: false,
            },
            problems: Vec::new(),
        }
    }

    /// The installation.
    pub(super) fn installation(&self) -> &'a InstallationId {
        self.installation
    }

    /// The unit, for its dependencies, regions and lifecycle.
    pub(super) fn unit(&mut self) -> &mut DesiredUnit {
        &mut self.desired
    }

    /// The namespace of a tenant; a reserved one is a problem and gives none.
    pub(super) fn namespace(&mut self, tenant: &TenantName) -> Option<String> {
        let found = naming::namespace(self.installation, tenant);
        if found.is_none() {
            let message = format!("the namespace `{}-{tenant}` is reserved", self.installation);
            self.problem(naming::RESERVED_NAMESPACE, message, "rename the tenant or choose another installation id");
        }
        found
    }

    /// Writes a problem down, in the unit's file.
    pub(super) fn problem(&mut self, code: Code, message: String, hint: &str) {
        let problem = Diagnostic::error(code, message).in_file(self.file).hint(hint);
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Writes an object down.
    pub(super) fn put(&mut self, draft: Draft<'_>) {
        let key = ObjectRef { region: draft.region.clone(), id: draft.id.clone() };
        if self.desired.objects.contains_key(&key) {
            let message = format!("two nodes come to the same object {key}");
            self.problem(SAME_NAME, message, "rename one of the nodes, organizations or networks");
            return;
        }
        let object = self.complete(&draft);
        let entry = DesiredObject {
            digest: projection::desired_digest(&object),
            object: Arc::new(object),
            stage: draft.stage,
            tenant: draft.tenant.clone(),
            node: draft.node.map(Into::into),
            secrets: draft.secrets,
        };
        self.desired.objects.insert(key, entry);
    }

    /// Writes an identity down and says what stands for the name of its Secret.
    pub(super) fn issue(&mut self, identity: &IdentityRef, draft: IdentityDraft<'_>) -> String {
        let placeholder = identity.id.placeholder();
        let recipe = match recipe(&draft) {
            Ok(recipe) => recipe,
            Err(why) => {
                let message = format!("no certificate can be written for {}: {why}", identity.id);
                self.problem(NO_CERTIFICATE, message, "choose shorter names, or an MSP id of at most 64 characters");
                return placeholder;
            }
        };
        let wanted = DesiredIdentity {
            tenant: draft.tenant.clone(),
            node: draft.node.map(Into::into),
            stage: draft.stage,
            recipe,
            issuer: draft.issuer,
            content: draft.content,
            labels: self.owner_labels(draft.tenant),
        };
        if self.desired.identities.insert(identity.clone(), wanted).is_some() {
            let message = format!("two nodes come to the same {identity}");
            self.problem(SAME_NAME, message, "rename one of the nodes, organizations or networks");
        }
        placeholder
    }

    /// The labels that say whose an object is.
    pub(super) fn owner_labels(&self, tenant: &TenantName) -> BTreeMap<String, String> {
        BTreeMap::from([
            (ownership::MANAGED_BY.to_owned(), "heddle".to_owned()),
            (ownership::INSTALLATION.to_owned(), self.installation.to_string()),
            (ownership::TENANT.to_owned(), tenant.to_string()),
            (ownership::UNIT.to_owned(), self.unit_label.clone()),
            (ownership::PART_OF.to_owned(), self.part_of.clone()),
        ])
    }

    fn complete(&self, draft: &Draft<'_>) -> Object {
        let mut labels = as_map(&draft.labels);
        labels.extend(self.owner_labels(draft.tenant).into_iter().map(|(key, value)| (key, json!(value))));
        let reference = ownership::self_reference(self.installation, draft.region, &draft.id);
        let mut body = as_map(&draft.body);
        body.insert("metadata".into(), json!({ "labels": labels, "annotations": { ownership::SELF: reference } }));
        Object::new(draft.id.clone(), body)
    }

    /// The unit, or everything that is wrong with it.
    pub(super) fn finish(mut self) -> Result<DesiredUnit, Vec<Diagnostic>> {
        if self.problems.is_empty() {
            return Ok(self.desired);
        }
        self.problems.sort();
        Err(self.problems)
    }
}

fn as_map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// An object of a namespace.
pub(super) fn named(kind: Kind, namespace: &str, name: &str) -> ObjectId {
    ObjectId::namespaced(kind, namespace, name)
}
