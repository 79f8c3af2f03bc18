//! The bare clone in the state folder: a cache.
//!
//! Input: calls of the two ports. Output: their answers. It talks to the remote through `remote` and `push` only.
//! Invariants: a copy that is missing or damaged is fetched anew, once for each call, and replaced only when the new
//! one is complete; a full disk is no damage; history is never cut (a full clone), so what is not here is no ancestor.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::{Oid, Repository, RepositoryInitOptions};
use jiff::Timestamp;

use super::fault::{self, Fault};
use super::listing::{self, Listings};
use super::settings::{BranchName, Settings};
use super::{documents, left_lock, push, remote};
use crate::model::revision::{BlobId, RepoPath, Revision};
use crate::ports::source::{Fetched, SourceError, SourceTree};
use crate::ports::status_sink::{Documents, Published};

/// Loose objects come from reports, packs from fetches; beyond this many files a fresh clone is cheaper than searching.
const FILES_MAX: usize = 20_000;
const PACKS_MAX: usize = 200;
/// How many calls go by from one count of the files to the next.
const COUNT_EVERY: u32 = 500;

/// The local copy, owned by one thread.
pub(super) struct LocalCopy {
    settings: Arc<Settings>,
    repository: Option<Repository>,
    listings: Listings,
    calls: u32,
}

impl LocalCopy {
    /// Nothing is opened yet.
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self { settings, repository: None, listings: Listings::default(), calls: 0 }
    }

    /// Forgets the open handles.
    pub(super) fn close(&mut self) {
        self.repository = None;
        self.listings = Listings::default();
    }

    /// The tip of the tracked branch.
    pub(super) fn fetch(&mut self, known: Option<Revision>) -> Result<Fetched, SourceError> {
        let settings = Arc::clone(&self.settings);
        let gone = || SourceError::BranchGone {
            url: settings.url().to_string(),
            branch: settings.branch().short().to_owned(),
        };
        let tip = self.update(&settings.branch().clone())?.ok_or_else(gone)?;
        let revision = listing::revision(tip);
        let rewritten = match known {
            Some(known) if known != revision => !self.repaired(|repository, _| {
                let known = Oid::from_bytes(known.as_bytes()).map_err(|error| fault::of_objects(&settings, error))?;
                if !repository.odb().is_ok_and(|odb| odb.exists(known)) {
                    return Ok(false);
                }
                repository.graph_descendant_of(tip, known).map_err(|error| fault::of_objects(&settings, error))
            })?,
            _ => false,
        };
        Ok(Fetched { revision, rewritten })
    }

    /// The tip of the status branch.
    pub(super) fn status_tip(&mut self) -> Result<Option<Revision>, SourceError> {
        let branch = self.settings.status_branch().clone();
        Ok(self.update(&branch)?.map(listing::revision))
    }

    /// The spec files of a revision.
    pub(super) fn tree(&mut self, revision: Revision) -> Result<SourceTree, SourceError> {
        let settings = Arc::clone(&self.settings);
        self.with_revision(revision, |repository, listings| listings.of_revision(repository, &settings, revision))
    }

    /// Some blobs.
    pub(super) fn blobs(&mut self, blobs: &[BlobId], max_bytes: u64) -> Result<BTreeMap<BlobId, Vec<u8>>, SourceError> {
        let settings = Arc::clone(&self.settings);
        self.repaired(|repository, _| listing::read_blobs(repository, &settings, blobs, max_bytes))
    }

    /// Documents by exact path.
    pub(super) fn documents(
        &mut self,
        tip: Revision,
        paths: &[RepoPath],
    ) -> Result<BTreeMap<RepoPath, Vec<u8>>, SourceError> {
        let settings = Arc::clone(&self.settings);
        self.with_revision(tip, |repository, _| documents::read(repository, &settings, tip, paths))
    }

    /// Documents below a folder.
    pub(super) fn documents_below(
        &mut self,
        tip: Revision,
        folder: &RepoPath,
        ending: &str,
    ) -> Result<BTreeMap<RepoPath, Vec<u8>>, SourceError> {
        let settings = Arc::clone(&self.settings);
        self.with_revision(tip, |repository, _| documents::read_below(repository, &settings, tip, (folder, ending)))
    }

    /// Writes documents on the status branch.
    pub(super) fn publish(
        &mut self,
        parent: Option<Revision>,
        documents: &Documents,
        message: &str,
        at: Timestamp,
    ) -> Result<Published, SourceError> {
        let settings = Arc::clone(&self.settings);
        let work = |repository: &Repository, _: &mut Listings| match documents::commit(
            repository,
            &settings,
            parent,
            documents,
            (message, at),
        )? {
            documents::Built::Unchanged(parent) => Ok(Published::At(parent)),
            documents::Built::Commit(commit) => push::push(repository, &settings, parent, &commit),
        };
        // Done again in a new copy it is the same commit, so an answer that was lost in the old one is no race.
        match parent {
            Some(parent) => self.with_revision(parent, work),
            None => self.repaired(work),
        }
    }

    /// Asks for a branch and brings it here, in a new copy if this one is damaged.
    fn update(&mut self, branch: &BranchName) -> Result<Option<Oid>, SourceError> {
        let settings = Arc::clone(&self.settings);
        self.repaired(|repository, _| {
            let tip = remote::update(repository, &settings, branch)?;
            if let Some(tip) = tip {
                // A clone that lost its objects but kept its references shows here and not in the middle of a cycle.
                let commit = repository.find_commit(tip).map_err(|error| fault::of_objects(&settings, error))?;
                commit.tree().map_err(|error| fault::of_objects(&settings, error))?;
            }
            Ok(tip)
        })
    }

    /// Does something with a revision, which is fetched when it is not here.
    fn with_revision<T>(
        &mut self,
        revision: Revision,
        mut work: impl FnMut(&Repository, &mut Listings) -> Result<T, Fault>,
    ) -> Result<T, SourceError> {
        let settings = Arc::clone(&self.settings);
        let id = Oid::from_bytes(revision.as_bytes()).map_err(|error| fault::local(&settings, &error))?;
        let missing = || SourceError::Missing { what: format!("the revision {revision}") };
        self.repaired(|repository, listings| {
            if !repository.odb().is_ok_and(|odb| odb.exists(id)) {
                fetch_both(repository, &settings)?;
                if !repository.odb().is_ok_and(|odb| odb.exists(id)) {
                    return Err(missing().into());
                }
            }
            work(repository, listings)
        })
    }

    /// Does something with the copy; when the copy turns out to be damaged, once more with a new one.
    fn repaired<T>(
        &mut self,
        mut work: impl FnMut(&Repository, &mut Listings) -> Result<T, Fault>,
    ) -> Result<T, SourceError> {
        let settings = Arc::clone(&self.settings);
        let first = match self.open() {
            Ok(repository) => {
                let result = work(&repository, &mut self.listings);
                self.repository = Some(repository);
                result
            }
            Err(fault) => Err(fault),
        };
        match first {
            Ok(value) => return Ok(value),
            Err(Fault::Final(error)) => return Err(error),
            Err(Fault::Damaged(_)) => {}
        }
        let repository = self.rebuild()?;
        let second = work(&repository, &mut self.listings);
        self.repository = Some(repository);
        second.map_err(|fault| match fault {
            Fault::Final(error) => error,
            Fault::Damaged(error) if listing::is_missing(&error) => {
                SourceError::Missing { what: fault::mask(error.message(), None) }
            }
            Fault::Damaged(error) => fault::local(&settings, &error),
        })
    }

    /// The open copy; made when there is none.
    fn open(&mut self) -> Result<Repository, Fault> {
        let path = self.settings.local_copy();
        if !path.join("HEAD").exists() {
            self.close();
            let _left_overs = fs::remove_dir_all(&path);
            return create(&self.settings, &path).map_err(Fault::Final);
        }
        for branch in [self.settings.branch(), self.settings.status_branch()] {
            left_lock::remove(&path, &branch.reference());
        }
        let count_now = self.calls.is_multiple_of(COUNT_EVERY);
        self.calls = self.calls.wrapping_add(1);
        if count_now && crowded(&path)
            // Without the remote, the crowded copy goes on.
            && let Ok(fresh) = self.rebuild()
        {
            return Ok(fresh);
        }
        if let Some(repository) = self.repository.take() {
            return Ok(repository);
        }
        Repository::open_bare(&path).map_err(|error| fault::of_objects(&self.settings, error))
    }

    /// A new copy in the place of the old one, which stays until the new one is complete.
    fn rebuild(&mut self) -> Result<Repository, SourceError> {
        self.close();
        let settings = &self.settings;
        let path = settings.local_copy();
        let unfinished = path.with_extension("new");
        remove(settings, &unfinished)?;
        let repository = create(settings, &unfinished)?;
        fetch_both(&repository, settings).map_err(|fault| match fault {
            Fault::Final(error) => error,
            Fault::Damaged(error) => fault::of_remote(settings, None, &error),
        })?;
        drop(repository);
        remove(settings, &path)?;
        fs::rename(&unfinished, &path).map_err(|error| fault::local_text(settings, error.to_string()))?;
        Repository::open_bare(&path).map_err(|error| fault::local(settings, &error))
    }
}

