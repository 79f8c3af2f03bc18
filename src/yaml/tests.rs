//! Trees, places and bounds of documents.

use super::scalar::{Scalar, resolve};
use super::tree::{Bounds, Node, Value, parse};
use super::{read, write};

const BOUNDS: Bounds = Bounds { depth: 8, nodes: 100 };

fn defects(source: &str) -> Vec<String> {
    let defects = parse(source.as_bytes(), BOUNDS).expect_err(source);
    let show = |d: &super::tree::Defect| format!("{}:{} {:?}", d.span.start.line, d.span.start.column, d.kind);
    defects.iter().map(show).collect()
}

fn slice(source: &str, node: &Node) -> String {
    source.get(node.span.start.offset as usize..node.span.end.offset as usize).unwrap().to_owned()
}

#[test]
fn every_key_and_value_has_its_place() {
    let source = "a: one\nü: {x: [1, 'b']}\nlist:\n  - p: q\n  - r\n";
    let root = parse(source.as_bytes(), BOUNDS).unwrap();
    assert_eq!(slice(source, root.at(["a"]).unwrap()), "one");
    assert_eq!(slice(source, root.at(["ü", "x"]).unwrap()), "[1, 'b']");
    assert_eq!(slice(source, root.at(["ü", "x", "1"]).unwrap()), "'b'");
    assert_eq!(slice(source, root.at(["list", "0", "p"]).unwrap()), "q");
    let Value::Map(entries) = &root.value else { panic!() };
    let places: Vec<_> = entries.iter().map(|e| (e.span.start.line, e.span.start.column)).collect();
    assert_eq!(places, [(1, 1), (2, 1), (3, 1)]);
}

#[test]
fn each_defect_is_found_at_its_place() {
    for (source, expected) in [
        ("", "1:1 Empty"),
        ("# only a comment\n", "1:1 Empty"),
        ("a: 1\na: 2\n", "2:1 DuplicateKey"),
        ("a: &x 1\n", "1:7 Indirection"),
        ("a: *x\n", "1:4 Indirection"),
        ("a: {<<: b}\n", "1:5 Indirection"),
        ("a: !!str 1\n", "1:4 Indirection"),
        ("a: 1\n---\nb: 1\n", "2:1 SecondDocument"),
        ("a:\n\tb: 1\n", "2:1 Tab"),
        ("1: a\n", "1:1 Key"),
        ("[a]: b\n", "1:1 Key"),
        ("a: \u{0}\n", "1:4 Character"),
        ("\u{feff}a: 1\n", "1:1 Character"),
        ("a: [1\n", "1:4 Syntax"),
        ("a: [[[[[[[[1]]]]]]]]\n", "1:11 Bound"),
    ] {
        assert_eq!(defects(source), [expected], "{source:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_located() {
    let defect = parse(b"a: b\nc: \xff\n", BOUNDS).unwrap_err().remove(0);
    assert_eq!((defect.span.start.line, defect.span.start.column), (2, 4));
}

#[test]
fn all_duplicate_keys_are_found_at_once() {
    assert_eq!(defects("a: 1\na: 2\nb: {c: 1, c: 2}\n"), ["2:1 DuplicateKey", "3:11 DuplicateKey"]);
}

#[test]
fn the_node_bound_stops_the_parser() {
    let many = "- a\n".repeat(200);
    assert_eq!(defects(&many), ["100:3 Bound"]);
}

#[test]
fn deep_nesting_never_overflows_the_stack() {
    for source in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000)] {
        assert!(parse(source.as_bytes(), BOUNDS).is_err());
    }
}

#[test]
fn what_readers_disagree_about_is_text() {
    for text in [
        "no",
        "yes",
        "on",
        "012",
        "0x1f",
        "0o17",
        "1_000",
        ".inf",
        ".nan",
        "12:30",
        "1.",
        ".5",
        "99999999999999999999",
        "3.1.5",
    ] {
        assert_eq!(resolve(text), Scalar::Text, "{text}");
    }
    assert_eq!(resolve("-12"), Scalar::Integer(-12));
    assert_eq!(resolve("1.10"), Scalar::Float(1.1));
    assert_eq!(resolve("1e3"), Scalar::Float(1000.0));
    assert_eq!(resolve("~"), Scalar::Null);
}

#[test]
fn written_documents_read_back() {
    use std::collections::BTreeMap;
    let traps = [
        "no",
        "012",
        "1e3",
        "\tx\ny",
        "# a",
        "a: b",
        "",
        " x ",
        "- a",
        "2024-01-01",
        "!a",
        "&a",
        "*a",
        "null",
        "~",
        "0x1",
        "1_0",
        "é\u{85}",
        "=",
        "<<",
    ];
    let document: BTreeMap<String, Vec<String>> =
        traps.iter().map(|t| ((*t).to_owned(), vec![(*t).to_owned(), format!("{t}\n")])).collect();
    let text = write(&document).unwrap();
    assert_eq!(read::<BTreeMap<String, Vec<String>>>(text.as_bytes()).unwrap(), document);
    assert_eq!(write(&document).unwrap(), text);
}

#[test]
fn own_documents_with_repeated_keys_or_aliases_are_refused() {
    use std::collections::BTreeMap;
    for bad in ["a: x\na: y\n", "a: &x y\nb: *x\n", "a: x\n---\na: x\n"] {
        assert!(read::<BTreeMap<String, String>>(bad.as_bytes()).is_err(), "{bad}");
    }
}
