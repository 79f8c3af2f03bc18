//! The nodes of channels with their connections.
//!
//! Input: a node, and where the keys of its organization's clients lie. Output: its port. Invariants: a node is kept with its
//! connections as long as its clients' generations stay; keys are read as the tenant who owns them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;

use crate::desired::channel::ChannelNode;
use crate::model::identity::IdentityRef;
use crate::model::names::RegionName;
use crate::model::object::{ObjectId, ObjectRef};
use crate::model::secret::Secret;
use crate::observed::region::RegionObservation;
use crate::ports::cluster::{ClusterError, Identity};
use crate::ports::ledger::{LedgerError, Ledgers, NodeAddress, OrdererAdmin, PeerAdmin, Signatory, TlsClient};
use crate::ports::secret_store::SecretValues;
use crate::region::access::RegionAccess;

/// Regions by name, those that can be reached.
pub type Reachable = BTreeMap<RegionName, Arc<RegionAccess>>;

/// Why a node cannot be asked.
#[derive(Debug, Error)]
pub enum AccessError {
    /// A client of its organization was not issued yet, as far as anybody knows.
    #[error("{identity} is not issued yet")]
    NotIssued {
        /// The client.
        identity: IdentityRef,
    },
    /// A region cannot be reached.
    #[error("region {region} cannot be reached")]
    Region {
        /// The region.
        region: RegionName,
    },
    /// The keys of a client could not be read.
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

/// A node's port.
#[derive(Clone)]
pub enum Node {
    /// An ordering node.
    Orderer(Arc<dyn OrdererAdmin>),
    /// A peer.
    Peer(Arc<dyn PeerAdmin>),
}

/// What a node does for a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It orders.
    Orderer,
    /// It keeps a ledger.
    Peer,
}

/// The Secrets of a node's clients.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Keys {
    administrator: ObjectRef,
    operations: ObjectRef,
}

/// Nodes that this process has asked.
pub struct Nodes {
    ledgers: Arc<dyn Ledgers>,
    kept: Mutex<BTreeMap<ObjectRef, (Keys, Node)>>,
}

impl Nodes {
    /// None so far.
    pub fn new(ledgers: Arc<dyn Ledgers>) -> Self {
        Self { ledgers, kept: Mutex::default() }
    }

    /// A node, with the connections that it has already.
    pub async fn get(
        &self,
        regions: &Reachable,
        world: &BTreeMap<RegionName, RegionObservation>,
        (workload, node, role): (&ObjectRef, &ChannelNode, Role),
    ) -> Result<Node, AccessError> {
        let keys = Keys {
            administrator: in_force(world, node, &node.clients.administrator)?,
            operations: in_force(world, node, &node.clients.operations)?,
        };
        if let Some((of, kept)) = self.kept().get(workload)
            && *of == keys
        {
            return Ok(kept.clone());
        }
        let made = self.make(regions, (workload, node, role), &keys).await?;
        self.kept().insert(workload.clone(), (keys, made.clone()));
        Ok(made)
    }

    async fn make(
        &self,
        regions: &Reachable,
        (workload, node, role): (&ObjectRef, &ChannelNode, Role),
        keys: &Keys,
    ) -> Result<Node, AccessError> {
        let operations = Values::read(regions, node, &keys.operations).await?;
        let administrator = Values::read(regions, node, &keys.administrator).await?;
        let at = NodeAddress {
            namespace: workload.id.namespace.as_deref().unwrap_or_default().to_owned(),
            name: workload.id.name.to_string(),
            port: node.port,
            operations_port: node.operations_port,
            roots: operations.text("ca.crt")?,
            operations: operations.client()?,
        };
        Ok(match role {
            Role::Orderer => Node::Orderer(self.ledgers.orderer(&at, &administrator.client()?)?),
            Role::Peer => {
                let signatory = Signatory {
                    msp_id: node.msp_id.clone(),
                    certificate: administrator.text("signcert.pem")?,
                    key: Secret::new(administrator.text("key.pem")?),
                };
                Node::Peer(self.ledgers.peer(&at, &signatory)?)
            }
        })
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<ObjectRef, (Keys, Node)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The Secret of the newest certificate that an inventory knows.
fn in_force(
    world: &BTreeMap<RegionName, RegionObservation>,
    node: &ChannelNode,
    identity: &IdentityRef,
) -> Result<ObjectRef, AccessError> {
    let inventory = world.get(&identity.region).and_then(|seen| seen.inventories.get(&node.organization));
    let newest = inventory.and_then(|inventory| inventory.identity(&identity.id));
    let (_, row) = newest.ok_or_else(|| AccessError::NotIssued { identity: identity.clone() })?;
    Ok(identity.secret(row.generation))
}

/// What a Secret holds.
struct Values<'a> {
    secret: &'a ObjectId,
    values: SecretValues,
}

impl<'a> Values<'a> {
    async fn read(regions: &Reachable, node: &ChannelNode, secret: &'a ObjectRef) -> Result<Self, AccessError> {
        let ObjectRef { region, id } = secret;
        let access = regions.get(region).ok_or_else(|| AccessError::Region { region: region.clone() })?;
        let gone = || AccessError::Unusable { secret: id.clone(), key: "data" };
        let identity = Identity::writer_of(id, &node.tenant).ok_or_else(gone)?;
        let read = access.cluster().read_secret(&identity, id).await;
        let read = read.map_err(|source| AccessError::Read { secret: id.clone(), source })?;
        read.map(|(_, values)| Self { secret: id, values }).ok_or_else(gone)
    }

    fn text(&self, key: &'static str) -> Result<String, AccessError> {
        let bytes = self.values.get(key).and_then(|bytes| String::from_utf8(bytes.expose().clone()).ok());
        bytes.ok_or_else(|| AccessError::Unusable { secret: self.secret.clone(), key })
    }

    fn client(&self) -> Result<TlsClient, AccessError> {
        Ok(TlsClient { chain: self.text("client.crt")?, key: Secret::new(self.text("client.key")?) })
    }
}
