//! Which objects two units want at once.
//!
//! Input: every unit that is wanted. Output: for each unit the objects that another one wants too, and which. It looks
//! at no cluster. Invariants: two wishes collide only when region, kind, namespace and name are all equal; whoever
//! collides is refused on both sides, so that no order of units decides who wins.

use std::collections::BTreeMap;

use crate::desired::unit::DesiredUnit;
use crate::model::object::ObjectRef;
use crate::model::unit::UnitId;

/// The objects of one unit that another unit wants too, each with the first such unit.
pub type ContendedObjects = BTreeMap<ObjectRef, UnitId>;

/// All collisions between units; a unit without one is not in it.
///
/// It is made anew from all units each time: one sort of references (40,000 take a few milliseconds) is cheaper than an
/// index that must be kept right while units come, go and freeze.
pub fn contention<'a>(units: impl IntoIterator<Item = &'a DesiredUnit>) -> BTreeMap<UnitId, ContendedObjects> {
    let mut wanted: Vec<(&ObjectRef, &UnitId)> =
        units.into_iter().flat_map(|unit| unit.objects.keys().map(move |object| (object, &unit.unit))).collect();
    // Stable, because it merges the runs that each unit's sorted objects are.
    wanted.sort();
    wanted.dedup();
    let mut contended: BTreeMap<UnitId, ContendedObjects> = BTreeMap::new();
    for group in wanted.chunk_by(|(a, _), (b, _)| a == b) {
        let [(_, first), (_, second), ..] = group else { continue };
        for (object, unit) in group {
            let other = if unit == first { second } else { first };
            contended.entry((*unit).clone()).or_default().insert((*object).clone(), (*other).clone());
        }
    }
    contended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::planner::tests::{config_map, unit};

    fn check(units: &[(&str, &[&str])], expected: &[&str]) {
        let units: Vec<DesiredUnit> = units
            .iter()
            .map(|(name, objects)| unit(name, objects.iter().map(|object| config_map(object, "x"))))
            .collect();
        let found: Vec<String> = contention(&units)
            .iter()
            .flat_map(|(unit, objects)| objects.iter().map(move |(object, other)| format!("{unit} {object} {other}")))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn only_an_object_that_two_units_want_collides_and_both_hear_of_it() {
        check(&[("tenant/a", &["x", "y"]), ("tenant/b", &["z"])], &[]);
        check(
            &[("tenant/b", &["x", "z"]), ("tenant/a", &["x", "y"])],
            &["tenant/a eu: ConfigMap ns/x tenant/b", "tenant/b eu: ConfigMap ns/x tenant/a"],
        );
    }

    #[test]
    fn of_three_each_names_one_other() {
        check(
            &[("tenant/a", &["x"]), ("tenant/b", &["x"]), ("tenant/c", &["x"])],
            &[
                "tenant/a eu: ConfigMap ns/x tenant/b",
                "tenant/b eu: ConfigMap ns/x tenant/a",
                "tenant/c eu: ConfigMap ns/x tenant/a",
            ],
        );
    }

    #[test]
    fn a_unit_given_twice_does_not_collide_with_itself() {
        check(&[("tenant/a", &["x"]), ("tenant/a", &["x"])], &[]);
    }
}
