//! What the server finds invalid: names, fields that may not change, fields that it does not know.
//!
//! Input: the object before and after. Output: problems. Contents are checked only where heddle depends on the answer;
//! the rest of the server's validation is a matter of the real server's suite. Invariant: it changes nothing.

use serde_json::Value;

use super::failure::{Failure, Problem};
use super::resources::Resource;

/// Problems of a new object.
pub(super) fn created(resource: Resource, object: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() {
        problems.push(Problem::required("metadata.name", "name or generateName is required"));
    } else if !is_name(resource, name) {
        problems.push(Problem::invalid("metadata.name", &Value::from(name), NAME_RULE));
    }
    problems.extend(common(object));
    if resource.is("StatefulSet") {
        problems.extend(missing(object, "spec", &["selector", "template"]));
    }
    if resource.is("RoleBinding") {
        problems.extend(missing(object, "", &["roleRef"]));
    }
    problems
}

const NAME_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
                         and must start and end with an alphanumeric character";

fn is_name(resource: Resource, name: &str) -> bool {
    if resource.info().group == "rbac.authorization.k8s.io" {
        return !name.contains(['/', '%']) && name != "." && name != "..";
    }
    let dots = !matches!(resource.info().kind, "Namespace" | "Service");
    let edge = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let part = |part: &str| {
        part.as_bytes().first().is_some_and(edge)
            && part.as_bytes().last().is_some_and(edge)
            && part.bytes().all(|b| edge(&b) || b == b'-')
    };
    let longest = if dots { 253 } else { 63 };
    name.len() <= longest && name.split('.').all(part) && (dots || !name.contains('.'))
}

fn missing(object: &Value, parent: &str, names: &[&str]) -> Vec<Problem> {
    let parent_value = if parent.is_empty() { Some(object) } else { object.get(parent) };
    let absent = |name: &&&str| parent_value.and_then(|value| value.get(**name)).is_none();
    let path = |name: &&str| if parent.is_empty() { (*name).to_owned() } else { format!("{parent}.{name}") };
    names.iter().filter(absent).map(|name| Problem::required(&path(name), "")).collect()
}

fn common(object: &Value) -> Vec<Problem> {
    let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
    let fits = |value: &str| {
        let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
        value.len() <= 63
            && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
            && edge(value.chars().next())
            && edge(value.chars().last())
    };
    let wrong = |(_, value): &(&String, &Value)| !value.as_str().is_some_and(fits);
    let rule = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
                start and end with an alphanumeric character";
    labels
        .into_iter()
        .flatten()
        .filter(wrong)
        .map(|(_, value)| Problem::invalid("metadata.labels", value, rule))
        .collect()
}

/// Problems of a change.
pub(super) fn changed(resource: Resource, old: &Value, new: &Value) -> Vec<Problem> {
    let mut problems = common(new);
    let differs = |pointer: &str| old.pointer(pointer) != new.pointer(pointer);
    let value = |pointer: &str| new.pointer(pointer).cloned().unwrap_or(Value::Null);
    if differs("/metadata/uid") {
        problems.push(Problem::invalid("metadata.uid", &value("/metadata/uid"), "field is immutable"));
    }
    match resource.info().kind {
        "StatefulSet" if spec_differs(old, new, STATEFULSET_MUTABLE) => {
            let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                       'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                       'minReadySeconds' are forbidden";
            problems.push(Problem::forbidden("spec", why));
        }
        "PersistentVolumeClaim" => problems.extend(claim(old, new)),
        "Deployment" if differs("/spec/selector") => {
            problems.push(Problem::invalid("spec.selector", &value("/spec/selector"), "field is immutable"));
        }
        "RoleBinding" | "ClusterRoleBinding" if differs("/roleRef") => {
            problems.push(Problem::invalid("roleRef", &value("/roleRef"), "cannot change roleRef"));
        }
        "Service" if old.pointer("/spec/clusterIP").is_some() && differs("/spec/clusterIP") => {
            let field = "spec.clusterIPs[0]";
            problems.push(Problem::invalid(field, &value("/spec/clusterIP"), "may not change once set"));
        }
        "Secret" if differs("/type") => {
            problems.push(Problem::invalid("type", &value("/type"), "field is immutable"));
        }
        _ => {}
    }
    if matches!(resource.info().kind, "ConfigMap" | "Secret") && old.get("immutable") == Some(&Value::Bool(true)) {
        let why = "field is immutable when `immutable` is set";
        let frozen = ["immutable", "data", "binaryData"].into_iter().filter(|name| old.get(name) != new.get(name));
        problems.extend(frozen.map(|name| Problem::forbidden(name, why)));
    }
    problems
}

