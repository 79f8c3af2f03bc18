//! Exactly what the renderers of one unit may read.
//!
//! Input: the whole [`Fleet`]. Output: [`Inputs`], borrowed and comparable. It renders nothing and copies no
//! document. Invariants: whatever a renderer reads is here, so equal inputs mean equal objects; nothing is here that
//! no renderer reads, so a change elsewhere in the fleet leaves the inputs equal.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::fabric_release::FabricVersion;
use crate::model::names::{MemberName, MspId, RegionName, TenantName};
use crate::model::revision::RepoPath;
use crate::model::unit::{NetworkRef, OrganizationRef, UnitId};
use crate::spec::fleet::{Fleet, Lifecycle};
use crate::spec::network::{Channel, Endpoints, MemberRole, Network};
use crate::spec::organization::{CertificateAuthority, Node, Organization, Storage};
use crate::spec::tenant::Tenant;

/// What one unit is made from.
#[derive(Debug, PartialEq)]
pub(super) enum Inputs<'a> {
    /// The tenant's own document.
    Tenant(&'a Tenant),
    /// An organization without its nodes.
    Organization(OrganizationInputs<'a>),
    /// A network with the nodes of all its members.
    Network(NetworkInputs<'a>),
}

/// What the certificate authority of an organization is made from.
#[derive(Debug, PartialEq)]
pub(super) struct OrganizationInputs<'a> {
    /// Owner and name.
    pub(super) id: &'a OrganizationRef,
    /// Its file.
    pub(super) file: &'a RepoPath,
    /// Whether it, or its tenant, is leaving.
    pub(super) lifecycle: Lifecycle,
    /// Its name on ledgers.
    pub(super) msp_id: &'a MspId,
    /// The authority.
    pub(super) ca: &'a CertificateAuthority,
    /// Registry and path of images.
    pub(super) image_repository: &'a str,
    /// Where it runs.
    pub(super) places: BTreeMap<&'a RegionName, Place<'a>>,
}

/// What a region gives to one workload.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place<'a> {
    /// The storage class of the workload's profile there; none when the fleet names none.
    pub(super) class: Option<&'a str>,
    /// The DNS domain of Services.
    pub(super) cluster_domain: &'a str,
}

/// What a network's objects are made from.
#[derive(Debug, PartialEq)]
pub(super) struct NetworkInputs<'a> {
    /// Owner and name.
    pub(super) id: &'a NetworkRef,
    /// Its file.
    pub(super) file: &'a RepoPath,
    /// Whether it, or its tenant, is leaving.
    pub(super) lifecycle: Lifecycle,
    /// What its nodes run.
    pub(super) fabric: FabricVersion,
    /// Canonical addresses.
    pub(super) endpoints: &'a Endpoints,
    /// Registry and path of images.
    pub(super) image_repository: &'a str,
    /// Whom it waits for.
    pub(super) members: BTreeSet<&'a OrganizationRef>,
    /// Every declared node, wanted or leaving, in the order of organization, role and document.
    pub(super) nodes: Vec<NodeInputs<'a>>,
    /// Its channels.
    pub(super) channels: &'a [Channel],
    /// Organizations that can take part in a channel; none while there is no channel.
    pub(super) parties: Vec<Party<'a>>,
}

/// An organization as a channel names it.
#[derive(Debug, PartialEq)]
pub(super) struct Party<'a> {
    /// The key of its group.
    pub(super) name: &'a MemberName,
    /// Owner and name.
    pub(super) organization: &'a OrganizationRef,
    /// Its name on ledgers.
    pub(super) msp_id: &'a MspId,
    /// What its nodes do.
    pub(super) role: MemberRole,
    /// Where its keys lie.
    pub(super) region: &'a RegionName,
}

/// What one Fabric node is made from.
#[derive(Debug, PartialEq)]
pub(super) struct NodeInputs<'a> {
    /// Whose it is.
    pub(super) organization: &'a OrganizationRef,
    /// The organization's name on ledgers.
    pub(super) msp_id: &'a MspId,
    /// What it does.
    pub(super) role: MemberRole,
    /// The node's own entry.
    pub(super) node: &'a Node,
    /// Whether other organizations find it.
    pub(super) anchor: bool,
    /// Whether the node, its organization, its tenant and its network are all wanted.
    pub(super) active: bool,
    /// Its region.
    pub(super) place: Place<'a>,
    /// Whether heddle issues its certificates; else a person brings its Secrets.
    pub(super) issued: bool,
}

