//! The nodes of channels with their connections.
//!
//! Input: a node, and where the keys of its organization's clients lie. Output: its port. Invariants: a node is kept with its
//! connections as long as its clients' generations stay; keys are read as the tenant who owns them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::custody::{AccessError, Reachable, Values, World, in_force};
use crate::desired::channel::ChannelNode;
use crate::model::object::ObjectRef;
use crate::model::secret::Secret;
use crate::ports::ledger::{Ledgers, NodeAddress, OrdererAdmin, PeerAdmin, Signatory};

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
        world: &World,
        (workload, node, role): (&ObjectRef, &ChannelNode, Role),
    ) -> Result<Node, AccessError> {
        let keys = Keys {
            administrator: in_force(world, &node.organization, &node.clients.administrator)?,
            operations: in_force(world, &node.organization, &node.clients.operations)?,
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
        let operations = Values::read(regions, &node.tenant, &keys.operations).await?;
        let administrator = Values::read(regions, &node.tenant, &keys.administrator).await?;
        let at = NodeAddress {
            region: workload.region.clone(),
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
