//! A bare repository on disk, and somebody who commits to it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use git2::{Oid, Repository, Signature, Time};
use heddle::adapters::git::GitRepository;
use heddle::adapters::git::settings::{Limits, Settings};
use heddle::model::revision::{RepoPath, Revision};
use tempfile::TempDir;

pub(crate) const SPECS: &str = "refs/heads/main";
pub(crate) const STATUS: &str = "refs/heads/heddle/status";

/// A remote and a state folder of heddle.
pub(crate) struct World {
    pub remote: Repository,
    folder: TempDir,
}

/// One entry of a commit.
pub(crate) enum Put<'a> {
    File(&'a [u8]),
    Link(&'a str),
    Submodule,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let remote = Repository::init_bare(folder.path().join("fleet.git")).unwrap();
        Self { remote, folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn local_copy(&self) -> PathBuf {
        self.path().join("state/repository.git")
    }

    pub(crate) fn settings(&self, state: &str) -> Settings {
        let url = self.remote.path().to_str().unwrap();
        Settings::new(url, "main", "heddle/status", &self.path().join(state)).unwrap()
    }

    pub(crate) fn heddle(&self) -> GitRepository {
        GitRepository::start(self.settings("state")).unwrap()
    }

    pub(crate) fn heddle_with(&self, limits: Limits) -> GitRepository {
        GitRepository::start(self.settings("state").with_limits(limits)).unwrap()
    }

    /// Commits a whole tree on a branch, on top of `parent`.
    pub(crate) fn commit(&self, branch: &str, parent: Option<Revision>, files: &[(&[u8], Put<'_>)]) -> Revision {
        let tree = self.tree(files, b"");
        let tree = self.remote.find_tree(tree).unwrap();
        let who = Signature::new("somebody", "somebody@localhost", &Time::new(1_000_000_000, 0)).unwrap();
        let parent = parent.map(|id| self.remote.find_commit(Oid::from_bytes(id.as_bytes()).unwrap()).unwrap());
        let parents: Vec<_> = parent.iter().collect();
        let id = self.remote.commit(None, &who, &who, "change", &tree, &parents).unwrap();
        self.remote.reference(branch, id, true, "").unwrap();
        revision(id)
    }

    /// Commits text files.
    pub(crate) fn texts(&self, branch: &str, parent: Option<Revision>, files: &[(&str, &str)]) -> Revision {
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_bytes(), Put::File(text.as_bytes()))).collect();
        self.commit(branch, parent, &files)
    }

    fn tree(&self, files: &[(&[u8], Put<'_>)], below: &[u8]) -> Oid {
        let mut builder = self.remote.treebuilder(None).unwrap();
        let mut folders = std::collections::BTreeSet::new();
        for (path, put) in files {
            let Some(rest) = path.strip_prefix(below) else { continue };
            if let Some(slash) = rest.iter().position(|b| *b == b'/') {
                folders.insert(rest[..slash].to_vec());
                continue;
            }
            let (id, mode) = match put {
                Put::File(bytes) => (self.remote.blob(bytes).unwrap(), 0o100_644),
                Put::Link(target) => (self.remote.blob(target.as_bytes()).unwrap(), 0o120_000),
                Put::Submodule => (Oid::from_bytes(&[7; 20]).unwrap(), 0o160_000),
            };
            builder.insert(rest, id, mode).unwrap();
        }
        for folder in folders {
            let below = [below, &folder, b"/"].concat();
            builder.insert(&folder, self.tree(files, &below), 0o040_000).unwrap();
        }
        builder.write().unwrap()
    }

    pub(crate) fn tip(&self, branch: &str) -> Option<Revision> {
        self.remote.refname_to_id(branch).ok().map(revision)
    }

    /// Commits on a branch.
    pub(crate) fn history(&self, branch: &str) -> usize {
        let mut walk = self.remote.revwalk().unwrap();
        walk.push_ref(branch).unwrap();
        walk.count()
    }
}

pub(crate) fn revision(id: Oid) -> Revision {
    Revision::parse(&id.to_string()).unwrap()
}

pub(crate) fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

/// Runs one test's future.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A text of some megabytes that does not get smaller by packing.
pub(crate) fn noise() -> String {
    let mut text = String::new();
    for n in 0..200_000_u64 {
        write!(text, "{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).unwrap();
    }
    text
}
