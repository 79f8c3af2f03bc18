//! What a change of the fleet changes, and what it must leave alone.

use std::collections::BTreeSet;

use super::*;
use crate::desired::identity::DesiredIdentity;
use crate::desired::unit::Stage;

/// The units whose inputs differ, after it was checked that equal inputs mean equal objects.
fn touched(change: impl Fn(&mut Fleet)) -> Vec<String> {
    let (before, mut after) = (fleet(), fleet());
    change(&mut after);
    let mut touched = Vec::new();
    for unit in units(&before).intersection(&units(&after)) {
        if !same_inputs(unit, &before, &after) {
            touched.push(unit.to_string());
            continue;
        }
        let objects =
            |fleet: &Fleet| render(&installation(), fleet, unit).map(|desired| (desired.objects, desired.leaving));
        let (Ok((a, left)), Ok((b, leaving))) = (objects(&before), objects(&after)) else { panic!("{unit}") };
        assert_eq!(left, leaving, "{unit}");
        assert!(a.iter().map(|(k, o)| (k, o.digest)).eq(b.iter().map(|(k, o)| (k, o.digest))), "{unit}");
    }
    touched
}

fn check(change: impl Fn(&mut Fleet), wanted: &[&str]) {
    assert_eq!(touched(change), wanted);
}

fn org(fleet: &mut Fleet, id: &str) -> Organization {
    fleet.organizations.remove(&OrganizationRef::parse(id).unwrap()).unwrap()
}

/// Changes one organization in place.
fn in_org(id: &'static str, change: impl Fn(&mut Organization)) -> impl Fn(&mut Fleet) {
    move |fleet| {
        let mut found = org(fleet, id);
        change(&mut found);
        fleet.organizations.insert(found.id.clone(), found);
    }
}

#[test]
fn a_change_touches_only_the_units_that_are_made_from_it() {
    let name = |name: &str| TenantName::parse(name).unwrap();
    check(|_| (), &[]);
    check(|fleet| fleet.settings.budgets.deletes = 9, &[]);
    check(|fleet| fleet.settings.name = "other".into(), &[]);
    check(|fleet| fleet.tenants.get_mut(&name("acme")).unwrap().quota.pods = 21, &["tenant/acme"]);
    check(in_org("bravo/bravo", |org| org.peers[0].node.storage.size = "20Gi".into()), &["network/platform/trade"]);
    check(in_org("acme/acme", |org| org.orderers[0].node.incarnation = 2), &["network/acme/private"]);
    check(
        in_org("acme/acme", |org| {
            if let CertificateAuthority::FabricCa { version, .. } = &mut org.ca {
                *version = "1.5.22".into();
            }
        }),
        &["organization/acme/acme"],
    );
    check(
        |fleet| fleet.networks.values_mut().for_each(|network| network.endpoints.port = 8443),
        &["network/acme/private", "network/platform/trade"],
    );
}

#[test]
fn a_storage_class_touches_whoever_uses_it_there() {
    let change = |fleet: &mut Fleet| {
        let profile = fleet.settings.storage.values_mut().next().unwrap();
        profile.classes.insert(RegionName::parse("us-east").unwrap(), "io2".into());
    };
    check(change, &["network/platform/trade"]);
}

#[test]
fn a_new_peer_leaves_the_objects_of_the_other_nodes_alone() {
    let (before, mut after) = (fleet(), fleet());
    in_org("acme/acme", |org| {
        let node = node("platform/trade", "eu3", "eu-west");
        org.peers.push(Peer { node, anchor: false, state_database: StateDatabase::LevelDB });
    })(&mut after);
    let (before, after) = (rendered(&before, "network/platform/trade"), rendered(&after, "network/platform/trade"));
    for (key, object) in &before.objects {
        assert_eq!(after.objects[key].digest, object.digest, "{key}");
    }
    assert_eq!(after.objects.len(), before.objects.len() + 4);
}

