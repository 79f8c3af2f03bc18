//! The keys and certificates of a node.
//!
//! Input: one node's inputs. Output: the names of the two Secrets that it mounts, and where heddle issues them, their
//! identities. It renders no workload. Invariants: a server's names are those by which somebody calls it and no
//! others; where a person brings the Secrets, their names follow from the node's alone.

use std::collections::BTreeMap;

use super::custody::{self, LEAF_DAYS, Level};
use super::inputs::{NetworkInputs, NodeInputs};
use super::sheet::{IdentityDraft, Sheet};
use crate::desired::identity::Content;
use crate::desired::naming;
use crate::desired::unit::Stage;
use crate::model::identity::{IdentityId, IdentityRef};
use crate::spec::network::MemberRole;
use crate::x509::profile::{NodeKind, Profile, Purpose};

/// What a node mounts, by name; of an issued one its placeholder.
pub(super) struct Secrets {
    /// Its identity and whom it believes.
    pub(super) msp: String,
    /// With what it serves.
    pub(super) tls: String,
}

/// With what a node serves.
pub(super) fn tls_identity(of: &NodeInputs<'_>, (name, namespace): (&str, &str)) -> IdentityRef {
    identity(of, (name, namespace), "tls")
}

fn identity(of: &NodeInputs<'_>, (name, namespace): (&str, &str), suffix: &str) -> IdentityRef {
    let called = naming::node_identity(name, of.node.incarnation);
    IdentityRef { region: of.node.region.clone(), id: IdentityId::new(namespace, &format!("{called}-{suffix}")) }
}

/// The Secrets of a node.
pub(super) fn of_node(
    sheet: &mut Sheet<'_>,
    network: &NetworkInputs<'_>,
    of: &NodeInputs<'_>,
    (name, namespace): (&str, &str),
) -> Secrets {
    if !of.issued {
        return Secrets { msp: format!("{name}-msp"), tls: format!("{name}-tls") };
    }
    let authority = |purpose, level| custody::authority((namespace, of.organization), &of.node.region, purpose, level);
    let draft = |profile: Profile| IdentityDraft {
        tenant: &of.organization.tenant,
        node: Some(name),
        stage: Stage::Identities,
        profile,
        msp_id: of.msp_id,
        common_name: name.to_owned(),
        names: Vec::new(),
        days: LEAF_DAYS,
        issuer: Some(authority(profile.purpose(), Level::Issuing)),
        content: BTreeMap::new(),
    };
    let kind = match of.role {
        MemberRole::Orderer => NodeKind::Orderer,
        MemberRole::Peer => NodeKind::Peer,
    };
    let msp = IdentityDraft { content: custody::msp_folder(&authority), ..draft(Profile::Node(kind)) };
    let root = |purpose| Content::CertificateOf(authority(purpose, Level::Root));
    let mut content = BTreeMap::from([
        ("server.crt".into(), Content::Chain),
        ("server.key".into(), Content::Key),
        ("ca.crt".into(), root(Purpose::Tls)),
        ("operations-ca.crt".into(), root(Purpose::Operations)),
    ]);
    if of.role == MemberRole::Orderer {
        content.insert("admin-ca.crt".into(), root(Purpose::OrdererAdmin));
    }
    let tls = IdentityDraft { names: names(network, of, (name, namespace)), content, ..draft(Profile::NodeTls) };
    let identity = |suffix| identity(of, (name, namespace), suffix);
    Secrets { msp: sheet.issue(&identity("msp"), msp), tls: sheet.issue(&identity("tls"), tls) }
}

/// By which names others call a node: its Service, inside the namespace and in the cluster, and its canonical address.
fn names(network: &NetworkInputs<'_>, of: &NodeInputs<'_>, (name, namespace): (&str, &str)) -> Vec<String> {
    vec![
        name.to_owned(),
        format!("{name}.{namespace}.svc"),
        format!("{name}.{namespace}.svc.{}", of.place.cluster_domain),
        of.canonical_host(network),
    ]
}
