//! Creates or updates one object (lines 13 to 17 of the algorithm).
//!
//! Input: a change and the object. Output: its [`ChangeOutcome`] and what the server now keeps. It never deletes.
//! Invariants: every attempt ends before another process may take the region's lease; a create carries
//! `resourceVersion: "1"`, an update the uid and version of the copy that was checked; force is used only for paths
//! that the plan calls correctable; nothing is sent twice without a read in between.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::k8s::object::Object;
use crate::k8s::ownership;
use crate::model::retry::Retry;
use crate::observed::object::ObservedObject;
use crate::plan::change::{Change, Op, Precondition};
use crate::plan::outcome::ChangeOutcome;
use crate::ports::clock::Clock;
use crate::ports::cluster::{ApplyRequest, ClusterError, Expect, FieldConflict, Identity};

use crate::region::access::RegionAccess;

/// How often one change is tried again after an unclear answer, a lost race or a busy server.
const ATTEMPTS_MAX: u32 = 8;
/// How long the server may ask to wait at most.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long one change is tried; the next cycle goes on, so that others have their turn.
const CHANGE_MAX: Duration = Duration::from_secs(20);
/// A RoleBinding takes a moment to reach the authorizer's cache: a refusal right after it was made is tried again.
const FORBIDDEN_PAUSE: Duration = Duration::from_millis(250);

/// What a write needs.
#[derive(Clone, Copy)]
pub struct Write<'a> {
    /// The region.
    pub region: &'a RegionAccess,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// As whom.
    pub identity: &'a Identity,
    /// The change.
    pub change: &'a Change,
    /// What is sent.
    pub object: &'a Object,
}

/// What became of a write.
#[derive(Debug)]
pub struct Written {
    /// What became of the change.
    pub outcome: ChangeOutcome,
    /// What the server keeps, where it is known.
    pub live: Option<ObservedObject>,
}

impl Written {
    fn without_live(outcome: ChangeOutcome) -> Self {
        Self { outcome, live: None }
    }
}

enum Step {
    Finished(Box<Written>),
    Again(Duration),
}

impl Step {
    fn finished(written: Written) -> Self {
        Self::Finished(Box::new(written))
    }
}

/// Creates or updates the object.
pub async fn write(write: Write<'_>) -> Written {
    let mut last = None;
    let begun = write.clock.now();
    for _ in 0..ATTEMPTS_MAX {
        let attempt = async {
            match write.change.op {
                Op::Create => create(write, &mut last).await,
                Op::Update(_) | Op::Delete | Op::Issue(_) | Op::Channel(_) => update(write, &mut last).await,
            }
        };
        match within_lease(write.region, write.clock, attempt).await {
            Err(ends) => return Written::without_live(ends),
            Ok(Step::Finished(written)) => return *written,
            Ok(Step::Again(pause)) if pause.is_zero() => {}
            Ok(Step::Again(pause)) => write.clock.sleep(pause.min(PAUSE_MAX)).await,
        }
        if is_long(begun, write.clock) {
            break;
        }
    }
    Written::without_live(last.map_or(ChangeOutcome::NotReached, |error| failed(&error)))
}

/// Whether a change that began then was tried long enough.
pub(super) fn is_long(begun: Timestamp, clock: &dyn Clock) -> bool {
    begun.checked_add(CHANGE_MAX).is_ok_and(|end| end <= clock.now())
}

/// Makes an attempt that must end before another process may take the lease; pauses between attempts lie outside,
/// because the lease is renewed meanwhile.
pub(super) async fn within_lease<T>(
    region: &RegionAccess,
    clock: &dyn Clock,
    attempt: impl Future<Output = T>,
) -> Result<T, ChangeOutcome> {
    let ends =
        |detail: &str| ChangeOutcome::Failed { category: "lease".into(), detail: detail.into(), transient: true };
    let Some(limit) = region.write_time(clock.now()) else {
        return Err(ends("this process does not hold the region's lease for long enough; it plans anew when it does"));
    };
    let late = "no answer came while the region's lease was certain; heddle looks what happened and plans anew";
    tokio::time::timeout(limit, attempt).await.map_err(|_| ends(late))
}

