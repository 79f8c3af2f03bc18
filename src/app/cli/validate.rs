//! `heddle validate`: every problem of a folder of specs.
//!
//! Input: a folder. Output: problems with places, codes and hints. It asks no cluster. Invariant: what it finds valid
//! can be rendered.

use super::args::{Format, ValidateArgs};
use super::failure::CliError;
use super::output::Output;
use super::show::{self, Problems, counted};
use super::specs;
use crate::app::exit::Exit;
use crate::model::names::InstallationId;
use crate::report::plan_text::{Line, Tone};

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
    let problems = Problems::of(&found, specs.files);
    let exit = if problems.valid { Exit::Done } else { Exit::Person };
    if args.output == Format::Json {
        output.json(&problems)?;
        return Ok(exit);
    }
    output.styled(&show::diagnostics(&found, &specs.texts))?;
    let files = counted(problems.files, "file");
    let warnings = counted(problems.warnings, "warning");
    let dir = args.dir.display();
    let (tone, text) = match (problems.errors, problems.warnings) {
        (0, 0) => (Tone::Added, format!("{dir} is valid: {files}")),
        (0, _) => (Tone::Added, format!("{dir} is valid: {files}, {warnings}")),
        (errors, 0) => (Tone::Refused, format!("{dir} is not valid: {files}, {}", counted(errors, "error"))),
        (errors, _) => {
            (Tone::Refused, format!("{dir} is not valid: {files}, {}, {warnings}", counted(errors, "error")))
        }
    };
    output.lines(&[Line { tone, text }])?;
    Ok(exit)
}
