//! The custody of an organization: where the keys of its authorities and of its clients lie.
//!
//! Input: [`OrganizationInputs`] with a `builtin` authority. Output: a namespace of its own with a quota of no pods, and in it
//! for each purpose a root and an issuing authority, the operator, and the clients with which heddle itself asks nodes.
//! It issues nothing. Invariants: no workload shares the namespace, so no pod can mount a key of it; nobody but heddle's
//! account of the tenant has access there; an issuing authority is there from the start, because one that comes later
//! invalidates what the root issued.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::inputs::OrganizationInputs;
use super::sheet::{Draft, IdentityDraft, Sheet, named};
use crate::desired::identity::{AUTHORITY_CERTIFICATE, AUTHORITY_KEY, AuthorityRef, Content};
use crate::desired::naming;
use crate::desired::unit::Stage;
use crate::k8s::ownership;
use crate::model::identity::{IdentityId, IdentityRef};
use crate::model::names::RegionName;
use crate::model::object::{Kind, ObjectId};
use crate::model::unit::{OrganizationRef, UnitId};
use crate::spec::fleet::Lifecycle;
use crate::spec::organization::CertificateAuthority;
use crate::x509::profile::{Profile, Purpose};

/// Days that a root lives: longer than any channel that names it, because its renewal is a change of every channel.
const ROOT_DAYS: u32 = 15 * 365;
/// Days that an issuing authority lives.
const ISSUING_DAYS: u32 = 10 * 365;
/// Days that the certificates of nodes and clients live.
pub(super) const LEAF_DAYS: u32 = 365;

/// A level of an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// Signs itself.
    Root,
    /// Signs what is used.
    Issuing,
}

/// How a purpose is called in names of objects.
fn word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Identity => "identity",
        Purpose::Tls => "tls",
        Purpose::OrdererAdmin => "orderer-admin",
        Purpose::Operations => "operations",
    }
}

/// An authority of an organization.
pub(super) fn authority(
    (namespace, organization): (&str, &OrganizationRef),
    region: &RegionName,
    purpose: Purpose,
    level: Level,
) -> AuthorityRef {
    let level = match level {
        Level::Root => "root",
        Level::Issuing => "issuing",
    };
    let id = IdentityId::new(&naming::custody(namespace, organization), &format!("{}-{level}", word(purpose)));
    AuthorityRef {
        unit: UnitId::Organization(organization.clone()),
        identity: IdentityRef { region: region.clone(), id },
    }
}

/// Writes the custody of an organization down.
pub(super) fn render(sheet: &mut Sheet<'_>, organization: &OrganizationInputs<'_>) {
    let CertificateAuthority::Builtin { region } = organization.ca else { return };
    let unit = sheet.unit();
    unit.depends_on.insert(UnitId::Tenant(organization.id.tenant.clone()));
    unit.regions = BTreeSet::from([region.clone()]);
    unit.decommissioned = organization.lifecycle == Lifecycle::Decommissioned;
    if unit.decommissioned {
        return;
    }
    let Some(namespace) = sheet.namespace(&organization.id.tenant) else { return };
    let custody = Custody { organization, region, namespace };
    custody.envelope(sheet);
    for purpose in Purpose::ALL {
        custody.authorities(sheet, purpose);
    }
    custody.operator(sheet);
    custody.client(sheet, ORDERER_ADMIN_CLIENT, Profile::OrdererAdminClient);
    custody.client(sheet, OPERATIONS_CLIENT, Profile::OperationsClient);
}

/// An identity of an organization's custody, such as `operator`.
pub(super) fn client(
    (namespace, organization): (&str, &OrganizationRef),
    region: &RegionName,
    name: &str,
) -> IdentityRef {
    let namespace = naming::custody(namespace, organization);
    IdentityRef { region: region.clone(), id: IdentityId::new(&namespace, name) }
}

/// The operator of an organization.
pub(super) const OPERATOR: &str = "operator";
/// The client of its ordering nodes' administration.
pub(super) const ORDERER_ADMIN_CLIENT: &str = "orderer-admin-client";
/// The client of its nodes' operations.
pub(super) const OPERATIONS_CLIENT: &str = "operations-client";

struct Custody<'a> {
    organization: &'a OrganizationInputs<'a>,
    region: &'a RegionName,
    namespace: String,
}

