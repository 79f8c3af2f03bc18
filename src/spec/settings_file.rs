//! heddle's own settings files, read with the care that specs get.
//!
//! Input: bytes and a schema. Output: the JSON value with the places of its parts, or every problem. It knows no
//! particular settings. Invariants: the bounds of spec files hold; nothing secret is in any message; without a problem
//! there is a value that obeys the schema.

use serde_json::Value;

use super::parse::{self, Limits};
use super::places::Places;
use super::schema::Compiled;
use super::secrets;
use super::violation::Looked;
use crate::model::diagnostic::Diagnostic;
use crate::model::revision::RepoPath;
use crate::yaml::tree::{self, Bounds};

/// Reads a settings file. `path` is for messages.
pub fn read(
    path: &RepoPath,
    bytes: &[u8],
    limits: Limits,
    schema: &Compiled,
) -> Result<(Value, Places), Vec<Diagnostic>> {
    let placed = |mut found: Vec<Diagnostic>| {
        found.sort();
        found.into_iter().map(|diagnostic| diagnostic.in_file(path)).collect::<Vec<_>>()
    };
    let in_text = std::str::from_utf8(bytes).map(secrets::in_text).unwrap_or_default();
    let mut problems: Vec<Diagnostic> = in_text.iter().map(parse::of_finding).collect();
    let root = match tree::parse(bytes, Bounds { depth: limits.depth, nodes: limits.nodes }) {
        Ok(root) => root,
        Err(defects) => {
            problems.extend(defects.iter().map(|defect| parse::of_defect(path, defect)));
            return Err(placed(problems));
        }
    };
    let looked = Looked { schema: &schema.schema, validator: schema.validator.as_ref(), root: &root, secret: &in_text };
    problems.extend(looked.violations());
    if problems.is_empty() { Ok((root.to_json(), Places::of(&root))) } else { Err(placed(problems)) }
}
