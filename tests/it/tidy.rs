//! The rules of the house, on the syntax tree of every file.
//!
//! Input: this project's own sources. Output: nothing, or each broken rule with its place. Each rule is also run on a
//! few lines that break it, so that it is known to be able to fail.

mod dependencies;
mod layers;
mod pages;
mod proofs;
mod purity;
mod shape;
mod sizes;
mod source;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use source::Source;

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    path: String,
    line: usize,
    rule: &'static str,
    text: String,
}

impl Problem {
    fn of(source: &Source, line: usize, rule: &'static str, text: impl Into<String>) -> Self {
        Self { path: source.path.clone(), line, rule, text: text.into() }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Crates that may be named: the keys of the dependency tables.
fn crates() -> BTreeSet<String> {
    let cargo = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut inside = false;
    let mut found = BTreeSet::new();
    for line in cargo.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if let (true, Some((name, _))) = (inside, line.split_once(" = ")) {
            found.insert(name.replace('-', "_"));
        }
    }
    found
}

/// All Rust files below a folder of the project, sorted.
fn files_below(root: &Path, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                left.push(path);
            } else if Path::new(&path).extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Every Rust file, read once.
static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(read_sources);

fn read_sources() -> Vec<Source> {
    let crates = crates();
    let paths = ["src", "tests", "benches"].iter().flat_map(|folder| files_below(root(), folder));
    paths
        .map(|path| {
            let text = std::fs::read_to_string(root().join(&path)).unwrap();
            Source::parse(&path, &text, &crates).map_err(|error| format!("{path}: {error}")).unwrap()
        })
        .collect()
}

/// The files that Cargo compiles by itself.
fn roots(sources: &[Source]) -> BTreeSet<String> {
    let is_root = |path: &str| {
        ["src/lib.rs", "src/main.rs"].contains(&path)
            || (!path.starts_with("src/") && path.ends_with("/main.rs") && path.matches('/').count() == 2)
    };
    sources.iter().map(|source| source.path.clone()).filter(|path| is_root(path)).collect()
}

fn none(mut problems: Vec<Problem>) {
    problems.sort();
    problems.dedup();
    let lines: Vec<String> =
        problems.iter().map(|one| format!("{}:{}: [{}] {}", one.path, one.line, one.rule, one.text)).collect();
    assert!(lines.is_empty(), "{} broken rules\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn every_room_uses_only_what_the_layer_table_allows() {
    none(SOURCES.iter().flat_map(layers::check).collect());
}

#[test]
fn the_core_neither_waits_nor_speaks_nor_draws_by_chance() {
    none(SOURCES.iter().flat_map(purity::check).collect());
}

#[test]
fn every_file_is_documented_reached_and_plain() {
    let orphans = shape::orphans(&SOURCES, &roots(&SOURCES));
    none(SOURCES.iter().flat_map(shape::check).chain(orphans).collect());
}

#[test]
fn files_and_functions_are_short() {
    none(sizes::check(&SOURCES, sizes::EXCEPTIONS));
}
