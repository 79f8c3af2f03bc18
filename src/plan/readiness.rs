//! What workloads that exist still wait for.
//!
//! Input: desired unit and world. Output: waits, typed. It changes nothing and gates nothing but convergence.
//! Invariant: a Secret that could not be looked up is neither there nor missing: the object's own state speaks.

use std::collections::BTreeSet;

use super::diff::World;
use crate::desired::unit::{DesiredObject, DesiredUnit};
use crate::k8s::health::{self, Health};
use crate::model::object::{Kind, ObjectId, ObjectRef};
use crate::model::waiting::WaitingOn;
use crate::observed::identity::SecretSeen;
use crate::observed::region::{Presence, RegionObservation};

/// The waits of everything that exists and is not ready.
pub fn waits(desired: &DesiredUnit, world: &World) -> BTreeSet<WaitingOn> {
    let mut waits = BTreeSet::new();
    for (target, wanted) in &desired.objects {
        let Some(seen) = world.get(&target.region) else { continue };
        let Presence::Present(live) = seen.look_up(&target.id) else { continue };
        match health::judge(live.generation, &live.health) {
            Health::Healthy => {}
            Health::Progressing(detail) | Health::Failed(detail) => {
                let missing = missing_secrets(target, wanted, seen);
                if missing.is_empty() {
                    waits.insert(WaitingOn::Ready { object: target.clone(), detail });
                }
                waits.extend(missing);
            }
        }
    }
    waits
}

fn missing_secrets(target: &ObjectRef, wanted: &DesiredObject, seen: &RegionObservation) -> Vec<WaitingOn> {
    let Some(namespace) = target.id.namespace.as_deref() else { return Vec::new() };
    wanted
        .secrets
        .iter()
        .filter(|name| *seen.secret(&ObjectId::namespaced(Kind::Secret, namespace, name)) == SecretSeen::Absent)
        .map(|name| WaitingOn::Secret {
            region: target.region.clone(),
            namespace: namespace.to_owned(),
            name: name.to_string(),
            needed_by: format!("{} {}", target.id.kind, target.id.name),
        })
        .collect()
}
