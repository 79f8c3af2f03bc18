//! The status branch as this process sees it: claims it, appends audit records, writes documents, wins races.
//!
//! Input: audit entries and documents. Output: the branch with both on it. It decides no content. Invariants: a record
//! is numbered on the head that was just fetched; a caller hears "written" only after the server said so for the ref;
//! callers that come while a push is under way share the next one; a branch that another installation claimed is only
//! read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::{Mutex, oneshot};

use crate::model::names::InstallationId;
use crate::model::retry::Retry;
use crate::model::revision::{RepoPath, Revision};
use crate::model::unit::UnitId;
use crate::plan::unit_plan::PlanId;
use crate::ports::clock::Clock;
use crate::ports::source::SourceError;
use crate::ports::status_sink::{Documents, Published, StatusSink};
use crate::report::audit::{self, Chain, ChainError, Entry, Head};
use crate::report::fleet_status::{self, FleetStatus};

/// How often a lost race is run again before the caller hears of it.
const RACES_MAX: u32 = 10;

/// Why nothing was written.
#[derive(Debug, Clone, Error)]
pub enum StatusBranchError {
    /// Git did not do it.
    #[error("the status branch could not be reached")]
    Git(#[source] Arc<SourceError>),
    /// The host refused the push.
    #[error("the host refused the push to the status branch: {detail}")]
    Refused {
        /// Its words, masked.
        detail: String,
    },
    /// Others were faster every time.
    #[error("{RACES_MAX} pushes to the status branch lost their race")]
    Races,
    /// The audit log on the branch is damaged.
    #[error("the audit log cannot be continued")]
    Audit(#[source] ChainError),
    /// A unit's status on the branch is damaged, and with it what was issued and created.
    #[error("the report {path} of an earlier process cannot be read")]
    Unreadable {
        /// The document.
        path: RepoPath,
    },
    /// Another installation owns the branch.
    #[error("the status branch belongs to installation `{owner}`")]
    Claimed {
        /// Who.
        owner: String,
    },
    /// The process ended while others waited.
    #[error("the push was given up")]
    GivenUp,
}

impl StatusBranchError {
    /// What to do next.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Git(error) => error.retry(),
            Self::Races | Self::GivenUp => Retry::After(Duration::from_secs(5)),
            Self::Refused { .. } | Self::Audit(_) | Self::Unreadable { .. } | Self::Claimed { .. } => Retry::OnChange,
        }
    }

    /// A bounded word for metrics and events.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Git(error) => error.category(),
            Self::Refused { .. } => "refused",
            Self::Races => "races",
            Self::Audit(_) => "audit",
            Self::Unreadable { .. } => "unreadable",
            Self::Claimed { .. } => "claimed",
            Self::GivenUp => "given-up",
        }
    }
}

/// What one caller wants on the branch.
#[derive(Debug, Default)]
pub struct Batch {
    /// Records for the audit log.
    pub entries: Vec<Entry>,
    /// Documents to write or remove.
    pub documents: Documents,
}

struct Queued {
    batch: Batch,
    done: oneshot::Sender<Result<(), StatusBranchError>>,
}

/// The status branch.
pub struct StatusBranch {
    sink: Arc<dyn StatusSink>,
    clock: Arc<dyn Clock>,
    installation: InstallationId,
    queue: StdMutex<Vec<Queued>>,
    tip: Mutex<Option<Revision>>,
}

impl StatusBranch {
    /// A branch that has not been looked at yet.
    pub fn new(sink: Arc<dyn StatusSink>, clock: Arc<dyn Clock>, installation: InstallationId) -> Self {
        Self { sink, clock, installation, queue: StdMutex::default(), tip: Mutex::default() }
    }

