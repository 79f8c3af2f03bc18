//! What looks like a secret and what does not.

use super::{in_text, in_tree, mask, shown};
use crate::yaml::tree::{Bounds, parse};

fn found(source: &str) -> Vec<String> {
    let root = parse(source.as_bytes(), Bounds { depth: 32, nodes: 1000 }).unwrap();
    let all = in_tree(&root).into_iter().chain(in_text(source));
    all.map(|f| format!("{}:{} {}", f.span.start.line, f.span.start.column, f.code)).collect()
}

/// A value that no message and no masked text may hold.
const CANARY: &str = "hunter2-CANARY";

#[test]
fn what_looks_secret_is_found_at_its_place() {
    for (source, expected) in [
        ("password: hunter2-CANARY\n", "1:11 HDL2050"),
        ("adminPassword: hunter2-CANARY\n", "1:16 HDL2050"),
        ("ADMIN-SECRET: hunter2-CANARY\n", "1:15 HDL2050"),
        ("private_key: hunter2-CANARY\n", "1:14 HDL2050"),
        ("a: [{apiKey: 'hunter2-CANARY'}]\n", "1:14 HDL2050"),
        ("pin: 1234\n", "1:6 HDL2050"),
        ("key: a8Fk3jZq0PxW7nLb2VcY\n", "1:6 HDL2050"),
        ("a: |\n  -----BEGIN CERTIFICATE-----\n  AAAA\n  -----END CERTIFICATE-----\n", "2:3 HDL2051"),
        ("# -----BEGIN EC PRIVATE KEY-----\na: b\n", "1:3 HDL2051"),
        ("url: https://me:hunter2-CANARY@example.org/x\n", "1:17 HDL2052"),
        ("x: ghp_abcdefghijklmnopqrstuvwxyz0123456789\n", "1:4 HDL2052"),
        ("x: AKIAIOSFODNN7EXAMPLE\n", "1:4 HDL2052"),
    ] {
        assert_eq!(found(source), [expected], "{source}");
    }
}

#[test]
fn ordinary_words_are_not_secrets() {
    for source in [
        "secretName: acme-msp\n",
        "passwordFile: /x\n",
        "key: short\n",
        "tokenizer: x\n",
        "password:\n",
        "pinned: 12\n",
        "plan: sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n",
        "secret: {name: a}\n",
        "url: https://example.org:443/a@b\n",
        "spin: fast\n",
        "key: aaaaaaaaaaaaaaaaaaaaaaaa\n",
    ] {
        assert_eq!(found(source), Vec::<String>::new(), "{source}");
    }
}

#[test]
fn a_masked_text_keeps_its_shape_and_loses_its_secrets() {
    for source in [
        "a: 1\npassword: hunter2-CANARY\nb: 2\n",
        "password: \"hunter2-CANARY\" # hunter2-CANARY\n",
        "password: |\n  hunter2-CANARY\n\n  hunter2-CANARY\nb: 2\n",
        "  token: >-\r\n    hunter2-CANARY\r\n  b: 2\r\n",
        "# password: hunter2-CANARY\n",
        "{a: {secret: hunter2-CANARY}, b: 1}\n",
        "- name: x\n  clientSecret:\n    hunter2-CANARY\n",
        "x: -----BEGIN PRIVATE KEY-----\nhunter2-CANARY\n-----END PRIVATE KEY-----\nb: 2\n",
        "é: https://me:hunter2-CANARY@example.org/x\n",
    ] {
        let masked = mask(source);
        assert!(!masked.contains(CANARY), "{masked}");
        let shape = |text: &str| text.split('\n').map(|line| line.chars().count()).collect::<Vec<_>>();
        assert_eq!(shape(&masked), shape(source), "{masked}");
    }
    let plain = "spec:\n  regions: [local] # é\n";
    assert_eq!(mask(plain), plain);
    assert!(mask("password: hunter2-CANARY\nb: 2\n").ends_with("\nb: 2\n"));
}

#[test]
fn shown_text_is_short_and_never_secret() {
    assert_eq!(shown("a\nb"), "a b");
    assert_eq!(shown(&"ä".repeat(100)).chars().count(), 61);
    assert_eq!(shown("AKIAIOSFODNN7EXAMPLE"), "…");
    assert_eq!(shown("-----BEGIN X-----"), "…");
    assert_eq!(shown("a8Fk3jZq0PxW7nLb2VcY"), "…");
}
