//! Reads: metadata alone, pages, selectors, watches, and what is too old to go on from.

use serde_json::{Value, json};

use crate::contract::http::Stream;
use crate::contract::objects::{self, config_map};
use crate::contract::server::{Api, Case, Server, case, eventually, expect, version};

const OURS: &str = "fieldManager=heddle&force=false";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// The cases.
pub const CASES: &[Case] = &[
    case("a Secret asked for by metadata comes without its values", secret_metadata),
    case("what is not there is a Status that names it", absence_names_it),
    case("a list comes in pages of one version", pages),
    case("a page shows what was there when its list began", pages_are_of_one_moment),
    case("a list that has lost its version is refused with 410", old_page),
    case("a list of all namespaces is ordered by namespace and name", order_of_lists),
    case("label selectors choose by value, by set and by presence", label_selectors),
    case("a field selector chooses by name", field_selector),
    case("a watch tells what happened after its version, in order", watch_in_order),
    case("an object that enters or leaves a selector is added or deleted for its watch", watch_of_a_selector),
    case("a watch ends in good order with a bookmark before it", bookmark),
    case("a watch from a version that is gone is told 410", old_watch),
    case("what a controller writes to status is told to a watch", status_is_told),
];

fn maps(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps")
}

fn labelled(namespace: &str, name: &str, labels: &Value) -> Value {
    let mut body = config_map(namespace, name, json!({"a": "1"})).body;
    body["metadata"]["labels"] = labels.clone();
    body
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

fn secret_metadata(server: &dyn Server) {
    let api = Api::admin(server);
    let secrets = format!("/api/v1/namespaces/{}/secrets", api.namespace());
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "data": {"key": "aHVzaC1odXNo"}});
    expect(&api.post(&secrets, &secret), 201);
    expect(&api.send("GET", &secrets, &[("Accept", METADATA)], ""), 406);
    for (path, kind) in [(format!("{secrets}/x"), "PartialObjectMetadata"), (secrets, "PartialObjectMetadataList")] {
        let accept = METADATA.replace("PartialObjectMetadata", kind);
        let answer = api.send("GET", &path, &[("Accept", &accept)], "");
        expect(&answer, 200);
        assert_eq!(answer.body["kind"], kind);
        assert!(!answer.text.contains("aHVzaC1odXNo") && !answer.text.contains("\"data\""), "{}", answer.text);
        assert!(answer.text.contains("\"x\""), "{}", answer.text);
    }
}

