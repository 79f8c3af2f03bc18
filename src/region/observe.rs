//! Keeps the copies of one region fresh.
//!
//! Input: a region and its pin. Output: its observation, as lists and watches tell it (lines 1 to 5 of the algorithm in
//! ARCHITECTURE.md). It judges no object. Invariants: without the pinned cluster nothing of the region counts; a kind
//! is complete only after a list that ended and while its watch lives; whatever fails is tried again with growing
//! pauses, for as long as the future lives.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, FuturesUnordered};
use tokio::sync::Notify;

use super::access::RegionAccess;
use crate::model::object::{ClusterUid, Kind, ResourceVersion};
use crate::observed::inventory_document;
use crate::observed::object::ObservedObject;
use crate::observed::region::{Completeness, RegionUnknown};
use crate::ports::clock::Clock;
use crate::ports::cluster::{ClusterError, Identity, WatchEvent};

/// A watch without an event or a bookmark for so long says nothing any more; servers send a bookmark every minute.
const SILENCE_MAX: Duration = Duration::from_mins(3);
/// The longest pause between attempts.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How often a watch that cannot be opened is tried before the whole region counts as unreachable.
const ATTEMPTS_MAX: u32 = 3;
/// How often something that only a person changes (a permission, a pin, an object without our labels) is looked at
/// again.
const PERSON_PAUSE: Duration = Duration::from_mins(1);
/// Reads by name at once.
const READS_AT_ONCE: usize = 16;

/// What observing one region needs.
#[derive(Clone)]
pub struct Observer {
    /// The region.
    pub access: Arc<RegionAccess>,
    /// The uid that its cluster must have.
    pub pin: Option<ClusterUid>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Is notified when anything changed.
    pub wake: Arc<Notify>,
}

impl Observer {
    /// Observes until the future is dropped.
    pub async fn run(self) {
        let mut failures = 0;
        loop {
            let pause = match self.observe_once().await {
                Ok(versions) => {
                    self.settled();
                    let error = self.follow_all(versions).await;
                    failures = 1;
                    self.unreachable(&error);
                    pause(failures)
                }
                Err(Obstacle::Cluster(error)) => {
                    failures += 1;
                    self.unreachable(&error);
                    pause(failures)
                }
                Err(Obstacle::Inventory(detail)) => {
                    self.access.set_cluster(Err(RegionUnknown::Unreachable { detail }));
                    PERSON_PAUSE
                }
                Err(Obstacle::Pin(why)) => {
                    self.access.set_cluster(Err(why));
                    PERSON_PAUSE
                }
            };
            self.settled();
            self.clock.sleep(pause).await;
        }
    }

    /// One complete look, without watching: the pin, every kind, the inventories and what they alone know.
    pub async fn look(&self) {
        match self.observe_once().await {
            Ok(_) => {}
            Err(Obstacle::Cluster(error)) => self.unreachable(&error),
            Err(Obstacle::Inventory(detail)) => {
                self.access.set_cluster(Err(RegionUnknown::Unreachable { detail }));
            }
            Err(Obstacle::Pin(why)) => self.access.set_cluster(Err(why)),
        }
        self.settled();
    }

    fn settled(&self) {
        self.access.attempted();
        self.wake.notify_one();
    }

    fn unreachable(&self, error: &ClusterError) {
        tracing::warn!(region = %self.access.name(), category = error.category(), %error, "region cannot be observed");
        self.access.set_cluster(Err(RegionUnknown::Unreachable { detail: error.to_string() }));
        self.wake.notify_one();
    }

    /// The versions from which to watch, by kind; kinds that may not be listed have none.
    async fn observe_once(&self) -> Result<BTreeMap<Kind, Option<ResourceVersion>>, Obstacle> {
        let access = &*self.access;
        let seen = access.cluster().uid().await?;
        match &self.pin {
            None => return Err(Obstacle::Pin(RegionUnknown::NotPinned { seen })),
            Some(pin) if *pin != seen => {
                return Err(Obstacle::Pin(RegionUnknown::WrongCluster { pinned: pin.clone(), seen }));
            }
            Some(_) => {}
        }
        let lists: FuturesUnordered<_> =
            Kind::ALL.map(|kind| async move { (kind, list(access, kind).await) }).into_iter().collect();
        let listed: Vec<_> = lists.collect().await;
        let mut versions = BTreeMap::new();
        for (kind, answer) in listed {
            versions.insert(kind, answer?);
        }
        self.read_inventories().await?;
        self.read_unlisted(None).await?;
        for (kind, _) in versions.iter().filter(|(_, version)| version.is_some()) {
            access.set_completeness(*kind, Completeness::Complete);
        }
        access.set_cluster(Ok(seen));
        Ok(versions)
    }

