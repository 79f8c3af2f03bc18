//! What we wrote down that we own: one inventory for each unit and region.
//!
//! Input: the inventory `ConfigMaps`. Output: [`Inventory`] and its rows. It is not what was seen. Invariants: a row is
//! written before its object is created and leaves only after the object was seen to be gone; a row without a uid
//! whose object is absent was never created.

use std::collections::BTreeMap;

use super::channel::ChannelRow;
use super::identity::IdentityRow;
use crate::model::digest::Digest;
use crate::model::identity::IdentityId;
use crate::model::names::{ChannelId, TenantName};
use crate::model::object::{ObjectId, ResourceVersion, Uid};

/// One unit's rows in one region.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    /// By object.
    pub rows: BTreeMap<ObjectId, Row>,
    /// The stored copy this was read from (shard 0), if there is one.
    pub stored: Option<(Uid, ResourceVersion)>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// In whose namespace the object lives: as whom it is changed and whose consent that needs.
    pub tenant: TenantName,
    /// The object's uid, once it is known.
    pub uid: Option<Uid>,
    /// The node that the object belonged to (`DesiredObject::node`), so that a vanished node is told from a renamed
    /// object.
    pub node: Option<Box<str>>,
    /// The digest of what was last applied, so that drift is told from a new wish.
    pub applied: Option<Digest>,
    /// What the server makes of what we send, when it differs: digest of what is desired and of the projection that
    /// came back.
    pub settled: Option<(Digest, Digest)>,
    /// The identity that it holds, for a Secret that heddle issued.
    pub identity: Option<IdentityRow>,
    /// The channel whose first block it keeps, for such a ConfigMap.
    pub channel: Option<ChannelRow>,
}

impl Inventory {
    /// The newest generation of an identity whose creation was confirmed.
    pub fn identity(&self, id: &IdentityId) -> Option<(&Row, &IdentityRow)> {
        let rows = self.rows.iter().filter_map(|(object, row)| {
            let identity = row.identity.as_ref()?;
            let is_known = row.uid.is_some() && identity.facts.is_some();
            (is_known && identity.is_of(object.namespace.as_deref(), id)).then_some((row, identity))
        });
        rows.max_by_key(|(_, identity)| identity.generation)
    }

    /// The row of a channel's first block.
    pub fn channel(&self, id: &ChannelId) -> Option<(&ObjectId, &ChannelRow)> {
        let rows = self.rows.iter().filter_map(|(object, row)| row.channel.as_ref().map(|channel| (object, channel)));
        rows.into_iter().find(|(_, channel)| channel.id == *id)
    }
}

impl Row {
    /// A row for an object that is about to be created.
    pub fn intended(tenant: &TenantName, node: Option<&str>) -> Self {
        Self {
            tenant: tenant.clone(),
            uid: None,
            node: node.map(Into::into),
            applied: None,
            settled: None,
            identity: None,
            channel: None,
        }
    }
}
