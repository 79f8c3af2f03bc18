//! `heddle schema`: the JSON Schemas of everything that heddle reads and writes.
//!
//! Input: a name or a folder. Output: schemas. It validates nothing. Invariant: what it prints is what is committed
//! below `schemas/`.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::args::SchemaArgs;
use super::failure::CliError;
use super::output::Output;
use super::plan::Plans;
use super::show::counted;
use crate::app::config;
use crate::app::exit::Exit;
use crate::report::fleet_status::FleetStatus;
use crate::report::plan_document::PlanDocument;
use crate::report::unit_status::UnitStatus;
use crate::spec::kind::Kind;
use crate::spec::schema;

/// Runs the command.
pub(super) fn run(args: &SchemaArgs, output: &mut Output) -> Result<Exit, CliError> {
    let schemas = schemas();
    if let Some(folder) = &args.out {
        for (path, schema) in &schemas {
            let path = folder.join(path);
            let failed = |source| CliError::File { what: "writing", path: path.clone(), source };
            fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(failed)?;
            fs::write(&path, text(schema)?).map_err(failed)?;
        }
        output.remark(&format!("{} in {}\n", counted(schemas.len(), "schema"), folder.display()))?;
        return Ok(Exit::Done);
    }
    let names: Vec<&str> = schemas.keys().map(|path| name(path)).collect();
    let Some(kind) = &args.kind else {
        output.text(&format!("{}\n", names.join("\n")))?;
        return Ok(Exit::Done);
    };
    let wanted = schemas.iter().find(|(path, _)| name(path) == kind.to_lowercase());
    let (_, schema) = wanted.ok_or_else(|| CliError::NoSchema { name: kind.clone(), known: names.join(", ") })?;
    output.text(&text(schema)?)?;
    Ok(Exit::Done)
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path).trim_end_matches(".json")
}

fn text(schema: &Value) -> Result<String, CliError> {
    Ok(serde_json::to_string_pretty(schema)? + "\n")
}

/// All schemas by their path below `schemas/`.
pub(super) fn schemas() -> BTreeMap<String, Value> {
    let mut schemas: BTreeMap<String, Value> = Kind::ALL
        .into_iter()
        .map(|kind| (format!("v1alpha1/{}.json", kind.to_string().to_lowercase()), schema::schema(kind).clone()))
        .collect();
    schemas.insert("config.json".to_owned(), config::json_schema().clone());
    schemas.insert("plan.json".to_owned(), schema::compile::<PlanDocument>().schema);
    schemas.insert("plans.json".to_owned(), schema::compile::<Plans>().schema);
    schemas.insert("status.json".to_owned(), schema::compile::<UnitStatus>().schema);
    schemas.insert("fleet-status.json".to_owned(), schema::compile::<FleetStatus>().schema);
    schemas
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{schemas, text};

    #[test]
    fn the_committed_schemas_are_those_that_are_printed() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
        for (path, schema) in schemas() {
            let wanted = text(&schema).unwrap();
            if std::env::var_os("HEDDLE_WRITE_SCHEMAS").is_some() {
                std::fs::write(folder.join(&path), &wanted).unwrap();
            }
            let committed = std::fs::read_to_string(folder.join(&path)).unwrap_or_default();
            assert!(committed == wanted, "{path}: set HEDDLE_WRITE_SCHEMAS=1 once to write the schemas anew");
        }
    }
}