    async fn read_inventories(&self) -> Result<(), Obstacle> {
        let mut inventories = BTreeMap::new();
        for live in self.access.cluster().inventories().await? {
            let decoded = inventory_document::decode(&live.body);
            let (unit, inventory) = decoded.map_err(|error| Obstacle::Inventory(error.to_string()))?;
            inventories.insert(unit, inventory);
        }
        self.access.set_inventories(inventories);
        Ok(())
    }

    /// An object whose owner labels somebody removed is in no list. Looks at one kind, or at all.
    /// Says whether anything was news.
    async fn read_unlisted(&self, only: Option<Kind>) -> Result<bool, ClusterError> {
        let access = &*self.access;
        let rows = access.unlisted_rows().into_iter().filter(|(_, id)| only.is_none_or(|kind| id.kind == kind));
        let reads = rows.filter_map(|(tenant, id)| {
            let identity = Identity::writer_of(&id, &tenant)?;
            Some(async move { (access.cluster().get(&identity, &id).await, id) })
        });
        let answers: Vec<_> = stream::iter(reads).buffer_unordered(READS_AT_ONCE).collect().await;
        let mut news = false;
        for (answer, id) in answers {
            news |= match answer {
                Ok(found) => access.read_by_name(&id, found.as_ref().map(|live| &live.observed)),
                // Its namespace's account is gone with the namespace.
                Err(ClusterError::NotFound { .. } | ClusterError::Forbidden { .. }) => access.read_by_name(&id, None),
                Err(error) => return Err(error),
            };
        }
        Ok(news)
    }

    /// No watch tells when somebody else's object of a wanted name goes, or what becomes of one that lost its labels.
    async fn read_unlisted_for_ever(&self) {
        loop {
            self.clock.sleep(PERSON_PAUSE).await;
            match self.read_unlisted(None).await {
                Ok(true) => self.wake.notify_one(),
                Ok(false) => {}
                // Whether the server is there is the watches' business.
                Err(error) => {
                    tracing::debug!(region = %self.access.name(), category = error.category(), "reads by name failed");
                }
            }
        }
    }

    /// Watches every kind until one of them says that the server is not there.
    async fn follow_all(&self, versions: BTreeMap<Kind, Option<ResourceVersion>>) -> ClusterError {
        let mut follows: FuturesUnordered<_> =
            versions.into_iter().map(|(kind, from)| self.follow(kind, from)).collect();
        let ended = tokio::select! {
            ended = follows.next() => ended,
            () = self.read_unlisted_for_ever() => None,
        };
        match ended {
            Some(error) => error,
            None => ClusterError::Malformed { detail: "nothing to watch".into() },
        }
    }

    async fn follow(&self, kind: Kind, mut from: Option<ResourceVersion>) -> ClusterError {
        let mut failures = 0;
        loop {
            let ended = if let Some(version) = &from {
                self.watch(kind, version.clone(), &mut failures).await
            } else {
                self.clock.sleep(PERSON_PAUSE).await;
                Ended::ListAnew
            };
            match ended {
                Ended::GoOn(version) => from = Some(version),
                // A watch from before would tell of nothing that was missed, so only a list that ended leads on.
                Ended::ListAnew => loop {
                    match self.list_anew(kind).await {
                        Ok(version) => {
                            from = version;
                            self.wake.notify_one();
                            break;
                        }
                        Err(error) => {
                            if let Some(error) = self.failed(kind, error, &mut failures).await {
                                return error;
                            }
                        }
                    }
                },
                Ended::Failed(error, version) => {
                    // What was missed meanwhile is told by the next watch, or by a list if that is too long ago.
                    from = Some(version);
                    if let Some(error) = self.failed(kind, error, &mut failures).await {
                        return error;
                    }
                }
            }
        }
    }

    async fn list_anew(&self, kind: Kind) -> Result<Option<ResourceVersion>, ClusterError> {
        let version = list(&self.access, kind).await?;
        if version.is_some() {
            self.read_unlisted(Some(kind)).await?;
            self.access.set_completeness(kind, Completeness::Complete);
        }
        Ok(version)
    }

    /// The error when there were too many in a row.
    async fn failed(&self, kind: Kind, error: ClusterError, failures: &mut u32) -> Option<ClusterError> {
        *failures += 1;
        tracing::debug!(region = %self.access.name(), %kind, category = error.category(), "watch failed");
        if *failures >= ATTEMPTS_MAX {
            return Some(error);
        }
        self.clock.sleep(pause(*failures)).await;
        None
    }

