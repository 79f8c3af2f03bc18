//! The program: hands the arguments over and turns the result into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    heddle::app::cli::main()
}
