//! A repository in memory: the source and the status branch of a world without a disk.
//!
//! Input: commits of plain files. Output: the [`Source`] and [`StatusSink`] ports. It knows no Git objects: ids are
//! digests of the content, so that equal histories have equal ids. Invariants: commits never change; a push counts only
//! on the tip that it names; every push passes the plan of faults once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::faults::{Effect, Fault, Faults};
use crate::model::digest::Digest;
use crate::model::revision::{BlobId, RepoPath, Revision};
use crate::ports::source::{Entry, EntryKind, Fetched, Source, SourceError, SourceTree};
use crate::ports::status_sink::{Documents, Published, StatusSink};

#[cfg(test)]
mod tests;

const URL: &str = "memory:";

type Files = BTreeMap<RepoPath, BlobId>;

#[derive(Clone)]
struct Commit {
    parent: Option<Revision>,
    files: Files,
}

#[derive(Default)]
struct Inner {
    commits: BTreeMap<Revision, Commit>,
    blobs: BTreeMap<BlobId, Vec<u8>>,
    branches: BTreeMap<String, Revision>,
}

/// A repository in memory.
pub struct SimRepository {
    inner: Mutex<Inner>,
    faults: Arc<Faults>,
    branch: String,
    status_branch: String,
}

impl SimRepository {
    /// An empty one that reads specs from `branch` and pushes reports to `status_branch`.
    pub fn new(branch: &str, status_branch: &str, faults: Arc<Faults>) -> Self {
        Self { inner: Mutex::default(), faults, branch: branch.to_owned(), status_branch: status_branch.to_owned() }
    }

    /// Commits changes on the spec branch, as a person would push them.
    pub fn commit(&self, changes: &Documents, message: &str) -> Revision {
        let mut inner = self.inner();
        let parent = inner.branches.get(&self.branch).copied();
        inner.commit(&self.branch, parent, changes, (message, None))
    }

    /// Commits changes on the status branch, as another writer would.
    pub fn commit_status(&self, changes: &Documents, message: &str) -> Revision {
        let mut inner = self.inner();
        let parent = inner.branches.get(&self.status_branch).copied();
        inner.commit(&self.status_branch, parent, changes, (message, None))
    }

    /// Moves the spec branch to any commit: history is rewritten.
    pub fn reset(&self, to: Revision) {
        self.inner().branches.insert(self.branch.clone(), to);
    }

    /// Removes the spec branch.
    pub fn remove_branch(&self) {
        self.inner().branches.remove(&self.branch);
    }

    /// A file of the spec branch.
    pub fn file(&self, path: &RepoPath) -> Option<Vec<u8>> {
        let inner = self.inner();
        let tip = inner.branches.get(&self.branch).copied()?;
        let blob = inner.files(tip).ok()?.get(path).copied()?;
        inner.blobs.get(&blob).cloned()
    }

    /// All files of the status branch.
    pub fn status_files(&self) -> BTreeMap<RepoPath, Vec<u8>> {
        let inner = self.inner();
        let tip = inner.branches.get(&self.status_branch).copied();
        tip.and_then(|tip| inner.files(tip).ok()).map(|files| inner.contents(&files)).unwrap_or_default()
    }

    /// How many commits the status branch has.
    pub fn status_commits(&self) -> usize {
        let inner = self.inner();
        let tip = inner.branches.get(&self.status_branch).copied();
        std::iter::successors(tip, |at| inner.commits.get(at).and_then(|commit| commit.parent)).count()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn before_read(&self) -> Result<(), SourceError> {
        if self.faults.is_crashed() {
            std::future::pending::<()>().await;
        }
        match self.faults.read() {
            None => Ok(()),
            Some(Fault::CrashBefore | Fault::CrashAfter) => {
                self.faults.crash().await;
                Err(unreachable())
            }
            Some(Fault::Slow(duration)) => {
                tokio::time::sleep(duration).await;
                Ok(())
            }
            Some(Fault::Refused) => Err(SourceError::Unauthenticated { url: URL.into() }),
            Some(_) => Err(unreachable()),
        }
    }

    fn push(&self, parent: Option<Revision>, documents: &Documents, about: (&str, Timestamp)) -> Published {
        let mut inner = self.inner();
        if inner.branches.get(&self.status_branch).copied() != parent {
            return Published::Raced;
        }
        let before = parent.and_then(|parent| inner.files(parent).ok()).unwrap_or_default();
        let equal = documents
            .iter()
            .all(|(path, content)| before.get(path).copied() == content.as_ref().map(|content| blob_id(content)));
        match parent {
            Some(parent) if equal => Published::At(parent),
            _ => {
                let (message, at) = about;
                Published::At(inner.commit(&self.status_branch, parent, documents, (message, Some(at))))
            }
        }
    }
}

impl Inner {
    fn commit(
        &mut self,
        branch: &str,
        parent: Option<Revision>,
        changes: &Documents,
        (message, at): (&str, Option<Timestamp>),
    ) -> Revision {
        let mut files = parent.and_then(|parent| self.files(parent).ok()).unwrap_or_default();
        for (path, content) in changes {
            match content {
                Some(content) => {
                    let id = blob_id(content);
                    self.blobs.insert(id, content.clone());
                    files.insert(path.clone(), id);
                }
                None => drop(files.remove(path)),
            }
        }
        let parts = files.iter().map(|(path, id)| format!("{path}\0{id}"));
        let head = [branch.to_owned(), format!("{parent:?}"), message.to_owned(), format!("{at:?}")];
        let id = Revision::from_bytes(first_twenty(&Digest::of_parts(head.into_iter().chain(parts))));
        self.commits.insert(id, Commit { parent, files });
        self.branches.insert(branch.to_owned(), id);
        id
    }

