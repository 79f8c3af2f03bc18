//! Problems that a person can fix: where, what, a stable code and a hint.
//!
//! Input: the findings of every pure stage. Output: [`Diagnostic`] values, collected (never only the first) and
//! sortable. It prints nothing (see `app::cli`). Invariants: a code is never reused for another meaning, and a
//! message never contains a value that looks secret.

use std::fmt;

use super::revision::RepoPath;

/// A stable number: `1xxx` source, `2xxx` syntax and schema, `3xxx` cross-reference, `4xxx` plan refusals,
/// `5xxx` observe and apply.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HDL{:04}", self.0)
    }
}
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document cannot be used.
    Error,
    /// It can be used, but a person should look.
    Warning,
}

/// A place in a file; line and column count from 1, the column in characters, the offset in bytes from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Byte offset, from 0.
    #[serde(skip)]
    pub offset: u32,
}

/// A stretch of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Span {
    /// The first character.
    pub start: Position,
    /// Just past the last one.
    pub end: Position,
}

/// Another place that belongs to the problem, such as the first of two equal names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Related {
    /// The file.
    pub file: RepoPath,
    /// The place in it.
    pub span: Option<Span>,
    /// What is there.
    pub message: String,
}

/// One problem. Sorted by file, place and code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Diagnostic {
    /// The file; none when the problem is not in a file.
    pub file: Option<RepoPath>,
    /// The place; none when the whole file is meant.
    pub span: Option<Span>,
    /// Its stable code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// The place as a JSON pointer (RFC 6901); empty for the document.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pointer: String,
    /// What is wrong, in one sentence without a final full stop.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Other places that belong to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
}

impl Diagnostic {
    /// An error that is not yet tied to a place.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            file: None,
            span: None,
            code,
            severity: Severity::Error,
            pointer: String::new(),
            message: message.into(),
            hint: None,
            related: Vec::new(),
        }
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// With its file.
    #[must_use]
    pub fn in_file(mut self, file: &RepoPath) -> Self {
        self.file = Some(file.clone());
        self
    }

    /// With its place.
    #[must_use]
    pub fn at(mut self, span: Option<Span>, pointer: impl Into<String>) -> Self {
        self.span = span;
        self.pointer = pointer.into();
        self
    }

    /// With what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With another place.
    #[must_use]
    pub fn related(mut self, file: &RepoPath, span: Option<Span>, message: impl Into<String>) -> Self {
        self.related.push(Related { file: file.clone(), span, message: message.into() });
        self
    }
}

/// One line: `tenants/acme/tenant.yaml:3:7: error[HDL2003]: …`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
            if let Some(span) = &self.span {
                write!(f, "{}:{}:", span.start.line, span.start.column)?;
            }
            write!(f, " ")?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}[{}]: {}", self.code, self.message)
    }
}
