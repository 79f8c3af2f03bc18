//! What others own in guarded places, beside our own fields.
//!
//! Input: a live tree with `managedFields` and our field manager. Output: a short list of [`Foreign`]. It needs no
//! desired object, so it runs where a body is still at hand and is not read again for it. Invariants: the list is
//! bounded in length and in the length of each text; the same object gives the same list; no value is in it.

use serde_json::Value;

use super::fields::{self, Entry, Fields};
use super::guarded;
use crate::model::object::Kind;

/// The most entries that are kept of one object; the last one counts the rest.
const ENTRIES_MAX: usize = 8;
/// The longest path or manager that is kept, in characters: a ConfigMap's longest key fits.
const TEXT_MAX: usize = 280;

/// Something in a guarded place that is not ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Foreign {
    /// Where.
    pub path: String,
    /// Whose.
    pub manager: String,
}

/// What others own in guarded places where we own nothing; none when nothing of the object is ours.
pub fn foreign(kind: Kind, live: &Value, manager: &str) -> Vec<Foreign> {
    let (ours, others): (Vec<Entry<'_>>, Vec<_>) =
        fields::entries(live).partition(|entry| entry.is_applied_by(manager));
    let mut found = Vec::new();
    if let Some(ours) = ours.first() {
        for other in &others {
            let place = Place { path: String::new(), theirs: other.fields, ours: Some(ours.fields), live };
            step(kind, other.manager, &place, &mut found);
        }
    }
    bounded(found)
}

struct Place<'a> {
    path: String,
    theirs: &'a Fields,
    ours: Option<&'a Fields>,
    live: &'a Value,
}

fn step(kind: Kind, manager: &str, place: &Place<'_>, found: &mut Vec<Foreign>) {
    let guarded = guarded::is_guarded(kind, &place.path);
    if guarded && place.ours.is_none() {
        found.push(Foreign { path: place.path.clone(), manager: manager.to_owned() });
        return;
    }
    if !guarded && !guarded::leads_to(kind, &place.path) {
        return;
    }
    for (name, theirs) in fields::children(place.theirs) {
        let Some(member) = fields::member(name) else { continue };
        let Some(live) = fields::value_of(place.live, &member) else { continue };
        let ours = place.ours.and_then(|ours| ours.get(name)?.as_object());
        let below = Place { path: fields::path_below(&place.path, &member), theirs, ours, live };
        step(kind, manager, &below, found);
    }
}

/// Sorted, without doubles, and short.
pub fn bounded(mut found: Vec<Foreign>) -> Vec<Foreign> {
    found.sort();
    found.dedup();
    if found.len() > ENTRIES_MAX {
        let rest = found.split_off(ENTRIES_MAX - 1).len();
        found.push(Foreign { path: format!("… {rest} more fields"), manager: "several managers".into() });
    }
    for Foreign { path, manager } in &mut found {
        for text in [path, manager] {
            if let Some((end, _)) = text.char_indices().nth(TEXT_MAX) {
                text.truncate(end);
                text.push('…');
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::k8s::difference;
    use crate::k8s::projection::tests::live;
    use crate::k8s::projection::tests::samples::sample;

    const OURS: &str = "heddle/demo";

    fn lines(found: &[Foreign]) -> Vec<String> {
        found.iter().map(|foreign| format!("{} {}", foreign.path, foreign.manager)).collect()
    }

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_was_just_applied_holds_nothing_foreign() {
        for kind in Kind::ALL {
            assert_eq!(foreign(kind, &live(kind), OURS), [], "{kind}");
        }
    }

    /// Objects as a real server kept them after somebody added to them and changed nothing of ours.
    fn check_injected(kind: Kind, text: &str, expected: &[&str]) {
        let live = parsed(text);
        let found = foreign(kind, &live, OURS);
        assert_eq!(lines(&found), expected);
        let compared = difference::compare(&sample(kind), &live, OURS);
        assert_eq!(compared.fields, [], "our own fields are equal");
        assert_eq!(compared.foreign, found, "with and without the desired object the same is found");
    }

    #[test]
    fn what_somebody_added_beside_equal_fields_is_found_in_every_guarded_place() {
        check_injected(
            Kind::StatefulSet,
            include_str!("testdata/StatefulSet-injected.json"),
            &[
                "spec.template.spec.containers[name=\"peer\"].env[name=\"X\"] kubectl-edit",
                "spec.template.spec.containers[name=\"side\"] kubectl-edit",
            ],
        );
        check_injected(Kind::ConfigMap, include_str!("testdata/ConfigMap-injected.json"), &["data.extra kubectl-edit"]);
        check_injected(
            Kind::NetworkPolicy,
            include_str!("testdata/NetworkPolicy-injected.json"),
            &["spec.ingress kubectl-edit"],
        );
        check_injected(
            Kind::ServiceAccount,
            include_str!("testdata/ServiceAccount-injected.json"),
            &["imagePullSecrets kubectl-edit"],
        );
    }

    #[test]
    fn an_object_of_which_nothing_is_ours_is_not_searched() {
        let live = parsed(include_str!("testdata/ConfigMap-injected.json"));
        assert_eq!(foreign(Kind::ConfigMap, &live, "heddle/other"), []);
    }

    #[test]
    fn a_field_that_is_owned_but_gone_and_a_place_that_is_not_guarded_do_not_count() {
        let with = |fields: Value| {
            let mut live = live(Kind::ConfigMap);
            let entries = live["metadata"]["managedFields"].as_array_mut().unwrap();
            entries.push(json!({"manager": "other", "operation": "Update", "fieldsV1": fields}));
            lines(&foreign(Kind::ConfigMap, &live, OURS))
        };
        assert_eq!(with(json!({"f:data": {"f:gone": {}}})), Vec::<String>::new());
        assert_eq!(with(json!({"f:metadata": {"f:labels": {"f:x": {}}}})), Vec::<String>::new());
        assert_eq!(with(json!({"f:data": {"f:core.yaml": {}}})), Vec::<String>::new(), "it is ours too");
    }

    #[test]
    fn the_list_is_bounded_and_says_how_much_it_leaves_out() {
        let many = (0..40).map(|n| Foreign { path: format!("data.{n:03}{}", "x".repeat(900)), manager: "m".into() });
        let found = bounded(many.rev().collect());
        assert_eq!(found.len(), ENTRIES_MAX);
        assert_eq!(found.last().map(|last| last.path.as_str()), Some("… 33 more fields"));
        assert!(found.iter().all(|foreign| foreign.path.chars().count() <= TEXT_MAX + 1));
        let few =
            vec![Foreign { path: "b".into(), manager: "m".into() }, Foreign { path: "a".into(), manager: "m".into() }];
        assert_eq!(lines(&bounded([few.clone(), few].concat())), ["a m", "b m"]);
    }
}
