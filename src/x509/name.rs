//! Names in certificates: who it is for, and by which addresses.
//!
//! Input: text from specs. Output: names that every reader of certificates takes. It resolves nothing.
//! Invariants: bounded, printable ASCII; an address that reads as an IP address is one, and never a DNS name.

use std::fmt;
use std::net::IpAddr;

use crate::model::names::{MspId, NameError, refused};

/// The longest common or organization name (RFC 5280: `ub-common-name`, `ub-organization-name`).
const LONGEST_TEXT: usize = 64;
/// The longest host name (RFC 1035).
const LONGEST_HOST: usize = 253;

/// A common name: 1 to 64 printable ASCII characters without spaces at the ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommonName(Box<str>);

impl CommonName {
    /// Checks the rule.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if printable && text.trim() == text && (1..=LONGEST_TEXT).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(refused("common name", text, "1 to 64 printable ASCII characters, without spaces at the ends"))
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whom a certificate is for. The organizational unit comes from the profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    common_name: CommonName,
    organization: MspId,
}

impl Subject {
    /// Puts both together; an MSP id longer than 64 characters does not fit into a certificate.
    pub fn new(common_name: CommonName, organization: MspId) -> Result<Self, NameError> {
        if organization.as_str().len() > LONGEST_TEXT {
            let rule = "at most 64 characters, which is what certificates hold";
            return Err(refused("organization of a certificate", organization.as_str(), rule));
        }
        Ok(Self { common_name, organization })
    }

    /// The common name.
    pub fn common_name(&self) -> &CommonName {
        &self.common_name
    }

    /// The organization: its MSP id.
    pub fn organization(&self) -> &MspId {
        &self.organization
    }
}

/// A DNS name of a server: lower-case labels of letters, digits and hyphens. No wildcards: names are verified whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(Box<str>);

impl DnsName {
    /// Checks the rule. Whatever ends in a label of digits is refused, because clients read it as an IP address.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let is_label = |label: &str| {
            let bytes = label.as_bytes();
            bytes.len() <= 63
                && edge(bytes.first())
                && edge(bytes.last())
                && bytes.iter().all(|byte| *byte == b'-' || edge(Some(byte)))
        };
        let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
        let last = text.rsplit('.').next().unwrap_or_default();
        if text.len() <= LONGEST_HOST && text.split('.').all(is_label) && !is_number(last) {
            Ok(Self(text.into()))
        } else {
            let rule = "labels of lower-case letters, digits and hyphens, at most 253 characters, without wildcards";
            Err(refused("DNS name", text, rule))
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name by which clients reach a server (RFC 5280: `subjectAltName`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlternativeName {
    /// By DNS.
    Dns(DnsName),
    /// By address.
    Ip(IpAddr),
}

impl AlternativeName {
    /// Reads what a person writes: an IP address, or else a DNS name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        text.parse().map(Self::Ip).or_else(|_| DnsName::parse(text).map(Self::Dns))
    }
}

impl fmt::Display for AlternativeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.pad(name.as_str()),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_name_is_bounded_and_printable() {
        for good in ["a", "peer0.org1 (old)", "x_y@z", &"x".repeat(64)] {
            assert_eq!(CommonName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " a", "a ", "a\nb", "ä", "a\0", "\u{202e}a", &"x".repeat(65)] {
            assert!(CommonName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_organization_fits_into_a_certificate_or_is_refused() {
        let subject = |length| {
            Subject::new(CommonName::parse("x").unwrap(), MspId::parse(&"m".repeat(length)).unwrap()).map(|_| ())
        };
        assert!(subject(64).is_ok());
        assert!(subject(65).is_err());
    }

    #[test]
    fn an_address_is_an_ip_address_or_a_dns_name_that_cannot_be_taken_for_one() {
        for good in ["localhost", "o1", "orderer0.acme.svc.cluster.local", "1st.example.com", "xn--a", &"a".repeat(63)]
        {
            assert!(matches!(AlternativeName::parse(good), Ok(AlternativeName::Dns(_))), "{good}");
        }
        for good in ["127.0.0.1", "::1", "2001:db8::1"] {
            assert!(matches!(AlternativeName::parse(good), Ok(AlternativeName::Ip(_))), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "-a", "a-", "*.a.com", "A.com", "a_b", "1.2.3", "127.0.0.1.", "a b"] {
            assert!(AlternativeName::parse(bad).is_err(), "{bad:?}");
        }
        let long = format!("{}.com", "a".repeat(64));
        assert!(AlternativeName::parse(&long).is_err());
        assert!(AlternativeName::parse(&["a"; 128].join(".")).is_err());
    }
}
