//! Names as types: a tenant's name cannot be passed where a region's is wanted.
//!
//! Input: text from specs, configuration, paths and the command line. Output: newtypes whose value obeys one rule,
//! the same rule that the JSON Schemas publish (RFC 1035 labels, because Kubernetes Services demand them).
//! It does not resolve names. Invariant: a value of these types is always valid; two hyphens in a row never occur,
//! so that joined names (`<installation>-<tenant>--custody`) stay unambiguous.

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{value}` is not a valid {what}: {rule}")]
pub struct NameError {
    /// What was being named, such as `tenant name`.
    pub what: &'static str,
    /// The refused text, cut to 80 characters.
    pub value: String,
    /// The rule in words.
    pub rule: &'static str,
}

pub(crate) fn refused(what: &'static str, value: &str, rule: &'static str) -> NameError {
    NameError { what, value: value.chars().take(80).collect(), rule }
}

fn is_label(value: &str, max: usize) -> bool {
    let bytes = value.as_bytes();
    let edge = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    value.len() <= max
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().is_some_and(edge)
        && bytes.iter().all(|b| edge(b) || *b == b'-')
        && !value.contains("--")
}

fn is_msp_id(value: &str, max: usize) -> bool {
    !value.is_empty()
        && value.len() <= max
        && value != "."
        && value != ".."
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

/// Fabric `common/configtx/validator.go`: a lower-case letter, then lower-case letters, digits, dots and hyphens.
fn is_channel_id(value: &str, max: usize) -> bool {
    let rest = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    value.len() <= max && value.starts_with(|c: char| c.is_ascii_lowercase()) && value.bytes().all(rest)
}

macro_rules! name_types {
    ($($(#[$doc:meta])* $name:ident { $what:literal, $check:ident, max $max:literal, $pattern:literal, $rule:literal })*) => { $(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The rule as a regular expression, for the JSON Schema.
            pub const PATTERN: &'static str = $pattern;
            /// The longest allowed value, in bytes.
            pub const MAX: usize = $max;

            /// Checks the rule.
            pub fn parse(value: &str) -> Result<Self, NameError> {
                if $check(value, $max) { Ok(Self(value.into())) } else { Err(refused($what, value, $rule)) }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str { &self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(&self.0) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{:?}", &*self.0) }
        }
        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(value: &str) -> Result<Self, NameError> { Self::parse(value) }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(&self.0) }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let value = <Cow<'de, str> as serde::Deserialize>::deserialize(d)?;
                Self::parse(&value).map_err(serde::de::Error::custom)
            }
        }
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool { true }
            fn schema_name() -> Cow<'static, str> { stringify!($name).into() }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern, "maxLength": $max })
            }
        }
    )* };
}

name_types! {
    /// The id of one heddle installation; part of every namespace, label and field manager that it writes.
    InstallationId { "installation id", is_label, max 20, "^[a-z]([a-z0-9]|-[a-z0-9])*$",
        "at most 20 lower-case letters, digits and single hyphens, starting with a letter" }
    /// A tenant: the folder below `tenants/`.
    TenantName { "tenant name", is_label, max 40, "^[a-z]([a-z0-9]|-[a-z0-9])*$",
        "at most 40 lower-case letters, digits and single hyphens, starting with a letter" }
    /// An organization within its tenant.
    OrganizationName { "organization name", is_label, max 30, "^[a-z]([a-z0-9]|-[a-z0-9])*$",
        "at most 30 lower-case letters, digits and single hyphens, starting with a letter" }
    /// A network within the tenant that holds the agreement.
    NetworkName { "network name", is_label, max 30, "^[a-z]([a-z0-9]|-[a-z0-9])*$",
        "at most 30 lower-case letters, digits and single hyphens, starting with a letter" }
    /// A Fabric node within its organization and network.
    NodeName { "node name", is_label, max 20, "^[a-z]([a-z0-9]|-[a-z0-9])*$",
        "at most 20 lower-case letters, digits and single hyphens, starting with a letter" }
    /// A region: one Kubernetes cluster that heddle writes to.
    RegionName { "region name", is_label, max 30, "^[a-z]([a-z0-9]|-[a-z0-9])*$",
        "at most 30 lower-case letters, digits and single hyphens, starting with a letter" }
    /// A storage profile of the fleet.
    StorageProfileName { "storage profile name", is_label, max 30, "^[a-z]([a-z0-9]|-[a-z0-9])*$",
        "at most 30 lower-case letters, digits and single hyphens, starting with a letter" }
    /// A membership service provider's id, the name of an organization on a ledger
    /// (Fabric `common/channelconfig`: config element names).
    MspId { "MSP id", is_msp_id, max 249, "^[a-zA-Z0-9.-]+$",
        "at most 249 letters, digits, dots and hyphens" }
    /// The key of a member in a network's agreement and later of its group in a channel configuration.
    MemberName { "member name", is_msp_id, max 249, "^[a-zA-Z0-9.-]+$",
        "at most 249 letters, digits, dots and hyphens" }
    /// A channel's name on ledgers.
    ChannelId { "channel name", is_channel_id, max 249, "^[a-z][a-z0-9.-]*$",
        "at most 249 lower-case letters, digits, dots and hyphens, starting with a letter" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_starts_with_a_letter_and_holds_no_double_hyphen() {
        for good in ["a", "acme", "org-1", "a1-b2"] {
            assert!(TenantName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "1a", "-a", "a-", "a--b", "A", "a_b", "a.b", "ä", &"a".repeat(41)] {
            assert!(TenantName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refused_name_is_cut_in_its_message() {
        let error = TenantName::parse(&"X".repeat(500)).unwrap_err();
        assert_eq!(error.value.len(), 80);
    }
}