    /// Writes a batch, together with everything else that is waiting to be written.
    pub async fn write(&self, batch: Batch) -> Result<(), StatusBranchError> {
        let (done, mut answer) = oneshot::channel();
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push(Queued { batch, done });
        let mut tip = self.tip.lock().await;
        // Whoever held the lock before may have taken this batch along.
        if let Ok(answer) = answer.try_recv() {
            return answer;
        }
        let taken = std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner));
        let result = self.push(&mut tip, &taken).await;
        for queued in taken {
            let _caller_gone = queued.done.send(result.clone());
        }
        result
    }

    async fn push(&self, tip: &mut Option<Revision>, taken: &[Queued]) -> Result<(), StatusBranchError> {
        for attempt in 0..RACES_MAX {
            if attempt > 0 || tip.is_none() {
                *tip = self.sink.tip().await.map_err(git)?;
            }
            self.check_claim(*tip).await?;
            let documents = self.documents(*tip, taken).await?;
            if documents.is_empty() {
                return Ok(());
            }
            let message = message(taken);
            match self.sink.publish(*tip, &documents, &message, self.clock.now()).await.map_err(git)? {
                Published::At(new) => {
                    *tip = Some(new);
                    return Ok(());
                }
                Published::Raced => {}
                Published::Refused { detail } => return Err(StatusBranchError::Refused { detail }),
            }
        }
        Err(StatusBranchError::Races)
    }

    /// Documents of all callers, in the order in which they came, and their records numbered on the branch's heads.
    async fn documents(&self, tip: Option<Revision>, taken: &[Queued]) -> Result<Documents, StatusBranchError> {
        let mut documents = Documents::new();
        let mut entries: BTreeMap<Chain, Vec<Entry>> = BTreeMap::new();
        for Queued { batch, .. } in taken {
            documents.extend(batch.documents.iter().map(|(path, bytes)| (path.clone(), bytes.clone())));
            for entry in &batch.entries {
                entries.entry(Chain::of(&entry.unit)).or_default().push(entry.clone());
            }
        }
        let heads = self.heads(tip, entries.keys()).await?;
        for (chain, entries) in &entries {
            let head = heads.get(chain).cloned().unwrap_or_default();
            let (files, _) =
                audit::append(self.installation.as_str(), chain, &head, entries).map_err(StatusBranchError::Audit)?;
            documents.extend(files.into_iter().map(|(path, bytes)| (path, Some(bytes))));
        }
        Ok(documents)
    }

    async fn heads(
        &self,
        tip: Option<Revision>,
        chains: impl Iterator<Item = &Chain>,
    ) -> Result<BTreeMap<Chain, Head>, StatusBranchError> {
        let paths: BTreeMap<Chain, RepoPath> =
            chains.filter_map(|chain| Some((chain.clone(), chain.head_path()?))).collect();
        let wanted: Vec<RepoPath> = paths.values().cloned().collect();
        let files = match tip {
            Some(tip) if !wanted.is_empty() => self.sink.read(tip, &wanted).await.map_err(git)?,
            _ => BTreeMap::new(),
        };
        let head = |(chain, path): (Chain, RepoPath)| {
            let head = audit::read_head(files.get(&path).map(Vec::as_slice), path.as_str())?;
            Ok((chain, head))
        };
        paths.into_iter().map(head).collect::<Result<_, _>>().map_err(StatusBranchError::Audit)
    }

    async fn check_claim(&self, tip: Option<Revision>) -> Result<(), StatusBranchError> {
        let (Some(tip), Some(path)) = (tip, fleet_status::path()) else { return Ok(()) };
        let files = self.sink.read(tip, std::slice::from_ref(&path)).await.map_err(git)?;
        let owner = files.get(&path).and_then(|bytes| owner_of(bytes));
        match owner {
            Some(owner) if owner != self.installation.as_str() => Err(StatusBranchError::Claimed { owner }),
            _ => Ok(()),
        }
    }

    /// Everything that the branch holds about the units' state, for a process that just started.
    pub async fn load(&self) -> Result<Stored, StatusBranchError> {
        let mut tip = self.tip.lock().await;
        *tip = self.sink.tip().await.map_err(git)?;
        let Some(at) = *tip else { return Ok(Stored::default()) };
        self.check_claim(Some(at)).await?;
        let mut stored = Stored::default();
        for folder in ["fleet", "tenants"] {
            let Ok(folder) = RepoPath::parse(folder) else { continue };
            stored.documents.extend(self.sink.read_below(at, &folder, "/status.yaml").await.map_err(git)?);
        }
        if let Ok(folder) = RepoPath::parse(audit::HEADS) {
            let heads = self.sink.read_below(at, &folder, ".json").await.map_err(git)?;
            for (path, bytes) in heads {
                let head = audit::read_head(Some(&bytes), path.as_str()).map_err(StatusBranchError::Audit)?;
                stored.open.extend(head.open);
            }
        }
        Ok(stored)
    }

    /// Reads stored plans by id; what is not there is left out.
    pub async fn plans(&self, ids: &BTreeSet<PlanId>) -> Result<BTreeMap<PlanId, Vec<u8>>, StatusBranchError> {
        let tip = *self.tip.lock().await;
        let Some(tip) = tip else { return Ok(BTreeMap::new()) };
        let path = |id: &PlanId| RepoPath::parse(&format!("{}.json", crate::report::plan_document::path_stem(id))).ok();
        let paths: BTreeMap<RepoPath, PlanId> = ids.iter().filter_map(|id| Some((path(id)?, *id))).collect();
        let wanted: Vec<RepoPath> = paths.keys().cloned().collect();
        let files = self.sink.read(tip, &wanted).await.map_err(git)?;
        Ok(files.into_iter().filter_map(|(path, bytes)| Some((*paths.get(&path)?, bytes))).collect())
    }
}

/// What a process that just started finds.
#[derive(Debug, Default)]
pub struct Stored {
    /// All statuses below `fleet/` and `tenants/`.
    pub documents: BTreeMap<RepoPath, Vec<u8>>,
    /// Plans that started and did not end.
    pub open: BTreeMap<UnitId, PlanId>,
}

fn git(error: SourceError) -> StatusBranchError {
    StatusBranchError::Git(Arc::new(error))
}

/// Whose branch it is. A document that cannot be read claims nothing: it is written anew.
fn owner_of(bytes: &[u8]) -> Option<String> {
    crate::app::status_yaml::read::<FleetStatus>(bytes).map(|status| status.installation)
}

fn message(taken: &[Queued]) -> String {
    let units: BTreeSet<&UnitId> =
        taken.iter().flat_map(|queued| &queued.batch.entries).map(|entry| &entry.unit).collect();
    match units.len() {
        0 => "Report the state of the fleet".to_owned(),
        1..=3 => {
            let names: Vec<String> = units.iter().map(ToString::to_string).collect();
            format!("Report {}", names.join(", "))
        }
        n => format!("Report {n} units"),
    }
}

/// An instant for documents that may hold one.
pub fn now(clock: &dyn Clock) -> Timestamp {
    // Whole seconds: nobody needs more in a report, and shorter text diffs better.
    Timestamp::from_second(clock.now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
}
