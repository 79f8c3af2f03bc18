//! heddle's own settings files, read with the care that specs get.
//!
//! Input: bytes and a schema. Output: the JSON value with the places of its parts, or every problem. It knows no
//! particular settings. Invariants: the bounds of spec files hold; nothing secret is in any message; without a problem
//! there is a value that obeys the schema.

use serde_json::Value;

use super::parse::{self, Limits};
use super::places::Places;
use super::schema::Compiled;
use super::secrets::{self, Finding};
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
    let in_fields = secrets::in_tree(&root);
    problems.extend(in_fields.iter().map(parse::of_finding));
    let secret: Vec<Finding> = in_text.into_iter().chain(in_fields).collect();
    let looked = Looked { schema: &schema.schema, validator: schema.validator.as_ref(), root: &root, secret: &secret };
    problems.extend(looked.violations());
    if problems.is_empty() { Ok((root.to_json(), Places::of(&root))) } else { Err(placed(problems)) }
}

/// The text for people: as it is when nothing in it looks secret, else masked. Masking alone would also hide the map
/// below a key such as `credentials`, which says where a secret is.
pub fn harmless(bytes: &[u8], limits: Limits) -> String {
    let text = String::from_utf8_lossy(bytes);
    match tree::parse(bytes, Bounds { depth: limits.depth, nodes: limits.nodes }) {
        Ok(root) if secrets::in_tree(&root).is_empty() && secrets::in_text(&text).is_empty() => text.into_owned(),
        _ => secrets::mask(&text),
    }
}
