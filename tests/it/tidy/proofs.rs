//! Each rule on a few lines that break it, and beside it on lines that do not.

use super::source::Source;
use super::{Problem, crates, layers, purity, shape, sizes};

/// Documentation that satisfies the rule, for texts that are about something else.
const DOC: &str = "//! Says what it is. Output: this. Invariant: that.\n";

fn read(path: &str, text: &str) -> Source {
    Source::parse(path, &format!("{DOC}{text}"), &crates()).unwrap()
}

/// The rules that a text breaks, each once.
fn broken(path: &str, text: &str) -> Vec<&'static str> {
    let source = read(path, text);
    let problems = [layers::check(&source), purity::check(&source), shape::check(&source)].concat();
    let mut rules: Vec<_> = problems.into_iter().map(|problem| problem.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

fn check(rule: &str, cases: &[(&str, &str)]) {
    for (path, text) in cases {
        assert_eq!(broken(path, text), [rule], "{path}: {text}");
    }
}

fn check_good(cases: &[(&str, &str)]) {
    for (path, text) in cases {
        assert_eq!(broken(path, text), [""; 0], "{path}: {text}");
    }
}

#[test]
fn a_use_across_layers_is_found_wherever_it_stands() {
    check(
        "layers",
        &[
            ("src/model/names.rs", "use crate::k8s::object::Object;"),
            ("src/model.rs", "fn f(_: &crate::plan::change::Change) {}"),
            ("src/plan/diff.rs", "fn f() { let _ = crate::report::audit::verify(&[]); }"),
            ("src/plan/diff.rs", "use crate::ports::cluster::Cluster;"),
            ("src/spec/fleet.rs", "use crate::observed::region::Presence;"),
            ("src/observed/region.rs", "use crate::{model::names::RegionName, spec::fleet::Fleet};"),
            ("src/report/audit.rs", "fn f() { format!(\"{}\", crate::apply::execute::x()); }"),
            ("src/report/audit.rs", "#[serde(with = \"x\", default, bound(crate::apply::execute))]\nstruct S;"),
            ("src/desired/unit.rs", "impl crate::plan::change::Named for Unit {}"),
            ("src/desired/unit.rs", "mod inner { fn f() { super::super::super::plan::diff::x(); } }"),
            ("src/adapters/kube.rs", "use crate::adapters::git::Settings;"),
            ("src/adapters/kube.rs", "use super::git::Settings;"),
            ("src/adapters/kube.rs", "use crate::spec::fleet::Fleet;"),
            ("src/sim/store.rs", "use crate::ports::cluster::Cluster;"),
            ("src/sim/kube_port.rs", "use crate::k8s;\nfn f() { k8s::projection::project(); }"),
            ("src/sim/kube_port.rs", "use crate::k8s::{self as words};\nfn f() { words::difference::x(); }"),
            ("src/app/cycle.rs", "use crate::sim::store::Store;"),
            ("src/k8s/tests.rs", "use crate::plan::diff::x;"),
            ("src/yaml/tree.rs", "use crate::k8s::object::Object;"),
            ("src/region/observe.rs", "use crate::apply::write::x;"),
            ("src/plan/diff.rs", "use crate::nowhere::Thing;"),
            ("src/nowhere.rs", "fn f() {}"),
            ("src/adapters/carrier_pigeon.rs", "use crate::model::names::RegionName;"),
        ],
    );
}

#[test]
fn a_foreign_crate_outside_its_rooms_is_found_wherever_it_stands() {
    check(
        "layers",
        &[
            ("src/ports/cluster.rs", "trait T { fn f(&self) -> kube::Result<()>; }"),
            ("src/ports/source.rs", "trait T { fn f(&self, at: git2::Oid); }"),
            ("src/ports/clock.rs", "trait T { fn f(&self) -> tokio::time::Sleep; }"),
            ("src/plan/diff.rs", "use tokio::sync::Mutex;"),
            ("src/plan/diff.rs", "fn f() { tracing::info!(\"now\"); }"),
            ("src/apply/write.rs", "use kube::Client;"),
            ("src/adapters/kube.rs", "use git2::Repository;"),
            ("src/adapters/git.rs", "use kube::Client;"),
            ("src/app/cycle.rs", "use axum::Router;"),
            ("src/app/cycle.rs", "type C = ::kube::Client;"),
            ("src/spec/parse.rs", "fn f() { serde_saphyr::from_str(\"\"); }"),
            ("src/model/names.rs", "#[derive(clap::Args)]\nstruct S;"),
            ("src/plan/diff.rs", "use std::fs;"),
            ("src/plan/diff.rs", "fn f() { std::env::var(\"HOME\"); }"),
            ("src/apply/write.rs", "use std::time;\nfn f() { time::Instant::now(); }"),
            ("src/report/audit.rs", "fn f() { jiff::Timestamp::now(); }"),
            ("src/report/audit.rs", "use jiff::Timestamp as T;\nfn f() { T::now(); }"),
            ("src/sim/store.rs", "use std::time::SystemTime;"),
            ("src/apply/wait.rs", "async fn f() { tokio::time::sleep(x).await; }"),
            ("src/adapters/kube.rs", "use proptest::prelude::any;"),
        ],
    );
}

#[test]
fn what_the_layer_table_allows_is_no_problem() {
    check_good(&[
        ("src/model/names.rs", "use std::fmt;\nuse serde::Serialize;"),
        ("src/plan/diff.rs", "use super::change::Change;\nuse crate::desired::unit::DesiredUnit;"),
        ("src/apply/write.rs", "use crate::region::access::RegionAccess;\nuse tokio::sync::Mutex;"),
        ("src/sim/branch.rs", "use crate::ports::source::Source;"),
        ("src/sim/kube_http/tests.rs", "use crate::adapters::kube::KubeCluster;"),
        ("src/app/demo.rs", "use crate::sim::store::Store;"),
        ("src/app/cycle.rs", "mod http;\nfn f() { http::serve(); }"),
        (
            "src/plan/diff.rs",
            "#[cfg(test)]\nmod tests { use super::*; use proptest::prelude::any; fn f() { std::fs::read(x); } }",
        ),
        ("src/k8s/quantity.rs", "use std::time::Duration;"),
    ]);
}

#[test]
fn the_core_is_seen_to_wait_speak_and_draw() {
    check(
        "purity",
        &[
            ("src/plan/diff.rs", "use std::collections::HashMap;"),
            ("src/model/names.rs", "fn f() -> std::collections::HashSet<u8> { todo() }"),
            ("src/plan/diff.rs", "async fn f() {}"),
            ("src/plan/diff.rs", "fn f() { let _ = async { 1 }; }"),
            ("src/report/audit.rs", "fn f() { println!(\"x\"); }"),
            ("src/adapters/kube.rs", "fn f() { eprintln!(\"x\"); }"),
        ],
    );
    check_good(&[
        ("src/ports/clock.rs", "trait T { async fn f(&self); }"),
        ("src/adapters/kube.rs", "use std::collections::HashMap;\nasync fn f() {}"),
        ("src/plan/diff.rs", "#[cfg(test)]\nmod tests { fn f() { println!(\"x\"); } }"),
    ]);
}

#[test]
fn what_hides_or_blurs_a_name_is_found() {
    check(
        "re-exports",
        &[
            ("src/plan/diff.rs", "pub use super::change::Change;"),
            ("src/plan.rs", "pub(crate) use self::change::Change;"),
        ],
    );
    check(
        "globs",
        &[
            ("src/plan/diff.rs", "use super::change::*;"),
            ("src/plan/diff.rs", "use super::*;"),
            ("src/plan/tests.rs", "use crate::plan::change::*;"),
        ],
    );
    check("super::super", &[("src/plan/diff.rs", "use super::super::model::names::TenantName;")]);
    check(
        "attributes",
        &[
            ("src/plan/diff.rs", "#[allow(dead_code)]\nfn f() {}"),
            ("src/plan/tests.rs", "#[test]\n#[ignore]\nfn f() {}"),
            ("src/plan/diff.rs", "#[path = \"x.rs\"]\nmod y;"),
            ("src/plan/diff.rs", "extern crate alloc;"),
        ],
    );
    check("names", &[("src/plan/diff.rs", "struct PlanManager;"), ("src/plan/diff.rs", "mod util {}")]);
    check("modules", &[("src/plan/mod.rs", ""), ("src/plan/diff.rs", "include!(\"x.rs\");")]);
}

#[test]
fn a_file_without_documentation_is_found() {
    let rules = |path: &str, text: &str| {
        let problems = shape::check(&Source::parse(path, text, &crates()).unwrap());
        problems.into_iter().map(|problem| problem.rule).collect::<Vec<_>>()
    };
    assert_eq!(rules("src/plan/tests.rs", "fn f() {}"), ["documentation"]);
    assert_eq!(rules("src/plan/tests.rs", "//! stub"), ["documentation"]);
    assert_eq!(rules("src/plan/diff.rs", "//! Compares one thing with another."), ["documentation"]);
    assert_eq!(rules("src/plan/tests.rs", "//! Compares one thing with another."), [""; 0]);
}

#[test]
fn a_file_that_no_module_names_is_found() {
    let sources = [
        read("src/lib.rs", "mod plan;"),
        read("src/plan.rs", "mod diff;\n#[cfg(test)]\nmod tests { mod inner; }"),
        read("src/plan/diff.rs", ""),
        read("src/plan/tests/inner.rs", ""),
        read("src/plan/lost.rs", ""),
        read("tests/it/main.rs", "#[path = \"../common/common.rs\"]\nmod common;"),
        read("tests/common/common.rs", "mod part;"),
        read("tests/common/part.rs", ""),
    ];
    let lost = shape::orphans(&sources, &super::roots(&sources));
    assert_eq!(lost.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), ["src/plan/lost.rs"]);
}

