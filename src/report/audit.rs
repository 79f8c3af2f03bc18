//! The audit log: who did what with which result, each record bound to the one before.
//!
//! Input: entries and the head of a chain. Output: records with number and predecessor's digest, and the new head. It
//! appends only; where is decided by the caller, on the head that it fetched. Invariants: a record's digest covers
//! every byte of it and the record before; `verify` finds any change, gap or reorder; a plan's `started` stands before
//! its first effect.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::model::digest::Digest;
use crate::model::names::TenantName;
use crate::model::revision::{RepoPath, Revision};
use crate::model::unit::UnitId;
use crate::plan::approval::{ApprovedPlan, Consent};
use crate::plan::outcome::{ChangeResult, UnitState};
use crate::plan::unit_plan::PlanId;

/// The folder of all heads.
pub const HEADS: &str = "audit/heads";

/// A chain: one for the fleet, one for each tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chain {
    /// What belongs to no tenant.
    Fleet,
    /// A tenant's.
    Tenant(TenantName),
}

impl Chain {
    /// The chain of a unit.
    pub fn of(unit: &UnitId) -> Self {
        unit.tenant().map_or(Self::Fleet, |tenant| Self::Tenant(tenant.clone()))
    }

    /// Its name in paths: `fleet` or `tenant-acme`.
    pub fn name(&self) -> String {
        match self {
            Self::Fleet => "fleet".to_owned(),
            Self::Tenant(tenant) => format!("tenant-{tenant}"),
        }
    }

    /// The path of its head: all heads lie in one folder, so that a process that starts reads them and no record.
    pub fn head_path(&self) -> Option<RepoPath> {
        RepoPath::parse(&format!("{HEADS}/{}.json", self.name())).ok()
    }
}

/// What is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Event {
    /// A plan is about to have its first effect.
    Started {
        /// What will be done.
        changes: Vec<RecordedChange>,
    },
    /// A plan ended.
    Finished {
        /// What was done.
        changes: Vec<RecordedChange>,
        /// Where the unit stands.
        state: UnitState,
    },
    /// A plan was found started and without an end after a restart; its unit was planned anew.
    Resumed {
        /// Where the unit stands.
        state: UnitState,
    },
}

/// One change in a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedChange {
    /// The change's id.
    pub id: String,
    /// `create`, `update`, `delete`, `issue`, or for a channel `genesis`, `copy`, `join`.
    pub op: String,
    /// The object.
    pub target: String,
    /// The file of the Approval that it has, if it needed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// What became of it; none before it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

/// An entry that has no number yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The unit.
    pub unit: UnitId,
    /// Its plan.
    pub plan: PlanId,
    /// The revision whose wish it carries out.
    pub revision: Option<Revision>,
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}

/// A numbered record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// From 1, without gaps.
    pub number: u64,
    /// The digest of the record before; none in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// The installation that wrote it.
    pub installation: String,
    /// The unit.
    pub unit: UnitId,
    /// Its plan.
    pub plan: PlanId,
    /// The revision whose wish it carries out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// Where a chain ends.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The number of the last record; 0 for none.
    pub number: u64,
    /// Its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Plans that started and did not end, by unit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub open: BTreeMap<UnitId, PlanId>,
}

/// Why a chain cannot be trusted or continued.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChainError {
    /// A file is not a record or a head.
    #[error("{path} is not readable: {detail}")]
    Unreadable {
        /// The file.
        path: String,
        /// What is wrong.
        detail: String,
    },
    /// A record does not follow its predecessor.
    #[error("record {number} does not follow the one before")]
    Broken {
        /// Its number.
        number: u64,
    },
    /// The head does not name the last record.
    #[error("the head names record {head}, the last one is {last}")]
    WrongHead {
        /// What the head says.
        head: u64,
        /// What is there.
        last: u64,
    },
}

/// Appends entries: the files to write, and the new head. A plan that is still open when its unit's next one starts is
/// closed first, because a push whose answer was lost may have opened it; a `resumed` of a plan that is not open says
/// nothing and is left out.
pub fn append(
    installation: &str,
    chain: &Chain,
    head: &Head,
    entries: &[Entry],
) -> Result<(BTreeMap<RepoPath, Vec<u8>>, Head), ChainError> {
    let mut files = BTreeMap::new();
    let mut head = head.clone();
    for entry in entries {
        for entry in completed(&head, entry) {
            let (path, bytes) = record(installation, chain, &mut head, &entry)?;
            files.insert(path, bytes);
        }
    }
    if let Some(path) = chain.head_path() {
        let bytes = bytes(&head, path.as_str())?;
        files.insert(path, bytes);
    }
    Ok((files, head))
}

