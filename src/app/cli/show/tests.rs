//! Snippets show the right place and nothing secret.

use std::path::Path;

use anstream::adapter::strip_str;

use super::{Texts, diagnostics};
use crate::model::diagnostic::{Code, Diagnostic, Position, Span};
use crate::model::revision::RepoPath;

fn span(line: u32, columns: std::ops::Range<u32>) -> Span {
    // Offsets are wrong on purpose: only line and column hold in a masked text.
    let at = |column| Position { line, column, offset: 9999 };
    Span { start: at(columns.start), end: at(columns.end) }
}

fn shown(text: &str, span: Option<Span>) -> String {
    let file = RepoPath::parse("a.yaml").unwrap();
    let mut texts = Texts::of(Path::new("fleet"));
    texts.add(&file, text.as_bytes());
    let found = Diagnostic::error(Code(2030), "the field is wrong").in_file(&file).at(span, "").hint("correct it");
    strip_str(&diagnostics(&[found], &texts)).to_string()
}

#[test]
fn a_place_is_shown_with_the_lines_around_it() {
    let text = "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n";
    let expected = "\
error[HDL2030]: the field is wrong
 --> fleet/a.yaml:3:4
  |
2 | b: 2
3 | c: 3
  |    ^
4 | d: 4
  |
  = help: correct it

";
    assert_eq!(shown(text, Some(span(3, 4..5))), expected);
}

#[test]
fn the_marker_stays_true_after_a_masked_value_of_many_bytes() {
    let out = shown("a: {password: 'pässwörd-CANARY', b: 1}\n", Some(span(1, 4..12)));
    assert!(!out.contains("CANARY") && !out.contains("pässwörd"), "{out}");
    assert!(out.contains("  |    ^^^^^^^^\n"), "{out}");
    let out = shown("ä: 1\nkey: ä # -----BEGIN KEY\n", Some(span(2, 1..4)));
    assert!(out.contains("2 | key: ä # **************\n  | ^^^\n"), "{out}");
}

#[test]
fn what_cannot_be_shown_is_named() {
    for (text, span, place) in [
        ("", Some(span(1, 1..1)), "fleet/a.yaml:1:1"),
        ("a: 1\n", Some(span(9, 3..4)), "fleet/a.yaml:9:3"),
        (&*format!("a: {}\n", "x".repeat(5000)), Some(span(1, 1..2)), "fleet/a.yaml:1:1"),
        ("a: 1\n", None, "fleet/a.yaml"),
    ] {
        let out = shown(text, span);
        assert!(out.contains(&format!("--> {place}\n")), "{out}");
        assert!(!out.contains("xxx"), "{out}");
    }
}
