//! The command line.
//!
//! Input: arguments, two streams. Output: text or JSON, and an exit code. Each command has its room and calls others;
//! none decides anything about a network. Invariants: everything that a person reads goes through [`output::Output`];
//! a closed pipe ends a command quietly; the exit code says the worst that was found.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use super::exit::Exit;
use args::{Arguments, Command};
use output::Output;

mod apply;
mod args;
mod demo;
mod failure;
mod init;
mod output;
mod plan;
mod progress;
mod render;
mod run;
mod schema;
mod show;
mod specs;
mod status;
mod validate;

use failure::CliError;

/// Runs the program with the process's arguments and streams.
pub fn main() -> ExitCode {
    let mut output = Output::of_process();
    ExitCode::from(run_with(std::env::args_os(), &mut output).code())
}

/// Runs one command.
fn run_with(arguments: impl IntoIterator<Item = OsString>, output: &mut Output) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error, output),
    };
    output.set_up(&arguments.global);
    let result = match &arguments.command {
        Command::Init(args) => init::run(args, output),
        Command::Validate(args) => validate::run(args, output),
        Command::Schema(args) => schema::run(args, output),
        Command::Render(args) => render::run(args, output),
        Command::Plan(args) => plan::run(args, output),
        Command::Apply(args) => apply::run(args, output),
        Command::Run(args) => run::run(args, output),
        Command::Status(args) => status::run(args, output),
        Command::Demo(args) => demo::run(args, output),
        Command::Completions(args) => completions(args.shell, output),
    };
    match result {
        Ok(exit) => exit,
        Err(CliError::Closed) => Exit::Done,
        Err(error) => {
            let exit = error.exit();
            // Where the second stream is closed too, only the code is left to tell.
            let _nobody_reads = show::failure(&error, output);
            exit
        }
    }
}

/// `--help` and `--version` are no mistakes; everything else that clap says is.
fn usage(error: &clap::Error, output: &mut Output) -> Exit {
    let text = if output.is_coloured() { error.render().ansi().to_string() } else { error.render().to_string() };
    if error.use_stderr() {
        let _nobody_reads = output.note(&text);
        Exit::Usage
    } else {
        let _nobody_reads = output.text(&text);
        Exit::Done
    }
}

fn completions(shell: clap_complete::Shell, output: &mut Output) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "heddle", &mut script);
    output.text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// A runtime for the commands that talk to the outside.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::Runtime)?;
    Ok(runtime.block_on(future))
}
