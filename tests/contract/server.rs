//! The server under test as a case sees it, and the words in which cases are written.
//!
//! Input: an implementation of [`Server`]. Output: [`Api`], a user's view of it. Invariant: what a case makes, it makes
//! in a namespace that no other case uses, so that cases can run at once.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::contract::http::{Answer, Endpoint, Stream};

/// Longest wait for something that a controller does.
const EVENTUALLY: Duration = Duration::from_secs(30);
static NAMESPACES: AtomicU32 = AtomicU32::new(0);

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// May do everything.
    Admin,
    /// May do what the chart grants to the daemon's account: impersonate.
    Daemon,
}

/// A server that speaks the Kubernetes API on loopback with a bearer token for each user.
pub trait Server: Sync {
    /// Where it listens.
    fn endpoint(&self) -> &Endpoint;
    /// The bearer token of a user.
    fn token(&self, user: User) -> String;
    /// The kubeconfig that heddle runs with.
    fn kubeconfig(&self) -> PathBuf;
    /// Forgets what happened so far: watches and pages of an earlier version cannot go on. Other cases are not hurt,
    /// because none keeps a version for longer than it runs, and they run one after the other.
    fn forget_history(&self);
}

/// One fact.
#[derive(Clone, Copy)]
pub struct Case {
    /// A sentence.
    pub name: &'static str,
    /// Needs what a simulation does not do.
    pub real_only: bool,
    /// Panics when the fact does not hold.
    pub run: fn(&dyn Server),
}

/// A fact that holds for every server.
pub const fn case(name: &'static str, run: fn(&dyn Server)) -> Case {
    Case { name, real_only: false, run }
}

/// A fact of the real server only.
pub const fn real_only(name: &'static str, run: fn(&dyn Server)) -> Case {
    Case { name, real_only: true, run }
}

/// One user's view of a server.
pub struct Api<'a> {
    server: &'a dyn Server,
    user: User,
    impersonated: Option<String>,
}

impl<'a> Api<'a> {
    /// The administrator's.
    pub fn admin(server: &'a dyn Server) -> Self {
        Self { server, user: User::Admin, impersonated: None }
    }

    /// The daemon's, as itself.
    pub fn daemon(server: &'a dyn Server) -> Self {
        Self { server, user: User::Daemon, impersonated: None }
    }

    /// The daemon's, as a service account.
    pub fn daemon_as(server: &'a dyn Server, namespace: &str, account: &str) -> Self {
        let user = format!("system:serviceaccount:{namespace}:{account}");
        Self { server, user: User::Daemon, impersonated: Some(user) }
    }

    /// Sends anything.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.try_send(method, path, headers, body).expect("the server answers")
    }

    /// Sends anything; an error when there is no answer.
    pub fn try_send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> std::io::Result<Answer> {
        let token = format!("Bearer {}", self.server.token(self.user));
        let mut all = vec![("Authorization", token.as_str())];
        if let Some(user) = &self.impersonated {
            all.push(("Impersonate-User", user));
        }
        all.extend(headers);
        if !headers.iter().any(|(name, _)| *name == "Accept") {
            all.push(("Accept", "application/json"));
        }
        self.server.endpoint().try_send(method, path, &all, body)
    }

    /// Opens a watch.
    pub fn watch(&self, path: &str) -> Result<Stream, u16> {
        let token = format!("Bearer {}", self.server.token(self.user));
        let mut headers = vec![("Authorization", token.as_str()), ("Accept", "application/json")];
        headers.extend(self.impersonated.as_deref().map(|user| ("Impersonate-User", user)));
        self.server.endpoint().stream(path, &headers)
    }

    /// Reads.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// Creates by POST.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("Content-Type", "application/json")], &body.to_string())
    }

    /// Replaces.
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[("Content-Type", "application/json")], &body.to_string())
    }

    /// Merge patch, as an edit by hand does it.
    pub fn edit(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, &[("Content-Type", "application/merge-patch+json")], &body.to_string())
    }

    /// Server-side apply; `query` begins with `fieldManager=`.
    pub fn apply(&self, path: &str, query: &str, body: &Value) -> Answer {
        let headers = [("Content-Type", "application/apply-patch+yaml")];
        self.send("PATCH", &format!("{path}?{query}"), &headers, &body.to_string())
    }

    /// Deletes with options.
    pub fn delete(&self, path: &str, options: &Value) -> Answer {
        self.send("DELETE", path, &[("Content-Type", "application/json")], &options.to_string())
    }

    /// Makes a namespace that only this case uses and waits until objects can be made in it.
    pub fn namespace(&self) -> String {
        self.namespace_labelled(&json!({}))
    }

    /// The same with labels.
    pub fn namespace_labelled(&self, labels: &Value) -> String {
        let name = format!("case-{}", NAMESPACES.fetch_add(1, Ordering::Relaxed));
        let made = self.post(
            "/api/v1/namespaces",
            &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}),
        );
        expect(&made, 201);
        name
    }
}

/// The answer has this status.
#[track_caller]
pub fn expect(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "answered {}", answer.text);
}

/// Asks until something holds; panics with the last answer after half a minute.
#[track_caller]
pub fn eventually(what: &str, mut ask: impl FnMut() -> bool) {
    let end = Instant::now() + EVENTUALLY;
    while !ask() {
        assert!(Instant::now() < end, "not within {} s: {what}", EVENTUALLY.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// `metadata.resourceVersion`.
pub fn version(object: &Value) -> &str {
    object["metadata"]["resourceVersion"].as_str().expect("an object has a version")
}

/// The entry of a manager and operation in `managedFields`, without a subresource.
pub fn entry<'v>(object: &'v Value, manager: &str, operation: &str) -> Option<&'v Value> {
    object["metadata"]["managedFields"].as_array()?.iter().find(|entry| {
        entry["manager"] == manager && entry["operation"] == operation && entry.get("subresource").is_none()
    })
}
