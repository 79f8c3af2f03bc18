//! The port on the store.

use serde_json::json;

use super::*;
use crate::k8s::object::Object;
use crate::sim::clock::SimClock;
use crate::sim::store::write::PatchKind;

struct World {
    store: Arc<Store>,
    faults: Arc<Faults>,
    cluster: SimCluster,
}

fn world(test: impl AsyncFnOnce(World)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let clock = SimClock::new("2026-01-01T00:00:00Z".parse().unwrap());
        let store = Store::new(clock.source(), 1);
        let faults = Arc::new(Faults::default());
        let installation = InstallationId::parse("demo").unwrap();
        let cluster = SimCluster::new(store.clone(), &installation, faults.clone());
        let world = World { store, faults, cluster };
        for name in ["ns", ownership::SYSTEM_NAMESPACE] {
            let namespace = Object::new(ObjectId::cluster(Kind::Namespace, name), serde_json::Map::new());
            apply(&world, &namespace, Expect::Absent).await.unwrap();
        }
        test(world).await;
    });
}

fn map(value: &str) -> Object {
    let labels = json!({ownership::MANAGED_BY: "heddle", ownership::INSTALLATION: "demo"});
    let body = json!({"metadata": {"labels": labels}, "data": {"k": value}});
    Object::new(ObjectId::namespaced(Kind::ConfigMap, "ns", "x"), body.as_object().unwrap().clone())
}

async fn apply(world: &World, object: &Object, expect: Expect) -> Result<Applied, ClusterError> {
    let request = ApplyRequest { object, expect, force: false, dry_run: false };
    world.cluster.apply(&Identity::Platform, request).await
}

fn exactly(live: &ObservedObject) -> Expect {
    Expect::Exactly { uid: live.uid.clone(), resource_version: live.resource_version.clone() }
}

#[test]
fn a_create_happens_once_and_an_update_only_on_the_copy_that_was_seen() {
    world(async |world| {
        let first = apply(&world, &map("1"), Expect::Absent).await.unwrap().live;
        assert!(matches!(apply(&world, &map("1"), Expect::Absent).await, Err(ClusterError::Conflict)));
        let second = apply(&world, &map("2"), exactly(&first)).await.unwrap().live;
        assert_ne!(first.resource_version, second.resource_version);
        assert!(matches!(apply(&world, &map("3"), exactly(&first)).await, Err(ClusterError::Conflict)));
        let other = Expect::Exactly { uid: Uid::new("other"), resource_version: second.resource_version };
        assert!(matches!(apply(&world, &map("3"), other).await, Err(ClusterError::Conflict)));
    });
}

#[test]
fn a_field_of_another_is_named_with_its_manager() {
    world(async |world| {
        apply(&world, &map("1"), Expect::Absent).await.unwrap();
        let id = ObjectId::namespaced(Kind::ConfigMap, "ns", "x");
        let options = WriteOptions { manager: "kubectl-edit", ..WriteOptions::default() };
        let edit = json!({"data": {"k": "9"}});
        world.store.patch(target(&id).unwrap(), PatchKind::Merge, &edit, options).unwrap();
        let live = world.cluster.get(&Identity::Observer, &id).await.unwrap().unwrap().observed;
        let Err(ClusterError::FieldConflicts(conflicts)) = apply(&world, &map("1"), exactly(&live)).await else {
            panic!("expected conflicts");
        };
        assert_eq!((conflicts[0].manager.as_str(), conflicts[0].field.as_str()), ("kubectl-edit", ".data.k"));
    });
}

#[test]
fn a_lost_answer_leaves_the_effect_and_a_lost_request_does_not() {
    world(async |world| {
        let next = world.faults.effects() + 1;
        world.faults.at_effect(next, Fault::LostRequest);
        world.faults.at_effect(next + 1, Fault::LostAnswer);
        let id = ObjectId::namespaced(Kind::ConfigMap, "ns", "x");
        for there in [false, true] {
            let answer = apply(&world, &map("1"), Expect::Absent).await;
            assert!(matches!(answer, Err(ClusterError::Ambiguous { .. })));
            assert_eq!(world.cluster.get(&Identity::Observer, &id).await.unwrap().is_some(), there);
        }
    });
}

#[test]
fn a_crash_after_an_effect_keeps_it_and_answers_nobody() {
    world(async |world| {
        world.faults.at_effect(world.faults.effects() + 1, Fault::CrashAfter);
        let object = map("1");
        tokio::select! {
            biased;
            _ = apply(&world, &object, Expect::Absent) => panic!("a dead process got an answer"),
            () = world.faults.crashed() => {}
        }
        world.faults.revive();
        assert!(matches!(apply(&world, &object, Expect::Absent).await, Err(ClusterError::Conflict)));
    });
}

#[test]
fn a_watch_tells_changes_then_bookmarks_then_breaks() {
    world(async |world| {
        let page = world.cluster.list(Kind::ConfigMap, None).await.unwrap();
        let mut watch = world.cluster.watch(Kind::ConfigMap, &page.resource_version).await.unwrap();
        apply(&world, &map("1"), Expect::Absent).await.unwrap();
        assert!(matches!(watch.next().await, Some(Ok(WatchEvent::Applied(_)))));
        assert!(matches!(watch.next().await, Some(Ok(WatchEvent::Bookmark(_)))));
        world.faults.tear_watches_after(Some(1));
        assert!(matches!(watch.next().await, Some(Err(ClusterError::Ambiguous { .. }))));
        world.faults.expire_next_watch();
        let answer = world.cluster.watch(Kind::ConfigMap, &page.resource_version).await;
        assert!(matches!(answer, Err(ClusterError::Expired)));
    });
}

#[test]
fn a_lease_is_taken_once_and_renewed_on_the_copy_that_was_read() {
    world(async |world| {
        let record = LeaseRecord {
            holder: Some("a".into()),
            duration: Duration::from_secs(15),
            renewed: "2026-01-01T00:00:00.5Z".parse().unwrap(),
            transitions: 0,
            resource_version: None,
        };
        assert_eq!(world.cluster.lease("l").await.unwrap(), None);
        let stored = world.cluster.put_lease("l", &record).await.unwrap();
        assert_eq!(world.cluster.lease("l").await.unwrap(), Some(stored.clone()));
        assert!(matches!(world.cluster.put_lease("l", &record).await, Err(ClusterError::Conflict)));
        let renewed = LeaseRecord { holder: Some("b".into()), ..stored.clone() };
        world.cluster.put_lease("l", &renewed).await.unwrap();
        assert!(matches!(world.cluster.put_lease("l", &stored).await, Err(ClusterError::Conflict)));
    });
}
