//! Deletes one object (lines 21 and 22 of the algorithm).
//!
//! Input: an approved deletion. Output: its [`ChangeOutcome`]. It decides nothing. Invariants: a fresh read must show
//! uid, owner labels, self-reference and our Apply entry; the DELETE carries uid and resourceVersion; it is done only
//! when a read says 404 or another uid.

use std::time::Duration;

use crate::k8s::ownership;
use crate::model::names::InstallationId;
use crate::model::retry::Retry;
use crate::observed::object::ObservedObject;
use crate::plan::change::{Change, Precondition};
use crate::plan::outcome::ChangeOutcome;
use crate::ports::clock::Clock;
use crate::ports::cluster::{ClusterError, Identity, Propagation};

use super::write;
use crate::region::access::RegionAccess;

/// How often a busy or unclear server is asked again.
const ATTEMPTS_MAX: u32 = 8;
/// How long one deletion is watched before the next cycle goes on watching it.
const CONFIRM_ATTEMPTS: u32 = 20;
const CONFIRM_PAUSE: Duration = Duration::from_millis(250);

/// What a deletion needs.
#[derive(Clone, Copy)]
pub struct Delete<'a> {
    /// The installation.
    pub installation: &'a InstallationId,
    /// The region.
    pub region: &'a RegionAccess,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// As whom.
    pub identity: &'a Identity,
    /// The change.
    pub change: &'a Change,
}

enum Found {
    Gone,
    Ours(ObservedObject),
    Other(ChangeOutcome),
}

/// Deletes the object and waits a moment for it to be gone.
pub async fn delete(delete: Delete<'_>) -> ChangeOutcome {
    let mut last = None;
    let begun = delete.clock.now();
    for _ in 0..ATTEMPTS_MAX {
        let attempted = match write::within_lease(delete.region, delete.clock, attempt(delete)).await {
            Ok(attempted) => attempted,
            Err(ends) => return ends,
        };
        match attempted {
            Ok(Some(outcome)) => return outcome,
            Ok(None) => {}
            Err(error) => {
                let pause = match error.retry() {
                    Retry::After(pause) => pause,
                    Retry::Ambiguous => Duration::from_secs(1),
                    Retry::Never | Retry::OnChange => return write::failed(&error),
                };
                last = Some(error);
                delete.clock.sleep(pause.min(Duration::from_secs(30))).await;
            }
        }
        if write::is_long(begun, delete.clock) {
            break;
        }
    }
    last.map_or_else(|| stale("it keeps changing"), |error| write::failed(&error))
}

async fn attempt(delete: Delete<'_>) -> Result<Option<ChangeOutcome>, ClusterError> {
    let live = match read(delete).await? {
        Found::Gone => return Ok(Some(ChangeOutcome::DoneBefore)),
        Found::Other(outcome) => return Ok(Some(outcome)),
        Found::Ours(live) => live,
    };
    if !live.deleting {
        let cluster = delete.region.cluster();
        let (id, uid, version) = (&delete.change.target.id, &live.uid, &live.resource_version);
        match cluster.delete(delete.identity, id, uid, version, Propagation::Background).await {
            Ok(()) | Err(ClusterError::NotFound { .. } | ClusterError::Ambiguous { .. }) => {}
            // It changed between the read and the deletion: look again.
            Err(ClusterError::Conflict) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    confirm(delete).await.map(Some)
}

async fn confirm(delete: Delete<'_>) -> Result<ChangeOutcome, ClusterError> {
    for _ in 0..CONFIRM_ATTEMPTS {
        match read(delete).await? {
            Found::Gone => return Ok(ChangeOutcome::Done),
            Found::Other(outcome) => return Ok(outcome),
            Found::Ours(_) => delete.clock.sleep(CONFIRM_PAUSE).await,
        }
    }
    Ok(stale("it is being deleted and has finalizers left"))
}

async fn read(delete: Delete<'_>) -> Result<Found, ClusterError> {
    let target = &delete.change.target;
    let Some(live) = delete.region.cluster().get(delete.identity, &target.id).await? else {
        delete.region.gone(&target.id);
        return Ok(Found::Gone);
    };
    let live = live.observed;
    let Precondition::Exists { uid, .. } = &delete.change.precondition else {
        return Ok(Found::Other(stale("the plan expected nothing there")));
    };
    if *uid != live.uid {
        return Ok(Found::Gone);
    }
    let expected = ownership::self_reference(delete.installation, &target.region, &target.id);
    let ours = live.owner.self_reference.as_deref() == Some(&*expected)
        && live.owner.installation.as_deref() == Some(delete.installation.as_str())
        && live.applied.is_some();
    if ours {
        Ok(Found::Ours(live))
    } else {
        Ok(Found::Other(ChangeOutcome::Foreign { says: live.owner.says(delete.installation.as_str()) }))
    }
}

fn stale(found: &str) -> ChangeOutcome {
    ChangeOutcome::Stale { found: found.to_owned() }
}
