//! A watch: events of one open answer, line by line.
//!
//! Input: the body of a watch. Output: [`Events`], the port's stream. It resumes nothing: the caller lists or watches
//! again. Invariants: a line has a bound; a server that falls silent for longer than it said ends in an error.

use std::time::Duration;

use async_trait::async_trait;
use http::HeaderMap;
use http_body_util::BodyExt;
use kube::client::Body;
use serde::Deserialize;
use serde_json::Value;

use super::connection::OBJECT_BYTES_MAX;
use super::failure;
use super::status::{self, Status, Tried};
use crate::model::object::{Kind, ResourceVersion};
use crate::observed::ingest::ingest;
use crate::ports::cluster::{ClusterError, WatchEvent, WatchStream};

/// How long the server keeps a watch open, in seconds; the server closes it in good order.
pub const OPEN_SECONDS: &str = "290";
/// Silence after which a watch is dead: longer than [`OPEN_SECONDS`].
const SILENCE_MAX: Duration = Duration::from_secs(320);

/// The events of one watch.
pub struct Events {
    body: Body,
    kind: Kind,
    field_manager: String,
    user: String,
    buffer: Vec<u8>,
    /// How much of the buffer was searched for the end of a line.
    searched: usize,
    ended: bool,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

impl Events {
    /// Over an open body.
    pub fn new(body: Body, kind: Kind, field_manager: String, user: String) -> Self {
        Self { body, kind, field_manager, user, buffer: Vec::new(), searched: 0, ended: false }
    }

    /// The next line without its end; none at the end of the body.
    async fn line(&mut self) -> Result<Option<Vec<u8>>, ClusterError> {
        loop {
            let unsearched = self.buffer.iter().skip(self.searched);
            if let Some(place) = unsearched.clone().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(self.searched + place + 1);
                let line = std::mem::replace(&mut self.buffer, rest);
                self.searched = 0;
                return Ok(Some(line));
            }
            self.searched = self.buffer.len();
            if self.buffer.len() > OBJECT_BYTES_MAX {
                return Err(malformed("an event is too long"));
            }
            let frame = tokio::time::timeout(SILENCE_MAX, self.body.frame()).await;
            match frame {
                Err(_) => return Err(ClusterError::Ambiguous { detail: "the watch fell silent".into() }),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => return Err(failure::of(&error)),
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
            }
        }
    }

    fn event(&self, line: &[u8]) -> Result<WatchEvent, ClusterError> {
        let event: Event = serde_json::from_slice(line).map_err(|_| malformed("an event that is no JSON"))?;
        let observed = || {
            let observed = ingest(self.kind, &event.object, &self.field_manager);
            observed.map(Box::new).map_err(|error| malformed(&error.to_string()))
        };
        match event.kind.as_str() {
            "ADDED" | "MODIFIED" => Ok(WatchEvent::Applied(observed()?)),
            "DELETED" => Ok(WatchEvent::Deleted(observed()?)),
            "BOOKMARK" => {
                let version = event.object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
                let version = version.ok_or_else(|| malformed("a bookmark without resourceVersion"))?;
                Ok(WatchEvent::Bookmark(ResourceVersion::new(version)))
            }
            "ERROR" => Err(self.error(&event.object)),
            _ => Err(malformed("an event of an unknown type")),
        }
    }

    fn error(&self, object: &Value) -> ClusterError {
        let Ok(status) = serde_json::from_value::<Status>(object.clone()) else {
            return malformed("an error that is no Status");
        };
        let tried = Tried { user: &self.user, verb: "watch", namespace: "" };
        status::error(status.code(), &HeaderMap::new(), Some(&status), tried)
    }
}

#[async_trait]
impl WatchStream for Events {
    async fn next(&mut self) -> Option<Result<WatchEvent, ClusterError>> {
        while !self.ended {
            let event = match self.line().await {
                // What follows the last line end is cut off and told again by the next watch.
                Ok(None) => {
                    self.ended = true;
                    return None;
                }
                Ok(Some(line)) if line.iter().all(u8::is_ascii_whitespace) => continue,
                Ok(Some(line)) => self.event(&line),
                Err(error) => Err(error),
            };
            self.ended = event.is_err();
            return Some(event);
        }
        None
    }
}

fn malformed(detail: &str) -> ClusterError {
    ClusterError::Malformed { detail: detail.to_owned() }
}
