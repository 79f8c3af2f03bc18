//! What holds for every rendered object, whatever the fleet says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{all, fleet, installation};
use crate::desired::unit::{DesiredObject, Stage};
use crate::k8s::ownership;
use crate::k8s::quantity::Quantity;
use crate::model::object::{Kind, ObjectRef};

fn check(rule: impl Fn(&ObjectRef, &DesiredObject) -> Result<(), String>) {
    let desired = all(&fleet());
    let objects: Vec<_> = desired.iter().flat_map(|unit| &unit.objects).collect();
    assert!(objects.len() > 80, "the fleet of the tests renders {} objects", objects.len());
    for (key, object) in objects {
        rule(key, object).unwrap_or_else(|why| panic!("{key}: {why}"));
    }
}

/// Every value below a tree with its JSON pointer.
fn walk<'a>(tree: &'a Value, path: &str, visit: &mut impl FnMut(&str, &'a Value)) {
    visit(path, tree);
    match tree {
        Value::Object(map) => map.iter().for_each(|(key, value)| walk(value, &format!("{path}/{key}"), visit)),
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                walk(value, &format!("{path}/{index}"), visit);
            }
        }
        _ => {}
    }
}

fn values(tree: &Value) -> BTreeMap<String, &Value> {
    let mut found = BTreeMap::new();
    walk(tree, "", &mut |path, value| {
        found.insert(path.to_owned(), value);
    });
    found
}

fn template(object: &DesiredObject) -> Option<Value> {
    object.object.pointer("/spec/template")
}

fn label(object: &DesiredObject, name: &str) -> Option<String> {
    object.object.tree()["metadata"]["labels"][name].as_str().map(ToOwned::to_owned)
}

#[test]
fn nothing_is_null_or_empty_but_the_selector_of_all_pods() {
    check(|_, object| {
        let tree = object.object.tree();
        let empty = values(&tree).into_iter().find(|(path, value)| match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty() && path != "/spec/podSelector",
            _ => false,
        });
        empty.map_or(Ok(()), |(path, _)| Err(path))
    });
}

#[test]
fn owner_labels_are_complete_on_objects_and_absent_from_templates() {
    let owner =
        [ownership::MANAGED_BY, ownership::INSTALLATION, ownership::TENANT, ownership::UNIT, ownership::PART_OF];
    check(|key, object| {
        let missing = owner.iter().find(|name| label(object, name).is_none_or(|value| value.len() > 63));
        let tree = object.object.tree();
        let reference = tree["metadata"]["annotations"][ownership::SELF].as_str();
        if reference != Some(&*ownership::self_reference(&installation(), &key.region, &key.id)) {
            return Err("wrong self-reference".into());
        }
        let text = template(object).map(|template| template.to_string()).unwrap_or_default();
        let inherited = owner.iter().chain([&ownership::SELF]).find(|name| text.contains(**name));
        missing.or(inherited).map_or(Ok(()), |name| Err((*name).to_owned()))
    });
}

#[test]
fn every_object_belongs_to_one_unit_and_to_the_tenant_of_its_namespace() {
    let mut seen = BTreeSet::new();
    for desired in all(&fleet()) {
        for (key, object) in &desired.objects {
            assert!(seen.insert(key.clone()), "{key} is wanted twice");
            assert!(desired.regions.contains(&key.region), "{key} is in no region of its unit");
            assert_eq!(label(object, ownership::UNIT), Some(desired.unit.label().clone()), "{key}");
            assert_eq!(label(object, ownership::TENANT), Some(object.tenant.to_string()), "{key}");
            let namespace = key.id.namespace.as_deref().unwrap_or(&key.id.name);
            let custody = format!("demo-{}--", object.tenant);
            assert!(namespace == format!("demo-{}", object.tenant) || namespace.starts_with(&custody), "{key}");
            assert_eq!(object.object.id(), &key.id);
            if let Some(node) = &object.node {
                assert!(desired.leaving.declared_nodes.contains(node), "{key}: {node} is not declared");
            }
        }
    }
}

#[test]
fn names_and_label_values_keep_their_limits() {
    check(|key, object| {
        let max = match key.id.kind {
            Kind::StatefulSet => 52,
            _ => 63,
        };
        let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let name = &key.id.name;
        if name.len() > max || !name.bytes().all(fine) || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err("bad name".into());
        }
        let tree = object.object.tree();
        let labels = tree["metadata"]["labels"].as_object().unwrap();
        labels
            .iter()
            .find(|(_, value)| value.as_str().unwrap().len() > 63)
            .map_or(Ok(()), |(name, _)| Err(name.clone()))
    });
}

#[test]
fn quantities_are_written_as_the_server_writes_them() {
    // What the fleet says is canonical already; these are the places where a renderer could spoil it.
    let places = ["/resources/", "/hard/", "/limits/0/default", "sizeLimit"];
    check(|_, object| {
        let tree = object.object.tree();
        let found = values(&tree);
        let wrong = found.iter().find(|(path, value)| {
            let wanted = places.iter().any(|place| path.contains(place)) && !path.ends_with("/pods");
            let text = value.as_str().filter(|_| wanted);
            text.is_some_and(|text| Quantity::parse(text).is_err() || text.contains('.') || text.ends_with("000m"))
        });
        wrong.map_or(Ok(()), |(path, value)| Err(format!("{path}: {value}")))
    });
}

