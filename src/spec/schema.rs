//! The JSON Schemas of the documents.
//!
//! Input: the types of [`super::document`]. Output: [`schema`] for people and editors, [`validator`] for the parser. It
//! validates nothing itself. Invariants: schemas hold no references, so that a place in a document leads to its
//! sub-schema by walking; nothing is nullable, because a value that is missing after a colon is a mistake; a validator
//! is compiled once in a process.

use std::sync::LazyLock;

use jsonschema::Validator;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::document;
use super::kind::Kind;

/// A schema and its compiled form.
#[derive(Debug)]
pub struct Compiled {
    /// The schema.
    pub schema: Value,
    /// Its compiled form; none when the schema itself is broken (a test looks).
    pub validator: Option<Validator>,
}

static FLEET: LazyLock<Compiled> = LazyLock::new(compile::<document::Fleet>);
static TENANT: LazyLock<Compiled> = LazyLock::new(compile::<document::Tenant>);
static ORGANIZATION: LazyLock<Compiled> = LazyLock::new(compile::<document::Organization>);
static NETWORK: LazyLock<Compiled> = LazyLock::new(compile::<document::Network>);
static APPROVAL: LazyLock<Compiled> = LazyLock::new(compile::<document::Approval>);

fn compiled(kind: Kind) -> &'static Compiled {
    match kind {
        Kind::Fleet => &FLEET,
        Kind::Tenant => &TENANT,
        Kind::Organization => &ORGANIZATION,
        Kind::Network => &NETWORK,
        Kind::Approval => &APPROVAL,
    }
}

/// The schema of a kind (JSON Schema 2020-12), as committed below `schemas/v1alpha1`.
pub fn schema(kind: Kind) -> &'static Value {
    &compiled(kind).schema
}

/// The compiled schema of a kind.
pub(super) fn validator(kind: Kind) -> Option<&'static Validator> {
    compiled(kind).validator.as_ref()
}

/// The schema of a type.
pub fn compile<T: JsonSchema>() -> Compiled {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    tidy(&mut schema);
    let validator = jsonschema::options().with_pattern_options(jsonschema::PatternOptions::regex()).build(&schema).ok();
    Compiled { schema, validator }
}

/// Takes out what a generator adds and a reader does not need: nullability, Rust's number formats.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.remove("format");
            if let Some(Value::Array(branches)) = map.get("anyOf")
                && let [inner, Value::Object(null)] = branches.as_slice()
                && null.get("type") == Some(&json!("null"))
                && let Value::Object(inner) = inner.clone()
            {
                map.remove("anyOf");
                for (key, value) in inner {
                    map.entry(key).or_insert(value);
                }
            }
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(values)) = map.get_mut("enum") {
                values.retain(|value| !value.is_null());
            }
            if map.get("default") == Some(&Value::Null) {
                map.remove("default");
            }
            flatten_words(map);
            map.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// Turns a choice between commented words into one list of words, so that a wrong word gives one problem.
fn flatten_words(map: &mut serde_json::Map<String, Value>) {
    if let Some(word) = map.remove("const") {
        map.insert("enum".to_owned(), json!([word]));
    }
    let Some(Value::Array(branches)) = map.get("oneOf") else { return };
    let mut words = Vec::new();
    let mut meanings = Vec::new();
    for branch in branches {
        let (word, list) = (branch.get("const"), branch.get("enum").and_then(Value::as_array));
        let found: Vec<Value> = list.cloned().unwrap_or_default().into_iter().chain(word.cloned()).collect();
        if found.is_empty() {
            return;
        }
        let names: Vec<&str> = found.iter().filter_map(Value::as_str).collect();
        if let Some(meaning) = branch.get("description").and_then(Value::as_str) {
            meanings.push(format!("`{}`: {meaning}", names.join("`, `")));
        }
        words.extend(found);
    }
    map.remove("oneOf");
    map.insert("type".to_owned(), json!("string"));
    map.insert("enum".to_owned(), Value::Array(words));
    let own = map.get("description").and_then(Value::as_str).map(str::to_owned);
    let lines: Vec<String> = own.into_iter().chain(meanings).collect();
    map.insert("description".to_owned(), json!(lines.join("\n")));
}

/// The sub-schema of a place in a document.
pub(super) fn at<'s>(schema: &'s Value, path: &[String]) -> Option<&'s Value> {
    path.iter().try_fold(schema, |schema, step| {
        let property = schema.get("properties").and_then(|properties| properties.get(step));
        property.or_else(|| schema.get("items")).or_else(|| schema.get("additionalProperties"))
    })
}

#[cfg(test)]
mod tests;