async fn create(write: Write<'_>, last: &mut Option<ClusterError>) -> Step {
    match send(write, Expect::Absent, false).await {
        Ok(live) => Step::finished(settle(write, live, ChangeOutcome::Done)),
        Err(ClusterError::Conflict | ClusterError::FieldConflicts(_)) => read_back(write, false).await,
        Err(error) => after_error(write, error, last, true).await,
    }
}

async fn update(write: Write<'_>, last: &mut Option<ClusterError>) -> Step {
    let newest = match newest(write).await {
        Ok(Some(newest)) => newest,
        Ok(None) => return stale("it is gone"),
        Err(error) => return after_error(write, error, last, false).await,
    };
    if newest.applied.as_ref().map(|applied| applied.projection) == write.change.desired {
        return Step::finished(Written { outcome: ChangeOutcome::DoneBefore, live: Some(newest) });
    }
    if let Some(found) = mismatch(&write.change.precondition, &newest) {
        return stale(found);
    }
    let expect = || Expect::Exactly { uid: newest.uid.clone(), resource_version: newest.resource_version.clone() };
    let answer = match send(write, expect(), false).await {
        Err(ClusterError::FieldConflicts(causes)) => match contested(&causes, &write.change.correctable) {
            contested if contested.is_empty() => send(write, expect(), true).await,
            fields => {
                let outcome = ChangeOutcome::Conflict { fields };
                return Step::finished(Written { outcome, live: Some(newest) });
            }
        },
        other => other,
    };
    match answer {
        Ok(live) => Step::finished(settle(write, live, ChangeOutcome::Done)),
        Err(ClusterError::Conflict | ClusterError::FieldConflicts(_)) => {
            write.region.forget(&newest);
            Step::Again(Duration::ZERO)
        }
        Err(error) => after_error(write, error, last, true).await,
    }
}

async fn send(write: Write<'_>, expect: Expect, force: bool) -> Result<ObservedObject, ClusterError> {
    let request = ApplyRequest { object: write.object, expect, force, dry_run: false };
    let applied = write.region.cluster().apply(write.identity, request).await?;
    write.region.record(&applied.live);
    Ok(applied.live)
}

/// The copy of the watch, or a fresh one when the watch has none or it was refused as old.
async fn newest(write: Write<'_>) -> Result<Option<ObservedObject>, ClusterError> {
    if let Some(seen) = write.region.seen(&write.change.target.id) {
        return Ok(Some(seen));
    }
    let live = write.region.cluster().get(write.identity, &write.change.target.id).await?;
    Ok(live.map(|live| {
        write.region.record(&live.observed);
        live.observed
    }))
}

/// After a 409 on create, or an unclear answer: what is there?
async fn read_back(write: Write<'_>, absent_is_retried: bool) -> Step {
    let target = &write.change.target.id;
    match write.region.cluster().get(write.identity, target).await {
        Ok(Some(live)) => {
            let live = live.observed;
            if !is_ours(write, &live) {
                let says = live.owner.says(&sent(write, "labels", ownership::INSTALLATION).unwrap_or_default());
                return Step::finished(Written::without_live(ChangeOutcome::Foreign { says }));
            }
            write.region.record(&live);
            if live.applied.as_ref().map(|applied| applied.projection) == write.change.desired {
                return Step::finished(Written { outcome: ChangeOutcome::DoneBefore, live: Some(live) });
            }
            if absent_is_retried && write.change.precondition != Precondition::Absent {
                return Step::Again(Duration::ZERO);
            }
            stale("it exists already with other content")
        }
        Ok(None) if absent_is_retried && write.change.precondition == Precondition::Absent => {
            Step::Again(Duration::ZERO)
        }
        Ok(None) if write.change.precondition == Precondition::Absent => Step::Again(Duration::from_millis(100)),
        Ok(None) => stale("it is gone"),
        Err(error) => match error.retry() {
            Retry::After(pause) => Step::Again(pause),
            Retry::Ambiguous => Step::Again(Duration::from_secs(1)),
            Retry::Never | Retry::OnChange => Step::finished(Written::without_live(failed(&error))),
        },
    }
}

async fn after_error(write: Write<'_>, error: ClusterError, last: &mut Option<ClusterError>, sent: bool) -> Step {
    let step = match error.retry() {
        Retry::Ambiguous if sent => read_back(write, true).await,
        Retry::Ambiguous => Step::Again(Duration::from_secs(1)),
        Retry::After(pause) => Step::Again(pause),
        Retry::OnChange if is_fresh_forbidden(&error, write.identity) => Step::Again(FORBIDDEN_PAUSE),
        Retry::Never | Retry::OnChange => Step::finished(Written::without_live(failed(&error))),
    };
    *last = Some(error);
    step
}

