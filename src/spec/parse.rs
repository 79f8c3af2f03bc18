//! One file's bytes to one document.
//!
//! Input: a path and the bytes at it. Output: [`ParsedFile`]. Order: YAML, secrets in clear, header, JSON Schema,
//! types. It looks at no other file. Invariants: the path decides kind, tenant and name; without an error diagnostic
//! there is a document; all problems of a stage are found at once; nothing secret is in any message.

use super::approval::Approval;
use super::convert::{self, Declared};
use super::fleet::FleetSettings;
use super::kind::{API_VERSION, Kind};
use super::network::Network;
use super::organization::Organization;
use super::place::{self, Place};
use super::places::Places;
use super::schema;
use super::secrets::{self, Finding};
use super::tenant::Tenant;
use super::violation::{self, Looked};
use super::{codes, violation::display};
use crate::model::diagnostic::{Code, Diagnostic, Severity, Span};
use crate::model::names::{RegionName, TenantName};
use crate::model::revision::RepoPath;
use crate::model::unit::UnitId;
use crate::yaml::tree::{self, Bounds, Defect, DefectKind, Node};

/// The most problems of one sort that are told about a file: enough to see what is wrong, and a bound on the work that
/// a hostile file can cause.
pub(super) const PROBLEMS_MAX: usize = 100;

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
    /// The source lists it and did not give its bytes.
    NotDelivered,
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
    /// Where its values stand, for problems between documents.
    pub places: Places,
}

/// A document with the references between documents still open.
#[derive(Debug, Clone, PartialEq)]
pub enum Document {
    /// What belongs to all tenants.
    Fleet(FleetSettings),
    /// A tenant's envelope, and its regions in the order of the file.
    Tenant(Tenant, Vec<RegionName>),
    /// An organization.
    Organization(Organization),
    /// A network.
    Network(Network),
    /// A consent.
    Approval(Approval),
}

/// Whether heddle reads a path at all; others are ignored (`README.md`, `CODEOWNERS`). Folders that hold documents
/// count too: a symbolic link or a submodule in their place would hide documents.
pub fn is_spec_path(path: &RepoPath) -> bool {
    place::of(path) != Place::Ignored
}

/// Parses and validates one file.
pub fn parse(path: &RepoPath, bytes: &[u8], limits: Limits) -> ParsedFile {
    let place = place::of(path);
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > limits.bytes {
        return unread(path, Unread::TooLarge(size), limits);
    }
    match place {
        Place::Document { kind, tenant, unit, name } => {
            let header = Header { kind, tenant, unit, name };
            parse_document(path, &header, bytes, limits)
        }
        Place::BadName(kind, error) => {
            let diagnostic = Diagnostic::error(codes::PATH_NAME, error.to_string())
                .hint(format!("rename it; the name of a {kind} comes from its path"));
            refused(path, None, vec![diagnostic])
        }
        Place::Misplaced(meant) => refused(path, None, vec![misplaced(meant.as_deref())]),
        Place::Folder => {
            let diagnostic = Diagnostic::error(codes::NO_FOLDER, "this is a file, but a folder belongs here").warning();
            refused(path, None, vec![diagnostic])
        }
        Place::Ignored => refused(path, None, Vec::new()),
    }
}

/// A file that could not be read.
pub fn unread(path: &RepoPath, why: Unread, limits: Limits) -> ParsedFile {
    let diagnostic = match why {
        Unread::Symlink => Diagnostic::error(codes::SYMLINK, "symbolic links are not followed")
            .hint("put the file itself here; a link could lead out of the tenant's folder"),
        Unread::Submodule => Diagnostic::error(codes::SUBMODULE, "submodules are not followed")
            .hint("put the files themselves here; a submodule has owners of its own"),
        Unread::TooLarge(size) => {
            let message = format!("the file has {size} bytes, the limit is {}", limits.bytes);
            Diagnostic::error(codes::TOO_LARGE, message).hint("split the document, or take out what does not belong")
        }
        Unread::NotDelivered => {
            let message = "the repository lists this file, but its content could not be had";
            Diagnostic::error(codes::NOT_DELIVERED, message).hint(
                "heddle asks again; if this stays, look for a damaged repository (`git fsck`) or commit the file anew",
            )
        }
    };
    let unit = match place::of(path) {
        Place::Document { unit, .. } => unit,
        Place::BadName(..) | Place::Folder | Place::Misplaced(_) | Place::Ignored => None,
    };
    refused(path, unit, vec![diagnostic])
}

