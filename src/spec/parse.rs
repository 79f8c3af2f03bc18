//! One file's bytes to one document.
//!
//! stub

use super::approval::Approval;
use crate::model::diagnostic::Diagnostic;
use crate::model::revision::RepoPath;
use crate::model::unit::UnitId;

/// Bounds on one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes.
    pub bytes: u64,
    /// Levels of nesting.
    pub depth: usize,
    /// Nodes.
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1024 * 1024, depth: 32, nodes: 50_000 }
    }
}

/// Why a file's bytes are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It is a symbolic link.
    Symlink,
    /// It is a submodule.
    Submodule,
    /// It has this many bytes, more than the bound.
    TooLarge(u64),
}

/// What one file says.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedFile {
    /// The file.
    pub path: RepoPath,
    /// The unit that the path declares, if it declares one.
    pub unit: Option<UnitId>,
    /// The document, when it is one.
    pub document: Option<Document>,
    /// Everything that is wrong with it.
    pub diagnostics: Vec<Diagnostic>,
}

/// A document with the references between documents still open.
#[derive(Debug, Clone, PartialEq)]
pub enum Document {
    /// stub
    Approval(Approval),
}

/// Whether heddle reads a path at all; others are ignored (`README.md`, `CODEOWNERS`).
pub fn is_spec_path(_path: &RepoPath) -> bool {
    false
}

/// Parses and validates one file.
pub fn parse(path: &RepoPath, _bytes: &[u8], _limits: Limits) -> ParsedFile {
    ParsedFile { path: path.clone(), unit: None, document: None, diagnostics: Vec::new() }
}

/// A file that could not be read.
pub fn unread(path: &RepoPath, _why: Unread, _limits: Limits) -> ParsedFile {
    ParsedFile { path: path.clone(), unit: None, document: None, diagnostics: Vec::new() }
}
