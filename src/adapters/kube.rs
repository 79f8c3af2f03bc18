//! One region's cluster over the Kubernetes API.
//!
//! Input: a client and an installation. Output: [`KubeCluster`], the `Cluster` port. It retries nothing: what to do
//! after a failure is the caller's. Invariants: every request names one of three impersonated identities, has a
//! deadline and a bounded answer, and is sent once.

use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use serde_json::Value;

use crate::k8s::{kinds, ownership};
use crate::model::names::InstallationId;
use crate::model::object::{ClusterUid, Kind, ObjectId, ResourceVersion, Uid};
use crate::observed::ingest::ingest;
use crate::observed::object::LiveObject;
use crate::ports::cluster::{
    Applied, ApplyRequest, Cluster, ClusterError, Identity, LeaseRecord, Page, Propagation, WatchStream,
};

pub mod config;
pub mod connection;
pub mod failure;
pub mod forward;
pub mod lease;
pub mod limit;
pub mod list;
pub mod meter;
pub mod request;
mod secrets;
pub mod status;
pub mod text;
pub mod watch;

use connection::{Answer, Connection, LIST_BYTES_MAX, OBJECT_BYTES_MAX, Outgoing, Refusal};
use meter::{Call, Meter};
use request::ApplyBody;
use status::Tried;
use watch::Events;

/// Objects on one page of a list. All kinds are listed at once, so that a page is also what bounds the memory of a
/// start.
const PAGE: &str = "100";
/// Inventories on one page: each may be half as large as the server allows.
const INVENTORY_PAGE: &str = "20";

/// One region's cluster.
pub struct KubeCluster {
    connection: Connection,
    selector: String,
    inventory_selector: String,
    field_manager: String,
}

/// A request in the words of this room.
struct Ask<'a> {
    call: Call,
    method: Method,
    identity: &'a Identity,
    /// Path with query.
    target: String,
    accept: &'static str,
    body: Option<(&'static str, Vec<u8>)>,
    /// For messages: the verb of the API and what it is used on.
    verb: String,
    namespace: &'a str,
    bytes_max: usize,
}

impl KubeCluster {
    /// Over a client of [`config::client`].
    pub fn new(client: kube::Client, installation: &InstallationId) -> Self {
        Self {
            connection: Connection::new(client),
            selector: ownership::selector(installation),
            inventory_selector: ownership::inventory_selector(installation),
            field_manager: ownership::field_manager(installation),
        }
    }

    /// With another deadline for each request than [`connection::DEADLINE`].
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { connection: self.connection.with_deadline(deadline), ..self }
    }

    /// How many requests were sent, by what for.
    pub fn meter(&self) -> &Meter {
        self.connection.meter()
    }

    /// How many requests may be under way now.
    pub fn limit(&self) -> usize {
        self.connection.limit()
    }

    async fn ask(&self, ask: Ask<'_>) -> Result<Answer, Refusal> {
        let user = request::user(ask.identity);
        let request = request::build(&ask.method, &ask.target, &user, ask.accept, ask.body)?;
        let tried = Tried { user: &user, verb: &ask.verb, namespace: ask.namespace };
        self.connection.exchange(Outgoing { request, call: ask.call, tried, bytes_max: ask.bytes_max }).await
    }

    fn live(&self, kind: Kind, body: Value) -> Result<LiveObject, ClusterError> {
        let observed = ingest(kind, &body, &self.field_manager).map_err(|error| malformed(&error.to_string()))?;
        Ok(LiveObject { observed, body })
    }
}

impl Ask<'_> {
    fn read(call: Call, identity: &Identity, target: String, verb: String) -> Ask<'_> {
        Ask {
            call,
            method: Method::GET,
            identity,
            target,
            accept: request::JSON,
            body: None,
            verb,
            namespace: "",
            bytes_max: OBJECT_BYTES_MAX,
        }
    }
}

