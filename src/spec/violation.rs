//! Problems against the schema, as places and sentences.
//!
//! Input: a tree, its kind, the validator's errors. Output: [`Diagnostic`]s. It does not validate. Invariants: an
//! unknown field is shown at its key, a missing one at the key of the map that lacks it, everything else at the value;
//! a value is only repeated through [`secrets::shown`], and never when it lies in a field that looks secret.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use jsonschema::{JsonType, ValidationError, Validator};
use serde_json::Value as Json;

use super::parse::PROBLEMS_MAX;
use super::secrets::{self, Finding};
use super::{codes, rules, schema};
use crate::model::diagnostic::{Code, Diagnostic, Span};
use crate::yaml::scalar;
use crate::yaml::tree::{Node, Value};

/// A document that is being looked at.
pub(super) struct Looked<'a> {
    /// Its schema.
    pub(super) schema: &'a Json,
    /// The compiled schema; none when the schema itself is broken.
    pub(super) validator: Option<&'a Validator>,
    /// Its tree.
    pub(super) root: &'a Node,
    /// What looks secret in it; nothing is said about these values.
    pub(super) secret: &'a [Finding],
}

impl Looked<'_> {
    /// Validates the tree.
    pub(super) fn violations(&self) -> Vec<Diagnostic> {
        let Some(validator) = self.validator else {
            return vec![Diagnostic::error(codes::OTHER_RULE, "the schema of this kind cannot be used")];
        };
        let json = self.root.to_json();
        let mut found: Vec<Diagnostic> =
            validator.iter_errors(&json).flat_map(|error| self.violation(&error)).take(PROBLEMS_MAX).collect();
        found.sort();
        found.dedup();
        found
    }

    fn violation(&self, error: &ValidationError<'_>) -> Vec<Diagnostic> {
        let path: Vec<String> = error
            .instance_path()
            .segments()
            .map(|segment| match segment {
                LocationSegment::Property(name) => name.into_owned(),
                LocationSegment::Index(index) => index.to_string(),
            })
            .collect();
        let hidden = self.secret.iter().any(|finding| !finding.path.is_empty() && path.starts_with(&finding.path));
        if hidden {
            return Vec::new();
        }
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                unexpected.iter().map(|name| self.unknown_field(&path, name)).collect()
            }
            ValidationErrorKind::Required { property } => vec![self.missing_field(&path, property)],
            ValidationErrorKind::PropertyNames { error } => vec![self.bad_key(&path, error)],
            kind => vec![self.bad_value(&path, kind)],
        }
    }

    fn unknown_field(&self, path: &[String], name: &str) -> Diagnostic {
        let span =
            self.root.at(path.iter().map(String::as_str)).and_then(|node| node.entry(name)).map(|entry| entry.span);
        let mut whole = path.to_vec();
        whole.push(name.to_owned());
        let message = format!("the field `{}` does not exist{}", secrets::shown(name), inside(path));
        let known = schema::at(self.schema, path)
            .and_then(|schema| schema.get("properties"))
            .and_then(Json::as_object)
            .map(|properties| properties.keys().map(String::as_str).collect::<Vec<_>>())
            .unwrap_or_default();
        let hint = match nearest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("fields here: {}", list(&known)),
        };
        problem(codes::UNKNOWN_FIELD, span, &whole, message).hint(hint)
    }

    fn missing_field(&self, path: &[String], property: &Json) -> Diagnostic {
        let name = property.as_str().unwrap_or_default();
        let message = format!("the field `{name}` is missing{}", inside(path));
        let mut diagnostic = problem(codes::MISSING_FIELD, key_span(self.root, path), path, message);
        let mut whole = path.to_vec();
        whole.push(name.to_owned());
        let about = schema::at(self.schema, &whole)
            .and_then(|schema| schema.get("description"))
            .and_then(Json::as_str)
            .map(|text| text.replace('\n', " "))
            .and_then(|text| text.split(". ").next().map(|sentence| sentence.trim_end_matches('.').to_owned()));
        if let Some(about) = about {
            diagnostic = diagnostic.hint(format!("add `{name}`: {about}"));
        }
        diagnostic
    }

    fn bad_key(&self, path: &[String], error: &ValidationError<'_>) -> Diagnostic {
        let name = error.instance().as_str().unwrap_or_default().to_owned();
        let span =
            self.root.at(path.iter().map(String::as_str)).and_then(|node| node.entry(&name)).map(|entry| entry.span);
        let mut whole = path.to_vec();
        whole.push(name.clone());
        let (code, message, hint) = told(error.kind(), &format!("`{}`", secrets::shown(&name)), None);
        let mut diagnostic = problem(code, span, &whole, message);
        diagnostic.hint = hint;
        diagnostic
    }

    fn bad_value(&self, path: &[String], kind: &ValidationErrorKind) -> Diagnostic {
        let node = self.root.at(path.iter().map(String::as_str));
        let name = path.iter().rev().find(|step| step.parse::<usize>().is_err()).map_or("the document", String::as_str);
        let named = if path.is_empty() { name.to_owned() } else { format!("`{}`", secrets::shown(name)) };
        let shown = node.and_then(display).map_or(named, |text| format!("`{text}`"));
        if let Some(Value::Null) = node.map(|node| &node.value) {
            let message = format!("`{}` has no value", secrets::shown(name));
            let hint = "write the value after the colon, or remove the line to get the default where there is one";
            return problem(codes::NULL, key_span(self.root, path), path, message).hint(hint);
        }
        let (code, message, hint) = told(kind, &shown, node);
        let mut diagnostic = problem(code, node.map(|node| node.span), path, message);
        diagnostic.hint = hint;
        diagnostic
    }
}