#[test]
fn a_changed_file_rolls_its_pod_and_no_other() {
    let mut after = fleet();
    in_org("bravo/bravo", |org| org.msp_id = MspId::parse("OtherMSP").unwrap())(&mut after);
    let (before, after) = (rendered(&fleet(), "network/platform/trade"), rendered(&after, "network/platform/trade"));
    let changed: Vec<_> = before
        .objects
        .iter()
        .filter(|(key, object)| after.objects[*key].digest != object.digest)
        .map(|(key, _)| key.id.to_string())
        .collect();
    let node = "demo-bravo/trade-bravo-eu1-a29dd58b";
    assert_eq!(changed, [format!("ConfigMap {node}"), format!("StatefulSet {node}")]);
}

#[test]
fn a_raised_incarnation_names_another_volume_and_keeps_the_address() {
    let mut after = fleet();
    in_org("acme/acme", |org| org.orderers[0].node.incarnation = 2)(&mut after);
    let names = |fleet: &Fleet, kind| -> BTreeSet<String> {
        let desired = rendered(fleet, "network/acme/private");
        desired.objects.keys().filter(|key| key.id.kind == kind).map(|key| key.id.name.to_string()).collect()
    };
    let claims = names(&after, Kind::PersistentVolumeClaim);
    assert!(claims.contains("private-acme-o1-2") && !claims.contains("private-acme-o1-1"), "{claims:?}");
    assert_eq!(names(&fleet(), Kind::Service), names(&after, Kind::Service));
}

#[test]
fn a_leaving_node_wants_nothing_but_stays_declared() {
    let mut after = fleet();
    in_org("acme/acme", |org| org.peers[1].node.lifecycle = Lifecycle::Decommissioned)(&mut after);
    let desired = rendered(&after, "network/platform/trade");
    let node = "trade-acme-eu2-a29dd58b";
    assert!(desired.objects.values().all(|object| object.node.as_deref() != Some(node)));
    assert!(desired.leaving.declared_nodes.contains(node) && !desired.decommissioned);
}

#[test]
fn a_leaving_document_takes_what_lives_in_it_along() {
    let gone = |change: &dyn Fn(&mut Fleet), text: &str| {
        let mut fleet = fleet();
        change(&mut fleet);
        let desired = rendered(&fleet, text);
        (desired.decommissioned, desired.objects.len(), desired.leaving.declared_nodes.len())
    };
    let tenant = |fleet: &mut Fleet| {
        let name = TenantName::parse("acme").unwrap();
        fleet.tenants.get_mut(&name).unwrap().lifecycle = Lifecycle::Decommissioned;
    };
    assert_eq!(gone(&tenant, "tenant/acme"), (true, 0, 0));
    assert_eq!(gone(&tenant, "organization/acme/acme"), (true, 0, 1));
    assert_eq!(gone(&tenant, "network/acme/private"), (true, 0, 2));
    let (network, objects, declared) = gone(&tenant, "network/platform/trade");
    assert!(!network && objects > 0 && declared == 7, "the others' nodes stay");
    let organization = in_org("platform/ordering", |org| org.lifecycle = Lifecycle::Decommissioned);
    assert_eq!(gone(&organization, "organization/platform/ordering"), (true, 0, 1));
    let organization = in_org("bravo/bravo", |org| org.lifecycle = Lifecycle::Decommissioned);
    assert_eq!(gone(&organization, "organization/bravo/bravo"), (true, 0, 0));
    let network = |fleet: &mut Fleet| {
        let id = NetworkRef::parse("platform/trade").unwrap();
        fleet.networks.get_mut(&id).unwrap().lifecycle = Lifecycle::Decommissioned;
    };
    assert_eq!(gone(&network, "network/platform/trade"), (true, 0, 7));
}

#[test]
fn a_unit_waits_for_the_envelopes_and_organizations_that_it_builds_on() {
    let waits =
        |text: &str| -> Vec<String> { rendered(&fleet(), text).depends_on.iter().map(ToString::to_string).collect() };
    assert!(waits("tenant/acme").is_empty());
    assert_eq!(waits("organization/acme/acme"), ["tenant/acme"]);
    assert_eq!(
        waits("network/platform/trade"),
        [
            "tenant/acme",
            "tenant/bravo",
            "tenant/platform",
            "organization/acme/acme",
            "organization/bravo/bravo",
            "organization/platform/ordering"
        ]
    );
}

