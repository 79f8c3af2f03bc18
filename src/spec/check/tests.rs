//! Whole repositories, good and bad, with every diagnostic they give.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Checked, check};
use crate::model::diagnostic::Diagnostic;
use crate::model::revision::RepoPath;
use crate::spec::parse::{self, Limits, ParsedFile, Unread};
use crate::spec::{codes, secrets};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder by their path in it.
fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(base: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(base, &path, files);
            } else {
                let name = path.strip_prefix(base).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    walk(folder, folder, &mut files);
    files
}

fn evaluate(files: &BTreeMap<String, Vec<u8>>) -> Checked {
    let mut parsed = BTreeMap::new();
    for (name, bytes) in files {
        let path = RepoPath::parse(name).unwrap();
        if parse::is_spec_path(&path) {
            parsed.insert(path.clone(), Arc::new(parse::parse(&path, bytes, Limits::default())));
        }
    }
    check(&parsed)
}

fn quick_start() -> BTreeMap<String, Vec<u8>> {
    files_below(&root().join("examples/quick-start"))
}

#[test]
fn the_quick_start_is_valid() {
    let checked = evaluate(&quick_start());
    assert!(checked.diagnostics.is_empty(), "{:#?}", checked.diagnostics);
    let fleet = checked.fleet.unwrap();
    assert_eq!((fleet.tenants.len(), fleet.organizations.len(), fleet.networks.len()), (3, 3, 1));
    assert!(checked.invalid.is_empty());
}

/// What `steps.txt` of a case asks for; what cannot be a file in this repository is made here.
fn prepare(case: &Path) -> BTreeMap<RepoPath, Arc<ParsedFile>> {
    let limits = Limits::default();
    let steps = std::fs::read_to_string(case.join("steps.txt")).unwrap_or_default();
    let mut bytes = files_below(&root().join("tests/specs/good"));
    if steps.lines().any(|step| step == "empty") {
        bytes.clear();
    }
    bytes.extend(files_below(case));
    bytes.retain(|name, _| name != "steps.txt" && name != "expected.txt");
    let mut unread = Vec::new();
    for step in steps.lines() {
        match step.split(' ').collect::<Vec<_>>().as_slice() {
            ["empty"] => {}
            ["remove", path] => assert!(bytes.remove(*path).is_some(), "{path}"),
            ["symlink", path] => unread.push((*path, Unread::Symlink)),
            ["submodule", path] => unread.push((*path, Unread::Submodule)),
            ["missing", path] => unread.push((*path, Unread::NotDelivered)),
            ["large", path, size] => unread.push((*path, Unread::TooLarge(size.parse().unwrap()))),
            ["many", path, count] => {
                bytes.insert((*path).to_owned(), "- a\n".repeat(count.parse().unwrap()).into_bytes());
            }
            other => panic!("unknown step {other:?}"),
        }
    }
    let mut files = BTreeMap::new();
    for (name, bytes) in &bytes {
        let path = RepoPath::parse(name).unwrap();
        if parse::is_spec_path(&path) {
            files.insert(path.clone(), Arc::new(parse::parse(&path, bytes, limits)));
        }
    }
    for (name, why) in unread {
        let path = RepoPath::parse(name).unwrap();
        assert!(parse::is_spec_path(&path), "{path}");
        files.insert(path.clone(), Arc::new(parse::unread(&path, why, limits)));
    }
    files
}

/// The source text of a span, so that a reader of the expected file sees what a place means.
fn excerpt(case: &Path, diagnostic: &Diagnostic) -> Option<String> {
    let (file, span) = (diagnostic.file.as_ref()?, diagnostic.span?);
    let bytes = std::fs::read(case.join(file.as_str()))
        .or_else(|_| std::fs::read(root().join("tests/specs/good").join(file.as_str())))
        .ok()?;
    let text = secrets::mask(&String::from_utf8_lossy(&bytes));
    let text = text.get(span.start.offset as usize..span.end.offset as usize)?;
    let line = text.lines().next()?;
    Some(
        line.chars()
            .take(40)
            .collect::<String>()
            .replace('\u{feff}', "<BOM>")
            .replace('\0', "<NUL>")
            .replace('\t', "<TAB>"),
    )
}

fn rendering(case: &Path, checked: &Checked) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for diagnostic in &checked.diagnostics {
        writeln!(out, "{diagnostic}").unwrap();
        if let Some(excerpt) = excerpt(case, diagnostic) {
            writeln!(out, "  at: {excerpt}").unwrap();
        }
        if let Some(hint) = &diagnostic.hint {
            writeln!(out, "  hint: {hint}").unwrap();
        }
        for related in &diagnostic.related {
            let place = related.span.map(|s| format!(":{}:{}", s.start.line, s.start.column)).unwrap_or_default();
            writeln!(out, "  see: {}{place}: {}", related.file, related.message).unwrap();
        }
    }
    let invalid: Vec<String> = checked.invalid.keys().map(ToString::to_string).collect();
    writeln!(out, "invalid: {}", if invalid.is_empty() { "nothing".to_owned() } else { invalid.join(" ") }).unwrap();
    if checked.fleet.is_none() {
        out.push_str("no fleet\n");
    }
    out
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(root().join("tests/specs/bad")).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

#[test]
fn every_bad_input_gives_exactly_its_problems_at_their_places() {
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(cases.len() >= 100);
    for case in cases {
        let found = rendering(&case, &check(&prepare(&case)));
        let file = case.join("expected.txt");
        if std::env::var_os("HEDDLE_WRITE_EXPECTED").is_some() {
            std::fs::write(&file, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}\n--- expected\n{expected}--- found\n{found}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn no_problem_repeats_a_secret() {
    let mut seen = 0;
    for case in cases() {
        let checked = check(&prepare(&case));
        let all = format!("{:?} {:?}", checked.diagnostics, checked.invalid);
        assert!(!all.contains("CANARY"), "{}", case.display());
        let holds = files_below(&case).values().any(|bytes| String::from_utf8_lossy(bytes).contains("CANARY"));
        seen += usize::from(holds);
        assert!(!rendering(&case, &checked).contains("CANARY"), "{}", case.display());
    }
    assert!(seen >= 7, "the cases with secrets are gone");
}

#[test]
fn every_code_of_the_catalogue_has_a_bad_input() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        seen.extend(check(&prepare(&case)).diagnostics.into_iter().map(|diagnostic| diagnostic.code));
    }
    let unseen: Vec<_> = codes::CATALOGUE.iter().filter(|(code, _)| !seen.contains(code)).collect();
    // A path that cannot be written down is no file here (`app::evaluation` tests it). A rule of a schema without a
    // code of its own cannot be broken yet: every keyword in use has one.
    let expected = [codes::UNREADABLE_PATH, codes::OTHER_RULE];
    assert_eq!(unseen.iter().map(|(code, _)| *code).collect::<Vec<_>>(), expected, "{unseen:?}");
}