fn problem(code: Code, span: Option<Span>, path: &[String], message: String) -> Diagnostic {
    Diagnostic::error(code, message).at(span, pointer(path))
}

/// Code, message and hint of a problem with one value.
fn told(kind: &ValidationErrorKind, shown: &str, node: Option<&Node>) -> (Code, String, Option<String>) {
    match kind {
        ValidationErrorKind::Type { kind } => {
            let wanted = types(kind);
            let message = format!("{shown} must be {wanted}{}", node.map_or("", found));
            (codes::WRONG_TYPE, message, node.and_then(|node| type_hint(node, kind)))
        }
        ValidationErrorKind::Enum { options } => {
            let words: Vec<&str> = options.as_array().into_iter().flatten().filter_map(Json::as_str).collect();
            let text = node.and_then(Node::as_text).unwrap_or_default();
            let hint = nearest(text, &words).map(|near| format!("did you mean `{near}`?"));
            (codes::NOT_ALLOWED, format!("{shown} is not allowed here; allowed: {}", list(&words)), hint)
        }
        ValidationErrorKind::Pattern { pattern } => {
            let message = match rules::words(pattern) {
                Some(words) => format!("{shown} is not of the form that is needed here: {words}"),
                None => format!("{shown} does not match the pattern {pattern}"),
            };
            (codes::WRONG_FORM, message, None)
        }
        ValidationErrorKind::MaxLength { limit } => {
            (codes::OUT_OF_RANGE, format!("{shown} is longer than {limit} characters"), None)
        }
        ValidationErrorKind::MinLength { .. } => {
            (codes::OUT_OF_RANGE, "an empty text cannot stand here".to_owned(), None)
        }
        ValidationErrorKind::Minimum { limit } => (codes::OUT_OF_RANGE, format!("{shown} is less than {limit}"), None),
        ValidationErrorKind::Maximum { limit } => (codes::OUT_OF_RANGE, format!("{shown} is more than {limit}"), None),
        ValidationErrorKind::MinItems { limit } | ValidationErrorKind::MinProperties { limit } => {
            (codes::OUT_OF_RANGE, format!("{shown} needs at least {limit} entry"), None)
        }
        ValidationErrorKind::UniqueItems => (codes::REPEATED_ITEM, format!("{shown} holds a value twice"), None),
        other => (codes::OTHER_RULE, format!("{shown} breaks the rule `{}`", other.keyword()), None),
    }
}