const STATEFULSET_MUTABLE: &[&str] = &[
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

fn spec_differs(old: &Value, new: &Value, mutable: &[&str]) -> bool {
    let rest = |object: &Value| {
        let mut spec = object.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
        spec.retain(|name, _| !mutable.contains(&name.as_str()));
        spec
    };
    rest(old) != rest(new)
}

fn claim(old: &Value, new: &Value) -> Vec<Problem> {
    // The volume binder and the default class may fill in what is empty.
    let filled = |name: &str| old.pointer(&format!("/spec/{name}")).is_none();
    let mut mutable = vec!["resources", "volumeAttributesClassName"];
    mutable.extend(["volumeName", "storageClassName", "volumeMode"].into_iter().filter(|name| filled(name)));
    if spec_differs(old, new, &mutable) {
        let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound \
                   claims";
        return vec![Problem::forbidden("spec", why)];
    }
    let request =
        |object: &Value| object.pointer("/spec/resources/requests/storage").and_then(Value::as_str).and_then(bytes);
    match (request(old), request(new)) {
        (Some(before), Some(after)) if after < before => {
            let why = "field can not be less than status.capacity";
            vec![Problem::forbidden("spec.resources.requests.storage", why)]
        }
        _ => Vec::new(),
    }
}

/// A storage quantity in bytes: digits and one of the binary or decimal suffixes.
fn bytes(text: &str) -> Option<u128> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor: u128 = match text.strip_prefix(digits)? {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        _ => return None,
    };
    digits.parse::<u128>().ok()?.checked_mul(factor)
}

/// Fields of the top level that the kind does not have.
pub(super) fn unknown_fields(resource: Resource, object: &Value) -> Vec<String> {
    let top = resource.info().top;
    if top.is_empty() {
        return Vec::new();
    }
    let known = |name: &str| matches!(name, "apiVersion" | "kind" | "metadata") || top.contains(&name);
    object.as_object().into_iter().flatten().map(|(name, _)| name).filter(|name| !known(name)).cloned().collect()
}

/// Whether the body is of the kind and place that the request names.
pub(super) fn addressed(resource: Resource, namespace: &str, name: &str, object: &Value) -> Result<(), Failure> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let info = resource.info();
    if !object.is_object() {
        return Err(Failure::bad_request("the body is not an object"));
    }
    if text("/kind") != info.kind || text("/apiVersion") != resource.api_version() {
        let sent = format!("{}, Kind={}", text("/apiVersion"), text("/kind"));
        let message = format!(
            "the object provided ({sent}) is not of the expected type {}, Kind={}",
            resource.api_version(),
            info.kind
        );
        return Err(Failure::bad_request(message));
    }
    let sent = text("/metadata/namespace");
    if info.namespaced && !sent.is_empty() && sent != namespace {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Failure::bad_request(message));
    }
    let sent = text("/metadata/name");
    if !name.is_empty() && !sent.is_empty() && sent != name {
        let message = format!("the name of the object ({sent}) does not match the name on the URL ({name})");
        return Err(Failure::bad_request(message));
    }
    Ok(())
}
