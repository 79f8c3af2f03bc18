//! Keys and certificates, issued by heddle itself: from nothing, renewed, lost, and through crashes.

use std::collections::BTreeMap;
use std::time::Duration;

use heddle::app::status_yaml;
use heddle::model::digest::Digest;
use heddle::plan::outcome::UnitState;
use heddle::ports::clock::Clock;
use heddle::report::unit_status::{IdentityStatus, UnitStatus};
use heddle::sim::faults::{Effect, Fault};
use heddle::sim::store::read::Query;
use heddle::sim::store::resources::Resource;
use heddle::x509::certificate::Certificate;
use serde_json::Value;

use crate::world::{World, all_are, states, unit, world};

const NETWORK_STATUS: &str = "tenants/platform/networks/trade/status.yaml";
const ORDERER_TLS: &str = "demo-platform/trade-orderer-org-orderer1-tls";
const ROOT: (&str, &str) = ("demo-acme--acme", "identity-root-1");

pub(crate) fn secrets(world: &World) -> BTreeMap<String, Value> {
    let listed = world.store.list(&Query::all(Resource::by_plural("", "secrets").unwrap()), 0, None).unwrap();
    let named = |secret: &Value| {
        let name = |key: &str| secret["metadata"][key].as_str().unwrap().to_owned();
        format!("{}/{}", name("namespace"), name("name"))
    };
    listed.objects.iter().map(|secret| (named(secret), (**secret).clone())).collect()
}

fn status(world: &World) -> UnitStatus {
    status_yaml::read(world.status(NETWORK_STATUS).unwrap().as_bytes()).unwrap()
}

fn identity(status: &UnitStatus, name: &str) -> IdentityStatus {
    status.identities.values().next().unwrap()[name].clone()
}

fn certificate(secret: &Value, key: &str) -> Certificate {
    use k8s_openapi::ByteString;
    let bytes: ByteString = serde_json::from_value(secret["data"][key].clone()).unwrap();
    let text = String::from_utf8(bytes.0).unwrap();
    Certificate::bundle(&text).unwrap().remove(0)
}

/// How often a public key was certified under each identity's name: more than one key is a second identity.
fn keys(world: &World) -> BTreeMap<String, Vec<Digest>> {
    let mut keys: BTreeMap<String, Vec<Digest>> = BTreeMap::new();
    for (name, secret) in secrets(world) {
        let data = secret["data"].as_object().unwrap();
        let own = ["ca.crt", "signcert.pem", "server.crt", "client.crt"];
        // A client has the certificate of an authority under `ca.crt` too.
        let own = if data.contains_key("ca.key") {
            "ca.crt"
        } else {
            own.into_iter().rfind(|key| data.contains_key(*key)).unwrap()
        };
        let identity = name.rsplit_once('-').unwrap().0.to_owned();
        let found = keys.entry(identity).or_default();
        let key = certificate(&secret, own).key_fingerprint();
        if !found.contains(&key) {
            found.push(key);
        }
    }
    keys
}

#[test]
fn a_fleet_gets_all_its_keys_and_comes_to_rest_without_anybody_bringing_a_secret() {
    world(1, async |world| {
        world.commit_builtin();
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}\n{:?}", states(&summary), world.status(NETWORK_STATUS));
        let secrets = secrets(world);
        // Four authorities of two levels and three clients for each organization, two for each node.
        assert_eq!(secrets.len(), 2 * (4 * 2 + 3) + 2 * 2, "{:?}", secrets.keys());
        assert!(secrets.values().all(|secret| secret["immutable"] == true));
        world.clock_forward(Duration::from_hours(1)).await;
        world.take_object_requests();
        let creations = world.effects_of(Effect::Secret);
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        assert!(world.take_object_requests().is_empty());
        assert_eq!(world.effects_of(Effect::Secret), creations, "nothing changed, nothing is issued");
    });
}

#[test]
fn what_waits_for_keys_goes_on_at_once_when_they_are_there() {
    // A read that fails somewhere: the organization gets its keys a cycle later than its tenants their envelopes.
    for number in (16..70).step_by(3) {
        world(6, async |world| {
            world.commit_builtin();
            world.faults.at_read(number, Fault::Unavailable);
            let begun = world.clock.now();
            let summary = world.run_once().await.unwrap();
            assert!(all_are(&summary, UnitState::Converged), "{number}: {:?}", states(&summary));
            let took = world.clock.now().duration_since(begun).as_secs();
            assert!(took < 25, "read {number}: {took} s");
        });
    }
}

