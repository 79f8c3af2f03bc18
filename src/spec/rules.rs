//! The rules of single values, as schemas and in words.
//!
//! Input: nothing. Output: schema fragments for [`super::document`], and [`words`] for messages. Invariant: every
//! pattern that a schema uses has words here (a test looks).

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::k8s::quantity::Quantity;
use crate::model::names::{ChannelId, MemberName, MspId, NodeName, RegionName, StorageProfileName, TenantName};

const DOMAIN: &str = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$";
const REFERENCE: &str = "^[a-z]([a-z0-9]|-[a-z0-9])*/[a-z]([a-z0-9]|-[a-z0-9])*$";
const REPOSITORY: &str = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$";
const FABRIC: &str = r"^(2\.5|3\.(0|[1-9][0-9]{0,3}))\.(0|[1-9][0-9]{0,3})$";
const FABRIC_CA: &str = r"^1\.5\.(0|[1-9][0-9]{0,3})$";
const DIGEST: &str = "^sha256:[0-9a-f]{64}$";
/// Anything that might be an address; the Git adapter reads it closely.
pub const ADDRESS: &str = r"^\S+$";
/// A uid as Kubernetes makes them (RFC 4122).
pub const UID: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
const NOT_BLANK: &str = r"\S";

/// The rule of a pattern in words; none for a pattern that is not ours.
pub fn words(pattern: &str) -> Option<&'static str> {
    Some(match pattern {
        TenantName::PATTERN => "lower-case letters, digits and single hyphens, starting with a letter",
        MspId::PATTERN => "letters, digits, dots and hyphens",
        ChannelId::PATTERN => "lower-case letters, digits, dots and hyphens, starting with a letter",
        DOMAIN => "a DNS name in lower case such as `trade.fabric.example`",
        REFERENCE => "`<tenant>/<name>`, both in lower-case letters, digits and single hyphens",
        REPOSITORY => "a registry and a path in lower case such as `docker.io/hyperledger`",
        FABRIC => "a version of Fabric 2.5 or 3 with all three numbers, such as `3.1.5`",
        FABRIC_CA => "a version of fabric-ca 1.5 with all three numbers, such as `1.5.21`",
        DIGEST => "the whole plan id: `sha256:` and 64 lower-case hexadecimal digits",
        NOT_BLANK => "a text that is not blank",
        "^all$" => "`all`, or a list of change ids",
        Quantity::PATTERN => "a number and a suffix such as `500m`, `2`, `512Mi` or `10Gi`",
        ADDRESS => "a URL of a Git repository (https, ssh or file), or an absolute path",
        UID => {
            "the uid of the cluster's `kube-system` namespace: `kubectl get namespace kube-system -o jsonpath={.metadata.uid}`"
        }
        _ => return None,
    })
}

/// A name of at most `max` bytes.
pub fn label(max: usize) -> Value {
    json!({ "type": "string", "pattern": TenantName::PATTERN, "maxLength": max })
}

/// The name of a `StorageClass` (RFC 1123 subdomain).
pub fn class() -> Value {
    json!({ "type": "string", "pattern": DOMAIN, "maxLength": 253 })
}

macro_rules! fragments {
    ($($(#[$doc:meta])* $name:ident $schema:tt;)*) => { $(
        $(#[$doc])*
        pub fn $name(_: &mut SchemaGenerator) -> Schema {
            json_schema!($schema)
        }
    )* };
}

fragments! {
    /// A DNS domain.
    domain { "type": "string", "pattern": DOMAIN, "maxLength": 190 };
    /// An image repository.
    repository { "type": "string", "pattern": REPOSITORY, "maxLength": 200 };
    /// `<tenant>/<name>`.
    reference { "type": "string", "pattern": REFERENCE, "maxLength": 71 };
    /// A region's name.
    region { "type": "string", "pattern": RegionName::PATTERN, "maxLength": RegionName::MAX };
    /// A node's name.
    node { "type": "string", "pattern": NodeName::PATTERN, "maxLength": NodeName::MAX };
    /// A storage profile's name.
    profile { "type": "string", "pattern": StorageProfileName::PATTERN, "maxLength": StorageProfileName::MAX };
    /// An MSP id.
    msp_id { "type": "string", "pattern": MspId::PATTERN, "maxLength": MspId::MAX };
    /// A member's name.
    member { "type": "string", "pattern": MemberName::PATTERN, "maxLength": MemberName::MAX };
    /// A channel's name.
    channel { "type": "string", "pattern": ChannelId::PATTERN, "maxLength": ChannelId::MAX };
    /// A Fabric version.
    fabric_version { "type": "string", "pattern": FABRIC };
    /// A fabric-ca version.
    ca_version { "type": "string", "pattern": FABRIC_CA };
    /// A plan id.
    digest { "type": "string", "pattern": DIGEST };
    /// A reason.
    reason { "type": "string", "pattern": NOT_BLANK, "maxLength": 2000 };
    /// A port.
    port { "type": "integer", "minimum": 1, "maximum": 65535 };
    /// A number of pods.
    pods { "type": "integer", "minimum": 1, "maximum": 100_000 };
    /// An incarnation.
    incarnation { "type": "integer", "minimum": 1, "maximum": 1_000_000 };
    /// A budget of deletions.
    deletes { "type": "integer", "minimum": 0, "maximum": 10_000 };
    /// A budget of restarts.
    restarts { "type": "integer", "minimum": 1, "maximum": 100 };
}

/// A set of members.
pub fn members(generator: &mut SchemaGenerator) -> Schema {
    let member = member(generator).to_value();
    json_schema!({ "type": "array", "minItems": 1, "uniqueItems": true, "items": member })
}

/// A set of regions.
pub fn regions(generator: &mut SchemaGenerator) -> Schema {
    let region = region(generator).to_value();
    json_schema!({ "type": "array", "minItems": 1, "uniqueItems": true, "items": region })
}
