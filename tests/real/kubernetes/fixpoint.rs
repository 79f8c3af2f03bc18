//! What heddle renders is what the server keeps: every object, the first time and the second.
//!
//! Input: a region, the fleets below `examples` and `tests/specs/good`, and the golden objects. Output: cases. The
//! administrator applies, so that a missing permission is not taken for a difference; the field manager is heddle's.
//! Each object is sent by heddle's own client and judged by heddle's own projection: it must equal the digest of what
//! was sent, without a warning, and a further apply must leave the resource version. Where a controller
//! writes status, the version must come to rest between two applies, and the generation must never move.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use heddle::adapters::folder::{self, FolderLimits};
use heddle::app::evaluation::Evaluator;
use heddle::desired::render;
use heddle::k8s::difference;
use heddle::k8s::kinds;
use heddle::k8s::object::Object;
use heddle::k8s::ownership;
use heddle::k8s::projection;
use heddle::model::identity::{Generation, IdentityRef};
use heddle::model::names::InstallationId;
use heddle::model::object::{Kind, ObjectId};
use heddle::observed::ingest::ingest;
use heddle::spec::parse::Limits;
use serde_json::Value;

use super::region::Region;
use crate::contract::server::{Api, version};
use crate::runner::Case;

/// How often a version may move by somebody else's status before it must rest.
const ROUNDS: usize = 20;

/// Their names.
pub const NAMES: [&str; 2] = [FLEETS, GOLDEN];
const FLEETS: &str = "fixpoint: every object of the examples and of the good fleets is kept as it was rendered";
const GOLDEN: &str = "fixpoint: every golden object is kept as it was rendered";

/// The cases.
pub fn cases(region: &Arc<Region>) -> Vec<Case> {
    let (one, other) = (Arc::clone(region), Arc::clone(region));
    vec![Case::new(FLEETS, move || fleets(&one)), Case::new(GOLDEN, move || golden(&other))]
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fleets(region: &Region) {
    for (folder, installation) in
        [("examples/quick-start", "fix-start"), ("examples/fabric-ca", "fix-ca"), ("tests/specs/good", "fix-good")]
    {
        let objects = rendered(&root().join(folder), installation);
        assert!(objects.len() > 20, "{folder} renders only {} objects", objects.len());
        check(region, installation, objects);
    }
}

/// Every object of every unit in every region; where two regions have the same name, one after the other.
fn rendered(folder: &Path, installation: &str) -> Vec<Object> {
    let (tree, blobs) = folder::read(folder, &FolderLimits::default()).expect("the folder is there");
    let evaluation = Evaluator::new(Limits::default()).evaluate_tree(&tree, &blobs);
    let fleet = evaluation.fleet().expect("the fleet is valid");
    let installation = InstallationId::parse(installation).expect("a name");
    let mut objects = Vec::new();
    for unit in render::units(fleet) {
        assert!(evaluation.is_valid(&unit), "{unit}: {:?}", evaluation.diagnostics_of(&unit));
        let desired = render::render(&installation, fleet, &unit).expect("a valid unit renders");
        let first = |identity: &IdentityRef| (identity.clone(), identity.id.secret(Generation::FIRST).name);
        let desired = desired.resolved(&desired.identities.keys().map(first).collect());
        objects.extend(desired.objects.values().map(|wanted| (*wanted.object).clone()));
    }
    objects
}

fn golden(region: &Region) {
    let mut objects = Vec::new();
    for folder in fs::read_dir(root().join("tests/golden/render/three-tenants")).expect("golden objects") {
        let folder = folder.expect("a folder").path();
        for file in fs::read_dir(&folder).expect("golden files") {
            let path = file.expect("a file").path();
            if path.extension().is_some_and(|ending| ending == "json") {
                objects.push(golden_object(&path));
            }
        }
    }
    assert!(objects.len() > 50, "only {} golden objects", objects.len());
    check(region, "demo", objects);
}

fn golden_object(path: &PathBuf) -> Object {
    let mut tree: Value = serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let kind = Kind::parse(&text(&tree["kind"])).expect("a kind that heddle renders");
    let name = text(&tree["metadata"]["name"]);
    let id = match tree["metadata"]["namespace"].as_str() {
        Some(namespace) => ObjectId::namespaced(kind, namespace, &name),
        None => ObjectId::cluster(kind, &name),
    };
    if kind == Kind::ConfigMap {
        // Files are golden files of their own beside it.
        for (file, value) in tree["data"].as_object_mut().expect("data") {
            let beside = format!("{}.{file}", path.with_extension("").display());
            *value = Value::String(fs::read_to_string(&beside).expect("the file beside it"));
        }
    }
    Object::new(id, tree.as_object().expect("an object").clone())
}

/// Applies namespaces first; collects every difference, so that one run shows them all.
fn check(region: &Region, installation: &str, mut objects: Vec<Object>) {
    let installation = InstallationId::parse(installation).expect("a name");
    let manager = ownership::field_manager(&installation);
    let api = Api::admin(region);
    objects.sort_by_key(|object| object.id().kind != Kind::Namespace);
    let mut wrong: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for object in &objects {
        for found in differences(&api, object, &manager) {
            wrong.entry(found).or_default().insert(object.id().to_string());
        }
    }
    let namespaces: Vec<&Object> = objects.iter().filter(|object| object.id().kind == Kind::Namespace).collect();
    for namespace in namespaces {
        api.delete(&kinds::object_path(namespace.id()), &serde_json::json!({}));
    }
    assert!(wrong.is_empty(), "of {} objects: {wrong:#?}", objects.len());
}

fn differences(api: &Api<'_>, object: &Object, manager: &str) -> Vec<String> {
    let query = format!("fieldManager={}&fieldValidation=Strict&force=false", manager.replace('/', "%2F"));
    let path = kinds::object_path(object.id());
    let apply = || api.apply(&path, &query, &object.tree());
    let first = apply();
    if !matches!(first.status, 200 | 201) {
        return vec![format!("{} {}", first.status, first.message())];
    }
    let mut found: Vec<String> =
        first.headers.iter().filter(|(name, _)| name == "warning").map(|(_, text)| format!("warns: {text}")).collect();
    let observed = ingest(object.id().kind, &first.body, manager).expect("an answer is an object");
    let projected = observed.applied.map(|applied| applied.projection);
    if projected != Some(projection::desired_digest(object)) {
        let difference = difference::compare(object, &first.body, manager);
        found.extend(difference.fields.iter().map(|field| format!("differs: {field:?}")));
        found.push("projection differs from the digest".into());
    }
    let mut last = apply();
    let rests = (0..ROUNDS).any(|_| {
        let next = apply();
        let same = version(&next.body) == version(&last.body);
        last = next;
        same
    });
    // Controllers write the status of these at any moment; all others must rest at once.
    let moves = [Kind::PersistentVolumeClaim, Kind::StatefulSet, Kind::PodDisruptionBudget, Kind::ResourceQuota];
    let moves = moves.contains(&object.id().kind);
    if !rests || (!moves && version(&first.body) != version(&last.body)) {
        found.push("applying it again makes a new version".into());
    }
    if first.body["metadata"]["generation"] != last.body["metadata"]["generation"] {
        found.push("applying it again makes a new generation".into());
    }
    found
}
