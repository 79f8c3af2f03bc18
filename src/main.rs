//! The program: hands the arguments over and turns the result into an exit code.

fn main() {}
