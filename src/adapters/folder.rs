//! A folder of uncommitted specs.
//!
//! Input: a path on this machine. Output: the same tree as a commit of it would give, without a revision, and the bytes
//! of its files. It never writes. Invariants: the bounds of a repository hold here too; a symbolic link is reported and
//! not followed; only plain files are opened; ids are those that Git would give.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use git2::{ObjectType, Oid};

use crate::model::revision::{BlobId, RepoPath};
use crate::ports::source::{Entry, EntryKind, SourceError, SourceTree};

const DEPTH_MAX: usize = 32;

/// Bounds of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderLimits {
    /// The most files, counting folders and what cannot be read.
    pub files: u64,
    /// The largest file whose bytes are read. Larger ones are listed with their size.
    pub file_bytes: u64,
    /// The most bytes in all.
    pub total_bytes: u64,
}

impl Default for FolderLimits {
    fn default() -> Self {
        Self { files: 20_000, file_bytes: 1 << 20, total_bytes: 512 << 20 }
    }
}

struct Walk<'a> {
    limits: &'a FolderLimits,
    visited: u64,
    total: u64,
    tree: SourceTree,
    contents: BTreeMap<BlobId, Vec<u8>>,
}

/// Reads `fleet.yaml` and everything below `tenants/`. A file over the bound is in the tree and not among the bytes;
/// its id is then that of its first bytes up to the bound and one more, which no file within the bound can have.
pub fn read(folder: &Path, limits: &FolderLimits) -> Result<(SourceTree, BTreeMap<BlobId, Vec<u8>>), SourceError> {
    if !folder.is_dir() {
        return Err(local(folder, "it is not a folder"));
    }
    let tree = SourceTree { revision: None, entries: BTreeMap::new(), unreadable_paths: Vec::new() };
    let mut walk = Walk { limits, visited: 0, total: 0, tree, contents: BTreeMap::new() };
    for name in ["fleet.yaml", "tenants"] {
        let path = folder.join(name);
        if fs::symlink_metadata(&path).is_ok() {
            walk.add(&path, name, 0)?;
        }
    }
    Ok((walk.tree, walk.contents))
}

impl Walk<'_> {
    fn add(&mut self, path: &Path, name: &str, depth: usize) -> Result<(), SourceError> {
        self.visited += 1;
        if self.visited > self.limits.files {
            return Err(SourceError::TooMany { limit: self.limits.files });
        }
        let metadata = fs::symlink_metadata(path).map_err(|error| local(path, &error))?;
        if metadata.is_symlink() {
            let target = fs::read_link(path).map_err(|error| local(path, &error))?;
            let bytes = target.as_os_str().as_encoded_bytes().to_vec();
            self.insert(name, EntryKind::Symlink, &bytes, metadata.len())?;
        } else if metadata.is_dir() {
            if depth >= DEPTH_MAX {
                self.tree.unreadable_paths.push(name.to_owned());
                return Ok(());
            }
            self.folder(path, name, depth)?;
        } else if metadata.is_file() {
            let bytes = self.bytes(path)?;
            let size = metadata.len().max(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            if let Some(blob) = self.insert(name, EntryKind::File, &bytes, size)?
                && size <= self.limits.file_bytes
            {
                self.contents.insert(blob, bytes);
            }
        }
        // Pipes, sockets and devices are nothing that Git would keep.
        Ok(())
    }

    fn folder(&mut self, path: &Path, name: &str, depth: usize) -> Result<(), SourceError> {
        let mut children = Vec::new();
        for child in fs::read_dir(path).map_err(|error| local(path, &error))? {
            children.push(child.map_err(|error| local(path, &error))?.file_name());
            if u64::try_from(children.len()).unwrap_or(u64::MAX) > self.limits.files {
                return Err(SourceError::TooMany { limit: self.limits.files });
            }
        }
        children.sort();
        for child in children {
            match child.to_str() {
                Some(".git") => {}
                Some(text) if !text.chars().any(char::is_control) => {
                    self.add(&path.join(text), &format!("{name}/{text}"), depth + 1)?;
                }
                _ => {
                    let printable = child.as_encoded_bytes().escape_ascii();
                    self.tree.unreadable_paths.push(format!("{name}/{printable}"));
                }
            }
        }
        Ok(())
    }

    /// The bytes, up to one more than the bound.
    fn bytes(&self, path: &Path) -> Result<Vec<u8>, SourceError> {
        let file = File::open(path).map_err(|error| local(path, &error))?;
        let mut bytes = Vec::new();
        file.take(self.limits.file_bytes.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| local(path, &error))?;
        Ok(bytes)
    }

    fn insert(&mut self, name: &str, kind: EntryKind, bytes: &[u8], size: u64) -> Result<Option<BlobId>, SourceError> {
        self.total = self.total.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.total > self.limits.total_bytes {
            return Err(SourceError::TooLarge { what: "the folder".to_owned(), limit: self.limits.total_bytes });
        }
        let Ok(path) = RepoPath::parse(name) else {
            self.tree.unreadable_paths.push(name.escape_debug().to_string());
            return Ok(None);
        };
        let id = Oid::hash_object(ObjectType::Blob, bytes).map_err(|error| local(Path::new(name), &error.message()))?;
        let blob = BlobId::from_bytes(id.as_bytes().try_into().unwrap_or_default());
        self.tree.entries.insert(path, Entry { blob, size, kind });
        Ok(Some(blob))
    }
}

fn local(path: &Path, detail: &(impl std::fmt::Display + ?Sized)) -> SourceError {
    SourceError::Local { path: path.display().to_string(), detail: detail.to_string() }
}

#[cfg(test)]
mod tests;
