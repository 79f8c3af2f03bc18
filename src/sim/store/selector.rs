//! Label and field selectors.
//!
//! Input: the text of `labelSelector` or `fieldSelector`. Output: [`Selector`], [`FieldSelector`]. It knows no store.
//! Invariant: what it cannot read is refused and never matches everything.

use serde_json::Value;

use super::failure::Failure;

/// A label selector: all requirements must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

impl Selector {
    /// Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        split(text).into_iter().map(requirement).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an object's labels match.
    pub fn matches(&self, object: &Value) -> bool {
        let labels = object.pointer("/metadata/labels");
        let label = |key: &String| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => label(key).is_some_and(|found| values.iter().any(|value| value == found)),
            Requirement::NotIn(key, values) => {
                !label(key).is_some_and(|found| values.iter().any(|value| value == found))
            }
            Requirement::Exists(key) => label(key).is_some(),
            Requirement::Absent(key) => label(key).is_none(),
        })
    }
}

/// Splits at commas outside of parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let parts = text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn requirement(text: &str) -> Result<Requirement, Failure> {
    let list = |values: &str| -> Option<Vec<String>> {
        let inner = values.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inner.split(',').map(|value| value.trim().to_owned()).collect())
    };
    let wrong = || Failure::bad_request(format!("unable to parse requirement: {text:?}"));
    let requirement = if let Some((key, values)) = text.split_once(" notin ") {
        Requirement::NotIn(key.trim().into(), list(values).ok_or_else(wrong)?)
    } else if let Some((key, values)) = text.split_once(" in ") {
        Requirement::In(key.trim().into(), list(values).ok_or_else(wrong)?)
    } else if let Some((key, value)) = text.split_once("!=") {
        Requirement::NotIn(key.trim().into(), vec![value.trim().into()])
    } else if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        Requirement::In(key.trim().into(), vec![value.trim().into()])
    } else if let Some(key) = text.strip_prefix('!') {
        Requirement::Absent(key.trim().into())
    } else {
        Requirement::Exists(text.into())
    };
    let key = match &requirement {
        Requirement::In(key, _) | Requirement::NotIn(key, _) | Requirement::Exists(key) | Requirement::Absent(key) => {
            key
        }
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if key.is_empty() || !key.chars().all(allowed) { Err(wrong()) } else { Ok(requirement) }
}

/// A field selector on a few paths, by equality.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<(String, bool, String)>);

impl FieldSelector {
    /// Reads `metadata.name=x,status.phase!=y`.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let term = |part: &str| {
            let (path, equal, value) = if let Some((path, value)) = part.split_once("!=") {
                (path, false, value)
            } else {
                let (path, value) = part.split_once("==").or_else(|| part.split_once('=')).ok_or_else(|| {
                    Failure::bad_request(format!("invalid field selector: {part:?}; can't understand it"))
                })?;
                (path, true, value)
            };
            let known = path == "metadata.name"
                || path == "metadata.namespace"
                || path == "type"
                || ["status.phase", "spec.nodeName", "reason"].contains(&path)
                || path.starts_with("involvedObject.");
            if known {
                Ok((format!("/{}", path.replace('.', "/")), equal, value.to_owned()))
            } else {
                Err(Failure::bad_request(format!("field label not supported: {path}")))
            }
        };
        split(text).into_iter().map(term).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an object matches.
    pub fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(pointer, equal, value)| {
            let found = object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            (found == value) == *equal
        })
    }
}
