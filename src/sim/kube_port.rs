//! The store as the [`Cluster`] port: no socket, no thread, no time but tokio's.
//!
//! Input: calls of the port. Output: what a real server would have answered, or a planned fault. It decides nothing
//! that the store does not. Invariants: every effect passes the plan of faults exactly once; every request is recorded
//! with its identity; a crashed process gets no answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::faults::{Answer, Effect, Fault, Faults};
use super::store::delete::{DeleteOptions, Dependents};
use super::store::failure::Failure;
use super::store::read::{Happened, Query, Told};
use super::store::resources::Resource;
use super::store::selector::Selector;
use super::store::write::{Validation, WriteOptions, Written};
use super::store::{Store, Target};
use crate::k8s::{kinds, ownership};
use crate::model::names::InstallationId;
use crate::model::object::{ClusterUid, Kind, ObjectId, ResourceVersion, Uid};
use crate::observed::ingest::ingest;
use crate::observed::object::{LiveObject, ObservedObject};
use crate::ports::cluster::{
    Applied, ApplyRequest, Cluster, ClusterError, Expect, Identity, LeaseRecord, Page, Propagation, WatchEvent,
    WatchStream,
};

mod answers;
mod lease;
mod secrets;
#[cfg(test)]
mod tests;

/// Objects on one page of a list.
const PAGE: usize = 500;
/// How often a quiet watch says up to where it has told everything, as the real server does.
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);

/// A request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// As whom.
    pub identity: Identity,
    /// `get`, `list`, `watch`, `apply`, `delete`, `create`, `update`.
    pub verb: &'static str,
    /// The plural, such as `statefulsets`.
    pub resource: &'static str,
    /// The namespace; empty when there is none or all are meant.
    pub namespace: String,
    /// The name; empty for a list.
    pub name: String,
    /// Whether nothing was to be stored.
    pub dry_run: bool,
}

/// One region's cluster, simulated.
pub struct SimCluster {
    store: Arc<Store>,
    faults: Arc<Faults>,
    installation: InstallationId,
    manager: String,
    requests: Mutex<Vec<Request>>,
}

impl SimCluster {
    /// The cluster of a store as one installation sees it.
    pub fn new(store: Arc<Store>, installation: &InstallationId, faults: Arc<Faults>) -> Self {
        let manager = ownership::field_manager(installation);
        Self { store, faults, installation: installation.clone(), manager, requests: Mutex::default() }
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn record(&self, identity: &Identity, verb: &'static str, target: Target<'_>, dry_run: bool) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(Request {
            identity: identity.clone(),
            verb,
            resource: target.resource.info().plural,
            namespace: target.namespace.to_owned(),
            name: target.name.to_owned(),
            dry_run,
        });
    }

    /// A read: what the plan has for it comes first.
    async fn before_read(&self) -> Result<(), ClusterError> {
        self.alive().await;
        match self.faults.read() {
            Some(fault) => self.instead(fault).await,
            None => Ok(()),
        }
    }

    /// An effect: crashes and lost answers around it, everything else instead of it.
    async fn around<T>(
        &self,
        effect: Effect,
        target: &str,
        act: impl FnOnce() -> Result<T, ClusterError> + Send,
    ) -> Result<T, ClusterError> {
        self.alive().await;
        match self.faults.effect(effect, target) {
            None => act(),
            Some(Fault::CrashAfter) => {
                drop(act());
                self.faults.crash().await;
                Err(answers::lost())
            }
            Some(Fault::LostAnswer) => {
                drop(act());
                Err(answers::lost())
            }
            Some(fault) => {
                self.instead(fault).await?;
                act()
            }
        }
    }