    async fn watch(&self, kind: Kind, from: ResourceVersion, failures: &mut u32) -> Ended {
        let mut version = from;
        let mut stream = match self.access.cluster().watch(kind, &version).await {
            Ok(stream) => stream,
            Err(ClusterError::Expired) => return Ended::ListAnew,
            Err(error) => return Ended::Failed(error, version),
        };
        loop {
            let event = tokio::select! {
                event = stream.next() => event,
                () = self.clock.sleep(SILENCE_MAX) => {
                    self.access.set_completeness(kind, Completeness::Stale);
                    self.wake.notify_one();
                    return Ended::ListAnew;
                }
            };
            match event {
                Some(Ok(event)) => {
                    *failures = 0;
                    match self.take(event).await {
                        Ok(told) => version = told,
                        Err(error) => {
                            tracing::debug!(%kind, category = error.category(), "what left a watch cannot be read");
                            let detail = error.to_string();
                            self.access.set_completeness(kind, Completeness::Incomplete { detail });
                            return Ended::ListAnew;
                        }
                    }
                }
                None => return Ended::GoOn(version),
                Some(Err(ClusterError::Expired)) => return Ended::ListAnew,
                Some(Err(error)) => return Ended::Failed(error, version),
            }
        }
    }

    async fn take(&self, event: WatchEvent) -> Result<ResourceVersion, ClusterError> {
        match event {
            WatchEvent::Applied(live) => {
                self.access.told(&live);
                self.wake.notify_one();
                Ok(live.resource_version)
            }
            WatchEvent::Deleted(live) => {
                match self.still_there(&live).await? {
                    Some(found) => self.access.left_view(&live, &found),
                    None => self.access.ended(&live),
                }
                self.wake.notify_one();
                Ok(live.resource_version)
            }
            WatchEvent::Bookmark(version) => Ok(version),
        }
    }

    /// An object that an inventory names and that left the view of a watch: the same life, if only its labels went.
    async fn still_there(&self, told: &ObservedObject) -> Result<Option<ObservedObject>, ClusterError> {
        // What a read of our own found gone needs no other.
        let known = self.access.seen(&told.id).is_some_and(|kept| kept.uid == told.uid);
        let Some(tenant) = self.access.tenant_of_row(told).filter(|_| known) else { return Ok(None) };
        let Some(identity) = Identity::writer_of(&told.id, &tenant) else { return Ok(None) };
        match self.access.cluster().get(&identity, &told.id).await {
            Ok(found) => Ok(found.map(|found| found.observed).filter(|found| found.uid == told.uid)),
            // Its namespace's account is gone with the namespace.
            Err(ClusterError::NotFound { .. } | ClusterError::Forbidden { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// How a watch ended.
enum Ended {
    /// In good order: the next one goes on from here.
    GoOn(ResourceVersion),
    /// What was missed cannot be told any more.
    ListAnew,
    /// It could not be opened, or was torn; everything up to this version was told.
    Failed(ClusterError, ResourceVersion),
}

/// Why a region cannot be judged.
enum Obstacle {
    Cluster(ClusterError),
    Inventory(String),
    Pin(RegionUnknown),
}

impl From<ClusterError> for Obstacle {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}

/// Lists one kind to its end: the version to watch from, or none when the observer may not list it.
async fn list(access: &RegionAccess, kind: Kind) -> Result<Option<ResourceVersion>, ClusterError> {
    let mut objects = Vec::new();
    let mut from: Option<String> = None;
    loop {
        match access.cluster().list(kind, from.as_deref()).await {
            Ok(page) => {
                objects.extend(page.objects);
                let Some(next) = page.next else {
                    access.listed(kind, &objects, &page.resource_version);
                    return Ok(Some(page.resource_version));
                };
                from = Some(next);
            }
            Err(error @ ClusterError::Forbidden { .. }) => {
                tracing::warn!(region = %access.name(), %kind, %error, "kind cannot be listed");
                access.set_completeness(kind, Completeness::Forbidden);
                return Ok(None);
            }
            // The rest of a list that took too long is gone; the next attempt starts from its beginning.
            Err(error) => {
                access.set_completeness(kind, Completeness::Incomplete { detail: error.to_string() });
                return Err(error);
            }
        }
    }
}

fn pause(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.min(5)).min(PAUSE_MAX)
}
