//! The spec files of a revision, folder by folder.
//!
//! Input: a tree in the object store. Output: [`SourceTree`]. It reads no content. Invariants: a folder that was listed
//! once is not read again while it is part of the newest revision, so a commit costs what it changed; files and folders
//! are counted before they are kept; what is no plain file keeps its kind and is never followed.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use git2::{ErrorCode, ObjectType, Odb, Oid, Repository};

use super::fault::{self, Fault};
use super::settings::Settings;
use crate::model::revision::{BlobId, RepoPath, Revision};
use crate::ports::source::{Entry, EntryKind, SourceError, SourceTree};

/// The only places where specs are.
const SPEC_ROOTS: [&str; 2] = ["fleet.yaml", "tenants"];
const DEPTH_MAX: usize = 32;
const MODE_FOLDER: i32 = 0o040_000;
const MODE_SYMLINK: i32 = 0o120_000;
const MODE_SUBMODULE: i32 = 0o160_000;

#[derive(Debug)]
enum Child {
    Leaf(Entry),
    Folder(Oid),
    Unreadable,
}

#[derive(Debug)]
struct Listing {
    children: Vec<(Box<str>, Child)>,
}

/// Folders that were listed, by the id of their tree.
#[derive(Debug, Default)]
pub(super) struct Listings {
    old: BTreeMap<Oid, Arc<Listing>>,
    new: BTreeMap<Oid, Arc<Listing>>,
}

struct Walk<'a> {
    repository: &'a Repository,
    odb: Odb<'a>,
    settings: &'a Settings,
    listings: &'a mut Listings,
    visited: u64,
    tree: SourceTree,
}

impl Listings {
    /// Lists a revision.
    pub(super) fn of_revision(
        &mut self,
        repository: &Repository,
        settings: &Settings,
        revision: Revision,
    ) -> Result<SourceTree, Fault> {
        let damaged = |error| fault::of_objects(settings, error);
        let id = Oid::from_bytes(revision.as_bytes()).map_err(damaged)?;
        let root = repository.find_commit(id).and_then(|commit| commit.tree()).map_err(damaged)?;
        self.old = mem::take(&mut self.new);
        let tree = SourceTree { revision: Some(revision), entries: BTreeMap::new(), unreadable_paths: Vec::new() };
        let odb = repository.odb().map_err(damaged)?;
        let walk = Walk { repository, odb, settings, listings: self, visited: 0, tree };
        let tree = walk.run(&root)?;
        self.old.clear();
        Ok(tree)
    }
}

