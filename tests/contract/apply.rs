//! Server-side apply: who owns what, what a create is, what is taken over.

use serde_json::json;

use crate::contract::objects::{self, config_map};
use crate::contract::server::{Api, Case, Server, case, entry, expect, version};

const OURS: &str = "fieldManager=heddle&force=false";

/// The cases.
pub const CASES: &[Case] = &[
    case("an edit takes a field away from its applier, and applying again without force is refused", edit_takes_away),
    case("a field that an edit took and that leaves the spec is not removed by apply", taken_field_stays),
    case("a status patch changes the resource version", status_changes_version),
    case("apply without force adopts a stranger's object with other keys", silent_adoption),
    case("a POST and then an apply leave a second entry, so that removed fields stay", post_then_apply),
    case("apply with version 1 creates each kind when absent and is refused when present", create_if_absent),
    case("a second applier under one manager name removes the first one's fields", one_name_two_appliers),
    case("an apply that changes nothing leaves the resource version", no_change_no_version),
    case("apply at an old resource version is refused without causes", stale_apply),
    case("apply to a later life of an object is a conflict when both uid and version are the old ones", earlier_life),
    case("apply with another uid at the current version is invalid, not a conflict", other_uid),
    case("apply with a uid where nothing is creates nothing", uid_of_nothing),
    case("dry-run in a namespace that is not there is not found", dry_run_needs_namespace),
    case("a dry-run stores nothing", dry_run_stores_nothing),
];

fn edit_takes_away(server: &dyn Server) {
    let api = Api::admin(server);
    let map = config_map(&api.namespace(), "x", json!({"a": "1", "b": "1"}));
    expect(&api.apply(&map.path, OURS, &map.body), 201);
    let edited = api.edit(&format!("{}?fieldManager=kubectl-edit", map.path), &json!({"data": {"a": "2"}}));
    expect(&edited, 200);
    let owned = entry(&edited.body, "heddle", "Apply").expect("our entry stays");
    assert!(owned["fieldsV1"]["f:data"].get("f:a").is_none(), "{owned}");
    assert!(owned["fieldsV1"]["f:data"].get("f:b").is_some(), "{owned}");
    let again = api.apply(&map.path, OURS, &map.body);
    expect(&again, 409);
    let cause = &again.body["details"]["causes"][0];
    assert_eq!(cause["reason"], "FieldManagerConflict");
    assert_eq!(cause["field"], ".data.a");
    assert!(cause["message"].as_str().is_some_and(|text| text.contains("\"kubectl-edit\"")), "{cause}");
    let forced = api.apply(&map.path, "fieldManager=heddle&force=true", &map.body);
    expect(&forced, 200);
    assert_eq!(forced.body["data"]["a"], "1");
}

fn taken_field_stays(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let map = config_map(&namespace, "x", json!({"a": "1", "b": "1"}));
    expect(&api.apply(&map.path, OURS, &map.body), 201);
    expect(&api.edit(&format!("{}?fieldManager=kubectl-edit", map.path), &json!({"data": {"a": "2"}})), 200);
    let without = config_map(&namespace, "x", json!({"b": "1"}));
    let applied = api.apply(&map.path, OURS, &without.body);
    expect(&applied, 200);
    assert_eq!(applied.body["data"], json!({"a": "2", "b": "1"}));
}

fn status_changes_version(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/x");
    let mut set = objects::stateful_set(&namespace, "x");
    set["spec"]["replicas"] = json!(0);
    expect(&api.apply(&path, OURS, &set), 201);
    let before = api.get(&path);
    let patched = api.edit(&format!("{path}/status"), &json!({"status": {"replicas": 0, "collisionCount": 7}}));
    expect(&patched, 200);
    assert_ne!(version(&before.body), version(&patched.body));
    assert_eq!(before.body["metadata"]["generation"], patched.body["metadata"]["generation"]);
}

fn silent_adoption(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let theirs = config_map(&namespace, "x", json!({"theirs": "1"}));
    expect(&api.apply(&theirs.path, "fieldManager=stranger", &theirs.body), 201);
    let ours = config_map(&namespace, "x", json!({"ours": "1"}));
    let adopted = api.apply(&ours.path, OURS, &ours.body);
    expect(&adopted, 200);
    assert_eq!(adopted.body["data"], json!({"ours": "1", "theirs": "1"}));
}

fn post_then_apply(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let map = config_map(&namespace, "x", json!({"a": "1", "b": "1"}));
    let collection = format!("/api/v1/namespaces/{namespace}/configmaps?fieldManager=heddle");
    expect(&api.post(&collection, &map.body), 201);
    let applied = api.apply(&map.path, OURS, &map.body);
    expect(&applied, 200);
    assert!(entry(&applied.body, "heddle", "Update").is_some() && entry(&applied.body, "heddle", "Apply").is_some());
    let fewer = config_map(&namespace, "x", json!({"a": "1"}));
    let applied = api.apply(&map.path, OURS, &fewer.body);
    expect(&applied, 200);
    assert_eq!(applied.body["data"], json!({"a": "1", "b": "1"}), "the removed field stays");
}