fn is_fresh_forbidden(error: &ClusterError, identity: &Identity) -> bool {
    matches!((error, identity), (ClusterError::Forbidden { .. }, Identity::Tenant { .. }))
}

fn is_ours(write: Write<'_>, live: &ObservedObject) -> bool {
    let others = |label: &str| Some(label) != sent(write, "labels", ownership::INSTALLATION).as_deref();
    live.owner.self_reference.as_deref() == sent(write, "annotations", ownership::SELF).as_deref()
        && !live.owner.installation.as_deref().is_some_and(others)
}

/// A label or annotation of what is sent.
fn sent(write: Write<'_>, place: &str, key: &str) -> Option<String> {
    write.object.pointer("/metadata")?.get(place)?.get(key)?.as_str().map(ToOwned::to_owned)
}

/// Paths in conflict that the plan does not allow to take back.
fn contested(causes: &[FieldConflict], correctable: &BTreeSet<String>) -> Vec<(String, String)> {
    causes
        .iter()
        .filter(|cause| !correctable.contains(cause.field.trim_start_matches('.')))
        .map(|cause| (cause.field.clone(), cause.manager.clone()))
        .collect()
}

fn mismatch(precondition: &Precondition, live: &ObservedObject) -> Option<&'static str> {
    match precondition {
        Precondition::Absent | Precondition::NotJoined => Some("it exists"),
        Precondition::Exists { uid, .. } if *uid != live.uid => Some("it was deleted and made anew"),
        Precondition::Exists { projection, .. } => {
            let found = live.applied.as_ref().map(|applied| applied.projection);
            (found != *projection).then_some("its fields changed since the plan was made")
        }
    }
}

/// What came back must be what was sent.
fn settle(write: Write<'_>, live: ObservedObject, outcome: ChangeOutcome) -> Written {
    let stored = live.applied.as_ref().map(|applied| applied.projection);
    if stored == write.change.desired {
        return Written { outcome, live: Some(live) };
    }
    let detail = "the server or a webhook stored other values than it was sent: look at the webhooks of this cluster; \
                  heddle does not fight them";
    let detail = detail.to_owned();
    Written { outcome: ChangeOutcome::NotSettled { detail }, live: Some(live) }
}

fn stale(found: &str) -> Step {
    Step::finished(Written::without_live(ChangeOutcome::Stale { found: found.to_owned() }))
}

/// What a person can do about a failure, where trying again does not end it.
fn what_to_do(error: &ClusterError) -> Option<&'static str> {
    match error {
        ClusterError::Certificate { .. } | ClusterError::Unauthenticated => Some("look at the region's kubeconfig"),
        ClusterError::Forbidden { .. } => Some("grant it; heddle's chart has the roles that it needs"),
        ClusterError::QuotaExceeded { .. } => {
            Some("raise that quota (`heddle-quota` is made from the tenant's document), or free some of it")
        }
        ClusterError::NamespaceTerminating { .. } => {
            Some("heddle makes it anew when it is gone; if it stays, look at what is left in it and at finalizers")
        }
        ClusterError::Denied { .. } => Some("change the spec, or ask whoever keeps that policy"),
        ClusterError::Invalid { .. } => Some("if it does not come from a value in the spec, please report it"),
        ClusterError::Unreachable { .. }
        | ClusterError::Ambiguous { .. }
        | ClusterError::NotFound { .. }
        | ClusterError::FieldConflicts(_)
        | ClusterError::Conflict
        | ClusterError::Expired
        | ClusterError::Busy { .. }
        | ClusterError::Malformed { .. } => None,
    }
}

/// A failure as an outcome, with its chain of causes.
pub fn failed(error: &ClusterError) -> ChangeOutcome {
    let detail = match what_to_do(error) {
        Some(hint) => format!("{error}: {hint}"),
        None => error.to_string(),
    };
    ChangeOutcome::Failed {
        category: error.category().to_owned(),
        detail,
        transient: match error.retry() {
            Retry::After(_) | Retry::Ambiguous => true,
            Retry::Never | Retry::OnChange => false,
        },
    }
}
