//! What one revision of the source says.
//!
//! Input: a [`Source`] and a revision. Output: an [`Evaluation`]. It renders nothing. Invariants: a file is parsed once
//! for each (path, content); a file that cannot be read is a problem of its unit, never of the others; what is hidden
//! (content that was not delivered, a folder that is a link) never reads as gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::diagnostic::Diagnostic;
use crate::model::revision::{BlobId, RepoPath, Revision};
use crate::model::unit::UnitId;
use crate::ports::source::{EntryKind, Source, SourceError, SourceTree};
use crate::spec::check::{self, Checked};
use crate::spec::fleet::Fleet;
use crate::spec::parse::{self, Limits, ParsedFile, Unread};

/// What one revision, or a folder, says.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The revision; none for a folder.
    pub revision: Option<Revision>,
    checked: Checked,
    /// Links and submodules in the place of folders, each with its problem.
    hidden: BTreeMap<RepoPath, Vec<Diagnostic>>,
}

impl Evaluation {
    /// The valid documents; none when `fleet.yaml` cannot be used.
    pub fn fleet(&self) -> Option<&Arc<Fleet>> {
        self.checked.fleet.as_ref()
    }

    /// All problems, sorted.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.checked.diagnostics
    }

    /// Units that cannot be used in this revision.
    pub fn invalid_units(&self) -> impl Iterator<Item = &UnitId> {
        self.checked.invalid.keys()
    }

    /// Whether this revision may speak for the unit.
    pub fn is_valid(&self, unit: &UnitId) -> bool {
        self.checked.fleet.is_some() && !self.checked.invalid.contains_key(unit) && self.hiding(unit).is_none()
    }

    /// The problem of the folder that hides the unit's document, if one does.
    fn hiding(&self, unit: &UnitId) -> Option<&Vec<Diagnostic>> {
        if self.hidden.is_empty() {
            return None;
        }
        let file = parse::declared_at(unit);
        let below = |folder: &RepoPath| file.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'));
        self.hidden.iter().find(|(folder, _)| below(folder)).map(|(_, problems)| problems)
    }

    /// What keeps the unit from being used; for every unit the fleet's own problems when there is no fleet.
    pub fn diagnostics_of(&self, unit: &UnitId) -> Vec<Diagnostic> {
        match (self.checked.invalid.get(unit), &self.checked.fleet) {
            (Some(own), _) => own.clone(),
            (None, None) => self.checked.invalid.get(&UnitId::Fleet).cloned().unwrap_or_default(),
            (None, Some(_)) => self.hiding(unit).cloned().unwrap_or_default(),
        }
    }
}

type Cached = (Option<BlobId>, Arc<ParsedFile>);

/// Evaluates revisions and remembers parsed files.
#[derive(Debug, Default)]
pub struct Evaluator {
    limits: Limits,
    parsed: BTreeMap<RepoPath, Cached>,
}

impl Evaluator {
    /// Nothing parsed yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, parsed: BTreeMap::new() }
    }

    /// Evaluates a revision; reads only files that changed since the last one.
    pub async fn evaluate(&mut self, source: &dyn Source, revision: Revision) -> Result<Evaluation, SourceError> {
        let tree = source.tree(revision).await?;
        let wanted: BTreeSet<BlobId> = self.missing(&tree).collect();
        let wanted: Vec<BlobId> = wanted.into_iter().collect();
        let blobs = self.read(source, &wanted).await?;
        Ok(self.evaluate_tree(&tree, &blobs))
    }

    /// Evaluates a tree whose missing blobs are given.
    pub fn evaluate_tree(&mut self, tree: &SourceTree, blobs: &BTreeMap<BlobId, Vec<u8>>) -> Evaluation {
        let mut files = BTreeMap::new();
        let mut hidden = BTreeMap::new();
        for (path, entry) in &tree.entries {
            if !parse::is_spec_path(path) {
                continue;
            }
            let unreadable = match entry.kind {
                EntryKind::Symlink => Some(Unread::Symlink),
                EntryKind::Submodule => Some(Unread::Submodule),
                EntryKind::File if entry.size > self.limits.bytes => Some(Unread::TooLarge(entry.size)),
                EntryKind::File => None,
            };
            let unread = |why| (None, Arc::new(parse::unread(path, why, self.limits)));
            let file = match (unreadable, blobs.get(&entry.blob), self.parsed.get(path)) {
                (Some(why), _, _) => unread(why),
                (None, _, Some((Some(blob), file))) if *blob == entry.blob => (Some(*blob), file.clone()),
                (None, Some(bytes), _) => (Some(entry.blob), Arc::new(parse::parse(path, bytes, self.limits))),
                // Without its id, so that the next evaluation asks for it again.
                (None, None, _) => unread(Unread::NotDelivered),
            };
            if unreadable.is_some() && parse::hides_documents(path) {
                hidden.insert(path.clone(), file.1.diagnostics.clone());
            }
            files.insert(path.clone(), file);
        }
        self.parsed = files;
        let files = self.parsed.iter().map(|(path, (_, file))| (path.clone(), file.clone())).collect();
        let mut checked = check::check(&files);
        if !tree.unreadable_paths.is_empty() {
            checked.diagnostics.extend(tree.unreadable_paths.iter().map(|path| parse::unreadable_path(path)));
            checked.diagnostics.sort();
            checked.diagnostics.dedup();
        }
        Evaluation { revision: tree.revision, checked, hidden }
    }

    /// The bytes of blobs. One that is too large or not there leaves the others readable: it is not among the answers.
    async fn read(&self, source: &dyn Source, wanted: &[BlobId]) -> Result<BTreeMap<BlobId, Vec<u8>>, SourceError> {
        if wanted.is_empty() {
            return Ok(BTreeMap::new());
        }
        let one_is_bad = |error: &SourceError| match error {
            SourceError::TooLarge { .. } | SourceError::Missing { .. } => true,
            SourceError::Unreachable { .. }
            | SourceError::Unauthenticated { .. }
            | SourceError::Untrusted { .. }
            | SourceError::BranchGone { .. }
            | SourceError::TooMany { .. }
            | SourceError::Local { .. } => false,
        };
        match source.read(wanted, self.limits.bytes).await {
            Err(error) if one_is_bad(&error) => {}
            answer => return answer,
        }
        let mut read = BTreeMap::new();
        for blob in wanted {
            match source.read(std::slice::from_ref(blob), self.limits.bytes).await {
                Ok(one) => read.extend(one),
                Err(error) if one_is_bad(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn missing<'a>(&'a self, tree: &'a SourceTree) -> impl Iterator<Item = BlobId> + 'a {
        tree.entries.iter().filter_map(|(path, entry)| {
            let wanted = parse::is_spec_path(path)
                && entry.kind == EntryKind::File
                && entry.size <= self.limits.bytes
                && self.parsed.get(path).is_none_or(|(blob, _)| *blob != Some(entry.blob));
            wanted.then_some(entry.blob)
        })
    }
}

#[cfg(test)]
mod tests;
