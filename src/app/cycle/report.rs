//! The last step of a cycle: what the status branch does not hold yet.
//!
//! Input: what is remembered of the units, the source and the regions. Output: one commit, or none. It decides nothing
//! about objects. Invariants: what could not be published is kept for the next time; a unit's documents go only when
//! nothing declares it and every region was seen to hold nothing of it.

use std::collections::BTreeSet;

use crate::app::evaluation::Evaluation;
use crate::app::memory::UnitMemory;
use crate::app::publication::{self, FleetNews};
use crate::app::status_branch::{Batch, StatusBranchError};
use crate::model::diagnostic::Diagnostic;
use crate::model::unit::UnitId;
use crate::plan::outcome::UnitState;
use crate::report::unit_status;

use super::Reconciler;

impl Reconciler {
    /// Puts on the branch what it does not hold yet; says whether there was anything.
    pub async fn publish(&mut self) -> Result<bool, StatusBranchError> {
        let gone = self.gone_units();
        let mut batch = Batch::default();
        for (unit, memory) in &self.units {
            let is_gone = gone.contains(unit);
            if !is_gone && !memory.is_unpublished() {
                continue;
            }
            batch.documents.extend(memory.news.documents.clone());
            batch.entries.extend(memory.news.entries.iter().cloned());
            batch.documents.extend(publication::status_documents(unit, memory.status().filter(|_| !is_gone)));
        }
        let fleet = publication::fleet_status(self.ports.installation.as_str(), self.fleet_news(&gone));
        let fleet_changed = self.fleet.as_ref() != Some(&fleet);
        if fleet_changed {
            batch.documents.extend(publication::fleet_documents(&fleet));
        }
        if batch.documents.is_empty() && batch.entries.is_empty() {
            return Ok(false);
        }
        self.branch.write(batch).await?;
        self.fleet = Some(fleet);
        self.units.retain(|unit, _| !gone.contains(unit));
        for memory in self.units.values_mut() {
            memory.take_published();
        }
        Ok(true)
    }

    /// Units that nothing declares and nothing is left of.
    fn gone_units(&self) -> BTreeSet<UnitId> {
        let all_seen = self
            .ports
            .regions
            .values()
            .all(|access| access.as_ref().is_ok_and(|access| access.cluster_state().is_ok()));
        let left: BTreeSet<UnitId> =
            self.ports.regions.values().flatten().flat_map(|access| access.inventoried_with_rows()).collect();
        let is_gone = |(unit, memory): &(&UnitId, &UnitMemory)| {
            let unwanted = memory.wish.as_ref().is_some_and(|wish| wish.desired.is_none());
            all_seen && unwanted && memory.state == Some(UnitState::Converged) && !left.contains(*unit)
        };
        self.units.iter().filter(is_gone).map(|(unit, _)| unit.clone()).collect()
    }

    fn fleet_news(&self, gone: &BTreeSet<UnitId>) -> FleetNews {
        let of_units: BTreeSet<&Diagnostic> = self.units.values().flat_map(|memory| &memory.diagnostics).collect();
        let loose = self.tip.iter().flat_map(Evaluation::diagnostics).filter(|found| !of_units.contains(found));
        let units = self.units.iter().filter(|(unit, _)| !gone.contains(*unit));
        FleetNews {
            revision: self.tip.as_ref().and_then(|tip| tip.revision).or(self.known),
            rewritten: self.rewritten,
            problems: self.trouble.iter().chain(loose).map(unit_status::finding).collect(),
            regions: self.region_states(),
            units: units
                .filter_map(|(unit, memory)| {
                    Some((unit.clone(), memory.state.or_else(|| memory.status().map(|status| status.state))?))
                })
                .collect(),
        }
    }

    /// Whether the branch lacks something that people wait for: an ended plan, a unit that came to rest, or
    /// what joins wait for.
    pub fn has_final_news(&self) -> bool {
        let is_final = |memory: &UnitMemory| {
            memory.is_at_rest() || !memory.news.entries.is_empty() || memory.has_unpublished_block()
        };
        self.units.values().any(|memory| memory.is_unpublished() && is_final(memory))
    }
}
