//! `heddle validate`: every problem of a folder of specs.
//!
//! Input: a folder. Output: problems with places, codes and hints. It asks no cluster. Invariant: what it finds valid
//! can be rendered, but for what depends on the installation: that is a warning.

use std::collections::BTreeSet;

use super::args::{Format, ValidateArgs};
use super::failure::CliError;
use super::output::Output;
use super::show::{self, Problems, counted};
use super::specs;
use crate::app::evaluation::Evaluation;
use crate::app::exit::Exit;
use crate::desired::naming;
use crate::model::diagnostic::Diagnostic;
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
    found.extend(reserved(&specs.evaluation)?);
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

/// Tenants whose namespace would be reserved under one installation, which may or may not be this one.
fn reserved(evaluation: &Evaluation) -> Result<Vec<Diagnostic>, CliError> {
    let mut found = Vec::new();
    let tenants = evaluation.fleet().into_iter().flat_map(|fleet| fleet.tenants.keys());
    let installations: BTreeSet<InstallationId> = tenants.filter_map(naming::reserving).collect();
    for installation in installations {
        let problems = specs::render(&installation, evaluation, &[])?.1;
        let of_names = problems.into_iter().filter(|found| found.code == naming::RESERVED_NAMESPACE);
        found.extend(of_names.map(|problem| {
            let message = format!("under the installation `{installation}` {}", problem.message);
            Diagnostic { message, ..problem }.warning()
        }));
    }
    Ok(found)
}
