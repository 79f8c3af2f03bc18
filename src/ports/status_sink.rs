//! Where reports go: the status branch.
//!
//! Input: documents. Output: the branch's tip and documents, or a lost race. It merges nothing by itself. Invariants:
//! pushes are fast-forward only; a push counts only when the server said so for that ref; equal documents make no
//! commit.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::source::SourceError;
use crate::model::revision::{RepoPath, Revision};

/// Documents to write; `None` removes one.
pub type Documents = BTreeMap<RepoPath, Option<Vec<u8>>>;

/// What became of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// The documents are on the branch at this tip (the old one when nothing differed).
    At(Revision),
    /// Somebody else was faster: the tip is another one. Nothing was written; build the documents anew on it.
    Raced,
    /// The server refused the ref (a hook, a protected branch).
    Refused {
        /// The server's words for that ref, cut and masked.
        detail: String,
    },
}

/// The status branch.
#[async_trait]
pub trait StatusSink: Send + Sync {
    /// Fetches the branch; none when it does not exist yet.
    async fn tip(&self) -> Result<Option<Revision>, SourceError>;

    /// Reads documents at a tip by exact path.
    async fn read(&self, tip: Revision, paths: &[RepoPath]) -> Result<BTreeMap<RepoPath, Vec<u8>>, SourceError>;

    /// The documents below a folder at a tip whose paths end in `ending`, by path.
    async fn read_below(
        &self,
        tip: Revision,
        folder: &RepoPath,
        ending: &str,
    ) -> Result<BTreeMap<RepoPath, Vec<u8>>, SourceError>;

    /// Writes documents as one commit of the instant `at` on top of `parent` and pushes it, expecting the remote branch
    /// to be at `parent` still (or absent). After an unclear answer it reads the remote branch before it says anything.
    async fn publish(
        &self,
        parent: Option<Revision>,
        documents: &Documents,
        message: &str,
        at: Timestamp,
    ) -> Result<Published, SourceError>;
}
