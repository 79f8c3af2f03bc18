//! The kinds of documents that this version reads.
//!
//! Input: text. Output: [`Kind`]. Invariant: `API_VERSION` and the kinds are all that a header can say.

use std::fmt;

/// The only `apiVersion`.
pub const API_VERSION: &str = "heddle.dev/v1alpha1";

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `fleet.yaml`.
    Fleet,
    /// `tenants/<tenant>/tenant.yaml`.
    Tenant,
    /// `tenants/<tenant>/organizations/<organization>.yaml`.
    Organization,
    /// `tenants/<tenant>/networks/<network>.yaml`.
    Network,
    /// `tenants/<tenant>/approvals/<plan id>.yaml`.
    Approval,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Fleet, Self::Tenant, Self::Organization, Self::Network, Self::Approval];

    /// As it is written in a document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fleet => "Fleet",
            Self::Tenant => "Tenant",
            Self::Organization => "Organization",
            Self::Network => "Network",
            Self::Approval => "Approval",
        }
    }

    /// The base name of its schema file.
    pub const fn file_stem(self) -> &'static str {
        match self {
            Self::Fleet => "fleet",
            Self::Tenant => "tenant",
            Self::Organization => "organization",
            Self::Network => "network",
            Self::Approval => "approval",
        }
    }

    /// The kind of a word; none when this version does not read it. Case does not matter, so that `heddle schema
    /// fleet` works.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