    /// A write of an object; the server's own words come first where the plan has some.
    fn answered<T>(
        &self,
        (kind, verb): (Kind, &str),
        act: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, ClusterError> {
        let refused = |failure| answers::error(&failure, verb);
        let Some(Answer { failure, done }) = self.faults.take_answer(kind) else { return act().map_err(refused) };
        if done {
            drop(act());
        }
        Err(refused(failure))
    }

    async fn instead(&self, fault: Fault) -> Result<(), ClusterError> {
        match fault {
            Fault::CrashBefore | Fault::CrashAfter => {
                self.faults.crash().await;
                Err(answers::lost())
            }
            Fault::LostAnswer | Fault::LostRequest => Err(answers::lost()),
            Fault::Conflict => Err(ClusterError::Conflict),
            Fault::Busy(pause) => Err(ClusterError::Busy { retry_after: Some(pause) }),
            Fault::Unavailable => Err(ClusterError::Busy { retry_after: None }),
            Fault::Unreachable => Err(ClusterError::Unreachable { detail: "connection refused".into() }),
            Fault::Refused => Err(answers::refused()),
            Fault::Slow(duration) => {
                tokio::time::sleep(duration).await;
                Ok(())
            }
        }
    }

    async fn alive(&self) {
        if self.faults.is_crashed() {
            std::future::pending::<()>().await;
        }
    }

    fn observed(&self, kind: Kind, body: &Value) -> Result<ObservedObject, ClusterError> {
        ingest(kind, body, &self.manager).map_err(|error| ClusterError::Malformed { detail: error.to_string() })
    }

    fn live(&self, kind: Kind, body: &Value) -> Result<LiveObject, ClusterError> {
        Ok(LiveObject { observed: self.observed(kind, body)?, body: body.clone() })
    }

    fn query(&self, kind: Kind) -> Result<Query, ClusterError> {
        let labels = Selector::parse(&ownership::selector(&self.installation));
        let labels = labels.map_err(|failure| answers::error(&failure, "list"))?;
        Ok(Query { labels, ..Query::all(resource(kind)?) })
    }

    fn stored(&self, written: &Written, kind: Kind) -> Result<Applied, ClusterError> {
        let mut body = (*written.object).clone();
        // What a dry run would create has no version yet.
        if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.entry("resourceVersion").or_insert_with(|| Value::from("0"));
        }
        Ok(Applied { live: self.observed(kind, &body)?, warnings: written.warnings.clone() })
    }
}

fn resource(kind: Kind) -> Result<Resource, ClusterError> {
    let info = kinds::info(kind);
    let unknown = || ClusterError::NotFound { detail: format!("the server serves no {}", info.plural) };
    Resource::by_plural(info.group, info.plural).ok_or_else(unknown)
}

fn target(id: &ObjectId) -> Result<Target<'_>, ClusterError> {
    Ok(Target { resource: resource(id.kind)?, namespace: id.namespace.as_deref().unwrap_or_default(), name: &id.name })
}

fn config(request: &ApplyRequest<'_>) -> Value {
    let mut config = request.object.tree();
    if let Some(metadata) = config.get_mut("metadata").and_then(Value::as_object_mut) {
        match &request.expect {
            Expect::Absent => drop(metadata.insert("resourceVersion".into(), Value::from("1"))),
            Expect::Exactly { uid, resource_version } => {
                metadata.insert("uid".into(), Value::from(uid.as_str()));
                metadata.insert("resourceVersion".into(), Value::from(resource_version.as_str()));
            }
        }
    }
    config
}

#[async_trait]
impl Cluster for SimCluster {
    async fn uid(&self) -> Result<ClusterUid, ClusterError> {
        let id = ObjectId::cluster(Kind::Namespace, "kube-system");
        self.record(&Identity::Observer, "get", target(&id)?, false);
        self.before_read().await?;
        let missing = || ClusterError::NotFound { detail: "namespaces \"kube-system\" not found".into() };
        Ok(ClusterUid::new(&self.store.cluster_uid().ok_or_else(missing)?))
    }

