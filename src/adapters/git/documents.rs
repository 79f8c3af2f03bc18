//! Documents of the status branch as Git objects.
//!
//! Input: documents and the commit before. Output: a commit in the object store of the local copy, or what a commit
//! holds. It pushes nothing. Invariants: no worktree; folders that become empty vanish; equal documents make no commit;
//! what others have on the branch stays.

use std::collections::BTreeMap;
use std::path::Path;

use git2::{ErrorCode, ObjectType, Oid, Repository, Signature, Time, Tree};
use jiff::Timestamp;

use super::fault::{self, Fault};
use super::listing;
use super::settings::Settings;
use crate::model::revision::{RepoPath, Revision};
use crate::ports::source::SourceError;
use crate::ports::status_sink::Documents;

const MODE_FILE: i32 = 0o100_644;
const MODE_FOLDER: i32 = 0o040_000;
const DEPTH_MAX: usize = 32;

/// A commit with everything that it may need on the other side.
#[derive(Debug)]
pub(super) struct NewCommit {
    pub(super) id: Oid,
    /// All objects that were written for it, the commit last.
    pub(super) objects: Vec<Oid>,
}

/// What became of the documents.
#[derive(Debug)]
pub(super) enum Built {
    /// The parent has them already.
    Unchanged(Revision),
    /// They are in a commit.
    Commit(NewCommit),
}

/// Documents by path parts: a file, its removal, or a folder of them.
#[derive(Default)]
struct Edit<'a> {
    content: Option<&'a Option<Vec<u8>>>,
    below: BTreeMap<&'a str, Edit<'a>>,
}

/// Builds a commit of documents on `parent`.
pub(super) fn commit(
    repository: &Repository,
    settings: &Settings,
    parent: Option<Revision>,
    documents: &Documents,
    (message, at): (&str, Timestamp),
) -> Result<Built, Fault> {
    let damaged = |error| fault::of_objects(settings, error);
    let mut root = Edit::default();
    for (path, content) in documents {
        let mut edit = &mut root;
        for part in path.parts() {
            edit = edit.below.entry(part).or_default();
        }
        edit.content = Some(content);
    }
    let before = match parent {
        None => None,
        Some(parent) => {
            let id = Oid::from_bytes(parent.as_bytes()).map_err(damaged)?;
            Some(repository.find_commit(id).map_err(damaged)?)
        }
    };
    let old = before.as_ref().map(git2::Commit::tree).transpose().map_err(damaged)?;
    let mut objects = Vec::new();
    let tree = match write(repository, old.as_ref(), &root, &mut objects).map_err(damaged)? {
        Some(tree) => tree,
        // Git has a tree without entries, but only as the root.
        None => repository.treebuilder(None).and_then(|empty| empty.write()).map_err(damaged)?,
    };
    objects.push(tree);
    if let (Some(parent), Some(old)) = (parent, &old)
        && old.id() == tree
    {
        return Ok(Built::Unchanged(parent));
    }
    let author = settings.author();
    let who = Signature::new(&author.name, &author.email, &Time::new(at.as_second(), 0)).map_err(damaged)?;
    let tree = repository.find_tree(tree).map_err(damaged)?;
    let parents: Vec<&git2::Commit<'_>> = before.iter().collect();
    let id = repository.commit(None, &who, &who, message, &tree, &parents).map_err(damaged)?;
    objects.push(id);
    Ok(Built::Commit(NewCommit { id, objects }))
}

/// The tree after an edit; none when nothing is left in it.
fn write(
    repository: &Repository,
    old: Option<&Tree<'_>>,
    edit: &Edit<'_>,
    objects: &mut Vec<Oid>,
) -> Result<Option<Oid>, git2::Error> {
    let mut builder = repository.treebuilder(old)?;
    for (name, edit) in &edit.below {
        let entry = old.and_then(|old| old.get_name(name));
        let folder = match &entry {
            Some(entry) if entry.kind() == Some(ObjectType::Tree) => Some(repository.find_tree(entry.id())?),
            _ => None,
        };
        let after = match edit.content {
            Some(Some(bytes)) => Some((repository.blob(bytes)?, MODE_FILE)),
            // The removal of a file is none of a folder with the same name.
            Some(None) if edit.below.is_empty() && folder.is_some() => continue,
            Some(None) if edit.below.is_empty() => None,
            _ => {
                let written = write(repository, folder.as_ref(), edit, objects)?;
                if written.is_none() && entry.is_some() && folder.is_none() {
                    // Nothing below a file could be removed; the file stays.
                    continue;
                }
                written.map(|tree| (tree, MODE_FOLDER))
            }
        };
        match after {
            Some((id, mode)) => {
                objects.push(id);
                builder.insert(*name, id, mode)?;
            }
            None if entry.is_some() => builder.remove(*name)?,
            None => {}
        }
    }
    if builder.is_empty() { Ok(None) } else { builder.write().map(Some) }
}

