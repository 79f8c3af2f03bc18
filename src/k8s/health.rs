//! Whether an object works, by what its own status says.
//!
//! Input: generation and [`HealthInputs`]. Output: [`Health`]. It looks at one object alone and at no clock; deadlines
//! are the caller's. Invariant: a status of an older generation never counts as healthy.

use std::fmt::Write as _;

/// What the predicates need, by kind; at most a few numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthInputs {
    /// The kind has no health: existing is enough.
    None,
    /// `status` of a StatefulSet.
    StatefulSet {
        /// `status.observedGeneration`.
        observed_generation: Option<i64>,
        /// `spec.replicas`.
        replicas: i64,
        /// `status.readyReplicas`.
        ready: i64,
        /// `status.updatedReplicas`.
        updated: i64,
        /// Whether `status.currentRevision` equals `status.updateRevision`.
        revision_current: bool,
    },
    /// `status.phase` of a `PersistentVolumeClaim` or a Namespace.
    Phase(Box<str>),
}

/// How an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Healthy,
    /// On its way; nothing is wrong yet.
    Progressing(String),
    /// It does not get there by itself.
    Failed(String),
}

/// Judges one object.
pub fn judge(generation: Option<i64>, inputs: &HealthInputs) -> Health {
    match inputs {
        HealthInputs::None => Health::Healthy,
        HealthInputs::Phase(phase) => phase_health(phase),
        HealthInputs::StatefulSet { observed_generation, replicas, ready, updated, revision_current } => {
            if *observed_generation < Some(generation.unwrap_or(0)) {
                return Health::Progressing("the controller has not seen the newest version yet".into());
            }
            if ready >= replicas && updated >= replicas && *revision_current {
                return Health::Healthy;
            }
            let mut text = format!("{ready} of {replicas} pods ready");
            if updated < replicas || !revision_current {
                let _infallible = write!(text, ", {updated} of {replicas} updated");
            }
            Health::Progressing(text)
        }
    }
}

/// The phases of claims and namespaces have no word in common. A claim whose class waits for its first consumer stays
/// `Pending` until a pod mounts it, so that is no failure, however long it lasts.
fn phase_health(phase: &str) -> Health {
    match phase {
        "Bound" | "Active" => Health::Healthy,
        "" | "Pending" => Health::Progressing("no volume is bound to it yet".into()),
        "Terminating" => Health::Progressing("it is being deleted".into()),
        "Lost" => Health::Failed("its volume is lost".into()),
        other => Health::Progressing(format!("its phase is {}", other.chars().take(40).collect::<String>())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(observed: Option<i64>, [replicas, ready, updated]: [i64; 3], revision_current: bool) -> HealthInputs {
        HealthInputs::StatefulSet { observed_generation: observed, replicas, ready, updated, revision_current }
    }

    #[test]
    fn a_stateful_set_is_healthy_when_its_newest_version_runs_and_is_ready() {
        let cases = [
            (Some(2), set(Some(2), [1, 1, 1], true), "healthy"),
            (Some(2), set(Some(3), [1, 1, 1], true), "healthy"),
            (Some(2), set(Some(1), [1, 1, 1], true), "the controller has not seen the newest version yet"),
            (Some(1), set(None, [1, 1, 1], true), "the controller has not seen the newest version yet"),
            (None, set(None, [0, 0, 0], true), "the controller has not seen the newest version yet"),
            (Some(1), set(Some(1), [0, 0, 0], true), "healthy"),
            (Some(1), set(Some(1), [2, 1, 2], true), "1 of 2 pods ready"),
            (Some(1), set(Some(1), [2, 2, 1], false), "2 of 2 pods ready, 1 of 2 updated"),
            (Some(1), set(Some(1), [1, 1, 1], false), "1 of 1 pods ready, 1 of 1 updated"),
        ];
        for (generation, inputs, expected) in cases {
            let found = match judge(generation, &inputs) {
                Health::Healthy => "healthy".to_owned(),
                Health::Progressing(text) => text,
                Health::Failed(text) => format!("failed: {text}"),
            };
            assert_eq!(found, expected, "{inputs:?}");
        }
    }

    #[test]
    fn a_pending_claim_is_on_its_way_and_a_lost_one_has_failed() {
        assert_eq!(judge(None, &HealthInputs::Phase("Bound".into())), Health::Healthy);
        assert_eq!(judge(None, &HealthInputs::Phase("Active".into())), Health::Healthy);
        assert_eq!(judge(None, &HealthInputs::None), Health::Healthy);
        for phase in ["", "Pending", "Terminating", "New"] {
            assert!(matches!(judge(None, &HealthInputs::Phase(phase.into())), Health::Progressing(_)), "{phase}");
        }
        assert!(matches!(judge(None, &HealthInputs::Phase("Lost".into())), Health::Failed(_)));
    }
}