fn absence_names_it(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    for namespace in [namespace.as_str(), "case-never-made"] {
        let answer = api.get(&format!("{}/x", maps(namespace)));
        expect(&answer, 404);
        assert_eq!(answer.body["kind"], "Status");
        assert_eq!(answer.body["reason"], "NotFound");
        assert_eq!(answer.body["details"], json!({"name": "x", "kind": "configmaps"}));
    }
    let answer = api.get(&format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/x"));
    assert_eq!(answer.body["details"], json!({"name": "x", "group": "apps", "kind": "statefulsets"}));
    let unknown = api.get("/apis/never.example/v1/things/x");
    expect(&unknown, 404);
    assert!(unknown.body["details"].get("name").is_none(), "{}", unknown.text);
}

fn make(api: &Api<'_>, namespace: &str, names: &[&str]) {
    for name in names {
        expect(&api.post(&maps(namespace), &labelled(namespace, name, &json!({"of": "case"}))), 201);
    }
}

fn pages(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    make(&api, &namespace, &["a", "b", "c", "d", "e"]);
    let base = format!("{}?labelSelector=of%3Dcase&limit=2", maps(&namespace));
    let first = api.get(&base);
    expect(&first, 200);
    assert_eq!(names(&first.body), ["a", "b"]);
    assert_eq!(first.body["kind"], "ConfigMapList");
    assert!(first.body["items"][0].get("kind").is_none(), "an item does not repeat its kind");
    assert!(first.body["metadata"].get("remainingItemCount").is_none(), "with a selector nobody counts");
    let mut list = first.body.clone();
    let mut seen = Vec::new();
    while let Some(token) = list["metadata"]["continue"].as_str().filter(|token| !token.is_empty()) {
        let next = api.get(&format!("{base}&continue={token}"));
        expect(&next, 200);
        assert_eq!(version(&next.body), version(&first.body));
        seen.extend(names(&next.body).into_iter().map(str::to_owned));
        list = next.body;
    }
    assert_eq!(seen, ["c", "d", "e"]);
}

fn pages_are_of_one_moment(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    make(&api, &namespace, &["a", "c", "d", "e"]);
    let base = format!("{}?labelSelector=of%3Dcase&limit=1", maps(&namespace));
    let first = api.get(&base);
    make(&api, &namespace, &["b"]);
    expect(&api.delete(&format!("{}/d", maps(&namespace)), &json!({})), 200);
    expect(&api.edit(&format!("{}/e", maps(&namespace)), &json!({"data": {"a": "2"}})), 200);
    let token = first.body["metadata"]["continue"].as_str().expect("there is more");
    let rest = api.get(&format!("{}?labelSelector=of%3Dcase&limit=9&continue={token}", maps(&namespace)));
    expect(&rest, 200);
    assert_eq!(names(&rest.body), ["c", "d", "e"]);
    assert_eq!(rest.body["items"][2]["data"]["a"], "1");
}

fn old_page(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    make(&api, &namespace, &["a", "b", "c"]);
    let base = format!("{}?limit=1", maps(&namespace));
    let first = api.get(&base);
    let token = first.body["metadata"]["continue"].as_str().expect("there is more").to_owned();
    // So that the version of the page is not the newest, which is never forgotten.
    make(&api, &namespace, &["d"]);
    server.forget_history();
    let next = || api.get(&format!("{base}&continue={token}"));
    eventually("the server notices", || next().status == 410);
    assert_eq!(next().body["reason"], "Expired");
}

fn order_of_lists(server: &dyn Server) {
    let api = Api::admin(server);
    let mut namespaces = [api.namespace(), api.namespace()];
    let label = json!({"order": &namespaces[0]});
    for namespace in namespaces.iter().rev() {
        for name in ["b", "a"] {
            expect(&api.post(&maps(namespace), &labelled(namespace, name, &label)), 201);
        }
    }
    let list = api.get(&format!("/api/v1/configmaps?labelSelector=order%3D{}", namespaces[0]));
    namespaces.sort();
    let found: Vec<String> = list.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let text = |key: &str| item["metadata"][key].as_str().unwrap().to_owned();
            format!("{}/{}", text("namespace"), text("name"))
        })
        .collect();
    let wanted: Vec<String> =
        namespaces.iter().flat_map(|namespace| [format!("{namespace}/a"), format!("{namespace}/b")]).collect();
    assert_eq!(found, wanted);
}

fn label_selectors(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    for (name, labels) in [
        ("a", json!({"kind": "one", "own": "yes"})),
        ("b", json!({"kind": "two", "own": "yes"})),
        ("c", json!({"kind": "three", "own": "yes", "more": ""})),
    ] {
        expect(&api.post(&maps(&namespace), &labelled(&namespace, name, &labels)), 201);
    }
    for (selector, wanted) in [
        ("own=yes", vec!["a", "b", "c"]),
        ("own==yes,kind=two", vec!["b"]),
        ("own,kind!=two", vec!["a", "c"]),
        ("own,kind in (one,three)", vec!["a", "c"]),
        ("own,kind notin (one, three)", vec!["b"]),
        ("more", vec!["c"]),
        ("own,!more", vec!["a", "b"]),
        ("own=no", vec![]),
    ] {
        let query = selector.replace('=', "%3D").replace(',', "%2C").replace(' ', "%20").replace('!', "%21");
        let list = api.get(&format!("{}?labelSelector={query}", maps(&namespace)));
        expect(&list, 200);
        assert_eq!(names(&list.body), wanted, "{selector}");
    }
    let wrong = api.get(&format!("{}?labelSelector=a%20b", maps(&namespace)));
    expect(&wrong, 400);
}

fn field_selector(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    make(&api, &namespace, &["a", "b"]);
    let list = api.get(&format!("{}?fieldSelector=metadata.name%3Db", maps(&namespace)));
    assert_eq!(names(&list.body), ["b"]);
}

/// Opens a watch with the selector `of=case`.
fn watch(api: &Api<'_>, namespace: &str, from: &str, rest: &str) -> Stream {
    let path = format!("{}?watch=1&labelSelector=of%3Dcase&resourceVersion={from}{rest}", maps(namespace));
    api.watch(&path).expect("a watch opens")
}

fn told(event: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    (text(&event["type"]), text(&event["object"]["metadata"]["name"]))
}

