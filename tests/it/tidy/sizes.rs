//! How long a file and a function may be.
//!
//! Input: [`Source`]s. Output: [`Problem`]s. Invariant: an exception that is no longer needed is a problem too.

use super::Problem;
use super::source::Source;

/// Lines of a file, those that exist only in tests not counted; a file of tests counts whole.
pub(super) const FILE_MAX: usize = 500;
/// Lines of a function, from its signature to its closing brace.
pub(super) const FUNCTION_MAX: usize = 70;

/// Something that is longer, and why it may be.
pub(super) struct Exception {
    pub(super) path: &'static str,
    /// The function; none for the whole file.
    pub(super) function: Option<&'static str>,
    pub(super) reason: &'static str,
}

/// What is longer than it should be.
pub(super) const EXCEPTIONS: &[Exception] = &[];

/// Files and functions that are too long, and exceptions that are not needed or have no reason.
pub(super) fn check(sources: &[Source], exceptions: &[Exception]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut needed = vec![false; exceptions.len()];
    let mut excepted = |path: &str, function: Option<&str>| {
        let found = exceptions.iter().position(|one| one.path == path && one.function == function);
        found.map(|index| needed[index] = true).is_some()
    };
    for source in sources {
        let lines = if source.is_test { source.lines } else { source.lines - source.test_lines };
        if lines > FILE_MAX && !excepted(&source.path, None) {
            problems.push(Problem::of(source, 1, "sizes", format!("{lines} lines, {FILE_MAX} at most")));
        }
        for function in source.functions.iter().filter(|function| function.lines > FUNCTION_MAX) {
            if !excepted(&source.path, Some(&function.name)) {
                let text = format!("`{}` has {} lines, {FUNCTION_MAX} at most", function.name, function.lines);
                problems.push(Problem::of(source, function.line, "sizes", text));
            }
        }
    }
    for (exception, needed) in exceptions.iter().zip(needed) {
        let said = match (needed, exception.reason.split_whitespace().count()) {
            (false, _) => "an exception from the sizes that nothing needs any more",
            (true, ..4) => "an exception from the sizes without a reason",
            (true, _) => continue,
        };
        problems.push(Problem { path: exception.path.to_owned(), line: 1, rule: "sizes", text: said.to_owned() });
    }
    problems
}
