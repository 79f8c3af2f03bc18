//! Runs suites of cases that have three ends: passed, failed, did not run.
//!
//! Input: suites and the words of the command line. Output: a line for each case, one for each suite, a total, and
//! whether nothing failed. Invariant: a case that did not run says why and never counts as passed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// One thing to prove.
pub struct Case {
    /// A sentence.
    pub name: String,
    /// The proof.
    pub run: Run,
}

/// How a case is proven, or why it is not.
pub enum Run {
    /// Panics when it does not hold.
    Check(Box<dyn FnOnce()>),
    /// Not here, and why.
    Skip(String),
}

/// Cases that share something.
pub struct Suite {
    /// One word.
    pub name: &'static str,
    /// In the order in which they run.
    pub cases: Vec<Case>,
}

/// How many cases ended how.
#[derive(Default, Clone, Copy)]
pub struct Tally {
    /// Held.
    pub passed: usize,
    /// Did not hold.
    pub failed: usize,
    /// Did not run.
    pub skipped: usize,
}

impl Case {
    /// A case that runs.
    pub fn new(name: impl Into<String>, check: impl FnOnce() + 'static) -> Self {
        Self { name: name.into(), run: Run::Check(Box::new(check)) }
    }

    /// A case that cannot run here.
    pub fn skipped(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { name: name.into(), run: Run::Skip(why.into()) }
    }
}

/// Whether the words of the command line choose this case: all of them are in `suite: name`.
pub fn is_chosen(suite: &str, case: &str, words: &[String]) -> bool {
    let full = format!("{suite}: {case}");
    words.iter().all(|word| full.contains(word.as_str()))
}

/// Runs the chosen cases of a suite.
pub fn run(suite: Suite, words: &[String]) -> Tally {
    let mut tally = Tally::default();
    for case in suite.cases.into_iter().filter(|case| is_chosen(suite.name, &case.name, words)) {
        match case.run {
            Run::Skip(why) => {
                tally.skipped += 1;
                println!("  did not run  {}: {why}", case.name);
            }
            Run::Check(check) => {
                let begin = Instant::now();
                let held = catch_unwind(AssertUnwindSafe(check)).is_ok();
                let word = if held { "passed" } else { "FAILED" };
                println!("  {word:<11}  {} ({} ms)", case.name, begin.elapsed().as_millis());
                if held { tally.passed += 1 } else { tally.failed += 1 }
            }
        }
    }
    println!("suite {}: {} passed, {} failed, {} skipped", suite.name, tally.passed, tally.failed, tally.skipped);
    tally
}

/// Prints the total; true when nothing failed.
pub fn total(tallies: &[Tally]) -> bool {
    let sum = |part: fn(&Tally) -> usize| tallies.iter().map(part).sum::<usize>();
    let failed = sum(|tally| tally.failed);
    println!("{} passed, {failed} failed, {} skipped", sum(|tally| tally.passed), sum(|tally| tally.skipped));
    failed == 0
}