    async fn list(&self, kind: Kind, from: Option<&str>) -> Result<Page, ClusterError> {
        let query = self.query(kind)?;
        let all = Target { resource: query.resource, namespace: "", name: "" };
        self.record(&Identity::Observer, "list", all, false);
        self.before_read().await?;
        if self.faults.is_forbidden(kind) {
            return Err(answers::refused());
        }
        let listed = self.store.list(&query, PAGE, from).map_err(|failure| answers::error(&failure, "list"))?;
        let objects = listed.objects.iter().map(|object| self.observed(kind, object)).collect::<Result<_, _>>()?;
        let resource_version = ResourceVersion::new(&listed.version.to_string());
        Ok(Page { objects, next: listed.next, resource_version })
    }

    async fn watch(&self, kind: Kind, from: &ResourceVersion) -> Result<Box<dyn WatchStream>, ClusterError> {
        let query = self.query(kind)?;
        let all = Target { resource: query.resource, namespace: "", name: "" };
        self.record(&Identity::Observer, "watch", all, false);
        self.before_read().await?;
        if self.faults.is_forbidden(kind) {
            return Err(answers::refused());
        }
        let version: u64 = from.as_str().parse().unwrap_or(0);
        if self.faults.take_expired() {
            return Err(ClusterError::Expired);
        }
        self.store.events_since(&query, version).map_err(|failure| answers::error(&failure, "watch"))?;
        Ok(Box::new(SimWatch {
            store: self.store.clone(),
            faults: self.faults.clone(),
            manager: self.manager.clone(),
            kind,
            query,
            version,
            told: 0,
            waiting: VecDeque::new(),
            bookmark_at: tokio::time::Instant::now() + BOOKMARK_EVERY,
        }))
    }

    async fn get(&self, identity: &Identity, id: &ObjectId) -> Result<Option<LiveObject>, ClusterError> {
        let target = target(id)?;
        self.record(identity, "get", target, false);
        self.before_read().await?;
        match self.store.get(target) {
            Ok(body) => self.live(id.kind, &body).map(Some),
            Err(_) => Ok(None),
        }
    }

    async fn inventories(&self) -> Result<Vec<LiveObject>, ClusterError> {
        let resource = resource(Kind::ConfigMap)?;
        let namespace = ownership::SYSTEM_NAMESPACE;
        self.record(&Identity::Platform, "list", Target { resource, namespace, name: "" }, false);
        self.before_read().await?;
        let refused = |failure| answers::error(&failure, "list");
        let labels = Selector::parse(&format!("{}={}", ownership::INVENTORY_OF, self.installation)).map_err(refused)?;
        let query = Query { namespace: Some(namespace.to_owned()), labels, ..Query::all(resource) };
        let listed = self.store.list(&query, 0, None).map_err(refused)?;
        listed.objects.iter().map(|body| self.live(Kind::ConfigMap, body)).collect()
    }

    async fn apply(&self, identity: &Identity, request: ApplyRequest<'_>) -> Result<Applied, ClusterError> {
        let id = request.object.id();
        let target = target(id)?;
        self.record(identity, "apply", target, request.dry_run);
        let options = WriteOptions {
            manager: &self.manager,
            dry_run: request.dry_run,
            force: request.force,
            validation: Validation::Strict,
            subresource: None,
        };
        let config = config(&request);
        let act = || self.store.apply(target, config, options);
        let written = if request.dry_run {
            self.before_read().await?;
            act().map_err(|failure| answers::error(&failure, "apply"))?
        } else {
            let label = format!("/metadata/labels/{}", ownership::INVENTORY_OF.replace('/', "~1"));
            let is_inventory = request.object.pointer(&label).is_some();
            let effect = if is_inventory { Effect::Inventory } else { Effect::Apply };
            self.around(effect, &id.to_string(), || self.answered((id.kind, "apply"), act)).await?
        };
        self.stored(&written, id.kind)
    }