#[test]
fn what_is_too_long_is_found_and_so_is_a_needless_exception() {
    let long = |lines: usize| "    x();\n".repeat(lines);
    let check = |path: &str, text: &str, exceptions: &[sizes::Exception]| -> Vec<String> {
        let problems: Vec<Problem> = sizes::check(&[read(path, text)], exceptions);
        problems.into_iter().map(|problem| problem.text).collect()
    };
    let function = |lines: usize| format!("fn f() {{\n{}}}\n", long(lines - 2));
    assert_eq!(check("src/plan.rs", &function(70), &[]), [""; 0]);
    assert_eq!(check("src/plan.rs", &function(71), &[]), ["`f` has 71 lines, 70 at most"]);
    let items = "const X: u8 = 1;\n".repeat(499);
    let tests = format!("{items}#[cfg(test)]\nmod tests {{\n{}}}\n", "    const X: u8 = 1;\n".repeat(50));
    assert_eq!(check("src/plan.rs", &tests, &[]), [""; 0]);
    assert_eq!(check("src/plan.rs", &format!("{items}const Y: u8 = 1;\n"), &[]), ["501 lines, 500 at most"]);
    assert_eq!(check("src/plan/tests.rs", &format!("{items}const Y: u8 = 1;\n"), &[]), ["501 lines, 500 at most"]);
    let exception = |reason| [sizes::Exception { path: "src/plan.rs", function: Some("f"), reason }];
    assert_eq!(check("src/plan.rs", &function(71), &exception("one table, read from top to bottom")), [""; 0]);
    assert_eq!(check("src/plan.rs", &function(71), &exception("")), ["an exception from the sizes without a reason"]);
    let needless = check("src/plan.rs", &function(70), &exception("one table, read from top to bottom"));
    assert_eq!(needless, ["an exception from the sizes that nothing needs any more"]);
}
