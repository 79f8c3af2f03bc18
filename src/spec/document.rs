//! The documents as they are written.
//!
//! Input: JSON trees that obey the schema. Output: wire types, still with texts instead of names; the JSON Schemas are
//! generated from these types, and their comments are what editors show. They decide nothing. Invariants: unknown
//! fields are refused; a field whose effect is not built does not exist here.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::fleet::{ConflictPolicy, Lifecycle};
use super::organization::StateDatabase;
use super::rules;
use super::tenant::Access;
use network::NetworkSpec;

pub mod network;

/// Version of a document's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ApiVersion {
    /// The only one.
    #[serde(rename = "heddle.dev/v1alpha1")]
    V1Alpha1,
}

macro_rules! documents {
    ($($(#[$doc:meta])* $name:ident $kind:ident $spec:ident;)*) => { $(
        /// The kind.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
        #[schemars(inline)]
        pub enum $kind {
            /// The only one here.
            $name,
        }

        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        pub struct $name {
            /// Version of the format.
            pub api_version: ApiVersion,
            /// Kind of the document.
            pub kind: $kind,
            /// Its name.
            pub metadata: Metadata,
            /// What is wanted.
            pub spec: $spec,
        }
    )* };
}

documents! {
    /// What belongs to all tenants: the regions, the storage profiles, and how changes are made. `fleet.yaml`.
    Fleet FleetKind FleetSpec;
    /// A tenant: where it may run and how much. `tenants/<tenant>/tenant.yaml`.
    Tenant TenantKind TenantSpec;
    /// An organization: its certificate authority and its nodes. `tenants/<tenant>/organizations/<organization>.yaml`.
    Organization OrganizationKind OrganizationSpec;
    /// A network: the agreement between organizations. `tenants/<tenant>/networks/<network>.yaml`.
    Network NetworkKind NetworkSpec;
    /// A tenant's consent to changes that are held. `tenants/<tenant>/approvals/<plan id>.yaml`.
    Approval ApprovalKind ApprovalSpec;
}

/// The name of a document.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Metadata {
    /// The name of the file without `.yaml`, or of the tenant's folder. Free for the fleet.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// What `fleet.yaml` says.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FleetSpec {
    /// The regions that tenants may use, by name. Each is one Kubernetes cluster; heddle's own configuration says how
    /// to reach it.
    #[schemars(extend("propertyNames" = rules::label(30), "minProperties" = 1))]
    pub regions: BTreeMap<String, Region>,
    /// Storage profiles by name.
    #[serde(default)]
    #[schemars(extend("propertyNames" = rules::label(30)))]
    pub storage: BTreeMap<String, StorageProfile>,
    /// Where images come from.
    #[serde(default)]
    pub images: Images,
    /// How differences are treated.
    #[serde(default)]
    pub apply: ApplyPolicy,
    /// How much may happen at once.
    #[serde(default)]
    pub budgets: Budgets,
}

/// One region.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Region {
    /// A sentence for people.
    #[serde(default)]
    pub description: Option<String>,
    /// The DNS domain of the cluster's Services.
    #[serde(default = "cluster_domain")]
    #[schemars(schema_with = "rules::domain")]
    pub cluster_domain: String,
}

fn cluster_domain() -> String {
    "cluster.local".to_owned()
}

/// A named kind of storage.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct StorageProfile {
    /// The name of the `StorageClass` in each region.
    #[schemars(extend("propertyNames" = rules::label(30), "additionalProperties" = rules::class(), "minProperties" = 1))]
    pub classes: BTreeMap<String, String>,
}

/// Where images come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Images {
    /// Registry and path before the images' names.
    #[schemars(schema_with = "rules::repository")]
    pub repository: String,
}

impl Default for Images {
    fn default() -> Self {
        Self { repository: "docker.io/hyperledger".to_owned() }
    }
}

/// How differences are treated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct ApplyPolicy {
    /// What to do about fields that somebody else changed: put them back, or only report.
    pub conflicts: ConflictPolicy,
}

/// How much may happen at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Budgets {
    /// Deletions in one plan; a plan with more is held.
    #[schemars(schema_with = "rules::deletes")]
    pub deletes: u32,
    /// Nodes of one network, organization and role that may restart at once; more wait.
    #[schemars(schema_with = "rules::restarts")]
    pub restarts: u32,
}

impl Default for Budgets {
    fn default() -> Self {
        Self { deletes: 5, restarts: 1 }
    }
}

/// What a tenant may use.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TenantSpec {
    /// `Decommissioned` removes the tenant's objects.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// The regions that it may use.
    #[schemars(schema_with = "rules::regions")]
    pub regions: Vec<String>,
    /// How much it may use in each region.
    pub quota: Quota,
    /// What its own people may do in its namespaces.
    #[serde(default)]
    pub access: Access,
}

/// Upper bounds in each region.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Quota {
    /// CPU, for requests and limits.
    pub cpu: QuantityText,
    /// Memory, for requests and limits.
    pub memory: QuantityText,
    /// Size of all volumes.
    pub storage: QuantityText,
    /// Number of pods.
    #[schemars(schema_with = "rules::pods")]
    pub pods: u32,
}

/// A Kubernetes quantity such as `500m`, `2` or `10Gi`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum QuantityText {
    /// As text.
    Text(String),
    /// As a whole number.
    Number(u64),
}

impl JsonSchema for QuantityText {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Quantity".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "pattern": crate::k8s::quantity::Quantity::PATTERN, "minimum": 0 })
    }
}

