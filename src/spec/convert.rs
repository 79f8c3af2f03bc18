//! Written documents to validated types.
//!
//! Input: a document that obeys its schema. Output: a [`Document`] with all defaults filled in, and the problems that a
//! schema cannot see. References stay open (see `check`). Invariant: without an error there is a document.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::approval::{Approval, ApprovedChanges};
use super::document as written;
use super::fleet::{ApplyPolicy, Budgets, FleetSettings, Region, StorageProfile};
use super::kind::Kind;
use super::network::{Channel, Endpoints, Member, Network};
use super::organization::{CertificateAuthority, Node, Orderer, Organization, Peer, Resources, Storage};
use super::parse::Document;
use super::places::Places;
use super::tenant::{Quota, Tenant};
use super::{codes, secrets};
use crate::k8s::quantity::Quantity;
use crate::model::diagnostic::{Code, Diagnostic};
use crate::model::digest::Digest;
use crate::model::fabric_release::FabricVersion;
use crate::model::names::{ChannelId, MemberName, MspId, NodeName, RegionName, StorageProfileName, TenantName};
use crate::model::revision::RepoPath;
use crate::model::unit::{NetworkRef, OrganizationRef, UnitId};

/// Requests of an ordering node: CPU, its limit, memory.
const ORDERER: [&str; 3] = ["250m", "1", "512Mi"];
/// Requests of a peer.
const PEER: [&str; 3] = ["500m", "2", "1Gi"];
/// The version of fabric-ca unless the organization says otherwise.
const CA_VERSION: &str = "1.5.21";
/// Requests of a certificate authority.
const CA: [&str; 3] = ["100m", "500m", "256Mi"];

/// What a path says about the document in it.
pub(super) struct Declared<'a> {
    /// The file.
    pub(super) file: &'a RepoPath,
    /// The kind.
    pub(super) kind: Kind,
    /// The tenant in whose folder it lies.
    pub(super) tenant: Option<&'a TenantName>,
    /// The unit.
    pub(super) unit: Option<&'a UnitId>,
}

/// Builds the document.
pub(super) fn convert(declared: &Declared<'_>, json: Json, places: &Places) -> (Option<Document>, Vec<Diagnostic>) {
    let mut reader = Reader { places, problems: Vec::new() };
    let document = reader.document(declared, json);
    let usable = reader.problems.iter().all(|d| d.severity != crate::model::diagnostic::Severity::Error);
    (document.filter(|_| usable), reader.problems)
}

