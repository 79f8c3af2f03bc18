//! What one unit should be.
//!
//! Input: the renderers. Output: [`DesiredUnit`]. It holds no reference to the spec. Invariants: every object belongs
//! to exactly one unit; the order of stages is the order of creation and, reversed, of deletion.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::channel::DesiredChannel;
use super::identity::DesiredIdentity;
use crate::k8s::object::Object;
use crate::k8s::projection;
use crate::model::digest::Digest;
use crate::model::identity::IdentityRef;
use crate::model::names::{ChannelId, RegionName, TenantName};
use crate::model::object::ObjectRef;
use crate::model::unit::UnitId;

/// The stages of one unit, in order. A stage begins when the one before is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The namespace itself.
    Namespace,
    /// Quota, limits, policies, accounts, access.
    Envelope,
    /// Roots of certificate authorities.
    Roots,
    /// Authorities that issue.
    Issuers,
    /// Keys and certificates of nodes and clients.
    Identities,
    /// What workloads need: configuration, volumes, addresses, disruption budgets.
    Support,
    /// Certificate authorities.
    Authority,
    /// Ordering nodes.
    Orderers,
    /// Peers.
    Peers,
    /// First blocks of channels.
    Records,
    /// Ordering nodes join channels.
    Consenters,
    /// Peers join channels.
    Members,
}

/// Everything that one unit wants.
#[derive(Debug, Clone)]
pub struct DesiredUnit {
    /// Which unit.
    pub unit: UnitId,
    /// Units that must be applied before this one.
    pub depends_on: BTreeSet<UnitId>,
    /// Regions in which it wants or once wanted something.
    pub regions: BTreeSet<RegionName>,
    /// Its objects. Where one names an identity's Secret, a placeholder stands until [`Self::resolved`].
    pub objects: BTreeMap<ObjectRef, DesiredObject>,
    /// Its identities.
    pub identities: BTreeMap<IdentityRef, DesiredIdentity>,
    /// Its channels.
    pub channels: BTreeMap<ChannelId, DesiredChannel>,
    /// What may go: objects of nodes (or of the whole unit) that said `Decommissioned`, named by the node they
    /// belong to. Everything else that disappears from [`Self::objects`] without a word is held.
    pub leaving: Leaving,
    /// Whether the unit itself said `Decommissioned`.
    pub decommissioned: bool,
}

impl DesiredUnit {
    /// The digest of everything that is wanted: equal digests mean that the same is wanted and the same may go, in
    /// whichever revision it is written.
    pub fn digest(&self) -> Digest {
        let mut parts = vec![self.unit.to_string(), format!("decommissioned={}", self.decommissioned)];
        parts.extend(self.depends_on.iter().map(|unit| format!("after {unit}")));
        parts.extend(self.regions.iter().map(|region| format!("in {region}")));
        parts.extend(self.leaving.declared_nodes.iter().map(|node| format!("declares {node}")));
        for (target, wanted) in &self.objects {
            let DesiredObject { object: _, digest, stage, tenant, node, secrets } = wanted;
            let node = node.as_deref().unwrap_or_default();
            parts.push(format!("{target} {digest} {stage:?} {tenant} {node}"));
            parts.extend(secrets.iter().map(|secret| format!("mounts {secret}")));
        }
        for (identity, wanted) in &self.identities {
            let node = wanted.node.as_deref().unwrap_or_default();
            parts.push(format!("{identity} {} {:?} {} {node}", wanted.wish(), wanted.stage, wanted.tenant));
        }
        parts.extend(self.channels.values().map(|channel| channel.digest().to_string()));
        Digest::of_parts(parts)
    }

    /// The unit with the names of the Secrets that are in force in place of placeholders; what is left in
    /// [`DesiredObject::secrets`] is what a person brings.
    #[must_use]
    pub fn resolved(&self, in_force: &BTreeMap<IdentityRef, Box<str>>) -> Self {
        let mut resolved = self.clone();
        for (target, wanted) in &mut resolved.objects {
            let of_object = in_force
                .iter()
                .filter(|(identity, _)| {
                    identity.region == target.region && target.id.namespace.as_deref() == Some(&*identity.id.namespace)
                })
                .map(|(identity, secret)| (identity.id.placeholder(), secret.as_ref()));
            let texts: BTreeMap<String, &str> =
                of_object.filter(|(placeholder, _)| wanted.secrets.contains(placeholder.as_str())).collect();
            if texts.is_empty() {
                continue;
            }
            let object = wanted.object.with_texts(&texts);
            wanted.digest = projection::desired_digest(&object);
            wanted.object = Arc::new(object);
            wanted.secrets.retain(|name| !texts.contains_key(&**name));
        }
        resolved
    }
}

/// Which vanished objects were announced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leaving {
    /// The nodes that are declared in the spec, wanted or leaving, by the value of [`DesiredObject::node`].
    /// An inventory row whose object belonged to a node outside this set vanished without a word.
    pub declared_nodes: BTreeSet<Box<str>>,
}

/// One object that should exist.
#[derive(Debug, Clone)]
pub struct DesiredObject {
    /// The complete tree.
    pub object: Arc<Object>,
    /// The digest of its normal form: what a projection must equal.
    pub digest: Digest,
    /// When.
    pub stage: Stage,
    /// As whom: the tenant in whose namespace it lives.
    pub tenant: TenantName,
    /// The node it belongs to (`<network>-<organization>-<node>`), if it belongs to one.
    pub node: Option<Box<str>>,
    /// Secrets that it mounts.
    pub secrets: BTreeSet<Box<str>>,
}
