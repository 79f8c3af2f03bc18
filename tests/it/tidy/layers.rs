//! The layer table: which room may use which, and which crates.
//!
//! Input: [`Source`]s. Output: [`Problem`]s. The table is the one of ARCHITECTURE.md (a test compares them). Invariant:
//! a room, or a crate, that is not in a table is a problem.

use super::Problem;
use super::source::{STANDARD, Source, Target};

/// One room of the house.
pub(super) struct Room {
    /// Its module path.
    pub(super) path: &'static str,
    pub(super) layer: u8,
    /// What it may use besides itself.
    pub(super) uses: &'static [&'static str],
    /// Parts of `uses` that it must not use after all.
    pub(super) but_not: &'static [&'static str],
    /// Uses in test code only.
    pub(super) tests: &'static [&'static str],
}

const fn room(path: &'static str, layer: u8, uses: &'static [&'static str]) -> Room {
    Room { path, layer, uses, but_not: &[], tests: &[] }
}

const fn adapter(path: &'static str) -> Room {
    room(path, 7, &["model", "k8s", "yaml", "observed", "ports"])
}

const fn simulated(path: &'static str, uses: &'static [&'static str]) -> Room {
    Room { path, layer: 7, uses, but_not: &["k8s::projection", "k8s::difference"], tests: &[] }
}

const CORE: &[&str] = &["model", "k8s", "yaml", "spec", "observed", "ports", "desired", "plan", "report"];

/// The table. A longer path wins over a shorter one.
pub(super) const ROOMS: &[Room] = &[
    room("model", 0, &[]),
    room("k8s", 1, &["model"]),
    room("x509", 1, &["model"]),
    room("fabric", 1, &["model", "x509"]),
    room("yaml", 1, &["model"]),
    room("spec", 2, &["model", "k8s", "yaml"]),
    room("observed", 2, &["model", "k8s", "fabric", "yaml"]),
    room("ports", 2, &["model", "k8s", "fabric", "yaml", "observed"]),
    room("desired", 3, &["model", "k8s", "x509", "yaml", "spec"]),
    room("plan", 4, &["model", "k8s", "x509", "fabric", "yaml", "spec", "observed", "desired"]),
    room("report", 5, &["model", "k8s", "yaml", "spec", "observed", "desired", "plan"]),
    room("region", 6, CORE),
    room("ledger", 6, &["model", "k8s", "x509", "fabric", "observed", "ports", "desired", "region"]),
    room(
        "apply",
        6,
        &[
            "model", "k8s", "x509", "fabric", "yaml", "spec", "observed", "ports", "desired", "plan", "report",
            "region", "ledger",
        ],
    ),
    room("adapters", 7, &[]),
    room("adapters::fabric", 7, &["model", "fabric", "x509", "ports"]),
    adapter("adapters::folder"),
    adapter("adapters::git"),
    adapter("adapters::kube"),
    adapter("adapters::system"),
    room("sim", 7, &[]),
    simulated("sim::store", &["model", "k8s"]),
    simulated("sim::controllers", &["model", "k8s", "sim"]),
    Room { tests: &["adapters::kube", "ports", "observed"], ..simulated("sim::kube_http", &["model", "k8s", "sim"]) },
    simulated("sim::kube_port", &["model", "k8s", "observed", "ports", "sim"]),
    simulated("sim::ledger_port", &["model", "fabric", "ports", "sim"]),
    simulated("sim::clock", &["model", "k8s", "observed", "ports", "sim"]),
    simulated("sim::entropy", &["model", "k8s", "observed", "ports", "sim"]),
    simulated("sim::faults", &["model", "k8s", "observed", "ports", "sim"]),
    // Of the room `fabric` it shares the shapes of messages, and nothing that decides.
    Room {
        but_not: &[
            "fabric::block",
            "fabric::config",
            "fabric::genesis",
            "fabric::metrics",
            "fabric::msp",
            "fabric::participation",
            "fabric::policy",
            "fabric::proposal",
        ],
        ..simulated("sim::fabric", &["model", "x509", "yaml", "fabric", "ports", "sim"])
    },
    // People at their own machines: who pushes, and who uses kubectl.
    simulated("sim::git_host", &["model"]),
    simulated("sim::kubectl", &["model"]),
    simulated("sim::branch", &["model", "k8s", "ports", "sim"]),
    room("telemetry", 8, CORE),
    Room {
        tests: &["sim"],
        ..room(
            "app",
            8,
            &[
                "model",
                "k8s",
                "yaml",
                "spec",
                "observed",
                "ports",
                "desired",
                "plan",
                "report",
                "region",
                "ledger",
                "apply",
                "adapters",
                "telemetry",
            ],
        )
    },
    room(
        "app::demo",
        8,
        &[
            "model",
            "k8s",
            "yaml",
            "spec",
            "observed",
            "ports",
            "desired",
            "plan",
            "report",
            "region",
            "ledger",
            "apply",
            "adapters",
            "telemetry",
            "sim",
            "app",
        ],
    ),
];

const ANYWHERE: &[&str] = &[""];

/// Crates, and the rooms that may name them (`""`: all; nothing: test code only, see [`IN_TESTS`]).
pub(super) const CRATES: &[(&str, &[&str])] = &[
    ("annotate_snippets", &["app"]),
    ("anstream", &["app"]),
    ("anstyle", &["app"]),
    ("async_trait", &["ports", "region", "apply", "adapters", "sim", "app"]),
    ("axum", &["sim::kube_http", "app::http", "app::wiring"]),
    ("clap", &["app"]),
    ("clap_complete", &["app"]),
    ("comfy_table", &["app"]),
    ("futures", &["ports", "region", "ledger", "apply", "adapters", "sim", "app"]),
    ("getrandom", &["adapters::system"]),
    ("git2", &["adapters::git", "adapters::folder", "sim::git_host"]),
    ("http", &["adapters::fabric", "adapters::kube", "sim::fabric", "sim::kube_http", "sim::kubectl"]),
    ("http_body_util", &["adapters::fabric", "adapters::kube", "sim::fabric", "sim::kube_http"]),
    ("hyper", &["adapters::fabric", "sim::fabric", "sim::kube_http"]),
    ("hyper_util", &["adapters::fabric", "adapters::kube", "sim::fabric", "sim::kube_http"]),
    ("indicatif", &["app"]),
    ("jiff", ANYWHERE),
    ("jsonschema", &["spec", "app"]),
    ("k8s_openapi", &["ledger::records", "adapters::kube", "sim::fabric", "sim::kube_port"]),
    ("kube", &["adapters::kube", "app::wiring", "sim::kubectl"]),
    ("notify", &["adapters", "app::wiring"]),
    ("p256", &["x509"]),
    ("prost", &["fabric", "sim::fabric"]),
    ("rcgen", &["sim::kube_http"]),
    ("rustls", &["adapters::fabric", "adapters::kube", "sim::fabric", "sim::kube_http", "app::wiring", "app::http"]),
    ("schemars", ANYWHERE),
    ("serde", ANYWHERE),
    ("serde_json", ANYWHERE),
    ("serde_saphyr", &["yaml"]),
    ("sha2", &["model"]),
    ("similar", &["report", "app"]),
    ("strsim", &["spec", "app"]),
    ("thiserror", ANYWHERE),
    ("tokio", &["region", "apply", "adapters", "sim", "app", "telemetry"]),
    ("tokio_rustls", &["adapters::fabric", "sim::fabric", "sim::kube_http"]),
    ("tokio_tungstenite", &["sim::kube_http"]),
    ("tokio_util", &["region", "adapters", "sim", "app"]),
    ("tonic", &["adapters::fabric"]),
    ("tonic_prost", &["adapters::fabric"]),
    ("tracing", &["region", "apply", "adapters", "sim", "app", "telemetry"]),
    ("tracing_subscriber", &["telemetry"]),
    ("x509_cert", &["x509"]),
    ("zeroize", &["model", "adapters"]),
];

/// Crates that test code may name anywhere.
pub(super) const IN_TESTS: &[&str] = &["axum", "proptest", "rcgen", "rustls", "tempfile", "tokio", "tokio_rustls"];

/// Modules of the standard library that reach outside, and who may.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("std::env", &["adapters::git", "adapters::kube::config", "app", "telemetry"]),
    ("std::fs", &["adapters", "sim::kube_http::kubeconfig", "app"]),
    // An address as a value; names in certificates are some.
    ("std::net::IpAddr", &["x509", "adapters", "sim::kube_http", "app"]),
    ("std::net", &["adapters", "sim::kube_http", "app"]),
    ("std::process", &["app"]),
    ("std::thread", &["adapters", "app"]),
    ("std::os", &["adapters", "sim::kube_http::kubeconfig", "app"]),
    ("std::io::stdin", &["app"]),
    ("std::io::stdout", &["app", "telemetry"]),
    ("std::io::stderr", &["app", "telemetry"]),
    ("tokio::fs", &["adapters", "app"]),
    ("tokio::net", &["adapters", "sim::kube_http", "app"]),
    ("tokio::process", &[]),
    ("std::time::Instant", &["adapters", "app"]),
    ("std::time::SystemTime", &["adapters::system"]),
    ("jiff::Timestamp::now", &["adapters::system"]),
    ("jiff::Zoned::now", &["adapters::system"]),
    ("tokio::time::Instant", &["adapters", "sim", "app"]),
    ("tokio::time::sleep", &["adapters", "sim", "app"]),
];

fn begins(path: &[String], prefix: &str) -> bool {
    prefix.is_empty()
        || (path.len() >= prefix.split("::").count()
            && prefix.split("::").zip(path).all(|(wanted, part)| wanted == part))
}

/// The room of a module or item.
pub(super) fn room_of(path: &[String]) -> Option<&'static Room> {
    ROOMS.iter().filter(|room| begins(path, room.path)).max_by_key(|room| room.path.len())
}

