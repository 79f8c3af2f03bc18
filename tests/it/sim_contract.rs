//! The contract of API servers, held by the simulated one.
//!
//! Input: [`contract::cases`], written against a real kube-apiserver. Output: every case that needs nothing but the API
//! holds here too, over HTTPS, with the controllers at work. What is `real_only` runs in the suite of real servers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use heddle::sim::kube_http::{self, Front};
use heddle::sim::store::Store;
use heddle::sim::{controllers, faults::Faults};

use crate::contract;
use crate::contract::http::Endpoint;
use crate::contract::server::{Server, User};

struct Simulated {
    store: Arc<Store>,
    front: Front,
    endpoint: Endpoint,
    folder: tempfile::TempDir,
}

impl Simulated {
    async fn start() -> Self {
        let store = Store::new(Arc::new(|| "2026-01-01T00:00:00Z".parse().unwrap()), 1);
        tokio::spawn(controllers::run(Arc::clone(&store)));
        let front = kube_http::serve(Arc::clone(&store), Arc::new(Faults::default())).await.unwrap();
        let port = front.url().rsplit(':').next().unwrap().parse().unwrap();
        let endpoint = Endpoint::new(port, front.ca_pem());
        let folder = tempfile::tempdir().unwrap();
        front.write_kubeconfig(&folder.path().join("kubeconfig")).unwrap();
        Self { store, front, endpoint, folder }
    }
}

impl Server for Simulated {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn token(&self, _: User) -> String {
        // It knows one token and asks for no permission.
        self.front.token().to_owned()
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    fn forget_history(&self) {
        self.store.compact();
    }
}

#[test]
fn the_simulated_server_holds_every_case_that_needs_no_real_one() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(Simulated::start());
    let cases: Vec<_> = contract::cases().into_iter().filter(|case| !case.real_only).collect();
    let holds = |case: &contract::server::Case| catch_unwind(AssertUnwindSafe(|| (case.run)(&server))).is_ok();
    let broken: Vec<&str> = cases.iter().filter(|case| !holds(case)).map(|case| case.name).collect();
    assert_eq!(broken, [""; 0], "of {} cases", cases.len());
    assert!(cases.len() > 10, "only {} cases ran", cases.len());
}

#[test]
fn every_case_has_a_name_of_its_own() {
    let mut names: Vec<&str> = contract::cases().iter().map(|case| case.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}

/// The rows of the page's table of facts: the cases that a row names, and where it says that they run.
fn facts(page: &str) -> Vec<(Vec<&str>, &str)> {
    let rows = page.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        (cells[1].split('`').filter(|part| !part.trim().is_empty()).collect(), cells[2])
    })
    .collect()
}

#[test]
fn the_page_of_facts_names_them_by_cases_that_exist_and_says_where_they_run() {
    let cases = contract::cases();
    let page = include_str!("../../docs/api-server-facts.md");
    let mut wrong = Vec::new();
    let facts = facts(page);
    for (named, place) in &facts {
        assert!(!named.is_empty());
        for name in named {
            let found = cases.iter().find(|case| case.name == *name);
            let says = found.map(|case| if case.real_only { "real only" } else { "both" });
            if says != Some(*place) {
                wrong.push(format!("{name}: the page says {place}, the suite {says:?}"));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert!(facts.len() > 25);
}
