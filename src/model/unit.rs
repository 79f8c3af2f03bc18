//! Units of planning: what is planned, approved, reported and fails on its own.
//!
//! Input: names. Output: [`UnitId`], its text form (the same in reports, logs and plans) and its hash for labels.
//! It knows no contents. Invariant: the order of units is tenants, organizations, networks, then by name, so that
//! what others depend on comes first.

use std::fmt;

use super::digest::Digest;
use super::names::{NameError, NetworkName, OrganizationName, TenantName, refused};

/// An organization and the tenant that owns it; written `tenant/organization`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganizationRef {
    /// The owner.
    pub tenant: TenantName,
    /// Its name within the owner.
    pub name: OrganizationName,
}

/// A network and the tenant that holds its agreement; written `tenant/network`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkRef {
    /// The tenant whose folder holds the agreement.
    pub tenant: TenantName,
    /// Its name within that tenant.
    pub name: NetworkName,
}

macro_rules! refs {
    ($($ref:ident, $name:ident, $what:literal, $pattern:literal;)*) => { $(
        impl $ref {
            /// Reads `tenant/name`.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let (tenant, name) = text.split_once('/')
                    .ok_or_else(|| refused($what, text, "`<tenant>/<name>`"))?;
                Ok(Self { tenant: TenantName::parse(tenant)?, name: $name::parse(name)? })
            }
        }
        impl fmt::Display for $ref {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}/{}", self.tenant, self.name) }
        }
        impl fmt::Debug for $ref {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "\"{self}\"") }
        }
        impl serde::Serialize for $ref {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
        }
        impl<'de> serde::Deserialize<'de> for $ref {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(d)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
        impl schemars::JsonSchema for $ref {
            fn inline_schema() -> bool { true }
            fn schema_name() -> std::borrow::Cow<'static, str> { stringify!($ref).into() }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern, "maxLength": 71 })
            }
        }
    )* };
}
refs! {
    OrganizationRef, OrganizationName, "organization reference",
        "^[a-z]([a-z0-9]|-[a-z0-9])*/[a-z]([a-z0-9]|-[a-z0-9])*$";
    NetworkRef, NetworkName, "network reference",
        "^[a-z]([a-z0-9]|-[a-z0-9])*/[a-z]([a-z0-9]|-[a-z0-9])*$";
}

/// The unit of planning. Text: `fleet`, `tenant/acme`, `organization/acme/acme`, `network/platform/trade`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnitId {
    /// What belongs to all tenants.
    Fleet,
    /// A tenant's envelope in each of its regions.
    Tenant(TenantName),
    /// An organization's certificate authorities and identities.
    Organization(OrganizationRef),
    /// A network's nodes and ledgers.
    Network(NetworkRef),
}

impl UnitId {
    /// The tenant in whose folder the unit is declared; none for the fleet.
    pub fn tenant(&self) -> Option<&TenantName> {
        match self {
            Self::Fleet => None,
            Self::Tenant(tenant) => Some(tenant),
            Self::Organization(organization) => Some(&organization.tenant),
            Self::Network(network) => Some(&network.tenant),
        }
    }

    /// The value of the label `heddle.dev/unit`.
    pub fn label(&self) -> String {
        Digest::of(self.to_string().as_bytes()).short(16)
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match text.split_once('/') {
            None if text == "fleet" => Ok(Self::Fleet),
            Some(("tenant", name)) => Ok(Self::Tenant(TenantName::parse(name)?)),
            Some(("organization", rest)) => Ok(Self::Organization(OrganizationRef::parse(rest)?)),
            Some(("network", rest)) => Ok(Self::Network(NetworkRef::parse(rest)?)),
            _ => Err(refused("unit", text, "`fleet`, `tenant/T`, `organization/T/O` or `network/T/N`")),
        }
    }
}
impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fleet => f.write_str("fleet"),
            Self::Tenant(tenant) => write!(f, "tenant/{tenant}"),
            Self::Organization(organization) => write!(f, "organization/{organization}"),
            Self::Network(network) => write!(f, "network/{network}"),
        }
    }
}
impl fmt::Debug for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}
impl serde::Serialize for UnitId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for UnitId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(d)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_order_dependencies_first_and_read_back() {
        let text = ["fleet", "tenant/b", "organization/a/o", "network/a/n"];
        let mut units: Vec<UnitId> = text.iter().rev().map(|t| UnitId::parse(t).unwrap()).collect();
        units.sort();
        assert_eq!(units.iter().map(ToString::to_string).collect::<Vec<_>>(), text);
        assert!(UnitId::parse("network/a").is_err());
    }
}