struct Reader<'a> {
    places: &'a Places,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn document(&mut self, declared: &Declared<'_>, json: Json) -> Option<Document> {
        let file = declared.file;
        match (declared.kind, declared.unit) {
            (Kind::Fleet, _) => {
                let fleet: written::Fleet = self.read(json)?;
                self.fleet(fleet).map(Document::Fleet)
            }
            (Kind::Tenant, Some(UnitId::Tenant(name))) => {
                let tenant: written::Tenant = self.read(json)?;
                self.tenant(name, file, &tenant.spec)
            }
            (Kind::Organization, Some(UnitId::Organization(id))) => {
                let organization: written::Organization = self.read(json)?;
                self.organization(id, file, &organization.spec).map(Document::Organization)
            }
            (Kind::Network, Some(UnitId::Network(id))) => {
                let network: written::Network = self.read(json)?;
                self.network(id, file, network.spec).map(Document::Network)
            }
            (Kind::Approval, _) => {
                let approval: written::Approval = self.read(json)?;
                self.approval(declared.tenant?, file, approval.spec).map(Document::Approval)
            }
            _ => None,
        }
    }

    /// The written form; the schema has been checked, so a failure is a difference between schema and type.
    fn read<T: DeserializeOwned>(&mut self, json: Json) -> Option<T> {
        let read = serde_json::from_value(json).ok();
        if read.is_none() {
            self.problem(codes::OTHER_RULE, "", "the document does not have the form of its kind");
        }
        read
    }

    fn problem(&mut self, code: Code, pointer: &str, message: impl Into<String>) {
        self.problems.push(Diagnostic::error(code, message).at(self.places.get(pointer), pointer));
    }

    fn name<T, E: std::fmt::Display>(&mut self, pointer: &str, read: Result<T, E>) -> Option<T> {
        match read {
            Ok(name) => Some(name),
            Err(error) => {
                self.problem(codes::WRONG_FORM, pointer, error.to_string());
                None
            }
        }
    }

    fn fleet(&mut self, fleet: written::Fleet) -> Option<FleetSettings> {
        let spec = fleet.spec;
        let mut regions = BTreeMap::new();
        for (name, region) in spec.regions {
            let name = self.name("/spec/regions", RegionName::parse(&name))?;
            regions.insert(name, Region { description: region.description, cluster_domain: region.cluster_domain });
        }
        let mut storage = BTreeMap::new();
        for (profile, written) in spec.storage {
            let mut classes = BTreeMap::new();
            for (region, class) in written.classes {
                let pointer = format!("/spec/storage/{profile}/classes/{region}");
                classes.insert(self.name(&pointer, RegionName::parse(&region))?, class);
            }
            let profile = self.name("/spec/storage", StorageProfileName::parse(&profile))?;
            storage.insert(profile, StorageProfile { classes });
        }
        Some(FleetSettings {
            name: fleet.metadata.name,
            regions,
            storage,
            image_repository: spec.images.repository,
            apply: ApplyPolicy { conflicts: spec.apply.conflicts },
            budgets: Budgets { deletes: spec.budgets.deletes, restarts: spec.budgets.restarts },
        })
    }

    fn tenant(&mut self, name: &TenantName, file: &RepoPath, spec: &written::TenantSpec) -> Option<Document> {
        let regions = self.regions("/spec/regions", &spec.regions)?;
        let cpu = self.quantity("/spec/quota/cpu", &spec.quota.cpu);
        let memory = self.quantity("/spec/quota/memory", &spec.quota.memory);
        let storage = self.quantity("/spec/quota/storage", &spec.quota.storage);
        let tenant = Tenant {
            name: name.clone(),
            file: file.clone(),
            lifecycle: spec.lifecycle,
            regions: regions.iter().cloned().collect(),
            quota: Quota { cpu: cpu?, memory: memory?, storage: storage?, pods: spec.quota.pods },
            access: spec.access,
        };
        Some(Document::Tenant(tenant, regions))
    }

    fn regions(&mut self, pointer: &str, names: &[String]) -> Option<Vec<RegionName>> {
        let each = |(at, name): (usize, &String)| self.name(&format!("{pointer}/{at}"), RegionName::parse(name));
        names.iter().enumerate().map(each).collect()
    }

    fn quantity(&mut self, pointer: &str, text: &written::QuantityText) -> Option<String> {
        let text = text.to_string();
        let quantity = match Quantity::parse(&text) {
            Ok(quantity) if quantity.is_zero() => {
                self.problem(codes::QUANTITY, pointer, format!("`{text}` is nothing; an amount is needed"));
                return None;
            }
            Ok(quantity) => quantity,
            Err(error) => {
                let message = format!("`{}` cannot be used: {error}", secrets::shown(&text));
                self.problem(codes::QUANTITY, pointer, message);
                return None;
            }
        };
        let canonical = quantity.canonical();
        if canonical != text {
            let message = format!("`{text}` is kept as `{canonical}` by Kubernetes");
            let diagnostic = Diagnostic::error(codes::NOT_CANONICAL, message)
                .warning()
                .at(self.places.get(pointer), pointer)
                .hint(format!("write `{canonical}`, so that file and cluster read the same"));
            self.problems.push(diagnostic);
        }
        Some(canonical)
    }

    fn organization(
        &mut self,
        id: &OrganizationRef,
        file: &RepoPath,
        spec: &written::OrganizationSpec,
    ) -> Option<Organization> {
        let defaults = &spec.defaults;
        let msp_id = self.name("/spec/mspId", MspId::parse(&spec.msp_id));
        let ca = self.certificate_authority(&spec.ca, defaults);
        let mut orderers = Vec::new();
        for (at, orderer) in spec.orderers.iter().enumerate() {
            let pointer = format!("/spec/orderers/{at}");
            orderers.push(self.orderer(&pointer, orderer, defaults).map(|node| Orderer { node }));
        }
        let mut peers = Vec::new();
        for (at, peer) in spec.peers.iter().enumerate() {
            let pointer = format!("/spec/peers/{at}");
            let state_database = peer.state_database.or(defaults.state_database).unwrap_or_default();
            let node = self.peer(&pointer, peer, defaults);
            peers.push(node.map(|node| Peer { node, anchor: peer.anchor, state_database }));
        }
        Some(Organization {
            id: id.clone(),
            file: file.clone(),
            lifecycle: spec.lifecycle,
            msp_id: msp_id?,
            ca: ca?,
            orderers: orderers.into_iter().collect::<Option<_>>()?,
            peers: peers.into_iter().collect::<Option<_>>()?,
        })
    }

    fn certificate_authority(
        &mut self,
        ca: &written::CertificateAuthority,
        defaults: &written::Defaults,
    ) -> Option<CertificateAuthority> {
        let regions = self.regions("/spec/ca/regions", &ca.regions);
        match ca.mode {
            written::CaMode::FabricCa => {
                let storage = self.storage("/spec/ca", ca.storage.as_ref(), defaults);
                // The defaults' CPU and memory are meant for nodes; a certificate authority needs far less.
                let resources = self.resources("/spec/ca", ca.resources.as_ref(), None, CA);
                Some(CertificateAuthority::FabricCa {
                    regions: regions?,
                    version: ca.version.clone().unwrap_or_else(|| CA_VERSION.to_owned()),
                    storage: storage?,
                    resources: resources?,
                })
            }
            written::CaMode::Builtin => self.builtin_authority(ca, regions?),
        }
    }

    /// It runs nowhere, so what a server would need is a mistake; and its keys lie in one place.
    fn builtin_authority(
        &mut self,
        ca: &written::CertificateAuthority,
        regions: Vec<RegionName>,
    ) -> Option<CertificateAuthority> {
        let settings = [
            ("version", ca.version.is_some()),
            ("storage", ca.storage.is_some()),
            ("resources", ca.resources.is_some()),
        ];
        for (field, _) in settings.into_iter().filter(|(_, given)| *given) {
            let pointer = format!("/spec/ca/{field}");
            let diagnostic = Diagnostic::error(codes::CA_SETTING, format!("`{field}` is nothing that `builtin` has"))
                .at(self.places.get(&pointer), &pointer)
                .hint("it runs no server: take the field away, or choose `mode: fabric-ca`");
            self.problems.push(diagnostic);
        }
        if let Ok([region]) = <[RegionName; 1]>::try_from(regions) {
            return Some(CertificateAuthority::Builtin { region });
        }
        let pointer = "/spec/ca/regions";
        let message = "a `builtin` authority has its keys in exactly one region";
        let diagnostic = Diagnostic::error(codes::CA_REGIONS, message)
            .at(self.places.get(pointer), pointer)
            .hint("name the one region in which the organization's nodes run; private keys never cross regions");
        self.problems.push(diagnostic);
        None
    }

    fn orderer(&mut self, pointer: &str, node: &written::Orderer, defaults: &written::Defaults) -> Option<Node> {
        let network = self.name(&format!("{pointer}/network"), NetworkRef::parse(&node.network));
        let storage = self.storage(pointer, node.storage.as_ref(), defaults);
        let resources = self.resources(pointer, node.resources.as_ref(), defaults.resources.as_ref(), ORDERER);
        Some(Node {
            network: network?,
            name: self.name(&format!("{pointer}/name"), NodeName::parse(&node.name))?,
            region: self.name(&format!("{pointer}/region"), RegionName::parse(&node.region))?,
            lifecycle: node.lifecycle,
            incarnation: node.incarnation,
            storage: storage?,
            resources: resources?,
        })
    }

    fn peer(&mut self, pointer: &str, node: &written::Peer, defaults: &written::Defaults) -> Option<Node> {
        let network = self.name(&format!("{pointer}/network"), NetworkRef::parse(&node.network));
        let storage = self.storage(pointer, node.storage.as_ref(), defaults);
        let resources = self.resources(pointer, node.resources.as_ref(), defaults.resources.as_ref(), PEER);
        Some(Node {
            network: network?,
            name: self.name(&format!("{pointer}/name"), NodeName::parse(&node.name))?,
            region: self.name(&format!("{pointer}/region"), RegionName::parse(&node.region))?,
            lifecycle: node.lifecycle,
            incarnation: node.incarnation,
            storage: storage?,
            resources: resources?,
        })
    }

    fn storage(
        &mut self,
        pointer: &str,
        own: Option<&written::Storage>,
        defaults: &written::Defaults,
    ) -> Option<Storage> {
        let (pointer, storage) = match (own, &defaults.storage) {
            (Some(own), _) => (format!("{pointer}/storage"), own),
            (None, Some(default)) => ("/spec/defaults/storage".to_owned(), default),
            (None, None) => {
                let message = "nothing says where its data is stored";
                let diagnostic = Diagnostic::error(codes::NO_STORAGE, message)
                    .at(self.places.get(pointer), pointer)
                    .hint("add `storage: {profile: …, size: …}` here or in `spec.defaults`");
                self.problems.push(diagnostic);
                return None;
            }
        };
        let profile = self.name(&format!("{pointer}/profile"), StorageProfileName::parse(&storage.profile));
        let pointer = format!("{pointer}/size");
        // Several nodes read the same default: say its problems once.
        let known = self.problems.len();
        let size = self.quantity(&pointer, &storage.size);
        if self.problems.iter().take(known).any(|problem| problem.pointer == pointer) {
            self.problems.truncate(known);
        }
        Some(Storage { profile: profile?, size: size? })
    }

    fn resources(
        &mut self,
        pointer: &str,
        own: Option<&written::Resources>,
        default: Option<&written::Resources>,
        built_in: [&str; 3],
    ) -> Option<Resources> {
        type Field = fn(&written::Resources) -> Option<&written::QuantityText>;
        let fields: [(&str, Field); 3] = [
            ("cpu", |resources| resources.cpu.as_ref()),
            ("cpuLimit", |resources| resources.cpu_limit.as_ref()),
            ("memory", |resources| resources.memory.as_ref()),
        ];
        let mut values = Vec::new();
        for ((name, field), built_in) in fields.into_iter().zip(built_in) {
            let (place, text) = match (own.and_then(field), default.and_then(field)) {
                (Some(text), _) => (format!("{pointer}/resources/{name}"), text),
                (None, Some(text)) => (format!("/spec/defaults/resources/{name}"), text),
                (None, None) => {
                    values.push(Some(built_in.to_owned()));
                    continue;
                }
            };
            let known = self.problems.len();
            values.push(self.quantity(&place, text));
            if self.problems.iter().take(known).any(|problem| problem.pointer == place) {
                self.problems.truncate(known);
            }
        }
        let [cpu, cpu_limit, memory] = <[Option<String>; 3]>::try_from(values).ok()?;
        let resources = Resources { cpu: cpu?, cpu_limit: cpu_limit?, memory: memory? };
        self.limit_above_request(pointer, &resources)?;
        Some(resources)
    }

    fn limit_above_request(&mut self, pointer: &str, resources: &Resources) -> Option<()> {
        let cpu = Quantity::parse(&resources.cpu).ok()?;
        let limit = Quantity::parse(&resources.cpu_limit).ok()?;
        if limit < cpu {
            let message = format!("the CPU limit `{}` is below the request `{}`", resources.cpu_limit, resources.cpu);
            let pointer = format!("{pointer}/resources/cpuLimit");
            let diagnostic = Diagnostic::error(codes::LIMIT_BELOW_REQUEST, message)
                .at(self.places.get(&pointer), pointer)
                .hint("set `cpuLimit` to at least `cpu`; what is not set comes from `spec.defaults`, then from heddle");
            self.problems.push(diagnostic);
            return None;
        }
        Some(())
    }

    fn network(&mut self, id: &NetworkRef, file: &RepoPath, spec: written::network::NetworkSpec) -> Option<Network> {
        let fabric = self.name("/spec/fabric/version", FabricVersion::parse(&spec.fabric.version));
        let mut members = Vec::new();
        for (at, member) in spec.members.iter().enumerate() {
            let pointer = format!("/spec/members/{at}");
            let name = self.name(&format!("{pointer}/name"), MemberName::parse(&member.name));
            let organization =
                self.name(&format!("{pointer}/organization"), OrganizationRef::parse(&member.organization));
            members.push(name.zip(organization).map(|(name, organization)| Member {
                name,
                organization,
                role: member.role,
            }));
        }
        let channels: Vec<_> =
            spec.channels.iter().enumerate().map(|(at, channel)| self.channel(at, channel)).collect();
        Some(Network {
            id: id.clone(),
            file: file.clone(),
            lifecycle: spec.lifecycle,
            fabric: fabric?,
            endpoints: Endpoints { domain: spec.endpoints.domain, port: spec.endpoints.port },
            members: members.into_iter().collect::<Option<_>>()?,
            channels: channels.into_iter().collect::<Option<_>>()?,
        })
    }

    fn channel(&mut self, at: usize, channel: &written::network::Channel) -> Option<Channel> {
        let pointer = format!("/spec/channels/{at}");
        let name = self.name(&format!("{pointer}/name"), ChannelId::parse(&channel.name));
        let each =
            |(at, member): (usize, &String)| self.name(&format!("{pointer}/members/{at}"), MemberName::parse(member));
        let members: Vec<_> = channel.members.iter().enumerate().map(each).collect();
        Some(Channel { name: name?, members: members.into_iter().collect::<Option<_>>()? })
    }

    fn approval(&mut self, tenant: &TenantName, file: &RepoPath, spec: written::ApprovalSpec) -> Option<Approval> {
        Some(Approval {
            tenant: tenant.clone(),
            file: file.clone(),
            plan: self.name("/spec/plan", Digest::parse(&spec.plan))?,
            changes: match spec.changes {
                written::Changes::Word(written::AllChanges::All) => ApprovedChanges::All,
                written::Changes::Ids(ids) => ApprovedChanges::Some(ids.into_iter().collect()),
            },
            reason: spec.reason,
        })
    }
}
