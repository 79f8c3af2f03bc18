//! How files are laid out: documentation, modules, imports, lints, names.
//!
//! Input: [`Source`]s. Output: [`Problem`]s.

use std::collections::BTreeSet;

use super::Problem;
use super::source::Source;

/// What a name says nothing with. `FieldManager` is a word of Kubernetes.
const EMPTY_WORDS: [&str; 7] = ["Manager", "Helper", "Helpers", "Util", "Utils", "Handler", "Misc"];

/// Problems of one file.
pub(super) fn check(source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut say = |line: usize, rule: &'static str, text: String| problems.push(Problem::of(source, line, rule, text));
    let words = source.doc.split_whitespace().count();
    if words < 3 {
        say(1, "documentation", "no module documentation (`//!`) that says what the file is for".to_owned());
    }
    if source.path.starts_with("src/") && !source.is_test && !source.module.is_empty() && !says_enough(source) {
        say(1, "documentation", "the module documentation names no output or no invariant".to_owned());
    }
    if source.path.ends_with("/mod.rs") {
        say(1, "modules", "`mod.rs`: write `name.rs` beside `name/`".to_owned());
    }
    for import in &source.imports {
        let path = import.path.join("::");
        if import.shared {
            say(import.line, "re-exports", format!("`{path}` is exported a second time"));
        }
        let of_parent = import.in_test && import.path == ["super"];
        if import.glob && !of_parent && !is_prelude(&import.path) {
            say(import.line, "globs", format!("`{path}::*`: name what is used"));
        }
        if import.path.iter().filter(|part| *part == "super").count() > 1 {
            say(import.line, "super::super", format!("`{path}`: write it from `crate`"));
        }
    }
    for (line, name) in &source.attributes {
        let said = match name.as_str() {
            "allow" => "`allow` outlives its cause: write `expect` with a reason",
            "ignore" => "a test that is not run proves nothing",
            "extern crate" => "`extern crate` hides where a name comes from",
            "path" if source.path.starts_with("src/") => "`#[path]`: a file lies where its module is",
            _ => continue,
        };
        say(*line, "attributes", said.to_owned());
    }
    for (line, name) in &source.declared {
        let camel = EMPTY_WORDS.iter().any(|word| name.ends_with(word)) && name != "FieldManager";
        let snake = EMPTY_WORDS.iter().any(|word| *name == word.to_lowercase());
        if camel || snake {
            say(*line, "names", format!("`{name}` does not say what it does"));
        }
    }
    for (line, name) in &source.macros {
        if name == "include" {
            say(*line, "modules", "`include!` hides code".to_owned());
        }
    }
    problems
}

/// Purpose, output and invariant: what a reader needs before the first line.
fn says_enough(source: &Source) -> bool {
    ["utput", "nvariant"].iter().any(|word| source.doc.contains(word))
}

fn is_prelude(path: &[String]) -> bool {
    path.last().is_some_and(|last| last == "prelude") && path.len() == 2
}

/// Files that no `mod` leads to. `roots`: the files that Cargo compiles.
pub(super) fn orphans(sources: &[Source], roots: &BTreeSet<String>) -> Vec<Problem> {
    let mut reached = roots.clone();
    let mut left: Vec<String> = roots.iter().cloned().collect();
    while let Some(path) = left.pop() {
        let Some(source) = sources.iter().find(|source| source.path == path) else { continue };
        for (_, file) in &source.children {
            left.extend(file.iter().map(|file| beside(&path, file)).filter(|file| reached.insert(file.clone())));
        }
        let base = folder_of(&path, roots.contains(&path) || is_renamed(sources, &path));
        for (module, file) in source.children.iter().filter(|(_, file)| file.is_none()) {
            assert!(file.is_none());
            let name = inner(&source.module, module);
            let file = format!("{base}/{name}.rs");
            if reached.insert(file.clone()) {
                left.push(file);
            }
        }
    }
    let lost = sources.iter().filter(|source| !reached.contains(&source.path));
    lost.map(|source| Problem::of(source, 1, "modules", "no `mod` leads to this file: it is not compiled")).collect()
}

/// The modules below a file's own, as a path.
fn inner(own: &[String], module: &[String]) -> String {
    module[own.len().min(module.len() - 1)..].join("/")
}

/// Where a file's children lie.
fn folder_of(path: &str, is_root: bool) -> String {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    if is_root { stem.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned()) } else { stem.to_owned() }
}

/// Whether some `#[path]` leads to this file: its children lie beside it then.
fn is_renamed(sources: &[Source], path: &str) -> bool {
    sources.iter().any(|source| {
        source.children.iter().any(|(_, file)| file.as_ref().is_some_and(|file| beside(&source.path, file) == path))
    })
}

/// A path relative to a file's folder.
fn beside(path: &str, file: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}
