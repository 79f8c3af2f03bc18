//! A tenant: where it may run and how much.
//!
//! Input: `tenants/<tenant>/tenant.yaml`. Output: [`Tenant`]. Its organizations and networks are documents of their
//! own. Invariant: regions are the fleet's.

use std::collections::BTreeSet;

use super::fleet::Lifecycle;
use crate::model::names::{RegionName, TenantName};
use crate::model::revision::RepoPath;

/// A tenant's envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The folder's name.
    pub name: TenantName,
    /// The file that says so.
    pub file: RepoPath,
    /// Wanted or leaving.
    pub lifecycle: Lifecycle,
    /// Where it may run.
    pub regions: BTreeSet<RegionName>,
    /// How much it may use in each region.
    pub quota: Quota,
    /// What its own people may do in its namespaces.
    pub access: Access,
}

/// Upper bounds for each region, as canonical Kubernetes quantities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// `requests.cpu` and `limits.cpu`.
    pub cpu: String,
    /// `requests.memory` and `limits.memory`.
    pub memory: String,
    /// `requests.storage`.
    pub storage: String,
    /// `pods`.
    pub pods: u32,
}

/// The role that a tenant's group `heddle:tenant:<name>` gets in its namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// See workloads, read logs.
    #[default]
    Standard,
    /// See workloads only.
    Restricted,
}
