//! The source repository and the status branch over libgit2.
//!
//! Input: [`Settings`]. Output: [`Source`] and [`StatusSink`]. It parses no spec and decides nothing. Invariants: one
//! thread owns the local copy and does every call in turn (libgit2 blocks, and its handles must not be shared); the
//! local copy is a cache that is rebuilt whenever it is missing or damaged; nothing is ever checked out; every call
//! ends by the limits of the settings, also when libgit2 does not.
//!
//! Limits of libgit2 that stay: it follows a redirect within the same host name (not to another one), and with it go
//! the credentials; it reads a server's list of references whole, however long; a folder remote runs no hooks.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::oneshot;

use self::local_copy::LocalCopy;
use self::settings::Settings;
use self::worker::{Job, Worker};
use crate::model::revision::{BlobId, RepoPath, Revision};
use crate::ports::source::{Fetched, Source, SourceError, SourceTree};
use crate::ports::status_sink::{Documents, Published, StatusSink};

mod credentials;
mod documents;
mod fault;
mod known_hosts;
mod left_lock;
mod library;
mod listing;
mod local_copy;
mod push;
mod remote;
pub mod remote_url;
pub mod settings;
pub mod wake;
mod worker;

/// One repository: its tracked branch and its status branch.
#[derive(Debug, Clone)]
pub struct GitRepository {
    settings: Arc<Settings>,
    worker: Arc<Worker>,
}

impl GitRepository {
    /// Starts the repository's thread. Nothing is read and nobody is asked yet. The thread ends with the last copy of
    /// this value.
    pub fn start(settings: Settings) -> Result<Self, SourceError> {
        library::prepare(&settings).map_err(|error| fault::local(&settings, &error))?;
        let settings = Arc::new(settings);
        let worker = Arc::new(Worker::start(Arc::clone(&settings))?);
        Ok(Self { settings, worker })
    }

    /// The settings that it was started with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    async fn call<T, F>(&self, job: F) -> Result<T, SourceError>
    where
        T: Send + 'static,
        F: FnOnce(&mut LocalCopy) -> Result<T, SourceError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |copy| {
            // Work for a caller that gave up would only delay the others.
            if !answer.is_closed() {
                let _caller_gone = answer.send(job(copy));
            }
        });
        let gone =
            || fault::local_text(&self.settings, "the thread of the repository stopped in the middle".to_owned());
        if !self.worker.push(job) {
            return Err(gone());
        }
        let patience = self.settings.limits().call_time;
        if let Ok(answer) = tokio::time::timeout(patience, answered).await {
            return answer.map_err(|_| gone())?;
        }
        // A call that only waited for its turn is no reason to leave the one before it.
        self.worker.leave_stuck(patience / 2)?;
        Err(fault::unreachable(&self.settings, "the call did not end in time".to_owned()))
    }
}

#[async_trait]
impl Source for GitRepository {
    async fn fetch(&self, known: Option<Revision>) -> Result<Fetched, SourceError> {
        self.call(move |copy| copy.fetch(known)).await
    }

    async fn tree(&self, revision: Revision) -> Result<SourceTree, SourceError> {
        self.call(move |copy| copy.tree(revision)).await
    }

    async fn read(&self, blobs: &[BlobId], max_bytes: u64) -> Result<BTreeMap<BlobId, Vec<u8>>, SourceError> {
        let blobs = blobs.to_vec();
        self.call(move |copy| copy.blobs(&blobs, max_bytes)).await
    }
}

#[async_trait]
impl StatusSink for GitRepository {
    async fn tip(&self) -> Result<Option<Revision>, SourceError> {
        self.call(LocalCopy::status_tip).await
    }

    async fn read(&self, tip: Revision, paths: &[RepoPath]) -> Result<BTreeMap<RepoPath, Vec<u8>>, SourceError> {
        let paths = paths.to_vec();
        self.call(move |copy| copy.documents(tip, &paths)).await
    }

    async fn read_below(
        &self,
        tip: Revision,
        folder: &RepoPath,
        ending: &str,
    ) -> Result<BTreeMap<RepoPath, Vec<u8>>, SourceError> {
        let (folder, ending) = (folder.clone(), ending.to_owned());
        self.call(move |copy| copy.documents_below(tip, &folder, &ending)).await
    }

    async fn publish(
        &self,
        parent: Option<Revision>,
        documents: &Documents,
        message: &str,
        at: Timestamp,
    ) -> Result<Published, SourceError> {
        let (documents, message) = (documents.clone(), message.to_owned());
        self.call(move |copy| copy.publish(parent, &documents, &message, at)).await
    }
}
