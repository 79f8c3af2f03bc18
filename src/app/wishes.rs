//! What every unit should be: from the newest revision where it is valid, else from the last good one.
//!
//! Input: evaluations of revisions, the stored statuses, units that inventories name. Output: [`Wish`]es. It reads no
//! repository. Invariants: a unit whose documents are broken, or that builds on such a unit, keeps its last good wish
//! whole; where that cannot be had any more, the unit is frozen; rendering runs only for units whose inputs changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::desired::render;
use crate::desired::unit::DesiredUnit;
use crate::model::diagnostic::Diagnostic;
use crate::model::names::InstallationId;
use crate::model::revision::Revision;
use crate::model::unit::UnitId;
use crate::plan::identity::Recorded;
use crate::spec::fleet::Fleet;

use super::evaluation::Evaluation;
use super::unit_run::Wish;

/// What is wanted of one unit.
#[derive(Debug, Clone)]
pub struct UnitWish {
    /// The wish; none for a frozen unit.
    pub wish: Option<Wish>,
    /// Problems of the newest revision that keep it from being in force.
    pub diagnostics: Vec<Diagnostic>,
}

/// One rendered unit and what it was rendered from.
#[derive(Debug)]
struct Rendered {
    fleet: Arc<Fleet>,
    revision: Option<Revision>,
    unit: Arc<DesiredUnit>,
    previous: Option<Arc<DesiredUnit>>,
}

/// The unit as it is wanted, the revision that first wanted it so, and what was wanted before.
type Rendering = (Arc<DesiredUnit>, Option<Revision>, Option<Arc<DesiredUnit>>);

/// Renders units and remembers the results.
#[derive(Debug)]
pub struct Wishes {
    installation: InstallationId,
    rendered: BTreeMap<UnitId, Rendered>,
}

impl Wishes {
    /// Nothing rendered yet.
    pub fn new(installation: InstallationId) -> Self {
        Self { installation, rendered: BTreeMap::new() }
    }

    /// The units of a revision whose wish differs from what was rendered before, and all the others: everything that
    /// the source declares.
    pub fn declared(tip: &Evaluation) -> BTreeSet<UnitId> {
        let mut units: BTreeSet<UnitId> = tip.fleet().map(|fleet| render::units(fleet)).unwrap_or_default();
        units.extend(tip.invalid_units().cloned());
        units
    }

    /// The wish of one unit. `last_good` is the evaluation of the revision that the unit's status names.
    pub fn wish(&mut self, unit: &UnitId, tip: &Evaluation, last_good: Option<&Evaluation>) -> UnitWish {
        let diagnostics = tip.diagnostics_of(unit);
        let (from, stays_behind) = if tip.is_valid(unit) { (Some(tip), false) } else { (last_good, true) };
        let Some((evaluation, fleet)) = from.and_then(|from| Some((from, from.fleet()?))) else {
            return UnitWish { wish: None, diagnostics };
        };
        let declared = render::declares(fleet, unit);
        if !declared && stays_behind {
            return UnitWish { wish: None, diagnostics };
        }
        let settings = &fleet.settings;
        let mut wish = Wish {
            unit: unit.clone(),
            desired: None,
            previous: None,
            revision: evaluation.revision,
            policy: settings.apply,
            budgets: settings.budgets,
            recorded: Recorded::new(),
            blocks: BTreeMap::new(),
        };
        if !declared {
            self.rendered.remove(unit);
            return UnitWish { wish: Some(wish), diagnostics };
        }
        match self.render(unit, fleet, evaluation.revision) {
            Ok((desired, revision, previous)) => {
                wish.desired = Some(desired);
                wish.revision = revision;
                wish.previous = previous;
                UnitWish { wish: Some(wish), diagnostics }
            }
            Err(mut refused) => {
                refused.extend(diagnostics);
                UnitWish { wish: None, diagnostics: refused }
            }
        }
    }

    /// The unit as an earlier revision wanted it, from now on what came before its wish; none when that did not know
    /// it.
    pub fn earlier(&mut self, unit: &UnitId, old: &Evaluation) -> Option<Arc<DesiredUnit>> {
        let earlier = render::render(&self.installation, old.fleet()?, unit).ok().map(Arc::new);
        if let Some(rendered) = self.rendered.get_mut(unit) {
            rendered.previous.clone_from(&earlier);
        }
        earlier
    }

    fn render(
        &mut self,
        unit: &UnitId,
        fleet: &Arc<Fleet>,
        revision: Option<Revision>,
    ) -> Result<Rendering, Vec<Diagnostic>> {
        if let Some(before) = self.rendered.get_mut(unit)
            && (Arc::ptr_eq(&before.fleet, fleet) || render::same_inputs(unit, &before.fleet, fleet))
        {
            before.fleet = fleet.clone();
            return Ok((before.unit.clone(), before.revision, before.previous.clone()));
        }
        let desired = Arc::new(render::render(&self.installation, fleet, unit)?);
        let before = self.rendered.remove(unit).map(|before| before.unit);
        let rendered = Rendered { fleet: fleet.clone(), revision, unit: desired.clone(), previous: before.clone() };
        self.rendered.insert(unit.clone(), rendered);
        Ok((desired, revision, before))
    }
}