fn root<'r>(repository: &'r Repository, settings: &Settings, tip: Revision) -> Result<Tree<'r>, Fault> {
    let id = Oid::from_bytes(tip.as_bytes());
    id.and_then(|id| repository.find_commit(id)?.tree()).map_err(|error| fault::of_objects(settings, error))
}

/// Documents by exact path; what is no file is left out.
pub(super) fn read(
    repository: &Repository,
    settings: &Settings,
    tip: Revision,
    paths: &[RepoPath],
) -> Result<BTreeMap<RepoPath, Vec<u8>>, Fault> {
    let root = root(repository, settings, tip)?;
    let mut reader = Reader { repository, settings, ending: "", visited: 0, total: 0, documents: BTreeMap::new() };
    for path in paths {
        match root.get_path(Path::new(path.as_str())) {
            Ok(entry) if entry.kind() == Some(ObjectType::Blob) => reader.add(path.clone(), entry.id())?,
            Ok(_) => {}
            Err(error) if error.code() == ErrorCode::NotFound && !broken(&error) => {}
            Err(error) => return Err(fault::of_objects(settings, error)),
        }
    }
    Ok(reader.documents)
}

/// Whether "not found" is about an object of the store and not about a name in a tree.
fn broken(error: &git2::Error) -> bool {
    error.class() == git2::ErrorClass::Odb
}

/// All documents below a folder.
pub(super) fn read_below(
    repository: &Repository,
    settings: &Settings,
    tip: Revision,
    (folder, ending): (&RepoPath, &str),
) -> Result<BTreeMap<RepoPath, Vec<u8>>, Fault> {
    let root = root(repository, settings, tip)?;
    let mut reader = Reader { repository, settings, ending, visited: 0, total: 0, documents: BTreeMap::new() };
    match root.get_path(Path::new(folder.as_str())) {
        Ok(entry) if entry.kind() == Some(ObjectType::Tree) => reader.walk(folder.as_str(), entry.id(), 0)?,
        Ok(_) => {}
        Err(error) if error.code() == ErrorCode::NotFound && !broken(&error) => {}
        Err(error) => return Err(fault::of_objects(settings, error)),
    }
    Ok(reader.documents)
}

struct Reader<'a> {
    repository: &'a Repository,
    settings: &'a Settings,
    ending: &'a str,
    visited: u64,
    total: u64,
    documents: BTreeMap<RepoPath, Vec<u8>>,
}

impl Reader<'_> {
    fn add(&mut self, path: RepoPath, id: Oid) -> Result<(), Fault> {
        let rest = self.settings.limits().read_bytes.saturating_sub(self.total);
        let blob = listing::blob_id(id);
        let mut read = listing::read_blobs(self.repository, self.settings, &[blob], rest)?;
        if let Some(bytes) = read.remove(&blob) {
            self.total = self.total.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            self.documents.insert(path, bytes);
        }
        Ok(())
    }

    fn walk(&mut self, path: &str, id: Oid, depth: usize) -> Result<(), Fault> {
        // Status documents are few and flat; a branch that is not heddle's is not walked to its end.
        let limit = self.settings.limits().files.saturating_mul(10);
        if depth > DEPTH_MAX || self.visited > limit {
            return Err(SourceError::TooMany { limit }.into());
        }
        let tree = self.repository.find_tree(id).map_err(|error| fault::of_objects(self.settings, error))?;
        for entry in &tree {
            self.visited += 1;
            let Ok(name) = entry.name() else { continue };
            let below = format!("{path}/{name}");
            match entry.kind() {
                Some(ObjectType::Tree) => self.walk(&below, entry.id(), depth + 1)?,
                Some(ObjectType::Blob) if below.ends_with(self.ending) => {
                    if let Ok(path) = RepoPath::parse(&below) {
                        self.add(path, entry.id())?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