impl Custody<'_> {
    fn authority(&self, purpose: Purpose, level: Level) -> AuthorityRef {
        authority((&self.namespace, self.organization.id), self.region, purpose, level)
    }

    fn draft(&self, profile: Profile, stage: Stage, common_name: String) -> IdentityDraft<'_> {
        IdentityDraft {
            tenant: &self.organization.id.tenant,
            node: None,
            stage,
            profile,
            msp_id: self.organization.msp_id,
            common_name,
            names: Vec::new(),
            days: LEAF_DAYS,
            issuer: None,
            content: BTreeMap::new(),
        }
    }

    fn envelope(&self, sheet: &mut Sheet<'_>) {
        let namespace = naming::custody(&self.namespace, self.organization.id);
        let mut put = |id: ObjectId, stage: Stage, body: Value| {
            sheet.put(Draft {
                region: self.region,
                tenant: &self.organization.id.tenant,
                id,
                stage,
                node: None,
                secrets: BTreeSet::new(),
                labels: json!({}),
                body,
            });
        };
        put(ObjectId::cluster(Kind::Namespace, &namespace), Stage::Namespace, json!({}));
        let no_pods = json!({ "spec": { "hard": { "pods": "0" } } });
        put(named(Kind::ResourceQuota, &namespace, "heddle-quota"), Stage::Envelope, no_pods);
        let account = named(Kind::ServiceAccount, &namespace, ownership::TENANT_ACCOUNT);
        put(account, Stage::Envelope, json!({ "automountServiceAccountToken": false }));
        let role =
            json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ownership::TENANT_ROLE });
        let subject = json!({ "kind": "ServiceAccount", "name": ownership::TENANT_ACCOUNT, "namespace": namespace });
        let binding = json!({ "roleRef": role, "subjects": [subject] });
        put(named(Kind::RoleBinding, &namespace, "heddle-tenant"), Stage::Envelope, binding);
    }

    fn authorities(&self, sheet: &mut Sheet<'_>, purpose: Purpose) {
        let content = BTreeMap::from([
            (AUTHORITY_CERTIFICATE.into(), Content::Certificate),
            (AUTHORITY_KEY.into(), Content::Key),
        ]);
        let called = |level: &str| format!("{} {} {level}", self.organization.id.name, word(purpose));
        let (root, issuing) = (self.authority(purpose, Level::Root), self.authority(purpose, Level::Issuing));
        let draft = self.draft(Profile::Root(purpose), Stage::Roots, called("root"));
        sheet.issue(&root.identity, IdentityDraft { days: ROOT_DAYS, content: content.clone(), ..draft });
        let draft = self.draft(Profile::Issuing(purpose), Stage::Issuers, called("issuing"));
        sheet.issue(&issuing.identity, IdentityDraft { days: ISSUING_DAYS, issuer: Some(root), content, ..draft });
    }

    fn operator(&self, sheet: &mut Sheet<'_>) {
        let draft = self.draft(Profile::Operator, Stage::Identities, "operator".into());
        let issuer = Some(self.authority(Purpose::Identity, Level::Issuing));
        let content = msp_folder(&|purpose, level| self.authority(purpose, level));
        sheet.issue(&self.identity(OPERATOR), IdentityDraft { issuer, content, ..draft });
    }

    /// A client of ports that nodes serve; `ca.crt` is whom it believes there.
    fn client(&self, sheet: &mut Sheet<'_>, name: &str, profile: Profile) {
        let draft = self.draft(profile, Stage::Identities, name.to_owned());
        let content = BTreeMap::from([
            ("client.crt".into(), Content::Chain),
            ("client.key".into(), Content::Key),
            ("ca.crt".into(), Content::CertificateOf(self.authority(Purpose::Tls, Level::Root))),
        ]);
        let issuer = Some(self.authority(profile.purpose(), Level::Issuing));
        sheet.issue(&self.identity(name), IdentityDraft { issuer, content, ..draft });
    }

    fn identity(&self, name: &str) -> IdentityRef {
        client((&self.namespace, self.organization.id), self.region, name)
    }
}

/// The parts of an MSP folder, under the keys that `network::msp_volume` mounts.
pub(super) fn msp_folder(authority: &dyn Fn(Purpose, Level) -> AuthorityRef) -> BTreeMap<Box<str>, Content> {
    let of = |purpose, level| Content::CertificateOf(authority(purpose, level));
    BTreeMap::from([
        ("signcert.pem".into(), Content::Certificate),
        ("key.pem".into(), Content::Key),
        ("cacert.pem".into(), of(Purpose::Identity, Level::Root)),
        ("intermediatecert.pem".into(), of(Purpose::Identity, Level::Issuing)),
        ("tlscacert.pem".into(), of(Purpose::Tls, Level::Root)),
        ("tlsintermediatecert.pem".into(), of(Purpose::Tls, Level::Issuing)),
    ])
}