fn create_if_absent(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    for mut sample in objects::all(&namespace, "x") {
        sample.body["metadata"]["resourceVersion"] = json!("1");
        expect(&api.apply(&sample.path, OURS, &sample.body), 201);
        let again = api.apply(&sample.path, OURS, &sample.body);
        expect(&again, 409);
        assert_eq!(again.body["reason"], "Conflict");
        assert!(again.body["details"].get("causes").is_none(), "{}", again.text);
    }
}

fn one_name_two_appliers(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let first = config_map(&namespace, "x", json!({"first": "1"}));
    expect(&api.apply(&first.path, OURS, &first.body), 201);
    let second = config_map(&namespace, "x", json!({"second": "1"}));
    let applied = api.apply(&first.path, OURS, &second.body);
    expect(&applied, 200);
    assert_eq!(applied.body["data"], json!({"second": "1"}));
}

fn no_change_no_version(server: &dyn Server) {
    let api = Api::admin(server);
    let map = config_map(&api.namespace(), "x", json!({"a": "1"}));
    let first = api.apply(&map.path, OURS, &map.body);
    expect(&first, 201);
    let second = api.apply(&map.path, OURS, &map.body);
    expect(&second, 200);
    assert_eq!(version(&first.body), version(&second.body));
}

fn stale_apply(server: &dyn Server) {
    let api = Api::admin(server);
    let mut map = config_map(&api.namespace(), "x", json!({"a": "1"}));
    let first = api.apply(&map.path, OURS, &map.body);
    expect(&api.edit(&map.path, &json!({"data": {"z": "1"}})), 200);
    map.body["metadata"]["resourceVersion"] = first.body["metadata"]["resourceVersion"].clone();
    map.body["data"]["a"] = json!("2");
    let stale = api.apply(&map.path, OURS, &map.body);
    expect(&stale, 409);
    assert!(stale.message().contains("the object has been modified"), "{}", stale.text);
    assert!(stale.body["details"].get("causes").is_none(), "{}", stale.text);
}

fn earlier_life(server: &dyn Server) {
    let api = Api::admin(server);
    let mut map = config_map(&api.namespace(), "x", json!({"a": "1"}));
    let first = api.apply(&map.path, OURS, &map.body);
    expect(&first, 201);
    expect(&api.delete(&map.path, &json!({})), 200);
    expect(&api.apply(&map.path, OURS, &map.body), 201);
    map.body["metadata"]["uid"] = first.body["metadata"]["uid"].clone();
    map.body["metadata"]["resourceVersion"] = first.body["metadata"]["resourceVersion"].clone();
    map.body["data"]["a"] = json!("2");
    let late = api.apply(&map.path, OURS, &map.body);
    expect(&late, 409);
    assert!(late.body["details"].get("causes").is_none(), "{}", late.text);
    assert_eq!(api.get(&map.path).body["data"]["a"], "1");
}

fn other_uid(server: &dyn Server) {
    let api = Api::admin(server);
    let mut map = config_map(&api.namespace(), "x", json!({"a": "1"}));
    expect(&api.apply(&map.path, OURS, &map.body), 201);
    map.body["metadata"]["uid"] = json!("00000000-0000-0000-0000-000000000000");
    map.body["data"]["a"] = json!("2");
    let other = api.apply(&map.path, OURS, &map.body);
    expect(&other, 422);
    assert_eq!(other.body["details"]["causes"][0]["field"], "metadata.uid", "{}", other.text);
    assert_eq!(api.get(&map.path).body["data"]["a"], "1");
}

fn uid_of_nothing(server: &dyn Server) {
    let api = Api::admin(server);
    let mut map = config_map(&api.namespace(), "x", json!({"a": "1"}));
    map.body["metadata"]["uid"] = json!("00000000-0000-0000-0000-000000000000");
    let answer = api.apply(&map.path, OURS, &map.body);
    expect(&answer, 409);
    expect(&api.get(&map.path), 404);
}

fn dry_run_needs_namespace(server: &dyn Server) {
    let api = Api::admin(server);
    let map = config_map("case-never-made", "x", json!({"a": "1"}));
    let answer = api.apply(&map.path, &format!("{OURS}&dryRun=All"), &map.body);
    expect(&answer, 404);
    assert_eq!(answer.body["details"]["kind"], "namespaces", "{}", answer.text);
}

fn dry_run_stores_nothing(server: &dyn Server) {
    let api = Api::admin(server);
    let map = config_map(&api.namespace(), "x", json!({"a": "1"}));
    expect(&api.apply(&map.path, &format!("{OURS}&dryRun=All"), &map.body), 201);
    expect(&api.get(&map.path), 404);
}
