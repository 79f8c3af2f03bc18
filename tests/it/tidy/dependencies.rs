//! What this project builds on: each crate has a reason, a use, and a licence that is allowed.
//!
//! Input: `Cargo.toml`, `docs/dependencies.md`, `deny.toml`, what cargo says of the packages. Output: problems in
//! words. Advisories are not looked up: that needs a network.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::source::{Source, Target};
use super::{SOURCES, root};

/// Dependencies by table: in the program, in tests only.
pub(super) fn direct(cargo: &str) -> [BTreeSet<String>; 2] {
    let mut found = [BTreeSet::new(), BTreeSet::new()];
    let mut table = None;
    for line in cargo.lines() {
        if line.starts_with('[') {
            table = ["[dependencies]", "[dev-dependencies]"].iter().position(|name| *name == line);
        } else if let (Some(table), Some((name, _))) = (table, line.split_once(" = ")) {
            found[table].insert(name.to_owned());
        }
    }
    found
}

/// The crates that the page has a line for, by heading.
fn explained(page: &str) -> [BTreeSet<String>; 2] {
    let mut found = [BTreeSet::new(), BTreeSet::new()];
    let mut table = None;
    for line in page.lines() {
        if line.starts_with("## ") {
            table = ["## In the program", "## In tests only"].iter().position(|name| *name == line);
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let (Some(table), ["", name, why, instead, ""]) = (table, cells.as_slice())
            && !["crate", "---"].contains(name)
            && why.split_whitespace().count() > 3
            && !instead.is_empty()
        {
            found[table].insert((*name).to_owned());
        }
    }
    found
}

fn is_used(crate_name: &str, sources: &[Source], in_tests: bool) -> bool {
    let name = crate_name.replace('-', "_");
    sources.iter().flat_map(|source| &source.mentions).any(|mention| {
        (in_tests || !mention.in_test) && matches!(&mention.target, Target::Foreign(path) if path[0] == name)
    })
}

#[test]
fn every_direct_dependency_has_a_reason_and_a_use() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let direct = direct(&read("Cargo.toml"));
    assert_eq!(direct, explained(&read("docs/dependencies.md")), "Cargo.toml and docs/dependencies.md differ");
    for (in_tests, names) in [false, true].into_iter().zip(&direct) {
        for name in names {
            assert!(is_used(name, &SOURCES, in_tests), "`{name}` is not used");
        }
    }
}

#[test]
fn an_unused_dependency_and_one_without_a_reason_are_found() {
    let crates = ["git2".to_owned(), "kube".to_owned()].into();
    let source = Source::parse("src/a.rs", "use git2::Oid;\n#[cfg(test)]\nmod tests { use kube::Client; }", &crates);
    let sources = [source.unwrap()];
    assert!(is_used("git2", &sources, false) && !is_used("kube", &sources, false) && is_used("kube", &sources, true));
    let [program, _] =
        explained("## In the program\n| git2 | reads and writes bare repositories | gix |\n| kube | | |\n");
    assert_eq!(program, ["git2".to_owned()].into());
}

/// What `deny.toml` says, as far as it is checked here.
#[derive(Debug, Default)]
struct Rules {
    licences: BTreeSet<String>,
    banned: BTreeSet<String>,
    doubled: BTreeSet<String>,
}

fn rules(deny: &str) -> Rules {
    let mut rules = Rules::default();
    let mut list = "";
    for line in deny.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some((name, "[")) = line.split_once(" = ") {
            list = name;
        } else if line == "]" {
            list = "";
        }
        let Some(quoted) = line.split('"').nth(1) else { continue };
        match list {
            "allow" => drop(rules.licences.insert(quoted.to_owned())),
            "deny" => drop(rules.banned.insert(quoted.to_owned())),
            "skip" => drop(rules.doubled.insert(quoted.to_owned())),
            _ => {}
        }
    }
    rules
}

/// Whether an SPDX expression can be met with these licences.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = either(&words, &mut at, allowed);
    met && at == words.len()
}

fn either(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = both(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(words, at, allowed);
    }
    met
}

fn both(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(first) = words.get(*at) else { return false };
    *at += 1;
    if *first == "(" {
        let met = either(words, at, allowed);
        *at += 1;
        return met && words.get(*at - 1) == Some(&")");
    }
    if words.get(*at) == Some(&"WITH") {
        *at += 2;
        return words.get(*at - 1).is_some_and(|exception| allowed.contains(&format!("{first} WITH {exception}")));
    }
    allowed.contains(*first)
}

/// What is wrong with the packages of `cargo metadata`.
fn check(packages: &[Value], rules: &Rules) -> Vec<String> {
    let mut problems = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        let name = text("name");
        versions.entry(name).or_default().insert(text("version"));
        if !is_met(text("license"), &rules.licences) {
            problems.push(format!("{name}: the licence `{}` is not allowed", text("license")));
        }
        if rules.banned.contains(name) {
            problems.push(format!("{name} is banned"));
        }
        let from = text("source");
        if !from.is_empty() && !from.starts_with("registry+") {
            problems.push(format!("{name} does not come from a registry but from {from}"));
        }
    }
    let doubled = versions.iter().filter(|(name, versions)| versions.len() > 1 && !rules.doubled.contains(**name));
    problems.extend(doubled.map(|(name, versions)| format!("{name} is there in {} versions", versions.len())));
    problems
}

/// The packages that are built on this machine. Others need not be here without a network.
fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let run = |program: &std::ffi::OsStr, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(root()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let version = run("rustc".as_ref(), &["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let arguments = ["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", host];
    let metadata: Value = serde_json::from_str(&run(&cargo, &arguments)).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

#[test]
fn licences_bans_sources_and_doubles_are_as_deny_toml_says() {
    let rules = rules(&std::fs::read_to_string(root().join("deny.toml")).unwrap());
    let packages = packages();
    assert!(packages.len() > 100, "only {} packages", packages.len());
    assert_eq!(check(&packages, &rules), Vec::<String>::new());
}

#[test]
fn a_licence_that_is_not_allowed_is_found() {
    let allowed: BTreeSet<String> = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for good in
        ["MIT", "GPL-3.0 OR MIT", "MIT/Unlicense", "MIT AND (GPL-3.0 OR Apache-2.0)", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(is_met(good, &allowed), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(GPL-3.0 OR LGPL-2.1) AND MIT",
        "MIT WITH LLVM-exception",
        "MIT MIT",
        "(MIT",
    ] {
        assert!(!is_met(bad, &allowed), "{bad}");
    }
}

#[test]
fn a_banned_a_doubled_and_a_strange_package_are_found() {
    let rules = rules(
        "allow = [\n\"MIT\",\n]\ndeny = [\n{ crate = \"chrono\", reason = \"x\" },\n]\nskip = [\n{ crate = \"syn\" },\n]\n",
    );
    let package = |name: &str, version: &str, source: &str| serde_json::json!({ "name": name, "version": version, "license": "MIT", "source": source });
    let index = "registry+https://index.example.org/";
    let packages = [
        package("chrono", "1.0.0", index),
        package("syn", "1.0.0", index),
        package("syn", "2.0.0", index),
        package("rand", "1.0.0", index),
        package("rand", "2.0.0", "git+https://example.org/rand"),
    ];
    assert_eq!(
        check(&packages, &rules),
        [
            "chrono is banned",
            "rand does not come from a registry but from git+https://example.org/rand",
            "rand is there in 2 versions",
        ]
    );
}