#[test]
fn units_are_the_documents_and_nothing_else() {
    let fleet = fleet();
    let names: Vec<_> = units(&fleet).iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), 8);
    assert!(units(&fleet).iter().all(|unit| declares(&fleet, unit) && same_inputs(unit, &fleet, &fleet)));
    for text in ["fleet", "tenant/nobody", "organization/acme/nobody", "network/acme/trade"] {
        assert!(!declares(&fleet, &unit(text)), "{text}");
        assert!(!same_inputs(&unit(text), &fleet, &fleet), "{text}");
        assert_eq!(render(&installation(), &fleet, &unit(text)).unwrap_err(), [], "{text}");
    }
}

#[test]
fn what_cannot_be_rendered_names_its_file_and_a_way_out() {
    let refused = |installation: &str, change: &dyn Fn(&mut Fleet), text: &str| -> Vec<String> {
        let mut fleet = fleet();
        change(&mut fleet);
        let installation = InstallationId::parse(installation).unwrap();
        let problems = render(&installation, &fleet, &unit(text)).unwrap_err();
        assert!(problems.iter().all(|problem| problem.hint.is_some()));
        problems.iter().map(ToString::to_string).collect()
    };
    let system = |fleet: &mut Fleet| {
        let tenant = tenant("system", &["eu-west"], Access::Standard);
        fleet.tenants.insert(tenant.name.clone(), tenant);
    };
    assert_eq!(
        refused("heddle", &system, "tenant/system"),
        ["tenants/system/tenant.yaml: error[HDL3901]: the namespace `heddle-system` is reserved"]
    );
    assert!(refused("kube", &|_| (), "network/acme/private")[0].contains("HDL3901"));
    let no_class = |fleet: &mut Fleet| fleet.settings.storage.values_mut().for_each(|profile| profile.classes.clear());
    assert_eq!(
        refused("demo", &no_class, "organization/acme/acme"),
        [
            "tenants/acme/organizations/acme.yaml: error[HDL3902]: storage profile `fast` has no storage class in region \
          `eu-west`"
        ]
    );
    let twins = in_org("acme/acme", |org| {
        org.orderers[0].node.name = NodeName::parse("p1").unwrap();
    });
    let problems = refused("demo", &twins, "network/acme/private");
    assert!(problems.iter().all(|problem| problem.contains("HDL3903")) && problems.len() == 4, "{problems:?}");
}

#[test]
fn nobody_may_drain_the_last_one() {
    let budgets = |fleet: &Fleet, text: &str| -> Vec<(String, u64)> {
        let desired = rendered(fleet, text);
        let budgets = desired.objects.iter().filter(|(key, _)| key.id.kind == Kind::PodDisruptionBudget);
        budgets
            .map(|(key, object)| {
                let most = object.object.tree()["spec"]["maxUnavailable"].as_u64().unwrap();
                (format!("{}/{}", key.region, key.id.name), most)
            })
            .collect()
    };
    let row = |name: &str, most| (name.to_owned(), most);
    assert_eq!(
        budgets(&fleet(), "network/platform/trade"),
        [
            row("eu-west/trade-acme-peers-a29dd58b", 1),
            row("eu-west/trade-bravo-peers-a29dd58b", 0),
            row("eu-west/trade-ordering-orderers", 1),
            row("us-east/trade-acme-peers-a29dd58b", 0),
        ]
    );
    let mut two = fleet();
    in_org("platform/ordering", |org| org.orderers[2].node.lifecycle = Lifecycle::Decommissioned)(&mut two);
    assert!(budgets(&two, "network/platform/trade").contains(&row("eu-west/trade-ordering-orderers", 0)));
    assert_eq!(budgets(&fleet(), "organization/acme/acme"), [row("eu-west/acme-ca", 0)]);
}

