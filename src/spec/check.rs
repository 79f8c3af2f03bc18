//! The rules between documents.
//!
//! stub

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fleet::Fleet;
use super::parse::ParsedFile;
use crate::model::diagnostic::Diagnostic;
use crate::model::revision::RepoPath;
use crate::model::unit::UnitId;

/// What one revision says.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The valid documents, with every reference resolved; none when `fleet.yaml` cannot be used.
    pub fleet: Option<Arc<Fleet>>,
    /// All problems, sorted.
    pub diagnostics: Vec<Diagnostic>,
    /// Units that cannot be used in this revision, and why: their own problems, or a unit that they build on.
    pub invalid: BTreeMap<UnitId, Vec<Diagnostic>>,
}

/// Checks the rules between documents.
pub fn check(_files: &BTreeMap<RepoPath, Arc<ParsedFile>>) -> Checked {
    Checked { fleet: None, diagnostics: Vec::new(), invalid: BTreeMap::new() }
}