/// What is said about a path that is no text, or that lies too deep to be read. No document can have it.
pub fn unreadable_path(printable: &str) -> Diagnostic {
    let shown: String = printable.chars().take(200).collect();
    let message = format!("`{shown}` is not read: its name is not plain text, or it lies too deep");
    Diagnostic::error(codes::UNREADABLE_PATH, message).warning().hint("rename it, or move it out of `tenants`")
}

/// Whether documents may lie below a path that is no folder: what is a folder for others is none here, so that they
/// are hidden and not gone.
pub fn hides_documents(path: &RepoPath) -> bool {
    place::of(path) == Place::Folder
}

/// The path at which a unit is declared.
pub fn declared_at(unit: &UnitId) -> String {
    match unit {
        UnitId::Fleet => "fleet.yaml".to_owned(),
        UnitId::Tenant(tenant) => format!("tenants/{tenant}/tenant.yaml"),
        UnitId::Organization(id) => format!("tenants/{}/organizations/{}.yaml", id.tenant, id.name),
        UnitId::Network(id) => format!("tenants/{}/networks/{}.yaml", id.tenant, id.name),
    }
}

fn misplaced(meant: Option<&str>) -> Diagnostic {
    match meant {
        Some(meant) => Diagnostic::error(codes::NEAR_MISS, "heddle does not read this file under this name")
            .hint(format!("did you mean `{meant}`?")),
        None => Diagnostic::error(codes::MISPLACED, "heddle reads no YAML file here").warning().hint(
            "documents are `tenants/<tenant>/tenant.yaml` and files in the tenant's `organizations`, `networks` and \
             `approvals`",
        ),
    }
}

fn refused(path: &RepoPath, unit: Option<UnitId>, diagnostics: Vec<Diagnostic>) -> ParsedFile {
    let diagnostics = diagnostics.into_iter().map(|diagnostic| diagnostic.in_file(path)).collect();
    ParsedFile { path: path.clone(), unit, document: None, diagnostics, places: Places::default() }
}

/// What the path says about the document.
struct Header {
    kind: Kind,
    tenant: Option<TenantName>,
    unit: Option<UnitId>,
    name: Option<String>,
}

fn parse_document(path: &RepoPath, header: &Header, bytes: &[u8], limits: Limits) -> ParsedFile {
    let text_findings = std::str::from_utf8(bytes).map(secrets::in_text).unwrap_or_default();
    let root = match tree::parse(bytes, Bounds { depth: limits.depth, nodes: limits.nodes }) {
        Ok(root) => root,
        Err(defects) => {
            let mut diagnostics: Vec<Diagnostic> = defects.iter().map(|defect| of_defect(path, defect)).collect();
            diagnostics.extend(text_findings.iter().map(of_finding));
            diagnostics.sort();
            return refused(path, header.unit.clone(), diagnostics);
        }
    };
    let mut findings = secrets::in_tree(&root);
    let fields: Vec<Span> = findings.iter().map(|finding| finding.span).collect();
    findings.extend(text_findings.into_iter().filter(|finding| !covered(&fields, finding)));
    findings.truncate(PROBLEMS_MAX);
    let mut diagnostics: Vec<Diagnostic> = findings.iter().map(of_finding).collect();
    let known = check_header(header, &root);
    let readable = known.is_empty();
    diagnostics.extend(known);
    let places = Places::of(&root);
    let mut document = None;
    if readable {
        diagnostics.extend(check_name(header, &root));
        let (schema, validator) = (schema::schema(header.kind), schema::validator(header.kind));
        let broken = Looked { schema, validator, root: &root, secret: &findings }.violations();
        // A file with a secret in it is refused anyway, and its values are not to be looked at any further.
        if broken.is_empty() && findings.is_empty() {
            let declared =
                Declared { file: path, kind: header.kind, tenant: header.tenant.as_ref(), unit: header.unit.as_ref() };
            let (converted, problems) = convert::convert(&declared, root.to_json(), &places);
            document = converted;
            diagnostics.extend(problems);
        }
        diagnostics.extend(broken);
    }
    let usable = diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
    let mut diagnostics: Vec<Diagnostic> = diagnostics.into_iter().map(|found| found.in_file(path)).collect();
    diagnostics.sort();
    ParsedFile {
        path: path.clone(),
        unit: header.unit.clone(),
        document: document.filter(|_| usable),
        diagnostics,
        places,
    }
}

