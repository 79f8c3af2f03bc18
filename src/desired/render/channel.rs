//! The channels of a network.
//!
//! Input: [`NetworkInputs`]. Output: a [`DesiredChannel`] for each. It renders no object: a first block is made once, from what
//! was issued, and is nothing that follows from a spec. Invariants: all wanted ordering nodes of the network are
//! consenters; a first block is kept in the namespace of the network's owner, in every region that orders.

use std::collections::BTreeMap;

use super::inputs::{NetworkInputs, NodeInputs, Party};
use super::sheet::{Sheet, named};
use super::{custody, material, orderer, peer};
use crate::desired::channel::{ChannelMember, ChannelNode, Clients, Consenter, DesiredChannel, Home};
use crate::desired::naming;
use crate::model::channel::ChannelRef;
use crate::model::object::{Kind, ObjectRef};
use crate::model::unit::UnitId;
use crate::spec::fleet::Lifecycle;
use crate::spec::network::{Channel, MemberRole};

/// Writes the channels of a network down.
pub(super) fn render(sheet: &mut Sheet<'_>, network: &NetworkInputs<'_>) {
    if network.lifecycle == Lifecycle::Decommissioned {
        return;
    }
    for channel in network.channels {
        if let Some(desired) = (Writer { network, channel }).write(sheet) {
            sheet.unit().channels.insert(channel.name.clone(), desired);
        }
    }
}

struct Writer<'a> {
    network: &'a NetworkInputs<'a>,
    channel: &'a Channel,
}

impl Writer<'_> {
    /// The channel; none when a tenant's namespace is a reserved one, which is a problem of its own.
    fn write(&self, sheet: &mut Sheet<'_>) -> Option<DesiredChannel> {
        let Self { network, channel } = self;
        let parties = network.parties.iter();
        let takes_part = |party: &&Party<'_>| match party.role {
            MemberRole::Orderer => true,
            MemberRole::Peer => channel.members.contains(party.name),
        };
        let mut desired = DesiredChannel {
            channel: ChannelRef { network: network.id.clone(), id: channel.name.clone() },
            orderers: Vec::new(),
            members: Vec::new(),
            consenters: BTreeMap::new(),
            peers: BTreeMap::new(),
            homes: BTreeMap::new(),
        };
        for party in parties.filter(takes_part) {
            let namespace = sheet.namespace(&party.organization.tenant)?;
            let member = member(party, &namespace);
            let of_party =
                |of: &&NodeInputs<'_>| of.active && of.role == party.role && of.organization == party.organization;
            let nodes = network.nodes.iter().filter(of_party);
            match party.role {
                MemberRole::Orderer => {
                    desired.orderers.push(member);
                    for of in nodes {
                        let (workload, consenter) = self.consenter(party, of, &namespace);
                        desired.consenters.insert(workload, consenter);
                        let home = self.home(sheet)?;
                        desired.homes.insert(of.node.region.clone(), home);
                    }
                }
                MemberRole::Peer => {
                    desired.members.push(member);
                    let client = custody::OPERATOR;
                    let ports = (peer::LISTEN_PORT, peer::OPERATIONS_PORT);
                    let asked = nodes.map(|of| (self.workload(of, &namespace), node(party, &namespace, client, ports)));
                    desired.peers.extend(asked);
                }
            }
        }
        Some(desired)
    }

    fn workload(&self, of: &NodeInputs<'_>, namespace: &str) -> ObjectRef {
        let name = of.workload_name(self.network.id);
        ObjectRef { region: of.node.region.clone(), id: named(Kind::StatefulSet, namespace, &name) }
    }

    fn consenter(&self, party: &Party<'_>, of: &NodeInputs<'_>, namespace: &str) -> (ObjectRef, Consenter) {
        let workload = self.workload(of, namespace);
        let ports = (orderer::ADMIN_PORT, orderer::OPERATIONS_PORT);
        let consenter = Consenter {
            node: node(party, namespace, custody::ORDERER_ADMIN_CLIENT, ports),
            member: party.name.clone(),
            host: of.canonical_host(self.network),
            port: self.network.endpoints.port,
            certificate: material::tls_identity(of, (&workload.id.name, namespace)),
        };
        (workload, consenter)
    }

    fn home(&self, sheet: &mut Sheet<'_>) -> Option<Home> {
        let tenant = &self.network.id.tenant;
        let name = naming::channel_record(self.network.id, &self.channel.name);
        let namespace = sheet.namespace(tenant)?;
        let record = named(Kind::ConfigMap, &namespace, &name);
        Some(Home { record, tenant: tenant.clone(), labels: sheet.owner_labels(tenant) })
    }
}

fn member(party: &Party<'_>, namespace: &str) -> ChannelMember {
    ChannelMember {
        name: party.name.clone(),
        msp_id: party.msp_id.clone(),
        tenant: party.organization.tenant.clone(),
        organization: UnitId::Organization(party.organization.clone()),
        operator: custody::client((namespace, party.organization), party.region, custody::OPERATOR),
    }
}

fn node(party: &Party<'_>, namespace: &str, administrator: &str, (port, operations_port): (u16, u16)) -> ChannelNode {
    let client = |name| custody::client((namespace, party.organization), party.region, name);
    ChannelNode {
        tenant: party.organization.tenant.clone(),
        msp_id: party.msp_id.clone(),
        organization: UnitId::Organization(party.organization.clone()),
        clients: Clients { administrator: client(administrator), operations: client(custody::OPERATIONS_CLIENT) },
        port,
        operations_port,
    }
}