#[async_trait]
impl Cluster for KubeCluster {
    async fn uid(&self) -> Result<ClusterUid, ClusterError> {
        let target = kinds::object_path(&ObjectId::cluster(Kind::Namespace, "kube-system"));
        let ask = Ask::read(Call::Uid, &Identity::Observer, target, "get namespaces".into());
        let answer = self.ask(Ask { accept: request::METADATA, ..ask }).await.map_err(|refusal| refusal.error)?;
        let body = json(&answer.body)?;
        let uid = body.pointer("/metadata/uid").and_then(Value::as_str).filter(|uid| !uid.is_empty());
        uid.map(ClusterUid::new).ok_or_else(|| malformed("kube-system has no uid"))
    }

    async fn list(&self, kind: Kind, from: Option<&str>) -> Result<Page, ClusterError> {
        let mut query = vec![("labelSelector", self.selector.as_str()), ("limit", PAGE)];
        query.extend(from.map(|token| ("continue", token)));
        let target = request::target(&kinds::collection_path(kind, None), &query);
        let ask = Ask::read(Call::List, &Identity::Observer, target, format!("list {}", kinds::info(kind).plural));
        let answer = self.ask(Ask { bytes_max: LIST_BYTES_MAX, ..ask }).await.map_err(|refusal| refusal.error)?;
        let page = list::read(&answer.body, &mut |item| ingest(kind, &item, &self.field_manager))?;
        Ok(Page { objects: page.items, next: page.next, resource_version: page.resource_version })
    }

    async fn watch(&self, kind: Kind, from: &ResourceVersion) -> Result<Box<dyn WatchStream>, ClusterError> {
        let query = [
            ("watch", "1"),
            ("allowWatchBookmarks", "true"),
            ("labelSelector", self.selector.as_str()),
            ("resourceVersion", from.as_str()),
            ("timeoutSeconds", watch::OPEN_SECONDS),
        ];
        let target = request::target(&kinds::collection_path(kind, None), &query);
        let user = request::user(&Identity::Observer);
        let request = request::build(&Method::GET, &target, &user, request::JSON, None)?;
        let verb = format!("watch {}", kinds::info(kind).plural);
        let tried = Tried { user: &user, verb: &verb, namespace: "" };
        let outgoing = Outgoing { request, call: Call::Watch, tried, bytes_max: OBJECT_BYTES_MAX };
        let body = self.connection.open(outgoing).await.map_err(|refusal| refusal.error)?;
        Ok(Box::new(Events::new(body, kind, self.field_manager.clone(), user)))
    }

    async fn get(&self, identity: &Identity, id: &ObjectId) -> Result<Option<LiveObject>, ClusterError> {
        let verb = format!("get {}", kinds::info(id.kind).plural);
        let ask = Ask::read(Call::Get, identity, kinds::object_path(id), verb);
        match self.ask(ask).await {
            Ok(answer) => self.live(id.kind, json(&answer.body)?).map(Some),
            Err(refusal) => absent(refusal, &id.name).map(|()| None),
        }
    }

    async fn inventories(&self) -> Result<Vec<LiveObject>, ClusterError> {
        let path = kinds::collection_path(Kind::ConfigMap, Some(ownership::SYSTEM_NAMESPACE));
        let mut inventories = Vec::new();
        let mut from: Option<String> = None;
        loop {
            let mut query = vec![("labelSelector", self.inventory_selector.as_str()), ("limit", INVENTORY_PAGE)];
            query.extend(from.iter().map(|token| ("continue", token.as_str())));
            let target = request::target(&path, &query);
            let ask = Ask::read(Call::Inventory, &Identity::Platform, target, "list configmaps".into());
            let answer = self.ask(Ask { bytes_max: LIST_BYTES_MAX, ..ask }).await.map_err(|refusal| refusal.error)?;
            let page = list::read(&answer.body, &mut |item| self.live(Kind::ConfigMap, item))?;
            inventories.extend(page.items);
            from = match page.next {
                None => return Ok(inventories),
                next => next,
            };
        }
    }

