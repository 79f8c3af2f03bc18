//! One simulated region through both of its fronts: the port on the store, and the real client over HTTPS.

use std::sync::Arc;

use heddle::adapters::kube::KubeCluster;
use heddle::adapters::kube::config::{self, Access};
use heddle::k8s::object::Object;
use heddle::k8s::ownership;
use heddle::model::names::InstallationId;
use heddle::model::object::{Kind, ObjectId};
use heddle::ports::cluster::{ApplyRequest, Cluster, ClusterError, Expect, Identity, Propagation};
use heddle::sim::faults::Faults;
use heddle::sim::kube_http;
use heddle::sim::kube_port::SimCluster;
use heddle::sim::store::Store;
use serde_json::json;

fn object(kind: Kind, namespace: Option<&str>, value: &str) -> Object {
    let labels = json!({ownership::MANAGED_BY: "heddle", ownership::INSTALLATION: "demo"});
    let id = ObjectId { kind, namespace: namespace.map(Into::into), name: "x".into() };
    let mut body = json!({"metadata": {"labels": labels}});
    if kind == Kind::ConfigMap {
        body["data"] = json!({"k": value});
    }
    Object::new(id, body.as_object().unwrap().clone())
}

/// One story, told by the answers.
async fn story(cluster: &dyn Cluster) -> Vec<String> {
    let apply = async |object: &Object, expect| {
        let request = ApplyRequest { object, expect, force: false, dry_run: false };
        cluster.apply(&Identity::Platform, request).await
    };
    let told =
        |answer: &Result<_, ClusterError>| answer.as_ref().err().map_or("done", ClusterError::category).to_owned();
    let mut story = Vec::new();
    let map = |value| object(Kind::ConfigMap, Some("x"), value);
    story.push(told(&apply(&map("1"), Expect::Absent).await.map(drop)));
    story.push(told(&apply(&object(Kind::Namespace, None, ""), Expect::Absent).await.map(drop)));
    let live = apply(&map("1"), Expect::Absent).await.unwrap().live;
    story.push(told(&apply(&map("1"), Expect::Absent).await.map(drop)));
    let seen = || Expect::Exactly { uid: live.uid.clone(), resource_version: live.resource_version.clone() };
    let changed = apply(&map("2"), seen()).await.unwrap().live;
    story.push(told(&apply(&map("3"), seen()).await.map(drop)));
    story.push(format!("{:?}", live.applied.unwrap().projection == changed.applied.unwrap().projection));
    let gone =
        cluster.delete(&Identity::Platform, &live.id, &live.uid, &live.resource_version, Propagation::Background).await;
    story.push(told(&gone));
    let version = &changed.resource_version;
    cluster.delete(&Identity::Platform, &live.id, &live.uid, version, Propagation::Background).await.unwrap();
    story.push(format!("{:?}", cluster.get(&Identity::Platform, &live.id).await.unwrap().is_none()));
    story
}

#[test]
fn both_fronts_tell_the_same_story() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        drop(rustls::crypto::ring::default_provider().install_default());
        let store = || Store::new(Arc::new(|| "2026-01-01T00:00:00Z".parse().unwrap()), 1);
        let installation = InstallationId::parse("demo").unwrap();
        let front = kube_http::serve(store(), Arc::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        front.write_kubeconfig(&path).unwrap();
        let client = config::client(&Access::File { path, context: None }).await.unwrap();
        let over_http = story(&KubeCluster::new(client, &installation)).await;
        let direct = story(&SimCluster::new(store(), &installation, Arc::new(Faults::default()))).await;
        assert_eq!(over_http, direct);
        assert_eq!(direct, ["not-found", "done", "conflict", "conflict", "false", "conflict", "true"]);
    });
}