fn watch_in_order(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    make(&api, &namespace, &["before"]);
    let list = api.get(&maps(&namespace));
    make(&api, &namespace, &["a", "b"]);
    let mut stream = watch(&api, &namespace, version(&list.body), "");
    let edited = api.edit(&format!("{}/a", maps(&namespace)), &json!({"data": {"a": "2"}}));
    expect(&api.delete(&format!("{}/b", maps(&namespace)), &json!({})), 200);
    let events: Vec<Value> = (0..4).map(|_| stream.next_event().expect("an event")).collect();
    let words: Vec<(String, String)> = events.iter().map(told).collect();
    let of = |kind: &str, name: &str| (kind.to_owned(), name.to_owned());
    assert_eq!(words, [of("ADDED", "a"), of("ADDED", "b"), of("MODIFIED", "a"), of("DELETED", "b")]);
    assert_eq!(version(&events[2]["object"]), version(&edited.body));
    assert_eq!(events[0]["object"]["kind"], "ConfigMap", "an event says its kind");
    let versions: Vec<u64> = events.iter().map(|event| version(&event["object"]).parse().unwrap()).collect();
    assert!(versions.is_sorted_by(|one, next| one < next), "a deletion has a version of its own: {versions:?}");
}

fn watch_of_a_selector(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    expect(&api.post(&maps(&namespace), &labelled(&namespace, "x", &json!({"of": "nothing"}))), 201);
    let list = api.get(&maps(&namespace));
    let mut stream = watch(&api, &namespace, version(&list.body), "");
    let path = format!("{}/x", maps(&namespace));
    for value in ["case", "nothing"] {
        expect(&api.edit(&path, &json!({"metadata": {"labels": {"of": value}}})), 200);
    }
    let events: Vec<String> = (0..2).map(|_| told(&stream.next_event().expect("an event")).0).collect();
    assert_eq!(events, ["ADDED", "DELETED"]);
}

fn bookmark(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let list = api.get(&maps(&namespace));
    let mut stream = watch(&api, &namespace, version(&list.body), "&allowWatchBookmarks=true&timeoutSeconds=4");
    // It says how far the server has come, so something must have happened.
    expect(&api.post(&maps(&namespace), &labelled(&namespace, "x", &json!({"of": "nothing"}))), 201);
    let bookmarks: Vec<Value> = std::iter::from_fn(|| stream.next_event()).collect();
    // One is promised, and a busy server sends a second one before it closes the watch in good order.
    let event = bookmarks.last().expect("a bookmark comes before the end");
    assert!(bookmarks.iter().all(|event| event["type"] == "BOOKMARK"), "{bookmarks:?}");
    assert_eq!(event["object"]["kind"], "ConfigMap");
    let of = |object: &Value| version(object).parse::<u64>().unwrap();
    assert!(of(&event["object"]) > of(&list.body), "{event}");
    let mut next = watch(&api, &namespace, version(&event["object"]), "");
    make(&api, &namespace, &["a"]);
    assert_eq!(told(&next.next_event().expect("an event")).0, "ADDED", "a watch goes on from a bookmark");
}

fn old_watch(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    make(&api, &namespace, &["a"]);
    server.forget_history();
    let mut stream = watch(&api, &namespace, "1", "");
    let event = stream.next_event().expect("it says why");
    assert_eq!(event["type"], "ERROR");
    assert_eq!(event["object"]["kind"], "Status");
    assert_eq!(event["object"]["code"], 410, "{event}");
    assert_eq!(event["object"]["reason"], "Expired");
    assert!(stream.next_event().is_none(), "and then it ends");
}

fn status_is_told(server: &dyn Server) {
    let api = Api::admin(server);
    let namespace = api.namespace();
    let mut set = objects::stateful_set(&namespace, "x");
    set["spec"]["replicas"] = json!(0);
    let sets = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets");
    let made = api.apply(&format!("{sets}/x"), OURS, &set);
    expect(&made, 201);
    let path = format!("{sets}?watch=1&resourceVersion={}", version(&made.body));
    let mut stream = api.watch(&path).expect("a watch opens");
    expect(&api.edit(&format!("{sets}/x/status"), &json!({"status": {"replicas": 0, "collisionCount": 7}})), 200);
    let event =
        std::iter::from_fn(|| stream.next_event()).find(|event| event["object"]["status"]["collisionCount"] == 7);
    assert_eq!(event.expect("it is told")["type"], "MODIFIED");
}
