//! Certificates and keys that heddle issued, read as their owner.
//!
//! Input: identities, inventories, regions. Output: what their Secrets hold. It keeps nothing. Invariants: the newest
//! generation that an inventory knows is read; a Secret that is gone or lacks a part is an error and never empty.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use crate::model::identity::IdentityRef;
use crate::model::names::{RegionName, TenantName};
use crate::model::object::{ObjectId, ObjectRef};
use crate::model::secret::Secret;
use crate::model::unit::UnitId;
use crate::observed::region::RegionObservation;
use crate::ports::cluster::{ClusterError, Identity};
use crate::ports::ledger::{LedgerError, TlsClient};
use crate::ports::secret_store::SecretValues;
use crate::region::access::RegionAccess;

/// Regions by name, those that can be reached.
pub type Reachable = BTreeMap<RegionName, Arc<RegionAccess>>;

/// Regions by name, as seen.
pub type World = BTreeMap<RegionName, RegionObservation>;

/// Why a node cannot be asked, or a certificate not be had.
#[derive(Debug, Error)]
pub enum AccessError {
    /// It was not issued yet, as far as anybody knows.
    #[error("{identity} is not issued yet")]
    NotIssued {
        /// The identity.
        identity: IdentityRef,
    },
    /// A region cannot be reached.
    #[error("region {region} cannot be reached")]
    Region {
        /// The region.
        region: RegionName,
    },
    /// A Secret could not be read.
    #[error("{secret} could not be read")]
    Read {
        /// The Secret.
        secret: ObjectId,
        /// Why.
        #[source]
        source: ClusterError,
    },
    /// A Secret is gone, or lacks a part.
    #[error("{secret} holds no `{key}`")]
    Unusable {
        /// The Secret.
        secret: ObjectId,
        /// The part.
        key: &'static str,
    },
    /// What it holds cannot be used.
    #[error("the keys of its organization's clients cannot be used")]
    Material(#[from] LedgerError),
}

/// The Secret of the newest certificate that an inventory knows.
pub(super) fn in_force(world: &World, unit: &UnitId, identity: &IdentityRef) -> Result<ObjectRef, AccessError> {
    let inventory = world.get(&identity.region).and_then(|seen| seen.inventories.get(unit));
    let newest = inventory.and_then(|inventory| inventory.identity(&identity.id));
    let (_, row) = newest.ok_or_else(|| AccessError::NotIssued { identity: identity.clone() })?;
    Ok(identity.secret(row.generation))
}

/// What a Secret holds.
pub(super) struct Values<'a> {
    secret: &'a ObjectId,
    values: SecretValues,
}

impl<'a> Values<'a> {
    pub(super) async fn read(
        regions: &Reachable,
        tenant: &TenantName,
        secret: &'a ObjectRef,
    ) -> Result<Self, AccessError> {
        let ObjectRef { region, id } = secret;
        let access = regions.get(region).ok_or_else(|| AccessError::Region { region: region.clone() })?;
        let gone = || AccessError::Unusable { secret: id.clone(), key: "data" };
        let identity = Identity::writer_of(id, tenant).ok_or_else(gone)?;
        let read = access.cluster().read_secret(&identity, id).await;
        let read = read.map_err(|source| AccessError::Read { secret: id.clone(), source })?;
        read.map(|(_, values)| Self { secret: id, values }).ok_or_else(gone)
    }

    pub(super) fn text(&self, key: &'static str) -> Result<String, AccessError> {
        let bytes = self.values.get(key).and_then(|bytes| String::from_utf8(bytes.expose().clone()).ok());
        bytes.ok_or_else(|| AccessError::Unusable { secret: self.secret.clone(), key })
    }

    pub(super) fn client(&self) -> Result<TlsClient, AccessError> {
        Ok(TlsClient { chain: self.text("client.crt")?, key: Secret::new(self.text("client.key")?) })
    }
}
