//! The committed schemas are those of the types.

use std::path::PathBuf;

use serde_json::Value;

use super::{schema, validator};
use crate::spec::kind::Kind;
use crate::spec::rules;

fn committed(kind: Kind) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/v1alpha1/{}.json", kind.file_stem()))
}

#[test]
fn the_committed_schemas_are_the_types() {
    for kind in Kind::ALL {
        let text = format!("{}\n", serde_json::to_string_pretty(schema(kind)).unwrap());
        if std::env::var_os("HEDDLE_WRITE_SCHEMAS").is_some() {
            std::fs::write(committed(kind), &text).unwrap();
        }
        let file = std::fs::read_to_string(committed(kind)).unwrap();
        assert!(file == text, "{kind}: set HEDDLE_WRITE_SCHEMAS=1 once to write the schemas anew");
    }
}

#[test]
fn every_schema_compiles() {
    for kind in Kind::ALL {
        assert!(validator(kind).is_some(), "{kind}");
    }
}

fn visit(schema: &Value, look: &mut impl FnMut(&serde_json::Map<String, Value>)) {
    match schema {
        Value::Object(map) => {
            look(map);
            map.values().for_each(|value| visit(value, look));
        }
        Value::Array(items) => items.iter().for_each(|item| visit(item, look)),
        _ => {}
    }
}

#[test]
fn schemas_hold_no_reference_no_choice_and_no_null_and_close_every_map() {
    for kind in Kind::ALL {
        visit(schema(kind), &mut |map| {
            for banned in ["$ref", "$defs", "oneOf", "anyOf", "allOf", "const", "format", "nullable"] {
                assert!(
                    !map.get(banned).is_some_and(|value| !value.is_object() || banned == "$defs"),
                    "{kind}: {banned} in {map:?}"
                );
            }
            assert_ne!(map.get("type"), Some(&Value::from("null")));
            if map.get("type") == Some(&Value::from("object")) {
                assert!(map.contains_key("additionalProperties"), "{kind}: open map {map:?}");
            }
        });
    }
}

#[test]
fn every_pattern_has_words() {
    for kind in Kind::ALL {
        visit(schema(kind), &mut |map| {
            if let Some(pattern) = map.get("pattern").and_then(Value::as_str) {
                assert!(rules::words(pattern).is_some(), "{kind}: {pattern}");
            }
        });
    }
}