#[test]
fn a_line_holds_no_key_that_stops_the_other() {
    // Fatal on 2.5.16: seen as `General has invalid keys: Backoff, Throttling`, `General.Cluster: ReplicationPolicy`.
    let newer = ["Backoff:", "Throttling:", "ReplicationPolicy:"];
    let file = |text: &str| -> String {
        let desired = rendered(&fleet(), text);
        let files = desired.objects.values().find_map(|object| object.object.pointer("/data/orderer.yaml"));
        files.unwrap().as_str().unwrap().to_owned()
    };
    let (new, old) = (file("network/platform/trade"), file("network/acme/private"));
    assert!(newer.iter().all(|key| new.contains(key) && !old.contains(key)));
    assert!(old.contains("BootstrapMethod: none"), "2.5 starts with a file by default");
    for text in [new, old] {
        for path in ["/etc/heddle/tls/admin-ca.crt", "/etc/heddle/tls/operations-ca.crt", "/etc/heddle/msp"] {
            assert!(text.contains(path), "{path}");
        }
    }
}

#[test]
fn only_a_network_over_regions_opens_its_ports_to_any_address() {
    let open = |text: &str| -> Vec<bool> {
        let desired = rendered(&fleet(), text);
        let policies = desired.objects.iter().filter(|(key, _)| key.id.kind == Kind::NetworkPolicy);
        policies
            .map(|(_, object)| {
                let tree = object.object.tree();
                let rules = tree["spec"]["ingress"].as_array().unwrap();
                rules.iter().any(|rule| rule.get("from").is_none())
            })
            .collect()
    };
    assert_eq!(open("network/acme/private"), [false]);
    assert_eq!(open("network/platform/trade"), [true; 4]);
}

fn identities(text: &str, change: impl FnOnce(&mut Fleet)) -> BTreeMap<String, DesiredIdentity> {
    let mut fleet = fleet();
    change(&mut fleet);
    let desired = rendered(&fleet, text);
    desired.identities.into_iter().map(|(identity, wanted)| (identity.id.to_string(), wanted)).collect()
}

#[test]
fn a_raised_incarnation_is_another_identity_with_another_key() {
    let names = |incarnation: u32| -> Vec<String> {
        let change = in_org("bravo/bravo", move |org| org.peers[0].node.incarnation = incarnation);
        identities("network/platform/trade", change).into_keys().collect()
    };
    assert!(names(2).iter().all(|name| !names(1).contains(name) && name.contains("-2-")), "{:?}", names(2));
}

#[test]
fn what_decides_a_certificate_decides_its_wish_and_nothing_else_does() {
    let tls = |change: &dyn Fn(&mut Fleet)| {
        let all = identities("network/platform/trade", |fleet| change(fleet));
        all.into_iter().find(|(name, _)| name.ends_with("-tls")).unwrap().1.wish()
    };
    let before = tls(&|_| ());
    let domain = |fleet: &mut Fleet| {
        fleet.networks.values_mut().for_each(|network| network.endpoints.domain = "other.example".into());
    };
    assert_ne!(tls(&domain), before, "it serves under another name");
    assert_eq!(tls(&in_org("bravo/bravo", |org| org.peers[0].node.resources.cpu = "2".into())), before);
}

#[test]
fn custody_holds_keys_and_no_pods_and_nobody_of_the_tenant_gets_in() {
    let desired = rendered(&fleet(), "organization/bravo/bravo");
    let custody = "demo-bravo--bravo";
    let named: Vec<String> = desired.objects.keys().map(|key| format!("{} {}", key.id.kind, key.id.name)).collect();
    let expected = [
        format!("Namespace {custody}"),
        "ResourceQuota heddle-quota".into(),
        "ServiceAccount heddle-tenant".into(),
        "RoleBinding heddle-tenant".into(),
    ];
    assert_eq!(named, expected);
    let quota = desired.objects.iter().find(|(key, _)| key.id.kind == Kind::ResourceQuota).unwrap().1;
    assert_eq!(quota.object.pointer("/spec/hard/pods").unwrap(), "0");
    assert!(desired.identities.keys().all(|identity| *identity.id.namespace == *custody));
    let stages: BTreeMap<_, usize> = desired.identities.values().fold(BTreeMap::new(), |mut stages, wanted| {
        *stages.entry(wanted.stage).or_default() += 1;
        stages
    });
    assert_eq!(stages, BTreeMap::from([(Stage::Roots, 4), (Stage::Issuers, 4), (Stage::Identities, 3)]));
}