impl std::fmt::Display for QuantityText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// What an organization has.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OrganizationSpec {
    /// `Decommissioned` removes the organization's objects.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// Its name on the ledgers; it cannot be changed later.
    #[schemars(schema_with = "rules::msp_id")]
    pub msp_id: String,
    /// Who issues its certificates.
    pub ca: CertificateAuthority,
    /// What its nodes have unless they say otherwise.
    #[serde(default)]
    pub defaults: Defaults,
    /// Its ordering nodes.
    #[serde(default)]
    pub orderers: Vec<Orderer>,
    /// Its peers.
    #[serde(default)]
    pub peers: Vec<Peer>,
}

/// Who issues an organization's certificates.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CertificateAuthority {
    /// How it runs.
    pub mode: CaMode,
    /// Where it runs; for `builtin` the one region where its keys lie.
    #[schemars(schema_with = "rules::regions")]
    pub regions: Vec<String>,
    /// The version of fabric-ca, 1.5.21 unless said otherwise; only for `fabric-ca`.
    #[serde(default)]
    #[schemars(schema_with = "rules::ca_version")]
    pub version: Option<String>,
    /// Its volume; only for `fabric-ca`.
    #[serde(default)]
    pub storage: Option<Storage>,
    /// Its CPU and memory; only for `fabric-ca`.
    #[serde(default)]
    pub resources: Option<Resources>,
}

/// How a certificate authority runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum CaMode {
    /// A Fabric CA server in each of the regions.
    #[serde(rename = "fabric-ca")]
    FabricCa,
    /// heddle issues by itself; the keys of the authorities are Secrets in a namespace of their own.
    #[serde(rename = "builtin")]
    Builtin,
}

/// What nodes have unless they say otherwise.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Defaults {
    /// Where peers keep the world state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_database: Option<StateDatabase>,
    /// The volume of nodes and certificate authorities.
    #[serde(skip_serializing)]
    pub storage: Option<Storage>,
    /// CPU and memory of orderers and peers.
    #[serde(skip_serializing)]
    pub resources: Option<Resources>,
}

/// An ordering node.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Orderer {
    /// The network that it serves, as `<tenant>/<network>`.
    #[schemars(schema_with = "rules::reference")]
    pub network: String,
    /// Its name, unique among the organization's nodes in the network.
    #[schemars(schema_with = "rules::node")]
    pub name: String,
    /// Where it runs.
    #[schemars(schema_with = "rules::region")]
    pub region: String,
    /// `Decommissioned` removes the node.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// Raised to replace the node and its volume.
    #[serde(default = "one")]
    #[schemars(schema_with = "rules::incarnation")]
    pub incarnation: u32,
    /// Its volume.
    #[serde(default)]
    pub storage: Option<Storage>,
    /// Its CPU and memory.
    #[serde(default)]
    pub resources: Option<Resources>,
}

/// A peer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Peer {
    /// The network that it serves, as `<tenant>/<network>`.
    #[schemars(schema_with = "rules::reference")]
    pub network: String,
    /// Its name, unique among the organization's nodes in the network.
    #[schemars(schema_with = "rules::node")]
    pub name: String,
    /// Where it runs.
    #[schemars(schema_with = "rules::region")]
    pub region: String,
    /// `Decommissioned` removes the node.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// Raised to replace the node and its volume.
    #[serde(default = "one")]
    #[schemars(schema_with = "rules::incarnation")]
    pub incarnation: u32,
    /// Its volume.
    #[serde(default)]
    pub storage: Option<Storage>,
    /// Its CPU and memory.
    #[serde(default)]
    pub resources: Option<Resources>,
    /// Whether other organizations find it through the channel configuration.
    #[serde(default)]
    pub anchor: bool,
    /// Where it keeps the world state.
    #[serde(default)]
    pub state_database: Option<StateDatabase>,
}

fn one() -> u32 {
    1
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Storage {
    /// A storage profile of the fleet.
    #[schemars(schema_with = "rules::profile")]
    pub profile: String,
    /// Its size.
    pub size: QuantityText,
}

/// CPU and memory of a container.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Resources {
    /// CPU that it gets for certain.
    #[serde(default)]
    pub cpu: Option<QuantityText>,
    /// CPU that it gets at most.
    #[serde(default)]
    pub cpu_limit: Option<QuantityText>,
    /// Memory that it gets, for certain and at most.
    #[serde(default)]
    pub memory: Option<QuantityText>,
}

/// A consent.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ApprovalSpec {
    /// The whole id of the plan.
    #[schemars(schema_with = "rules::digest")]
    pub plan: String,
    /// `all`, or the ids of the changes.
    pub changes: Changes,
    /// Why; it is kept in the audit log.
    #[schemars(schema_with = "rules::reason")]
    pub reason: String,
}

/// Which changes of a plan.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Changes {
    /// A word.
    Word(AllChanges),
    /// Their ids.
    Ids(Vec<String>),
}

/// All changes of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AllChanges {
    /// All that the stored plan holds.
    All,
}

impl JsonSchema for Changes {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Changes".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // Not `oneOf`: the two rules look at different types, so that every problem is told by the rule that was meant.
        json_schema!({
            "type": ["string", "array"],
            "pattern": "^all$",
            "minItems": 1,
            "uniqueItems": true,
            "items": { "type": "string", "minLength": 1, "maxLength": 200 }
        })
    }
}
