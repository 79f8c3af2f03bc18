//! What must hold in every world at every instant.
//!
//! Input: a world with its whole history. Output: the rules that were broken. It changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use heddle::model::revision::RepoPath;
use heddle::ports::cluster::Identity;
use heddle::report::audit::{self, Event, Record};
use heddle::sim::store::read::{Happened, Query};
use heddle::sim::store::resources::Resource;
use serde_json::Value;

use crate::world::World;

/// The rules that a world has broken.
pub(crate) fn broken(world: &World, may_delete: bool) -> Vec<String> {
    let mut broken = lives(world, may_delete);
    broken.extend(audit_log(world));
    broken.extend(identities(world));
    broken.extend(groups(world));
    broken.extend(keys(world));
    broken.extend(channels(world));
    broken
}

/// Each channel has one first block, and no node ever joined it twice.
fn channels(world: &World) -> Vec<String> {
    let blocks = world.net.blocks().into_iter().filter(|(_, blocks)| blocks.len() > 1);
    let mut broken: Vec<String> =
        blocks.map(|(id, found)| format!("channel {id} has {} first blocks", found.len())).collect();
    let mut joined = BTreeSet::new();
    for (node, channel) in world.net.joined() {
        if !joined.insert((node.clone(), channel.clone())) {
            broken.push(format!("{node} joined {channel} twice"));
        }
    }
    broken
}

/// Nothing gets two lives unless the story deletes it; claims and namespaces never end.
fn lives(world: &World, may_delete: bool) -> Vec<String> {
    let mut broken = Vec::new();
    for resource in Resource::all() {
        let info = resource.info();
        if matches!(info.plural, "pods" | "leases" | "events") {
            continue;
        }
        let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for told in world.store.events_since(&Query::all(resource), 0).unwrap().0 {
            let text = |pointer: &str| told.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            let name = format!("{} {}/{}", info.plural, text("/metadata/namespace"), text("/metadata/name"));
            if told.happened == Happened::Deleted
                && (!may_delete || matches!(info.plural, "persistentvolumeclaims" | "namespaces"))
            {
                broken.push(format!("{name} was deleted"));
            }
            seen.entry(name).or_default().insert(text("/metadata/uid").to_owned());
        }
        let twice = seen.into_iter().filter(|(_, uids)| uids.len() > 1);
        broken.extend(twice.map(|(name, uids)| format!("{name} had {} lives", uids.len())));
    }
    broken
}

/// No identity ever has a second key, in whichever of its certificates.
fn keys(world: &World) -> Vec<String> {
    let Some(resource) = Resource::by_plural("", "secrets") else { return Vec::new() };
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for told in world.store.events_since(&Query::all(resource), 0).unwrap().0 {
        let metadata = &told.object["metadata"];
        let Some(issued) = metadata["annotations"]["heddle.dev/issued"].as_str() else { continue };
        let facts: Value = serde_json::from_str(issued).unwrap();
        let name =
            format!("{}/{}", metadata["namespace"], metadata["name"].as_str().unwrap().rsplit_once('-').unwrap().0);
        keys.entry(name).or_default().insert(facts["key"].to_string());
    }
    let twice = keys.into_iter().filter(|(_, keys)| keys.len() > 1);
    twice.map(|(name, keys)| format!("identity {name} had {} keys", keys.len())).collect()
}