fn types(kind: &TypeKind) -> String {
    let word = |kind: JsonType| match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "`true` or `false`",
        JsonType::Integer => "a whole number",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a map",
        JsonType::String => "text",
    };
    match kind {
        TypeKind::Single(only) => word(*only).to_owned(),
        TypeKind::Multiple(set) => set.iter().map(word).collect::<Vec<_>>().join(" or "),
    }
}

fn found(node: &Node) -> &'static str {
    match node.value {
        Value::Null => ", not nothing",
        Value::Bool(_) => ", not a boolean",
        Value::Number(ref number, _) if number.is_f64() => ", not a fraction",
        Value::Number(..) => ", not a number",
        Value::Text(..) => ", not text",
        Value::List(_) => ", not a list",
        Value::Map(_) => ", not a map",
    }
}

fn type_hint(node: &Node, kind: &TypeKind) -> Option<String> {
    let wants = |wanted| match kind {
        TypeKind::Single(only) => *only == wanted,
        TypeKind::Multiple(set) => set.contains(wanted),
    };
    match &node.value {
        Value::Number(_, text) if wants(JsonType::String) => Some(format!("put it in quotes: \"{text}\"")),
        Value::Bool(value) if wants(JsonType::String) => Some(format!("put it in quotes: \"{value}\"")),
        Value::Text(text, true) if wants(JsonType::Boolean) && scalar::is_old_boolean(text) => {
            Some("write `true` or `false`".to_owned())
        }
        Value::Text(_, false) if wants(JsonType::Integer) || wants(JsonType::Boolean) => {
            Some("write it without quotes".to_owned())
        }
        _ if wants(JsonType::Array) => Some("write a list: one `- ` for each entry, or `[a, b]`".to_owned()),
        _ => None,
    }
}

/// A scalar for a message.
pub(super) fn display(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text, _) | Value::Number(_, text) => Some(secrets::shown(text)),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// The place of the key at the end of a path; for an entry of a list and for the document its first key.
pub(super) fn key_span(root: &Node, path: &[String]) -> Option<Span> {
    let Some((last, parents)) = path.split_last() else { return Some(first_key(root)) };
    let parent = root.at(parents.iter().map(String::as_str))?;
    match parent.entry(last) {
        Some(entry) => Some(entry.span),
        None => parent.child(last).map(first_key),
    }
}

/// The first key of a map; of anything else its own place.
pub(super) fn first_key(node: &Node) -> Span {
    match &node.value {
        Value::Map(entries) => entries.first().map_or(node.span, |entry| entry.span),
        _ => node.span,
    }
}

/// A path as a JSON pointer (RFC 6901).
pub(super) fn pointer(path: &[String]) -> String {
    path.iter().fold(String::new(), |pointer, step| pointer + "/" + &step.replace('~', "~0").replace('/', "~1"))
}

fn inside(path: &[String]) -> String {
    match path.iter().rev().find(|step| step.parse::<usize>().is_err()) {
        Some(name) => format!(" in `{}`", secrets::shown(name)),
        None => String::new(),
    }
}

/// The candidate that was probably meant.
pub(super) fn nearest<'c>(text: &str, candidates: &[&'c str]) -> Option<&'c str> {
    let lower = text.to_lowercase();
    let distance = |candidate: &str| strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
    let best = candidates.iter().map(|candidate| (distance(candidate), *candidate)).min()?;
    let bound = (text.chars().count() / 3).clamp(1, 3);
    (best.0 <= bound && !text.is_empty()).then_some(best.1)
}

/// Words in backquotes with commas between.
pub(super) fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