    async fn delete(
        &self,
        identity: &Identity,
        id: &ObjectId,
        uid: &Uid,
        resource_version: &ResourceVersion,
        propagation: Propagation,
    ) -> Result<(), ClusterError> {
        let target = target(id)?;
        self.record(identity, "delete", target, false);
        let dependents = match propagation {
            Propagation::Background => Dependents::Background,
            Propagation::Orphan => Dependents::Orphan,
        };
        let options = DeleteOptions {
            uid: Some(uid.as_str()),
            resource_version: Some(resource_version.as_str()),
            dependents,
            dry_run: false,
        };
        let act = || self.answered((id.kind, "delete"), || self.store.delete(target, options));
        self.around(Effect::Delete, &id.to_string(), act).await.map(drop)
    }

    async fn lease(&self, name: &str) -> Result<Option<LeaseRecord>, ClusterError> {
        let target = lease::target(name)?;
        self.record(&Identity::Platform, "get", target, false);
        self.before_read().await?;
        self.store.get(target).ok().map(|body| lease::read(&body)).transpose()
    }

    async fn put_lease(&self, name: &str, record: &LeaseRecord) -> Result<LeaseRecord, ClusterError> {
        let target = lease::target(name)?;
        let verb = if record.resource_version.is_some() { "update" } else { "create" };
        self.record(&Identity::Platform, verb, target, false);
        let options = WriteOptions { manager: &self.manager, ..WriteOptions::default() };
        let body = lease::write(name, record);
        let act = || {
            let written = match record.resource_version {
                Some(_) => self.store.update(target, body, options),
                None => self.store.create(target, body, options),
            };
            written.map_err(|failure| answers::error(&failure, verb))
        };
        let written = self.around(Effect::Lease, name, act).await?;
        lease::read(&written.object)
    }
}

struct SimWatch {
    store: Arc<Store>,
    faults: Arc<Faults>,
    manager: String,
    kind: Kind,
    query: Query,
    version: u64,
    told: u64,
    waiting: VecDeque<Told>,
    /// Changes of what it does not tell put no bookmark off.
    bookmark_at: tokio::time::Instant,
}

impl SimWatch {
    fn event(&self, told: &Told) -> Result<WatchEvent, ClusterError> {
        let object = ingest(self.kind, &told.object, &self.manager)
            .map_err(|error| ClusterError::Malformed { detail: error.to_string() })?;
        Ok(match told.happened {
            Happened::Added | Happened::Modified => WatchEvent::Applied(Box::new(object)),
            Happened::Deleted => WatchEvent::Deleted(Box::new(object)),
        })
    }
}

#[async_trait]
impl WatchStream for SimWatch {
    async fn next(&mut self) -> Option<Result<WatchEvent, ClusterError>> {
        if self.faults.is_crashed() || self.faults.are_watches_silent() {
            std::future::pending::<()>().await;
        }
        let mut news = self.store.subscribe();
        loop {
            if self.faults.torn_after().is_some_and(|events| self.told >= events) {
                return Some(Err(answers::lost()));
            }
            if let Some(told) = self.waiting.pop_front() {
                self.told += 1;
                return Some(self.event(&told));
            }
            if self.faults.are_watches_silent() {
                // Whoever follows it gives it up; its version is told by the next one.
                std::future::pending::<()>().await;
            }
            news.mark_unchanged();
            match self.store.events_since(&self.query, self.version) {
                Ok((told, version)) => {
                    self.version = version;
                    self.waiting.extend(told);
                }
                Err(failure) => return Some(Err(answers::error(&failure, "watch"))),
            }
            if self.waiting.is_empty() && tokio::time::timeout_at(self.bookmark_at, news.changed()).await.is_err() {
                self.bookmark_at += BOOKMARK_EVERY;
                return Some(Ok(WatchEvent::Bookmark(ResourceVersion::new(&self.version.to_string()))));
            }
        }
    }
}