impl Walk<'_> {
    fn run(mut self, root: &git2::Tree<'_>) -> Result<SourceTree, Fault> {
        for name in SPEC_ROOTS {
            if let Some(entry) = root.get_name(name) {
                let child = self.child(entry.id(), entry.filemode())?;
                self.add(name.to_owned(), &child, 0)?;
            }
        }
        Ok(self.tree)
    }

    fn child(&self, id: Oid, mode: i32) -> Result<Child, Fault> {
        let kind = match mode {
            MODE_FOLDER => return Ok(Child::Folder(id)),
            MODE_SYMLINK => EntryKind::Symlink,
            MODE_SUBMODULE => EntryKind::Submodule,
            _ => EntryKind::File,
        };
        let size = match kind {
            // The commit of a submodule is not in this store.
            EntryKind::Submodule => 0,
            EntryKind::File | EntryKind::Symlink => {
                let (size, _) = self.odb.read_header(id).map_err(|error| fault::of_objects(self.settings, error))?;
                u64::try_from(size).unwrap_or(u64::MAX)
            }
        };
        Ok(Child::Leaf(Entry { blob: blob_id(id), size, kind }))
    }

    fn listing(&mut self, id: Oid) -> Result<Arc<Listing>, Fault> {
        let known = self.listings.new.get(&id).or_else(|| self.listings.old.get(&id)).cloned();
        let listing = if let Some(known) = known {
            known
        } else {
            let tree = self.repository.find_tree(id).map_err(|error| fault::of_objects(self.settings, error))?;
            self.bound(u64::try_from(tree.len()).unwrap_or(u64::MAX))?;
            let child = |entry: git2::TreeEntry<'_>| match std::str::from_utf8(entry.name_bytes()) {
                Ok(name) if !name.chars().any(char::is_control) => {
                    Ok((name.into(), self.child(entry.id(), entry.filemode())?))
                }
                _ => Ok((printable(entry.name_bytes()).into(), Child::Unreadable)),
            };
            Arc::new(Listing { children: tree.iter().map(child).collect::<Result<_, Fault>>()? })
        };
        self.listings.new.insert(id, Arc::clone(&listing));
        Ok(listing)
    }

    fn add(&mut self, path: String, child: &Child, depth: usize) -> Result<(), Fault> {
        self.visited += 1;
        self.bound(0)?;
        match child {
            Child::Leaf(entry) => match RepoPath::parse(&path) {
                Ok(path) => {
                    self.tree.entries.insert(path, *entry);
                }
                Err(_) => self.tree.unreadable_paths.push(path),
            },
            Child::Folder(_) if depth >= DEPTH_MAX => self.tree.unreadable_paths.push(path),
            Child::Folder(id) => {
                let listing = self.listing(*id)?;
                for (name, child) in &listing.children {
                    self.add(format!("{path}/{name}"), child, depth + 1)?;
                }
            }
            Child::Unreadable => self.tree.unreadable_paths.push(path),
        }
        Ok(())
    }

    /// Folders count too: a small object store can spell a tree of millions of empty ones.
    fn bound(&self, more: u64) -> Result<(), Fault> {
        let limit = self.settings.limits().files;
        if self.visited.saturating_add(more) > limit.saturating_mul(2).saturating_add(DEPTH_MAX as u64)
            || self.files() > limit
            || more > limit
        {
            return Err(SourceError::TooMany { limit }.into());
        }
        Ok(())
    }

    fn files(&self) -> u64 {
        u64::try_from(self.tree.entries.len() + self.tree.unreadable_paths.len()).unwrap_or(u64::MAX)
    }
}

/// The bytes of blobs, none over `max_bytes`, all together within the settings' bound.
pub(super) fn read_blobs(
    repository: &Repository,
    settings: &Settings,
    blobs: &[BlobId],
    max_bytes: u64,
) -> Result<BTreeMap<BlobId, Vec<u8>>, Fault> {
    let damaged = |error| fault::of_objects(settings, error);
    let odb = repository.odb().map_err(damaged)?;
    let mut contents = BTreeMap::new();
    let mut total = 0_u64;
    for blob in blobs {
        let id = Oid::from_bytes(blob.as_bytes()).map_err(damaged)?;
        let (size, kind) = odb.read_header(id).map_err(damaged)?;
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        total = total.saturating_add(size);
        if size > max_bytes {
            return Err(SourceError::TooLarge { what: format!("the file with the id {blob}"), limit: max_bytes }.into());
        }
        if total > settings.limits().read_bytes {
            let limit = settings.limits().read_bytes;
            return Err(SourceError::TooLarge { what: "what is read at once".to_owned(), limit }.into());
        }
        if kind != ObjectType::Blob {
            return Err(SourceError::Missing { what: format!("the file with the id {blob}") }.into());
        }
        contents.insert(*blob, odb.read(id).map_err(damaged)?.data().to_vec());
    }
    Ok(contents)
}

/// Whether an error says that an object is not here.
pub(super) fn is_missing(error: &git2::Error) -> bool {
    error.code() == ErrorCode::NotFound
}

pub(super) fn blob_id(id: Oid) -> BlobId {
    BlobId::from_bytes(raw(id))
}

pub(super) fn revision(id: Oid) -> Revision {
    Revision::from_bytes(raw(id))
}

fn raw(id: Oid) -> [u8; 20] {
    // Only SHA-1 repositories can be opened, so the id has twenty bytes.
    id.as_bytes().try_into().unwrap_or_default()
}

/// A name for people, whatever its bytes are.
fn printable(name: &[u8]) -> String {
    name.escape_ascii().to_string()
}
