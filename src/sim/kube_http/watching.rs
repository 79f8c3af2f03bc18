//! Watches over HTTP.
//!
//! Input: a query and a version. Output: a stream of events, one JSON object a line. Invariants: events come in the
//! order of versions and never twice; a version that is gone ends the stream with an ERROR event of 410; a quiet stream
//! sends bookmarks when asked to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use futures::stream;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::route::Route;
use super::{Shared, answer};
use crate::sim::store::failure::Failure;
use crate::sim::store::read::{Happened, Query};

const BOOKMARK_EVERY: Duration = Duration::from_mins(1);
/// How long before the end of a watch its last bookmark comes, when something happened since it began.
const BOOKMARK_BEFORE_END: Duration = Duration::from_secs(2);
/// Watches without a timeout end after a while, as on the real server (30 to 60 minutes there).
const TIMEOUT: Duration = Duration::from_mins(30);

struct Watching {
    shared: Arc<Shared>,
    route: Route,
    query: Query,
    version: u64,
    lines: VecDeque<Bytes>,
    told: u64,
    ends: Instant,
    /// When the last bookmark is due, and what is known already by then.
    farewell: Option<(Instant, u64)>,
    ended: bool,
}

pub(super) fn respond(shared: &Arc<Shared>, route: &Route, query: Query) -> Result<Response, Failure> {
    let seconds = route.text("timeoutSeconds").parse().map_or(TIMEOUT, Duration::from_secs);
    let ends = Instant::now() + seconds;
    let mut watching = Watching {
        shared: shared.clone(),
        route: route.clone(),
        query,
        version: route.text("resourceVersion").parse().unwrap_or(0),
        lines: VecDeque::new(),
        told: 0,
        ends,
        farewell: None,
        ended: false,
    };
    if watching.version == 0 || route.flag("sendInitialEvents") {
        let listed = shared.store.list(&watching.query, 0, None)?;
        watching.version = listed.version;
        for object in &listed.objects {
            watching.push("ADDED", object);
        }
        if route.flag("sendInitialEvents") {
            watching.bookmark(json!({"k8s.io/initial-events-end": "true"}));
        }
    }
    if route.flag("allowWatchBookmarks") {
        watching.farewell = ends.checked_sub(BOOKMARK_BEFORE_END).map(|at| (at, watching.version));
    }
    if shared.faults.take_expired() {
        watching.fail(&Failure::expired(watching.version, shared.store.version()));
    }
    let lines = stream::unfold(watching, |mut watching| async move {
        let line = watching.next().await?;
        Some((Ok::<_, std::io::Error>(line), watching))
    });
    Ok(super::plain(StatusCode::OK, "application/json", Body::from_stream(lines)))
}

impl Watching {
    async fn next(&mut self) -> Option<Bytes> {
        let mut news = self.shared.store.subscribe();
        loop {
            if self.shared.faults.torn_after().is_some_and(|events| self.told >= events) {
                return None;
            }
            if let Some(line) = self.lines.pop_front() {
                self.told += 1;
                return Some(line);
            }
            if self.ended {
                return None;
            }
            news.mark_unchanged();
            self.collect();
            if !self.lines.is_empty() {
                continue;
            }
            let quiet = tokio::time::sleep(BOOKMARK_EVERY);
            let farewell = self.farewell.map_or(self.ends, |(at, _)| at);
            tokio::select! {
                () = self.shared.closing.cancelled() => return None,
                () = tokio::time::sleep_until(self.ends) => return None,
                () = tokio::time::sleep_until(farewell), if self.farewell.is_some() => {
                    if self.farewell.take().is_some_and(|(_, known)| self.version > known) {
                        self.bookmark(json!({}));
                    }
                }
                () = quiet => if self.route.flag("allowWatchBookmarks") {
                    self.bookmark(json!({}));
                },
                changed = news.changed() => if changed.is_err() {
                    return None;
                },
            }
        }
    }

    fn collect(&mut self) {
        match self.shared.store.events_since(&self.query, self.version) {
            Ok((told, version)) => {
                self.version = version;
                for told in told {
                    let kind = match told.happened {
                        Happened::Added => "ADDED",
                        Happened::Modified => "MODIFIED",
                        Happened::Deleted => "DELETED",
                    };
                    self.push(kind, &told.object);
                }
            }
            Err(failure) => self.fail(&failure),
        }
    }

    fn push(&mut self, kind: &str, object: &Value) {
        let object = answer::shaped(&self.route, object);
        self.line(&json!({"type": kind, "object": object}));
    }

    fn bookmark(&mut self, annotations: Value) {
        let mut metadata = json!({"resourceVersion": self.version.to_string(), "creationTimestamp": null});
        if let (Some(metadata), true) = (metadata.as_object_mut(), annotations != json!({})) {
            metadata.insert("annotations".into(), annotations);
        }
        let resource = self.route.resource;
        let object = json!({"apiVersion": resource.api_version(), "kind": resource.info().kind, "metadata": metadata});
        self.line(&json!({"type": "BOOKMARK", "object": object}));
    }

    fn fail(&mut self, failure: &Failure) {
        self.line(&json!({"type": "ERROR", "object": failure.to_status()}));
        self.ended = true;
    }

    fn line(&mut self, event: &Value) {
        self.lines.push_back(Bytes::from(format!("{event}\n")));
    }
}