/// The entry with what must stand before it, or nothing where it says nothing.
fn completed(head: &Head, entry: &Entry) -> Vec<Entry> {
    let Some(open) = head.open.get(&entry.unit) else {
        let says_nothing = matches!(entry.event, Event::Resumed { .. });
        return if says_nothing { Vec::new() } else { vec![entry.clone()] };
    };
    let is_another = match entry.event {
        // Even the same plan: what became of its first start was never told.
        Event::Started { .. } => true,
        Event::Finished { .. } => *open != entry.plan,
        Event::Resumed { .. } if *open != entry.plan => return Vec::new(),
        Event::Resumed { .. } => false,
    };
    let closing = Entry { plan: *open, event: Event::Resumed { state: UnitState::Progressing }, ..entry.clone() };
    is_another.then_some(closing).into_iter().chain([entry.clone()]).collect()
}

/// Numbers one entry on the head: its file.
fn record(
    installation: &str,
    chain: &Chain,
    head: &mut Head,
    entry: &Entry,
) -> Result<(RepoPath, Vec<u8>), ChainError> {
    let record = Record {
        number: head.number + 1,
        previous: head.digest,
        installation: installation.to_owned(),
        unit: entry.unit.clone(),
        plan: entry.plan,
        revision: entry.revision,
        at: entry.at,
        event: entry.event.clone(),
    };
    match &record.event {
        Event::Started { .. } => drop(head.open.insert(record.unit.clone(), record.plan)),
        Event::Finished { .. } | Event::Resumed { .. } => drop(head.open.remove(&record.unit)),
    }
    let month = record.at.strftime("%Y-%m");
    let path = format!("audit/{}/{month}/{:08}.json", chain.name(), record.number);
    let bytes = bytes(&record, &path)?;
    (head.number, head.digest) = (record.number, Some(Digest::of(&bytes)));
    Ok((parse_path(&path)?, bytes))
}

/// Reads a head; no file is the head of an empty chain.
pub fn read_head(bytes: Option<&[u8]>, path: &str) -> Result<Head, ChainError> {
    match bytes {
        None => Ok(Head::default()),
        Some(bytes) => serde_json::from_slice(bytes)
            .map_err(|error| ChainError::Unreadable { path: path.to_owned(), detail: error.to_string() }),
    }
}

/// Verifies a whole chain from its record files, in any order, and its head.
pub fn verify(files: &BTreeMap<RepoPath, Vec<u8>>, head: &Head) -> Result<u64, ChainError> {
    let mut records = BTreeMap::new();
    for (path, bytes) in files {
        let record: Record = serde_json::from_slice(bytes)
            .map_err(|error| ChainError::Unreadable { path: path.to_string(), detail: error.to_string() })?;
        records.insert(record.number, (record.previous, Digest::of(bytes)));
    }
    let mut last = (0, None);
    for (number, (previous, digest)) in records {
        if number != last.0 + 1 || previous != last.1 {
            return Err(ChainError::Broken { number });
        }
        last = (number, Some(digest));
    }
    if last == (head.number, head.digest) {
        Ok(last.0)
    } else {
        Err(ChainError::WrongHead { head: head.number, last: last.0 })
    }
}

/// The changes of an approved plan before it runs.
pub fn intended(approved: &ApprovedPlan) -> Vec<RecordedChange> {
    approved.changes().iter().map(|(change, consent)| recorded(change, consent, None)).collect()
}

/// The changes of a plan after it ran.
pub fn done(results: &[ChangeResult]) -> Vec<RecordedChange> {
    results
        .iter()
        .map(|result| {
            let outcome = serde_json::to_value(&result.outcome)
                .ok()
                .and_then(|value| value.get("result").and_then(|word| word.as_str().map(ToOwned::to_owned)));
            recorded(&result.change, &result.consent, outcome)
        })
        .collect()
}

fn recorded(change: &crate::plan::change::Change, consent: &Consent, outcome: Option<String>) -> RecordedChange {
    let approved_by = match consent {
        Consent::Automatic => None,
        Consent::Approved { file, .. } => Some(file.clone()),
    };
    let (id, op) = (change.id.to_string(), change.op.word().to_owned());
    RecordedChange { id, op, target: change.target.to_string(), approved_by, outcome }
}

fn bytes<T: Serialize>(value: &T, path: &str) -> Result<Vec<u8>, ChainError> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| ChainError::Unreadable { path: path.to_owned(), detail: error.to_string() })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn parse_path(path: &str) -> Result<RepoPath, ChainError> {
    RepoPath::parse(path).map_err(|error| ChainError::Unreadable { path: path.to_owned(), detail: error.to_string() })
}

#[cfg(test)]
mod tests;
