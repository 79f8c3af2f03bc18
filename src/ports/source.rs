//! Where specs come from.
//!
//! Input: nothing but "now". Output: revisions, trees of spec files, their bytes. It parses nothing. Invariants: a tree
//! is read from the object store by path, never from a checkout; symbolic links and submodules come out as
//! [`EntryKind::Refused`]; nothing larger than the bounds is read.

use std::collections::BTreeMap;

use async_trait::async_trait;
use thiserror::Error;

use crate::model::retry::Retry;
use crate::model::revision::{BlobId, RepoPath, Revision};

/// All spec paths of one revision (`fleet.yaml` and everything below `tenants/`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTree {
    /// The revision; none for a folder.
    pub revision: Option<Revision>,
    /// Entries by path.
    pub entries: BTreeMap<RepoPath, Entry>,
    /// Paths that are not UTF-8 or hold control characters, made printable.
    pub unreadable_paths: Vec<String>,
}

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its content's id.
    pub blob: BlobId,
    /// Its size in bytes; 0 where the store does not say.
    pub size: u64,
    /// What it is.
    pub kind: EntryKind,
}

/// What a tree entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A plain file.
    File,
    /// A symbolic link (mode 120000).
    Symlink,
    /// A submodule (mode 160000).
    Submodule,
}

/// What a fetch changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The tip of the tracked branch.
    pub revision: Revision,
    /// Whether the tip is not a descendant of the one before: history was rewritten.
    pub rewritten: bool,
}

/// The source repository.
#[async_trait]
pub trait Source: Send + Sync {
    /// Asks for the tip of the tracked branch and fetches only when it is not here yet. `known` is the tip that the
    /// caller saw last.
    async fn fetch(&self, known: Option<Revision>) -> Result<Fetched, SourceError>;

    /// The spec files of a revision.
    async fn tree(&self, revision: Revision) -> Result<SourceTree, SourceError>;

    /// The bytes of some blobs. A blob over `max_bytes` is refused with [`SourceError::TooLarge`].
    async fn read(&self, blobs: &[BlobId], max_bytes: u64) -> Result<BTreeMap<BlobId, Vec<u8>>, SourceError>;
}

/// Why the source could not be read. Texts never hold URLs with credentials.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The remote does not answer.
    #[error("the repository {url} cannot be reached: {detail}")]
    Unreachable {
        /// The URL without credentials.
        url: String,
        /// In which way.
        detail: String,
    },
    /// The remote refuses the credentials, or wants some.
    #[error("the repository {url} refuses the credentials")]
    Unauthenticated {
        /// The URL without credentials.
        url: String,
    },
    /// The host's certificate or key does not fit.
    #[error("the host of {url} cannot be trusted: {detail}")]
    Untrusted {
        /// The URL without credentials.
        url: String,
        /// In which way.
        detail: String,
    },
    /// The tracked branch does not exist.
    #[error("the repository {url} has no branch `{branch}`")]
    BranchGone {
        /// The URL without credentials.
        url: String,
        /// The branch.
        branch: String,
    },
    /// A bound was exceeded.
    #[error("{what} is larger than the limit of {limit} bytes")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// Too many files.
    #[error("the revision has more than {limit} spec files")]
    TooMany {
        /// The limit.
        limit: u64,
    },
    /// A revision or blob that should be here is not.
    #[error("{what} is not in the local copy")]
    Missing {
        /// What.
        what: String,
    },
    /// Something on this machine cannot be read or written: the local copy, a folder, the credentials.
    #[error("{path} cannot be used: {detail}")]
    Local {
        /// Where.
        path: String,
        /// In which way.
        detail: String,
    },
}

impl SourceError {
    /// What to do next.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. } => Retry::After(std::time::Duration::from_secs(10)),
            Self::Unauthenticated { .. }
            | Self::Untrusted { .. }
            | Self::BranchGone { .. }
            | Self::TooLarge { .. }
            | Self::TooMany { .. }
            | Self::Local { .. } => Retry::OnChange,
            Self::Missing { .. } => Retry::Never,
        }
    }

    /// A bounded word for metrics and events.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Unauthenticated { .. } => "unauthenticated",
            Self::Untrusted { .. } => "untrusted",
            Self::BranchGone { .. } => "branch-gone",
            Self::TooLarge { .. } => "too-large",
            Self::TooMany { .. } => "too-many",
            Self::Missing { .. } => "missing",
            Self::Local { .. } => "local",
        }
    }
}