fn create(settings: &Settings, path: &Path) -> Result<Repository, SourceError> {
    let mut options = RepositoryInitOptions::new();
    options.bare(true).mkpath(true).external_template(false);
    let made = Repository::init_opts(path, &options).and_then(|repository| {
        // Credentials must not follow a server's word to another server.
        repository.config()?.set_str("http.followRedirects", "false")?;
        Ok(repository)
    });
    made.map_err(|error| fault::local(settings, &error))
}

fn remove(settings: &Settings, folder: &Path) -> Result<(), SourceError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(fault::local_text(settings, error.to_string())),
        _ => Ok(()),
    }
}

fn fetch_both(repository: &Repository, settings: &Settings) -> Result<(), Fault> {
    for branch in [settings.branch(), settings.status_branch()] {
        remote::update(repository, settings, branch)?;
    }
    Ok(())
}

/// Whether the copy has so many files that a fresh clone is better. libgit2 never packs by itself.
fn crowded(path: &Path) -> bool {
    let entries = |folder: PathBuf| fs::read_dir(folder).map_or(0, Iterator::count);
    let packs = entries(path.join("objects/pack"));
    // Objects spread evenly over 256 folders, so a few of them tell about all.
    let some: usize = ["00", "3f", "80", "c0"].iter().map(|name| entries(path.join("objects").join(name))).sum();
    packs > PACKS_MAX * 2 || some * 64 > FILES_MAX
}