/// Every chain verifies, and every plan that started has ended or been taken up again.
fn audit_log(world: &World) -> Vec<String> {
    let mut broken = Vec::new();
    let files = world.repository.status_files();
    let mut chains: BTreeMap<String, BTreeMap<RepoPath, Vec<u8>>> = BTreeMap::new();
    for (path, bytes) in files.iter().filter(|(path, _)| path.as_str().starts_with("audit/")) {
        let chain = path.as_str().split('/').nth(1).unwrap();
        if chain != "heads" {
            chains.entry(chain.to_owned()).or_default().insert(path.clone(), bytes.clone());
        }
    }
    for (chain, records) in chains {
        let head_path = format!("{}/{chain}.json", audit::HEADS);
        let bytes = files.get(&RepoPath::parse(&head_path).unwrap());
        let head = audit::read_head(bytes.map(Vec::as_slice), &head_path).unwrap();
        if let Err(error) = audit::verify(&records, &head) {
            broken.push(format!("chain {chain}: {error}"));
        }
        broken.extend(head.open.iter().map(|(unit, plan)| format!("{unit}: plan {plan} is open at the end")));
        let mut open: BTreeSet<(String, String)> = BTreeSet::new();
        let mut records: Vec<Record> = records.values().map(|bytes| serde_json::from_slice(bytes).unwrap()).collect();
        records.sort_by_key(|record| record.number);
        for record in records {
            let key = (record.unit.to_string(), record.plan.to_string());
            match record.event {
                Event::Started { .. } => drop(open.insert(key)),
                Event::Finished { .. } | Event::Resumed { .. } => drop(open.remove(&key)),
            }
        }
        broken.extend(open.iter().map(|(unit, plan)| format!("{unit}: plan {plan} started and has no end")));
    }
    broken
}

/// Whoever writes in a tenant's namespace is that namespace's account.
fn identities(world: &World) -> Vec<String> {
    let mut broken = Vec::new();
    for request in world.cluster.requests() {
        if !matches!(request.verb, "apply" | "delete" | "create" | "update") {
            continue;
        }
        let right = match &request.identity {
            Identity::Observer => false,
            Identity::Platform => true,
            Identity::Tenant { tenant, namespace } => {
                **namespace == *request.namespace && request.namespace.starts_with(&format!("demo-{tenant}"))
            }
        };
        let workload = matches!(request.resource, "statefulsets" | "services" | "persistentvolumeclaims");
        if !right || (workload && request.identity == Identity::Platform) {
            broken.push(format!(
                "{} of {} {}/{} as {:?}",
                request.verb, request.resource, request.namespace, request.name, request.identity
            ));
        }
    }
    broken
}

/// No instant with two sets of one namespace and role down that were ready before. One that a person edited by hand counts
/// again when it is ready: heddle cannot know of it while another one restarts.
fn groups(world: &World) -> Vec<String> {
    let Some(resource) = Resource::by_plural("apps", "statefulsets") else { return Vec::new() };
    let mut broken = Vec::new();
    let mut ready: BTreeMap<(String, String), BTreeMap<String, bool>> = BTreeMap::new();
    for told in world.store.events_since(&Query::all(resource), 0).unwrap().0 {
        let text = |pointer: &str| told.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let group = (text("/metadata/namespace"), text("/metadata/labels/fabric.heddle.dev~1role"));
        let sets = ready.entry(group.clone()).or_default();
        if told.happened == Happened::Deleted {
            sets.remove(&text("/metadata/name"));
            continue;
        }
        let up = told.object.pointer("/status/readyReplicas").and_then(Value::as_u64).unwrap_or(0) > 0
            && told.object.pointer("/status/updatedReplicas") == told.object.pointer("/status/replicas");
        let managers = told.object.pointer("/metadata/managedFields").and_then(Value::as_array);
        let by_hand = managers.into_iter().flatten().any(|entry| entry["manager"] == "kubectl-edit");
        if by_hand && !up {
            sets.remove(&text("/metadata/name"));
        }
        let was = sets.get(&text("/metadata/name")).copied();
        // A set counts from when it was first ready.
        if up || was.is_some() {
            sets.insert(text("/metadata/name"), up);
        }
        let down: Vec<&String> = sets.iter().filter(|(_, up)| !**up).map(|(name, _)| name).collect();
        if down.len() > 1 {
            broken.push(format!("{down:?} of {group:?} are down together"));
            break;
        }
    }
    broken
}
