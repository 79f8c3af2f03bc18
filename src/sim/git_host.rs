//! A Git host and the people who push to it, as far as a repository on disk shows them.
//!
//! Input: files, an author, a message. Output: commits on a branch, and documents read back from any branch. Nothing is
//! checked out; a commit is written where a push would have put it. Invariants: a branch only moves forward; every call
//! reads the repository anew, so that nothing is answered from memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git2::{ErrorCode, Oid, Repository, Signature, Tree};
use thiserror::Error;

/// Why the repository did not do it.
#[derive(Debug, Error)]
#[error("the repository {path} cannot be used")]
pub struct GitHostError {
    path: PathBuf,
    #[source]
    source: git2::Error,
}

/// Somebody with a name on commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// Name.
    pub name: &'static str,
    /// Address.
    pub email: &'static str,
}

/// Files of a commit: their new text, or none to remove one.
pub type Files = BTreeMap<String, Option<String>>;

/// A bare repository that people push to.
#[derive(Debug, Clone)]
pub struct GitHost {
    path: PathBuf,
    branch: String,
}

impl GitHost {
    /// Makes an empty bare repository whose first branch is `branch`.
    pub fn create(path: &Path, branch: &str) -> Result<Self, GitHostError> {
        let host = Self { path: path.to_owned(), branch: branch.to_owned() };
        let mut options = git2::RepositoryInitOptions::new();
        options.bare(true).no_reinit(true).initial_head(branch);
        match Repository::init_opts(path, &options) {
            Ok(_) => Ok(host),
            Err(source) => Err(host.error(source)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Commits a change of some files on top of the branch; gives the commit's id.
    pub fn push(&self, person: Person, message: &str, files: &Files) -> Result<String, GitHostError> {
        self.try_push(person, message, files).map(|id| id.to_string()).map_err(|source| self.error(source))
    }

    /// A document on a branch as it is now; none when the branch or the document does not exist.
    pub fn read(&self, branch: &str, path: &str) -> Result<Option<String>, GitHostError> {
        match self.try_read(branch, path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(source) => Err(self.error(source)),
        }
    }

    fn try_push(&self, person: Person, message: &str, files: &Files) -> Result<Oid, git2::Error> {
        let repository = Repository::open_bare(&self.path)?;
        let reference = format!("refs/heads/{}", self.branch);
        let parent = match repository.find_reference(&reference) {
            Ok(found) => Some(found.peel_to_commit()?),
            Err(error) if error.code() == ErrorCode::NotFound => None,
            Err(error) => return Err(error),
        };
        let base = parent.as_ref().map(git2::Commit::tree).transpose()?;
        let tree = repository.find_tree(change(&repository, base.as_ref(), files)?)?;
        let who = Signature::now(person.name, person.email)?;
        let parents: Vec<_> = parent.iter().collect();
        repository.commit(Some(&reference), &who, &who, message, &tree, &parents)
    }

    fn try_read(&self, branch: &str, path: &str) -> Result<String, git2::Error> {
        let repository = Repository::open_bare(&self.path)?;
        let tree = repository.find_reference(&format!("refs/heads/{branch}"))?.peel_to_tree()?;
        let blob = tree.get_path(Path::new(path))?.to_object(&repository)?.peel_to_blob()?;
        Ok(String::from_utf8_lossy(blob.content()).into_owned())
    }

    fn error(&self, source: git2::Error) -> GitHostError {
        GitHostError { path: self.path.clone(), source }
    }
}

/// The tree `base` with the files put into it.
fn change(repository: &Repository, base: Option<&Tree<'_>>, files: &Files) -> Result<Oid, git2::Error> {
    let mut builder = repository.treebuilder(base)?;
    let mut folders: BTreeMap<&str, Files> = BTreeMap::new();
    for (path, text) in files {
        match (path.split_once('/'), text) {
            (Some((folder, rest)), _) => {
                folders.entry(folder).or_default().insert(rest.to_owned(), text.clone());
            }
            (None, Some(text)) => {
                builder.insert(path, repository.blob(text.as_bytes())?, 0o100_644)?;
            }
            (None, None) => builder.remove(path)?,
        }
    }
    for (name, files) in folders {
        let entry = base.and_then(|tree| tree.get_name(name));
        let below = entry.map(|entry| entry.to_object(repository)?.peel_to_tree()).transpose()?;
        let id = change(repository, below.as_ref(), &files)?;
        builder.insert(name, id, 0o040_000)?;
    }
    builder.write()
}
