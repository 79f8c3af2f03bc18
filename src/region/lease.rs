//! Which process may write in a region.
//!
//! Input: the Lease `heddle-<installation>` of the region. Output: [`Leadership`]. It fences nothing: a late write is
//! refused by the version that it carries. Invariants: in a cluster that is not the pinned one no lease is touched; a
//! lease of somebody else is taken only after it ended (by the time since this process first saw it, or long ago by its
//! own clock); it is renewed well before it ends; times are those of `client-go`'s leader election (15 s, renewed every
//! 2 s).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

use super::access::{Leadership, RegionAccess};
use crate::model::names::InstallationId;
use crate::model::object::{ClusterUid, ResourceVersion};
use crate::observed::region::RegionUnknown;
use crate::ports::clock::Clock;
use crate::ports::cluster::{ClusterError, LeaseRecord};

/// How long a lease lasts.
pub const DURATION: Duration = Duration::from_secs(15);
/// How often it is renewed or tried.
const EVERY: Duration = Duration::from_secs(2);
/// How far two machines' clocks may be apart before a lease that looks over is taken too early.
const SKEW_MAX: Duration = Duration::from_secs(30);

/// One process's wish to lead one region.
pub struct Candidate {
    access: Arc<RegionAccess>,
    pin: Option<ClusterUid>,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
    name: String,
    holder: String,
    /// The version of somebody else's lease and when it was first seen.
    watched: Option<(ResourceVersion, Timestamp)>,
}

impl Candidate {
    /// `pin` is the uid that the region's cluster must have; `holder` names the process and must differ between
    /// processes.
    pub fn new(
        installation: &InstallationId,
        (access, pin): (Arc<RegionAccess>, Option<ClusterUid>),
        holder: String,
        clock: Arc<dyn Clock>,
        wake: Arc<Notify>,
    ) -> Self {
        Self { access, pin, clock, wake, name: format!("heddle-{installation}"), holder, watched: None }
    }

    /// Takes the lease whenever it is free and renews it, until the future is dropped.
    pub async fn keep(&mut self) {
        loop {
            self.attempt().await;
            self.clock.sleep(EVERY).await;
        }
    }

    /// One attempt to take or renew it.
    pub async fn attempt(&mut self) {
        match self.take().await {
            Ok(leadership) => {
                if self.access.set_leadership(leadership) {
                    self.wake.notify_one();
                }
            }
            // What is held stays held until it ends; nobody else can have it before.
            Err(error) => {
                tracing::debug!(region = %self.access.name(), category = error.category(), "lease not renewed");
            }
        }
    }

    /// Gives the lease back, if it is this process's.
    pub async fn release(&self) {
        if !matches!(self.access.leadership(), Leadership::Held { .. }) {
            return;
        }
        let Ok(Some(record)) = self.access.cluster().lease(&self.name).await else { return };
        if record.holder.as_deref() == Some(&*self.holder) {
            let free = LeaseRecord { holder: None, renewed: self.clock.now(), ..record };
            // A lease that is not given back ends by itself.
            let _ends_by_itself = self.access.cluster().put_lease(&self.name, &free).await;
        }
        self.access.set_leadership(Leadership::Unknown);
    }

    /// Whether the pinned cluster answers. What the observer saw counts; before it has seen anything the cluster is
    /// asked.
    async fn is_pinned(&self) -> Result<bool, ClusterError> {
        match self.access.cluster_state() {
            Ok(_) => Ok(true),
            Err(
                RegionUnknown::NotConfigured | RegionUnknown::NotPinned { .. } | RegionUnknown::WrongCluster { .. },
            ) => Ok(false),
            Err(RegionUnknown::Unreachable { .. }) => {
                Ok(self.pin.is_some() && self.pin == Some(self.access.cluster().uid().await?))
            }
        }
    }

    async fn take(&mut self) -> Result<Leadership, ClusterError> {
        if !self.is_pinned().await? {
            return Ok(Leadership::Unknown);
        }
        let now = self.clock.now();
        let found = self.access.cluster().lease(&self.name).await?;
        if let Some(record) = &found
            && let Some(holder) = self.living_holder(record, now)
        {
            return Ok(Leadership::HeldBy { holder });
        }
        let mine = found.as_ref().is_some_and(|record| record.holder.as_deref() == Some(&*self.holder));
        let transitions = found.as_ref().map_or(0, |record| record.transitions + u32::from(!mine));
        let record = LeaseRecord {
            holder: Some(self.holder.clone()),
            duration: DURATION,
            renewed: now,
            transitions,
            resource_version: found.and_then(|record| record.resource_version),
        };
        match self.access.cluster().put_lease(&self.name, &record).await {
            Ok(_) => {
                self.watched = None;
                Ok(Leadership::Held { until: now.checked_add(DURATION).unwrap_or(now) })
            }
            // Somebody was faster; the next attempt sees who.
            Err(ClusterError::Conflict) => Ok(Leadership::Unknown),
            Err(error) => Err(error),
        }
    }

    /// Who holds it, if that is somebody else and the lease is not over.
    fn living_holder(&mut self, record: &LeaseRecord, now: Timestamp) -> Option<String> {
        let holder = record.holder.as_ref().filter(|holder| **holder != self.holder)?;
        let version = record.resource_version.clone()?;
        let since = match &self.watched {
            Some((known, since)) if *known == version => *since,
            _ => {
                self.watched = Some((version, now));
                now
            }
        };
        let over = |from: Timestamp, time: Duration| from.checked_add(time).is_ok_and(|end| end <= now);
        let ended = over(since, record.duration) || over(record.renewed, record.duration + SKEW_MAX);
        (!ended).then(|| holder.clone())
    }
}