impl<'a> Inputs<'a> {
    /// The inputs of a unit; none when the fleet does not declare it.
    pub(super) fn of(fleet: &'a Fleet, unit: &UnitId) -> Option<Self> {
        match unit {
            UnitId::Fleet => None,
            UnitId::Tenant(tenant) => fleet.tenants.get(tenant).map(Self::Tenant),
            UnitId::Organization(id) => fleet.organizations.get(id).map(|found| Self::organization(fleet, found)),
            UnitId::Network(id) => fleet.networks.get(id).map(|found| Self::network(fleet, found)),
        }
    }

    /// The file of the unit.
    pub(super) fn file(&self) -> &'a RepoPath {
        match self {
            Self::Tenant(tenant) => &tenant.file,
            Self::Organization(organization) => organization.file,
            Self::Network(network) => network.file,
        }
    }

    fn organization(fleet: &'a Fleet, organization: &'a Organization) -> Self {
        let places = match &organization.ca {
            CertificateAuthority::FabricCa { regions, storage, .. } => {
                regions.iter().map(|region| (region, place(fleet, region, storage))).collect()
            }
            CertificateAuthority::Builtin { .. } => BTreeMap::new(),
        };
        Self::Organization(OrganizationInputs {
            id: &organization.id,
            file: &organization.file,
            lifecycle: with_tenant(fleet, &organization.id.tenant, organization.lifecycle),
            msp_id: &organization.msp_id,
            ca: &organization.ca,
            image_repository: &fleet.settings.image_repository,
            places,
        })
    }

    fn network(fleet: &'a Fleet, network: &'a Network) -> Self {
        let lifecycle = with_tenant(fleet, &network.id.tenant, network.lifecycle);
        let members: BTreeSet<_> = network.members.iter().map(|member| &member.organization).collect();
        let mut nodes = Vec::new();
        for organization in members.iter().filter_map(|id| fleet.organizations.get(*id)) {
            let wanted = lifecycle == Lifecycle::Active
                && with_tenant(fleet, &organization.id.tenant, organization.lifecycle) == Lifecycle::Active;
            let orderers = organization.orderers.iter().map(|o| (MemberRole::Orderer, &o.node, false));
            let peers = organization.peers.iter().map(|p| (MemberRole::Peer, &p.node, p.anchor));
            for (role, node, anchor) in orderers.chain(peers).filter(|(_, node, _)| node.network == network.id) {
                nodes.push(NodeInputs {
                    organization: &organization.id,
                    msp_id: &organization.msp_id,
                    role,
                    node,
                    anchor,
                    active: wanted && node.lifecycle == Lifecycle::Active,
                    place: place(fleet, &node.region, &node.storage),
                    issued: matches!(organization.ca, CertificateAuthority::Builtin { .. }),
                });
            }
        }
        Self::Network(NetworkInputs {
            id: &network.id,
            file: &network.file,
            lifecycle,
            fabric: network.fabric,
            endpoints: &network.endpoints,
            image_repository: &fleet.settings.image_repository,
            members,
            nodes,
            channels: &network.channels,
            parties: if network.channels.is_empty() { Vec::new() } else { parties(fleet, network) },
        })
    }
}

fn parties<'a>(fleet: &'a Fleet, network: &'a Network) -> Vec<Party<'a>> {
    let party = |member: &'a crate::spec::network::Member| {
        let Organization { id: organization, msp_id, ca, .. } = fleet.organizations.get(&member.organization)?;
        let CertificateAuthority::Builtin { region } = ca else { return None };
        Some(Party { name: &member.name, organization, msp_id, role: member.role, region })
    };
    network.members.iter().filter_map(party).collect()
}

/// A document leaves with its tenant: its namespace will not be there.
fn with_tenant(fleet: &Fleet, tenant: &TenantName, own: Lifecycle) -> Lifecycle {
    match fleet.tenants.get(tenant).map(|tenant| tenant.lifecycle) {
        Some(Lifecycle::Active) => own,
        Some(Lifecycle::Decommissioned) | None => Lifecycle::Decommissioned,
    }
}

fn place<'a>(fleet: &'a Fleet, region: &RegionName, storage: &Storage) -> Place<'a> {
    let profile = fleet.settings.storage.get(&storage.profile);
    Place {
        class: profile.and_then(|profile| profile.classes.get(region)).map(String::as_str),
        cluster_domain: fleet.settings.regions.get(region).map_or("cluster.local", |found| &found.cluster_domain),
    }
}