    fn files(&self, revision: Revision) -> Result<Files, SourceError> {
        let missing = || SourceError::Missing { what: format!("revision {revision}") };
        self.commits.get(&revision).map(|commit| commit.files.clone()).ok_or_else(missing)
    }

    fn contents(&self, files: &Files) -> BTreeMap<RepoPath, Vec<u8>> {
        let content = |id: &BlobId| self.blobs.get(id).cloned().unwrap_or_default();
        files.iter().map(|(path, id)| (path.clone(), content(id))).collect()
    }

    fn is_ancestor(&self, old: Revision, new: Revision) -> bool {
        std::iter::successors(Some(new), |at| self.commits.get(at).and_then(|commit| commit.parent)).any(|at| at == old)
    }
}

fn unreachable() -> SourceError {
    SourceError::Unreachable { url: URL.into(), detail: "connection refused".into() }
}

fn blob_id(content: &[u8]) -> BlobId {
    BlobId::from_bytes(first_twenty(&Digest::of(content)))
}

fn first_twenty(digest: &Digest) -> [u8; 20] {
    let mut bytes = [0; 20];
    bytes.iter_mut().zip(digest.as_bytes()).for_each(|(to, from)| *to = *from);
    bytes
}

#[async_trait]
impl Source for SimRepository {
    async fn fetch(&self, known: Option<Revision>) -> Result<Fetched, SourceError> {
        self.before_read().await?;
        let inner = self.inner();
        let gone = || SourceError::BranchGone { url: URL.into(), branch: self.branch.clone() };
        let revision = inner.branches.get(&self.branch).copied().ok_or_else(gone)?;
        let rewritten = known.is_some_and(|known| !inner.is_ancestor(known, revision));
        Ok(Fetched { revision, rewritten })
    }

    async fn tree(&self, revision: Revision) -> Result<SourceTree, SourceError> {
        let inner = self.inner();
        let spec = |path: &RepoPath| path.as_str() == "fleet.yaml" || path.as_str().starts_with("tenants/");
        let size = |id: &BlobId| inner.blobs.get(id).map_or(0, |content| content.len() as u64);
        let entry = |blob: BlobId| Entry { blob, size: size(&blob), kind: EntryKind::File };
        let files = inner.files(revision)?.into_iter().filter(|(path, _)| spec(path));
        let entries = files.map(|(path, blob)| (path, entry(blob))).collect();
        Ok(SourceTree { revision: Some(revision), entries, unreadable_paths: Vec::new() })
    }

    async fn read(&self, blobs: &[BlobId], max_bytes: u64) -> Result<BTreeMap<BlobId, Vec<u8>>, SourceError> {
        let inner = self.inner();
        let mut read = BTreeMap::new();
        for id in blobs {
            let missing = || SourceError::Missing { what: format!("blob {id}") };
            let content = inner.blobs.get(id).ok_or_else(missing)?;
            if content.len() as u64 > max_bytes {
                return Err(SourceError::TooLarge { what: format!("blob {id}"), limit: max_bytes });
            }
            read.insert(*id, content.clone());
        }
        Ok(read)
    }
}

#[async_trait]
impl StatusSink for SimRepository {
    async fn tip(&self) -> Result<Option<Revision>, SourceError> {
        self.before_read().await?;
        Ok(self.inner().branches.get(&self.status_branch).copied())
    }

    async fn read(&self, tip: Revision, paths: &[RepoPath]) -> Result<BTreeMap<RepoPath, Vec<u8>>, SourceError> {
        let inner = self.inner();
        let mut files = inner.files(tip)?;
        files.retain(|path, _| paths.contains(path));
        Ok(inner.contents(&files))
    }

    async fn read_below(
        &self,
        tip: Revision,
        folder: &RepoPath,
        ending: &str,
    ) -> Result<BTreeMap<RepoPath, Vec<u8>>, SourceError> {
        let inner = self.inner();
        let mut files = inner.files(tip)?;
        let prefix = format!("{folder}/");
        files.retain(|path, _| path.as_str().starts_with(&prefix) && path.as_str().ends_with(ending));
        Ok(inner.contents(&files))
    }

    async fn publish(
        &self,
        parent: Option<Revision>,
        documents: &Documents,
        message: &str,
        at: Timestamp,
    ) -> Result<Published, SourceError> {
        if self.faults.is_crashed() {
            std::future::pending::<()>().await;
        }
        let push = || self.push(parent, documents, (message, at));
        match self.faults.effect(Effect::Publish, message) {
            // After a lost answer the remote branch is read, and shows the push.
            None | Some(Fault::LostAnswer) => Ok(push()),
            Some(Fault::CrashBefore) => {
                self.faults.crash().await;
                Err(unreachable())
            }
            Some(Fault::CrashAfter) => {
                drop(push());
                self.faults.crash().await;
                Err(unreachable())
            }
            Some(Fault::Conflict) => {
                if let Ok(path) = RepoPath::parse("another-writer") {
                    self.commit_status(&BTreeMap::from([(path, Some(message.as_bytes().to_vec()))]), "another writer");
                }
                Ok(push())
            }
            Some(Fault::Refused) => Ok(Published::Refused { detail: "pre-receive hook declined".into() }),
            Some(Fault::Busy(pause) | Fault::Slow(pause)) => {
                tokio::time::sleep(pause.min(Duration::from_hours(1))).await;
                Ok(push())
            }
            Some(Fault::LostRequest | Fault::Unavailable | Fault::Unreachable) => Err(unreachable()),
        }
    }
}
