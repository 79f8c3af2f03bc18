//! Single documents, also hostile ones.

use proptest::prelude::{any, prop, proptest};
use proptest::strategy::Strategy;
use proptest::test_runner::Config;

use super::{Limits, is_spec_path, parse};
use crate::model::diagnostic::Severity;
use crate::model::revision::RepoPath;

/// One good document of each kind.
const GOOD: [(&str, &str); 5] = [
    ("fleet.yaml", include_str!("../../../tests/specs/good/fleet.yaml")),
    ("tenants/acme/tenant.yaml", include_str!("../../../tests/specs/good/tenants/acme/tenant.yaml")),
    (
        "tenants/acme/organizations/acme.yaml",
        include_str!("../../../tests/specs/good/tenants/acme/organizations/acme.yaml"),
    ),
    (
        "tenants/platform/networks/trade.yaml",
        include_str!("../../../tests/specs/good/tenants/platform/networks/trade.yaml"),
    ),
    ("tenants/acme/approvals/0123.yaml", include_str!("../../../tests/specs/good/tenants/acme/approvals/0123.yaml")),
];

/// What must hold for any bytes: a document or an error, every place inside the file, no two ways to read it.
fn hold(path: &str, bytes: &[u8]) {
    let path = RepoPath::parse(path).unwrap();
    let file = parse(&path, bytes, Limits::default());
    let errors = file.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    assert_eq!(file.document.is_none(), errors > 0, "{:?}", file.diagnostics);
    for diagnostic in &file.diagnostics {
        assert_eq!(diagnostic.file.as_ref(), Some(&path));
        let Some(span) = diagnostic.span else { continue };
        assert!(span.start <= span.end && span.end.offset as usize <= bytes.len(), "{diagnostic:?}");
        assert!(span.start.line >= 1 && span.start.column >= 1);
        if let Ok(text) = std::str::from_utf8(bytes) {
            assert!(text.is_char_boundary(span.start.offset as usize), "{diagnostic:?}");
            assert!(text.is_char_boundary(span.end.offset as usize), "{diagnostic:?}");
        }
    }
    assert!(file.diagnostics.is_sorted());
    assert_eq!(parse(&path, bytes, Limits::default()), file);
}

/// A change of a good document: a stretch of bytes is replaced.
fn mutation() -> impl Strategy<Value = (usize, usize, usize, Vec<u8>)> {
    let text = prop::sample::select(vec![
        "",
        "x",
        " ",
        "\n",
        "\t",
        ":",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "&a ",
        "*a",
        "!!x ",
        "|\n",
        ">-\n",
        "? ",
        "<<: ",
        "#",
        "null",
        "~",
        "true",
        "1e9",
        "-1",
        "99999999999999999999",
        "\u{feff}",
        "\u{0}",
        "é",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "\r\n",
        "spec:",
        "name:",
        "password: x",
        "-----BEGIN X-----",
        "eyJ",
        "://a:b@c",
        "1Gi",
        "0",
    ]);
    let bytes = text.prop_map(|text| text.as_bytes().to_vec());
    (0..GOOD.len(), any::<prop::sample::Index>(), 0_usize..12, bytes.boxed())
        .prop_map(|(kind, at, len, bytes)| (kind, at.index(1024), len, bytes))
}

proptest! {
    // A fixed seed makes every run the same; more cases by `PROPTEST_CASES`.
    #![proptest_config(Config { rng_seed: proptest::test_runner::RngSeed::Fixed(7), failure_persistence: None, ..Config::default() })]

    #[test]
    fn random_bytes_give_a_diagnostic_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for (path, _) in GOOD {
            hold(path, &bytes);
        }
    }

    #[test]
    fn random_text_gives_a_diagnostic_and_never_a_panic(text in "[ -~\n\t:{}\\[\\]\"'&*!|>%@`#?,-]{0,200}") {
        hold(GOOD[1].0, text.as_bytes());
    }

    #[test]
    fn changed_documents_give_a_document_or_a_diagnostic(changes in prop::collection::vec(mutation(), 1..4)) {
        let (path, text) = GOOD[changes[0].0];
        let mut bytes = text.as_bytes().to_vec();
        for (_, at, len, with) in changes {
            let start = at % (bytes.len() + 1);
            let end = (start + len).min(bytes.len());
            bytes.splice(start..end, with);
        }
        hold(path, &bytes);
    }

    #[test]
    fn masking_keeps_the_shape_of_any_text(text in "[a-z:\n \"'@/{}-]{0,80}(password: ?|-----BEGIN A-----|://x:y@|token: [|]\n)?[ -~é\n]{0,80}") {
        let masked = crate::spec::secrets::mask(&text);
        let shape = |text: &str| text.split('\n').map(|line| line.chars().count()).collect::<Vec<_>>();
        assert_eq!(shape(&masked), shape(&text));
    }
}

#[test]
fn the_good_documents_are_documents() {
    for (path, text) in GOOD {
        hold(path, text.as_bytes());
        let file = parse(&RepoPath::parse(path).unwrap(), text.as_bytes(), Limits::default());
        assert!(file.document.is_some() && file.diagnostics.is_empty(), "{:?}", file.diagnostics);
    }
}

#[test]
fn every_prefix_of_a_document_is_handled() {
    for (path, text) in GOOD {
        for end in 0..text.len() {
            hold(path, &text.as_bytes()[..end]);
        }
    }
}

#[test]
fn only_paths_that_can_hold_or_hide_documents_are_read() {
    for (path, read) in [
        ("fleet.yaml", true),
        ("tenants", true),
        ("tenants/acme", true),
        ("tenants/acme/notes.yaml", true),
        ("tenants/acme/README.md", false),
        ("README.md", false),
        ("charts/fleet.yaml", false),
    ] {
        assert_eq!(is_spec_path(&RepoPath::parse(path).unwrap()), read, "{path}");
    }
}

#[test]
fn hostile_files_give_a_bounded_number_of_problems() {
    let path = RepoPath::parse("fleet.yaml").unwrap();
    let header = "apiVersion: heddle.dev/v1alpha1\nkind: Fleet\nmetadata: {name: x}\nspec:\n  regions:\n";
    for line in [
        "    r{}: {x: 1}\n",
        "    R{}: {}\n",
        "    r{}: ghp_abcdefghijklmnopqrstuvwxyz0123456789\n",
        "    password{}: x\n    x: *a\n",
    ] {
        let lines: String = (0..9000).map(|at| line.replace("{}", &at.to_string())).collect();
        let file = parse(&path, format!("{header}{lines}").as_bytes(), Limits::default());
        assert!(file.document.is_none());
        assert!((1..=300).contains(&file.diagnostics.len()), "{line} {}", file.diagnostics.len());
    }
}