/// Uses of rooms and crates that the tables do not allow.
pub(super) fn check(source: &Source) -> Vec<Problem> {
    if !source.path.starts_with("src/") || source.module.is_empty() {
        return Vec::new();
    }
    let Some(room) = room_of(&source.module) else {
        return vec![Problem::of(source, 1, "layers", "its room is not in the layer table")];
    };
    let mut problems = Vec::new();
    for mention in &source.mentions {
        let said = match &mention.target {
            Target::Own(path) => own(room, path, mention.in_test),
            Target::Foreign(path) => foreign(source, path, mention.in_test),
        };
        problems.extend(said.map(|said| Problem::of(source, mention.line, "layers", said)));
    }
    problems
}

fn own(room: &Room, path: &[String], in_test: bool) -> Option<String> {
    let Some(target) = room_of(path) else {
        return (path.len() > 1).then(|| format!("{} is in no room", path.join("::")));
    };
    let allowed = |listed: &[&str]| listed.iter().any(|listed| begins(path, listed));
    if begins(path, room.path) || target.path == room.path {
        return None;
    }
    let may = allowed(room.uses) || (in_test && allowed(room.tests));
    (!may || allowed(room.but_not)).then(|| format!("`{}` may not use `{}`", room.path, path.join("::")))
}

fn foreign(source: &Source, path: &[String], in_test: bool) -> Option<String> {
    let name = path[0].as_str();
    let here = |rooms: &[&str]| rooms.iter().any(|room| begins(&source.module, room));
    let outside = OUTSIDE.iter().find(|(outside, _)| begins(path, outside));
    if !in_test && outside.is_some_and(|(_, rooms)| !here(rooms)) {
        return Some(format!("`{}` does not belong here", path.join("::")));
    }
    let known = CRATES.iter().find(|(listed, _)| *listed == name);
    let may = STANDARD.contains(&name)
        || known.is_some_and(|(_, rooms)| here(rooms))
        || (in_test && IN_TESTS.contains(&name));
    (!may).then(|| format!("the crate `{name}` does not belong here"))
}
