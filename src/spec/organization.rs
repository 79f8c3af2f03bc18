//! An organization: its certificate authority and its nodes.
//!
//! Input: `tenants/<tenant>/organizations/<organization>.yaml`. Output: [`Organization`]. Invariants: every node names
//! a network that names this organization as a member; node names are unique within (organization, network).

use super::fleet::Lifecycle;
use crate::model::names::{MspId, NodeName, RegionName, StorageProfileName};
use crate::model::revision::RepoPath;
use crate::model::unit::{NetworkRef, OrganizationRef};

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Owner and name.
    pub id: OrganizationRef,
    /// The file that says so.
    pub file: RepoPath,
    /// Wanted or leaving.
    pub lifecycle: Lifecycle,
    /// Its name on the ledgers.
    pub msp_id: MspId,
    /// Who issues its certificates.
    pub ca: CertificateAuthority,
    /// Its ordering nodes.
    pub orderers: Vec<Orderer>,
    /// Its peers.
    pub peers: Vec<Peer>,
}

/// Who issues an organization's certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateAuthority {
    /// A Fabric CA server in each of the regions.
    FabricCa {
        /// Where it runs.
        regions: Vec<RegionName>,
        /// The fabric-ca version, such as `1.5.21`.
        version: String,
        /// Its volume.
        storage: Storage,
        /// CPU and memory.
        resources: Resources,
    },
    /// heddle itself, with keys that lie in the cluster of one region.
    Builtin {
        /// Where its keys lie, and so every node of the organization.
        region: RegionName,
    },
}

/// What every Fabric node has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The network it serves.
    pub network: NetworkRef,
    /// Its name.
    pub name: NodeName,
    /// Where it runs.
    pub region: RegionName,
    /// Wanted or leaving.
    pub lifecycle: Lifecycle,
    /// Raised to replace the node and its volume; 1 for the first.
    pub incarnation: u32,
    /// Its volume.
    pub storage: Storage,
    /// CPU and memory.
    pub resources: Resources,
}

/// An ordering node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orderer {
    /// What every node has.
    pub node: Node,
}

/// A peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// What every node has.
    pub node: Node,
    /// Whether other organizations find it through the channel configuration.
    pub anchor: bool,
    /// Where it keeps the world state. One variant until CouchDB is rendered.
    pub state_database: StateDatabase,
}

/// Where a peer keeps the world state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub enum StateDatabase {
    /// In the peer's own volume.
    #[default]
    LevelDB,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// A profile of the fleet.
    pub profile: StorageProfileName,
    /// A canonical Kubernetes quantity such as `10Gi`.
    pub size: String,
}

/// CPU and memory of a container, as canonical Kubernetes quantities; the limits of memory equal the requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resources {
    /// `requests.cpu`.
    pub cpu: String,
    /// `limits.cpu`.
    pub cpu_limit: String,
    /// `requests.memory` and `limits.memory`.
    pub memory: String,
}