#[test]
fn a_certificate_is_renewed_with_its_key_when_a_third_of_its_life_is_left_and_nodes_restart_in_turn() {
    world(2, async |world| {
        world.commit_builtin();
        world.run_once().await.unwrap();
        let before = identity(&status(world), ORDERER_TLS);
        world.clock_forward(Duration::from_hours(24 * 200)).await;
        world.run_once().await.unwrap();
        assert_eq!(identity(&status(world), ORDERER_TLS), before, "not yet");
        world.clock_forward(Duration::from_hours(24 * 60)).await;
        let summary = world.run_once().await.unwrap();
        assert!(all_are(&summary, UnitState::Converged), "{:?}", states(&summary));
        let after = identity(&status(world), ORDERER_TLS);
        assert_eq!((after.generation.to_string().as_str(), after.key), ("2", before.key), "{after:?}");
        assert!(after.ends > before.ends);
        let set = world.get("apps/v1", "StatefulSet", "demo-platform", "trade-orderer-org-orderer1").unwrap();
        assert!(set.to_string().contains("\"trade-orderer-org-orderer1-tls-2\""), "the pod takes it up");
        assert!(keys(world).values().all(|keys| keys.len() == 1));
    });
}

#[test]
fn a_lost_authority_is_held_and_never_made_again() {
    world(3, async |world| {
        world.commit_builtin();
        world.run_once().await.unwrap();
        let (namespace, name) = ROOT;
        world.delete("v1", "Secret", namespace, name);
        // Neither the inventory nor the report alone is needed to remember it.
        for forget_inventory in [false, true] {
            if forget_inventory {
                world.forget_inventories();
            }
            let summary = world.run_once().await.unwrap();
            assert_eq!(summary.units[&unit("organization/acme/acme")], UnitState::Refused, "{:?}", states(&summary));
            assert!(world.get("v1", "Secret", namespace, name).is_none());
            let report = world.status("tenants/acme/organizations/acme/status.yaml").unwrap();
            assert!(report.contains("HDL4009") && report.contains("restore the Secret"), "{report}");
        }
    });
}

#[test]
fn a_secret_of_somebody_else_under_an_identitys_name_is_left_alone() {
    world(4, async |world| {
        world.commit_builtin();
        world.create("v1", "Namespace", "", "demo-acme--acme", serde_json::json!({}));
        world.create("v1", "Secret", ROOT.0, ROOT.1, serde_json::json!({"type": "Opaque", "data": {"ca.key": "eA=="}}));
        let summary = world.run_once().await.unwrap();
        assert_ne!(summary.units[&unit("organization/acme/acme")], UnitState::Converged);
        assert_eq!(secrets(world)[&format!("{}/{}", ROOT.0, ROOT.1)]["data"]["ca.key"], "eA==");
    });
}

/// The numbers of the effects that create Secrets in an undisturbed run.
fn creations() -> Vec<u64> {
    world(5, async |world| {
        world.commit_builtin();
        world.run_once().await.unwrap();
        let recorded = world.faults.recorded();
        recorded.iter().filter(|effect| effect.effect == Effect::Secret).map(|effect| effect.number).collect()
    })
}

#[test]
fn a_crash_around_a_creation_makes_no_second_key_and_the_next_process_ends_the_same_way() {
    let creations = creations();
    assert_eq!(creations.len(), 26);
    // Each creation with one of the faults, each fault with a third of them; the explorer tries all.
    for (number, fault) in
        creations.iter().zip([Fault::CrashBefore, Fault::CrashAfter, Fault::LostAnswer].iter().cycle())
    {
        world(5, async |world| {
            world.commit_builtin();
            world.faults.at_effect(*number, *fault);
            let first = world.run_until_crash().await;
            let recorded = world.faults.recorded();
            assert!(recorded.iter().any(|effect| effect.effect == Effect::Secret && effect.fault == Some(*fault)));
            let summary = match first {
                Some(done) => done.unwrap(),
                None => world.run_once().await.unwrap(),
            };
            assert!(all_are(&summary, UnitState::Converged), "{number} {fault:?}: {:?}", states(&summary));
            let second: Vec<_> = keys(world).into_iter().filter(|(_, keys)| keys.len() > 1).collect();
            assert!(second.is_empty(), "{number} {fault:?}: {second:?}");
            assert_eq!(secrets(world).len(), 26, "{number} {fault:?}");
        });
    }
}