/// Whether a finding in the text lies in a field that is already found.
fn covered(fields: &[Span], finding: &Finding) -> bool {
    // Fields come in the order of the file and never overlap.
    let before = fields.partition_point(|field| field.start <= finding.span.start);
    let field = before.checked_sub(1).and_then(|at| fields.get(at));
    field.is_some_and(|field| finding.span.start < field.end)
}

/// Whether the document is of the kind and version that belong here; nothing else is worth checking otherwise.
fn check_header(header: &Header, root: &Node) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    if let Some(node) = root.child("apiVersion")
        && let Some(shown) = display(node)
        && node.as_text() != Some(API_VERSION)
    {
        let message = format!("apiVersion `{shown}` is not supported by this version");
        let diagnostic = Diagnostic::error(codes::API_VERSION, message).at(Some(node.span), "/apiVersion");
        problems.push(diagnostic.hint(format!("write `apiVersion: {API_VERSION}`")));
    }
    if let Some(node) = root.child("kind")
        && let Some(shown) = display(node)
        && node.as_text() != Some(header.kind.as_str())
    {
        let wanted = header.kind;
        let exact = |kind: &Kind| node.as_text() == Some(kind.as_str());
        let known = Kind::ALL.iter().any(exact);
        let (code, message) = if known {
            (codes::WRONG_KIND, format!("a document of kind `{shown}` does not belong here"))
        } else {
            (codes::UNKNOWN_KIND, format!("kind `{shown}` is not supported by this version"))
        };
        let hint = format!("the path of this file wants `kind: {wanted}`");
        problems.push(Diagnostic::error(code, message).at(Some(node.span), "/kind").hint(hint));
    }
    problems
}

fn check_name(header: &Header, root: &Node) -> Option<Diagnostic> {
    let wanted = header.name.as_deref()?;
    let node = root.at(["metadata", "name"])?;
    let name = node.as_text()?;
    if name == wanted {
        return None;
    }
    let message = format!("the name `{}` differs from the path, which says `{wanted}`", secrets::shown(name));
    let diagnostic = Diagnostic::error(codes::NAME_MISMATCH, message).at(Some(node.span), "/metadata/name");
    Some(diagnostic.hint("make the two equal; the path decides what a document is"))
}

pub(super) fn of_finding(finding: &Finding) -> Diagnostic {
    Diagnostic::error(finding.code, finding.message.clone())
        .at(Some(finding.span), violation::pointer(&finding.path))
        .hint("remove it and make a new one: what was committed once is known; Secrets are put into the cluster, not here")
}

pub(super) fn of_defect(path: &RepoPath, defect: &Defect) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(code(defect.kind), defect.message.clone()).at(Some(defect.span), "");
    diagnostic.hint = defect.hint.map(str::to_owned);
    match defect.first {
        Some(first) => diagnostic.related(path, Some(first), "the first one"),
        None => diagnostic,
    }
}

fn code(kind: DefectKind) -> Code {
    match kind {
        DefectKind::Encoding => codes::ENCODING,
        DefectKind::Character => codes::CHARACTER,
        DefectKind::Syntax => codes::SYNTAX,
        DefectKind::Tab => codes::TAB,
        DefectKind::DuplicateKey => codes::DUPLICATE_KEY,
        DefectKind::Indirection => codes::INDIRECTION,
        DefectKind::SecondDocument => codes::SECOND_DOCUMENT,
        DefectKind::Bound => codes::BOUND,
        DefectKind::Key => codes::KEY,
        DefectKind::Empty => codes::EMPTY,
    }
}

#[cfg(test)]
mod tests;