    async fn apply(&self, identity: &Identity, request: ApplyRequest<'_>) -> Result<Applied, ClusterError> {
        let id = request.object.id();
        let force = if request.force { "true" } else { "false" };
        let mut query =
            vec![("fieldManager", self.field_manager.as_str()), ("fieldValidation", "Strict"), ("force", force)];
        query.extend(request.dry_run.then_some(("dryRun", "All")));
        let body = ApplyBody { tree: &request.object.tree(), expect: &request.expect }.bytes()?;
        let ask = Ask {
            call: apply_call(id, request.dry_run),
            method: Method::PATCH,
            body: Some((request::APPLY, body)),
            namespace: id.namespace.as_deref().unwrap_or_default(),
            ..Ask::read(
                Call::Apply,
                identity,
                request::target(&kinds::object_path(id), &query),
                format!("patch {}", kinds::info(id.kind).plural),
            )
        };
        let answer = self.ask(ask).await.map_err(|refusal| refusal.error)?;
        let warnings = status::warnings(&answer.headers);
        Ok(Applied { live: self.live(id.kind, json(&answer.body)?)?.observed, warnings })
    }

    async fn delete(
        &self,
        identity: &Identity,
        id: &ObjectId,
        uid: &Uid,
        resource_version: &ResourceVersion,
        propagation: Propagation,
    ) -> Result<(), ClusterError> {
        let options = request::delete_options(uid, resource_version, propagation);
        let verb = format!("delete {}", kinds::info(id.kind).plural);
        let ask = Ask {
            method: Method::DELETE,
            body: Some((request::JSON, options)),
            namespace: id.namespace.as_deref().unwrap_or_default(),
            ..Ask::read(Call::Delete, identity, kinds::object_path(id), verb)
        };
        self.ask(ask).await.map(drop).map_err(|refusal| refusal.error)
    }

    async fn lease(&self, name: &str) -> Result<Option<LeaseRecord>, ClusterError> {
        let ask = Ask::read(Call::Lease, &Identity::Platform, lease::path(Some(name)), "get leases".into());
        match self.ask(ask).await {
            Ok(answer) => lease::from_tree(&json(&answer.body)?).map(Some),
            Err(refusal) => absent(refusal, name).map(|()| None),
        }
    }

    async fn put_lease(&self, name: &str, record: &LeaseRecord) -> Result<LeaseRecord, ClusterError> {
        let (method, path, verb) = match record.resource_version {
            Some(_) => (Method::PUT, lease::path(Some(name)), "update leases"),
            None => (Method::POST, lease::path(None), "create leases"),
        };
        let target = request::target(&path, &[("fieldManager", &self.field_manager), ("fieldValidation", "Strict")]);
        let body = lease::to_tree(name, record).to_string().into_bytes();
        let ask = Ask {
            method,
            body: Some((request::JSON, body)),
            namespace: ownership::SYSTEM_NAMESPACE,
            ..Ask::read(Call::Lease, &Identity::Platform, target, verb.to_owned())
        };
        let answer = self.ask(ask).await.map_err(|refusal| refusal.error)?;
        lease::from_tree(&json(&answer.body)?)
    }
}

/// Inventories are heddle's own and no managed objects.
fn apply_call(id: &ObjectId, dry_run: bool) -> Call {
    if id.kind == Kind::ConfigMap && id.namespace.as_deref() == Some(ownership::SYSTEM_NAMESPACE) {
        Call::Inventory
    } else if dry_run {
        Call::DryRun
    } else {
        Call::Apply
    }
}

/// A refusal that says "this object is not there" is an answer. A 404 of a proxy, or for a whole path, is none: taking
/// it for absence would create again what exists.
fn absent(refusal: Refusal, name: &str) -> Result<(), ClusterError> {
    let said_absent = refusal.status.as_ref().is_some_and(|status| status.is_absence_of(name));
    match refusal.error {
        ClusterError::NotFound { .. } if said_absent => Ok(()),
        ClusterError::NotFound { detail } => Err(ClusterError::Malformed { detail }),
        error => Err(error),
    }
}

fn json(body: &[u8]) -> Result<Value, ClusterError> {
    serde_json::from_slice(body).map_err(|_| malformed("it is no JSON"))
}

fn malformed(detail: &str) -> ClusterError {
    ClusterError::Malformed { detail: detail.to_owned() }
}

#[cfg(test)]
mod tests;
