//! The fleet: what belongs to all tenants, and all validated documents of one revision.
//!
//! Input: `spec::parse` and `spec::check`. Output: [`Fleet`], [`FleetSettings`]. No defaults are filled in later:
//! what is optional in YAML has its value here. Invariant: every reference between documents resolves.

use std::collections::BTreeMap;

use super::approval::Approval;
use super::network::Network;
use super::organization::Organization;
use super::tenant::Tenant;
use crate::model::names::{RegionName, StorageProfileName, TenantName};
use crate::model::unit::{NetworkRef, OrganizationRef};

/// Whether a thing is wanted or is leaving.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
pub enum Lifecycle {
    /// Wanted.
    #[default]
    Active,
    /// Leaving: its objects are removed as far as they may be, then its document may go.
    Decommissioned,
}

/// All validated documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// What `fleet.yaml` says.
    pub settings: FleetSettings,
    /// By name.
    pub tenants: BTreeMap<TenantName, Tenant>,
    /// By owner and name.
    pub organizations: BTreeMap<OrganizationRef, Organization>,
    /// By owner and name.
    pub networks: BTreeMap<NetworkRef, Network>,
    /// Approvals by the tenant whose folder holds them (none: the fleet's own folder).
    pub approvals: Vec<Approval>,
}

/// What `fleet.yaml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetSettings {
    /// `metadata.name`.
    pub name: String,
    /// The regions that tenants may use.
    pub regions: BTreeMap<RegionName, Region>,
    /// Storage classes by profile and region.
    pub storage: BTreeMap<StorageProfileName, StorageProfile>,
    /// Registry and path before the images' names, such as `docker.io/hyperledger`.
    pub image_repository: String,
    /// How drift is treated.
    pub apply: ApplyPolicy,
    /// How much may happen at once.
    pub budgets: Budgets,
}

/// One region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// For people.
    pub description: Option<String>,
    /// The DNS domain of the cluster's Services.
    pub cluster_domain: String,
}

/// A named kind of storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageProfile {
    /// `storageClassName` by region.
    pub classes: BTreeMap<RegionName, String>,
}

/// What happens to fields that somebody else changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApplyPolicy {
    /// Put back, or only report.
    pub conflicts: ConflictPolicy,
}

/// What to do about lost fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConflictPolicy {
    /// Take them back.
    #[default]
    Correct,
    /// Only say so.
    Report,
}

/// Bounds on what one plan may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// Deletions in one plan; more are held.
    pub deletes: u32,
    /// Nodes of one (network, organization, role) that may be restarting at once; more wait.
    pub restarts: u32,
}
