//! What a cycle would do, without doing it.
//!
//! Input: the ports and a revision or a folder. Output: every unit's plan and where it stands. It writes nothing,
//! neither to a region nor to the status branch, and takes no Lease. Invariant: the plans are those that the loop would
//! make at this moment.

use std::collections::BTreeMap;

use futures::future::join_all;
use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::model::diagnostic::Diagnostic;
use crate::model::names::RegionName;
use crate::model::object::ClusterUid;
use crate::model::revision::Revision;
use crate::ports::source::SourceError;
use crate::region::observe::Observer;
use crate::spec::parse::Limits;

use super::cycle::{Doing, Ports, Reconciler};
use super::evaluation::Evaluation;
use super::status_branch::StatusBranchError;
use super::unit_run::UnitRun;

/// Why there is no plan.
#[derive(Debug, Error)]
pub enum PreviewError {
    /// The source cannot be read.
    #[error("the specs cannot be read")]
    Source(#[from] SourceError),
    /// What is in force cannot be read.
    #[error("the status branch cannot be read")]
    StatusBranch(#[from] StatusBranchError),
}

/// Whose wish is planned.
#[derive(Debug, Clone)]
pub enum Subject {
    /// The tip of the tracked branch.
    Tip,
    /// Uncommitted files.
    Folder(Box<Evaluation>),
}

/// What a cycle would do.
#[derive(Debug)]
pub struct Preview {
    /// The revision; none for a folder.
    pub revision: Option<Revision>,
    /// Problems of the documents.
    pub diagnostics: Vec<Diagnostic>,
    /// Every unit's plan, in order.
    pub runs: Vec<UnitRun>,
    /// Regions: `ok`, or why they cannot be judged.
    pub regions: BTreeMap<RegionName, String>,
}

/// Looks at everything once and plans.
pub async fn preview(
    ports: Ports,
    pins: &BTreeMap<RegionName, Option<ClusterUid>>,
    limits: Limits,
    subject: Subject,
) -> Result<Preview, PreviewError> {
    let looks = ports.regions.values().flatten().map(|access| {
        let observer = Observer {
            access: access.clone(),
            pin: pins.get(access.name()).cloned().flatten(),
            clock: ports.clock.clone(),
            wake: std::sync::Arc::new(Notify::new()),
        };
        async move { observer.look().await }
    });
    let looks = join_all(looks);
    let mut reconciler = Reconciler::new(ports.clone(), limits);
    let (loaded, _) = tokio::join!(reconciler.load(), looks);
    match subject {
        Subject::Tip => {
            loaded?;
            reconciler.fetch().await?;
        }
        Subject::Folder(evaluation) => {
            // Without the branch only units that are broken in the folder lack their last good revision.
            if let Err(error) = loaded {
                tracing::warn!(error = %crate::model::causes::chain(&error), "what is in force cannot be read");
            }
            reconciler.adopt(*evaluation).await;
        }
    }
    let runs = reconciler.cycle(Doing::Plan, &CancellationToken::new()).await;
    let tip = reconciler.tip();
    Ok(Preview {
        revision: tip.and_then(|tip| tip.revision),
        diagnostics: tip.map(|tip| tip.diagnostics().to_vec()).unwrap_or_default(),
        regions: reconciler.region_states(),
        runs,
    })
}
