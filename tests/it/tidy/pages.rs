//! Pages that speak of the code: what they name exists.
//!
//! Input: ARCHITECTURE.md, docs/rules.md, docs/codes.md, the breaks, the sources. Output: what differs. It reads no
//! prose.

use std::collections::{BTreeMap, BTreeSet};

use super::layers::ROOMS;
use super::{SOURCES, root};

/// Rooms whose row in the page is in words: their parts, or "everything".
const IN_WORDS: [&str; 4] = ["sim", "app", "app::demo", "adapters"];

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The cells of a table's rows, without the heading.
fn rows(page: &str) -> impl Iterator<Item = Vec<&str>> {
    page.lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

/// The words in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_layer_table_of_the_architecture_page_is_the_one_that_is_enforced() {
    let page = read("ARCHITECTURE.md");
    let page = page.split_once("\n## The rooms").unwrap().1.split_once("\n## ").unwrap().0.to_owned();
    let of_page: BTreeMap<&str, (u8, Vec<&str>)> = rows(&page)
        .filter_map(|cells| Some((*quoted(cells[0]).first()?, (cells[1].parse().ok()?, quoted(cells[2])))))
        .collect();
    for room in ROOMS.iter().filter(|room| !room.path.starts_with("sim::") && room.path != "adapters") {
        let (layer, uses) = of_page.get(room.path).unwrap_or_else(|| panic!("`{}` is not in the page", room.path));
        assert_eq!(*layer, room.layer, "{}", room.path);
        if !IN_WORDS.contains(&room.path) {
            assert_eq!(uses, room.uses, "{}", room.path);
        }
    }
    assert_eq!(of_page.len(), ROOMS.iter().filter(|room| !room.path.starts_with("sim::")).count() - 1);
}

/// The codes that the sources name, in whichever way.
fn codes() -> BTreeSet<String> {
    let mut found: BTreeSet<String> = heddle::spec::codes::CATALOGUE.iter().map(|(code, _)| code.to_string()).collect();
    for source in SOURCES.iter().filter(|source| source.path.starts_with("src/") && !source.is_test) {
        let text = read(&source.path);
        let refusal = source.path == "src/plan/refusal.rs";
        for mark in ["Code(", "=> "].iter().take(1 + usize::from(refusal)) {
            let after = text.split(mark).skip(1).filter_map(|rest| rest.split_once([')', ',']));
            let numbers = after.map(|(word, _)| word).filter(|word| word.len() == 4 && word.parse::<u16>().is_ok());
            found.extend(numbers.map(|number| format!("HDL{number}")));
        }
    }
    found
}

#[test]
fn the_page_of_codes_has_every_code_of_the_sources_once_and_its_meaning() {
    let page = read("docs/codes.md");
    let of_page: Vec<(&str, &str)> =
        rows(&page).filter_map(|cells| Some((*quoted(cells[0]).first()?, cells[1]))).collect();
    let listed: BTreeSet<String> = of_page.iter().map(|(code, _)| (*code).to_owned()).collect();
    assert!(of_page.windows(2).all(|pair| pair[0].0 < pair[1].0), "in order, each once");
    assert_eq!(listed, codes());
    assert!(codes().contains("HDL1903") && codes().contains("HDL3902") && codes().contains("HDL4007"));
    let of_app = heddle::app::codes::CATALOGUE.iter();
    for (code, meaning) in heddle::spec::codes::CATALOGUE.iter().chain(of_app) {
        assert!(of_page.contains(&(&code.to_string(), meaning)), "{code}: {meaning}");
    }
}

/// Every test by its full name, as the test programs print it.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for source in SOURCES.iter() {
        let inside = source.path.strip_prefix("tests/it/").unwrap_or_default();
        let module = if source.path.starts_with("src/") {
            source.module.join("::")
        } else {
            inside.trim_end_matches(".rs").replace('/', "::")
        };
        for function in source.tests.iter().filter(|_| !module.is_empty()) {
            found.insert(format!("{module}::{function}"));
        }
    }
    found
}

/// A break's header.
fn breaks() -> Vec<BTreeMap<String, String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join("tests/breaks")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "patch") {
            let text = std::fs::read_to_string(&path).unwrap();
            let header = text.lines().filter_map(|line| line.strip_prefix("# ")?.split_once(": "));
            let mut header: BTreeMap<String, String> =
                header.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            header.insert("name".into(), path.file_stem().unwrap().to_str().unwrap().to_owned());
            found.push(header);
        }
    }
    found
}

#[test]
fn every_rule_of_the_page_has_its_room_its_test_and_its_break() {
    let page = read("docs/rules.md");
    let tests = tests();
    let breaks = breaks();
    let mut shown = BTreeSet::new();
    for cells in rows(&page).filter(|cells| !["rule", "---"].contains(&cells[0])) {
        let [rule, room, test, broken] = cells.as_slice() else { panic!("four cells, not {cells:?}") };
        for room in quoted(room) {
            assert!(root().join("src").join(room).exists() || root().join(room).exists(), "{rule}: no {room}");
        }
        let named = quoted(test);
        assert!(!named.is_empty(), "{rule}: no test");
        for test in &named {
            assert!(tests.contains(*test), "{rule}: no test `{test}`");
        }
        for name in quoted(broken) {
            let found = breaks.iter().find(|header| header["name"] == name);
            let found = found.unwrap_or_else(|| panic!("{rule}: no break `{name}`"));
            assert!(named.contains(&found["expects"].as_str()), "{name} expects {}", found["expects"]);
            shown.insert(name.to_owned());
        }
    }
    let all: BTreeSet<String> = breaks.iter().map(|header| header["name"].clone()).collect();
    assert_eq!(shown, all, "docs/rules.md and tests/breaks name different breaks");
    for header in &breaks {
        let suites = ["lib", "it"].contains(&header["suite"].as_str());
        assert!(suites && tests.contains(&header["expects"]), "{header:?}");
    }
}

/// For each hunk of a patch: the file, and the text that it replaces there.
fn replaced(patch: &str) -> Vec<(String, String)> {
    let mut hunks: Vec<(String, String)> = Vec::new();
    let mut file = String::new();
    for line in patch.lines() {
        if let Some(path) = line.strip_prefix("--- a/") {
            path.clone_into(&mut file);
        } else if line.starts_with("@@") {
            hunks.push((file.clone(), String::new()));
        } else if let Some((_, text)) = hunks.last_mut().filter(|_| !line.starts_with(['+', '\\'])) {
            text.push_str(line.get(1..).unwrap_or_default());
            text.push('\n');
        }
    }
    hunks
}

#[test]
fn every_break_still_applies() {
    for entry in std::fs::read_dir(root().join("tests/breaks")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "patch") {
            let hunks = replaced(&std::fs::read_to_string(&path).unwrap());
            assert!(!hunks.is_empty(), "{path:?} breaks nothing");
            for (file, text) in hunks {
                assert!(read(&file).contains(&text), "{path:?} does not apply to {file} any more");
            }
        }
    }
}
