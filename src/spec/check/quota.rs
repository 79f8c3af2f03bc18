//! Whether a tenant's nodes fit into its quota.
//!
//! Input: the documents. Output: warnings in the tenant's file; the server has the last word, and other workloads of
//! the tenant count there too. Invariant: sums are exact (billionths, no floating point).

use std::collections::BTreeMap;

use super::{Problems, World, error};
use crate::k8s::quantity::Quantity;
use crate::model::names::RegionName;
use crate::spec::codes;
use crate::spec::fleet::Lifecycle;
use crate::spec::organization::{CertificateAuthority, Organization, Resources, Storage};
use crate::spec::parse::ParsedFile;
use crate::spec::tenant::Tenant;

/// What the nodes in one region need, in billionths.
#[derive(Default)]
struct Need {
    cpu: i128,
    memory: i128,
    storage: i128,
    pods: u32,
}

impl Need {
    fn add(&mut self, resources: &Resources, storage: &Storage) {
        self.cpu += amount(&resources.cpu_limit);
        self.memory += amount(&resources.memory);
        self.storage += amount(&storage.size);
        self.pods += 1;
    }
}

fn amount(text: &str) -> i128 {
    Quantity::parse(text).map_or(0, Quantity::nano)
}

pub(super) fn tenant(world: &World<'_>, file: &ParsedFile, tenant: &Tenant, problems: &mut Problems) {
    let mut needs: BTreeMap<&RegionName, Need> = BTreeMap::new();
    for organization in world.organizations_of.get(&tenant.name).into_iter().flatten() {
        collect(organization, &mut needs);
    }
    for (region, need) in needs {
        let quota = &tenant.quota;
        let over = [
            ("cpu", "CPU (as limits)", need.cpu > amount(&quota.cpu)),
            ("memory", "memory", need.memory > amount(&quota.memory)),
            ("storage", "storage", need.storage > amount(&quota.storage)),
            ("pods", "pods", need.pods > quota.pods),
        ];
        for (field, what, _) in over.into_iter().filter(|(_, _, over)| *over) {
            let message = format!("the tenant's nodes in `{region}` need more {what} than its quota");
            let problem = error(codes::OVER_QUOTA, message)
                .warning()
                .hint("raise the quota, or the cluster will refuse some of the pods or volumes");
            problems.add(file, &format!("/spec/quota/{field}"), problem);
        }
    }
}

fn collect<'a>(organization: &'a Organization, needs: &mut BTreeMap<&'a RegionName, Need>) {
    if organization.lifecycle == Lifecycle::Decommissioned {
        return;
    }
    if let CertificateAuthority::FabricCa { regions, storage, resources, .. } = &organization.ca {
        for region in regions {
            needs.entry(region).or_default().add(resources, storage);
        }
    }
    let orderers = organization.orderers.iter().map(|orderer| &orderer.node);
    let nodes = orderers.chain(organization.peers.iter().map(|peer| &peer.node));
    for node in nodes.filter(|node| node.lifecycle == Lifecycle::Active) {
        needs.entry(&node.region).or_default().add(&node.resources, &node.storage);
    }
}
