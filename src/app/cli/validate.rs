//! `heddle validate`: every problem of a folder of specs.
//!
//! Input: a folder. Output: problems with places, codes and hints. It asks no cluster. Invariant: what it finds valid
//! can be rendered.

use super::args::{Format, ValidateArgs};
use super::failure::CliError;
use super::output::Output;
use super::show::{self, Problems};
use super::specs;
use crate::app::exit::Exit;
use crate::model::names::InstallationId;

/// Runs the command.
pub(super) fn run(args: &ValidateArgs, output: &mut Output) -> Result<Exit, CliError> {
    let specs = specs::read(&args.dir)?;
    let mut found = specs.evaluation.diagnostics().to_vec();
    // Names get longer with the installation; the longest one is the strictest.
    let longest = "i".repeat(InstallationId::MAX);
    if let Ok(installation) = InstallationId::parse(&longest) {
        found.extend(specs::render(&installation, &specs.evaluation, &[])?.1);
    }
    found.sort();
    found.dedup();
    let problems = Problems::of(&found);
    let exit = if problems.valid { Exit::Done } else { Exit::Person };
    if args.output == Format::Json {
        output.json(&problems)?;
        return Ok(exit);
    }
    let colour = output.is_coloured();
    output.text(&show::diagnostics(&found, &specs.texts, colour))?;
    let counts = format!("{} error(s), {} warning(s) in {} file(s)", problems.errors, problems.warnings, specs.files);
    if problems.valid {
        output.text(&format!("{} is valid: {counts}\n", args.dir.display()))?;
    } else {
        output.text(&format!("{} is not valid: {counts}\n", args.dir.display()))?;
    }
    Ok(exit)
}