#[test]
fn no_value_looks_like_a_secret() {
    check(|_, object| {
        let text = object.object.tree().to_string().to_lowercase();
        let bad = ["-----begin", "adminpw", "password\":", "stringdata"].iter().find(|bad| text.contains(**bad));
        bad.map_or(Ok(()), |bad| Err((*bad).to_owned()))
    });
}

#[test]
fn an_object_names_exactly_the_secrets_that_its_pod_mounts() {
    check(|_, object| {
        let mut mounted = BTreeSet::new();
        for (path, value) in values(&object.object.tree()) {
            let whole = path.ends_with("/secret/secretName");
            let part = path.ends_with("/secret/name") || path.ends_with("/secretKeyRef/name");
            if whole || part {
                mounted.insert(Box::<str>::from(value.as_str().unwrap()));
            }
        }
        if mounted == object.secrets { Ok(()) } else { Err(format!("{mounted:?} is not {:?}", object.secrets)) }
    });
}

#[test]
fn what_a_pod_mounts_besides_secrets_is_rendered_before_it() {
    for desired in all(&fleet()) {
        for (key, object) in desired.objects.iter().filter(|(key, _)| key.id.kind == Kind::StatefulSet) {
            let exists = |kind: Kind, name: &Value| {
                let wanted = desired.objects.iter().find(|(other, _)| {
                    other.region == key.region
                        && other.id.kind == kind
                        && other.id.namespace == key.id.namespace
                        && Some(&*other.id.name) == name.as_str()
                });
                assert!(wanted.is_some_and(|(_, found)| found.stage < object.stage), "{key}: {kind} {name}");
            };
            for (path, value) in values(&object.object.tree()) {
                match path.rsplit('/').next() {
                    Some("claimName") => exists(Kind::PersistentVolumeClaim, value),
                    Some("name") if path.ends_with("/configMap/name") => exists(Kind::ConfigMap, value),
                    Some("serviceName") => exists(Kind::Service, value),
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn pods_pass_the_restricted_standard_and_mount_no_token() {
    check(|_, object| {
        let Some(pod) = template(object).map(|template| template["spec"].clone()) else { return Ok(()) };
        let container = &pod["containers"][0];
        let rules = [
            ("runAsNonRoot", pod["securityContext"]["runAsNonRoot"] == true),
            ("seccomp", pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"),
            ("escalation", container["securityContext"]["allowPrivilegeEscalation"] == false),
            ("capabilities", container["securityContext"]["capabilities"] == serde_json::json!({ "drop": ["ALL"] })),
            ("root filesystem", container["securityContext"]["readOnlyRootFilesystem"] == true),
            ("token", pod["automountServiceAccountToken"] == false),
            ("service links", pod["enableServiceLinks"] == false),
            ("one container", pod["containers"].as_array().unwrap().len() == 1),
            ("volumes", pod["volumes"].as_array().unwrap().iter().all(|volume| volume.get("hostPath").is_none())),
        ];
        rules.iter().find(|(_, holds)| !holds).map_or(Ok(()), |(rule, _)| Err((*rule).to_owned()))
    });
}

#[test]
fn selectors_are_what_the_template_carries_and_ports_are_not_named_grpc() {
    check(|_, object| {
        if let Some(template) = template(object) {
            let selector = object.object.pointer("/spec/selector/matchLabels");
            if selector.as_ref() != template.pointer("/metadata/labels") {
                return Err("selector and template differ".into());
            }
        }
        let tree = object.object.tree();
        let found = values(&tree);
        let port = found.iter().find(|(path, value)| {
            path.contains("/ports/")
                && path.ends_with("/name")
                && !value.as_str().is_some_and(|name| name.starts_with("tls-") && name.len() <= 15)
        });
        port.map_or(Ok(()), |(path, value)| Err(format!("{path}: {value}")))
    });
}

#[test]
fn a_peer_is_never_restarted_for_a_failed_health_check_and_an_orderer_is_reached_before_it_is_ready() {
    check(|key, object| {
        let role = label(object, "fabric.heddle.dev/role").unwrap_or_default();
        let tree = object.object.tree();
        let container = &tree["spec"]["template"]["spec"]["containers"][0];
        let wrong = match (key.id.kind, role.as_str()) {
            (Kind::StatefulSet, "peer" | "ca") => container["livenessProbe"].get("tcpSocket").is_none(),
            (Kind::StatefulSet, "orderer") => container["readinessProbe"].get("tcpSocket").is_none(),
            (Kind::Service, "orderer") => tree["spec"]["publishNotReadyAddresses"] != true,
            _ => false,
        };
        if wrong { Err(format!("wrong for a {role}")) } else { Ok(()) }
    });
}

#[test]
fn rendering_twice_gives_the_same_digests_in_the_stages_of_their_kinds() {
    let (once, again) = (all(&fleet()), all(&fleet()));
    for (a, b) in once.iter().zip(&again) {
        let digests = |unit: &crate::desired::unit::DesiredUnit| -> Vec<_> {
            unit.objects.iter().map(|(key, object)| (key.clone(), object.digest)).collect()
        };
        assert_eq!(digests(a), digests(b));
        assert_eq!((&a.depends_on, &a.leaving), (&b.depends_on, &b.leaving));
    }
    check(|key, object| {
        let right = match key.id.kind {
            Kind::Namespace => object.stage == Stage::Namespace,
            Kind::StatefulSet => object.stage >= Stage::Authority,
            _ => object.stage == Stage::Envelope || object.stage == Stage::Support,
        };
        if right { Ok(()) } else { Err(format!("{:?}", object.stage)) }
    });
}
