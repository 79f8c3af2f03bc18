//! `heddle render`: the objects that a folder of specs stands for.
//!
//! Input: a folder. Output: complete objects, to the first stream or one file each. It asks no cluster. Invariant: the
//! objects are exactly those that the loop would apply; no file is overwritten.

use std::fs;
use std::path::Path;

use super::args::{ObjectFormat, RenderArgs};
use super::empty_folder;
use super::failure::CliError;
use super::output::Output;
use super::show::{self, counted};
use super::specs;
use crate::app::exit::Exit;
use crate::model::diagnostic::Severity;
use crate::model::names::RegionName;
use crate::model::object::ObjectRef;
use crate::yaml;

/// Runs the command.
pub(super) fn run(args: &RenderArgs, output: &mut Output) -> Result<Exit, CliError> {
    let specs = specs::read(&args.dir)?;
    let (units, mut problems) = specs::render(&args.installation, &specs.evaluation, &args.units)?;
    problems.extend(specs.evaluation.diagnostics().iter().cloned());
    problems.sort();
    problems.dedup();
    output.note(&show::diagnostics(&problems, &specs.texts))?;
    if let (Some(region), Some(fleet)) = (&args.region, specs.evaluation.fleet())
        && !fleet.settings.regions.contains_key(region)
    {
        let known: Vec<&str> = fleet.settings.regions.keys().map(RegionName::as_str).collect();
        return Err(CliError::NoRegion { region: region.to_string(), known: known.join(", ") });
    }
    let objects: Vec<(&ObjectRef, serde_json::Value)> = units
        .iter()
        .flat_map(|unit| unit.objects.iter().map(|(target, wanted)| (target, wanted.object.tree())))
        .filter(|(target, _)| args.region.as_ref().is_none_or(|region| *region == target.region))
        .collect();
    match (&args.out, args.output) {
        (Some(folder), format) => {
            // What an earlier run left there would look like a part of this one.
            empty_folder::prepare(folder)?;
            for (target, tree) in &objects {
                write(folder, target, tree, format)?;
            }
            output.remark(&format!("{} in {}\n", counted(objects.len(), "object"), folder.display()))?;
        }
        (None, ObjectFormat::Json) => {
            let items: Vec<_> = objects.iter().map(|(_, tree)| tree).collect();
            output.json(&serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items }))?;
        }
        (None, ObjectFormat::Yaml) => {
            for (target, tree) in &objects {
                output.text(&format!("---\n# {target}\n{}", yaml::write(tree)?))?;
            }
        }
    }
    let errors = problems.iter().any(|problem| problem.severity == Severity::Error);
    Ok(if errors { Exit::Person } else { Exit::Done })
}

fn write(folder: &Path, target: &ObjectRef, tree: &serde_json::Value, format: ObjectFormat) -> Result<(), CliError> {
    let folder = folder.join(target.region.as_str()).join(target.id.namespace.as_deref().unwrap_or("-"));
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |source| CliError::File { what, path, source }
    };
    fs::create_dir_all(&folder).map_err(failed("making", &folder))?;
    let (ending, text) = match format {
        ObjectFormat::Yaml => ("yaml", yaml::write(tree)?),
        ObjectFormat::Json => ("json", serde_json::to_string_pretty(tree)? + "\n"),
    };
    let path = folder.join(format!("{}.{}.{ending}", target.id.kind, target.id.name));
    fs::write(&path, text).map_err(failed("writing", &path))
}
