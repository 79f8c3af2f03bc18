//! The front as the real `kube` client sees it.

use std::collections::BTreeMap;

use crate::model::secret::Secret;
use crate::ports::secret_store::{SecretDraft, SecretStore};
use serde_json::json;

use super::*;
use crate::adapters::kube::KubeCluster;
use crate::k8s::object::Object;
use crate::k8s::ownership;
use crate::model::names::{InstallationId, TenantName};
use crate::model::object::{Kind, ObjectId};
use crate::ports::cluster::{ApplyRequest, Cluster, ClusterError, Expect, Identity, WatchEvent};

fn with_front(test: impl AsyncFnOnce(&Front, Arc<Store>, KubeCluster)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        drop(rustls::crypto::ring::default_provider().install_default());
        let store = Store::new(Arc::new(|| "2026-01-01T00:00:00Z".parse().unwrap()), 1);
        let front = serve(store.clone(), Arc::new(Faults::default())).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        front.write_kubeconfig(&path).unwrap();
        let access = crate::adapters::kube::config::Access::File { path, context: None };
        let client = crate::adapters::kube::config::client(&access).await.unwrap();
        let cluster = KubeCluster::new(client, &InstallationId::parse("demo").unwrap());
        test(&front, store, cluster).await;
    });
}

fn namespace(name: &str) -> Object {
    let labels = json!({ownership::MANAGED_BY: "heddle", ownership::INSTALLATION: "demo"});
    let body = json!({"metadata": {"labels": labels}});
    Object::new(ObjectId::cluster(Kind::Namespace, name), body.as_object().unwrap().clone())
}

#[test]
fn the_real_client_creates_lists_watches_and_is_recorded_as_whom_it_impersonates() {
    with_front(async |front, store, cluster| {
        assert_eq!(cluster.uid().await.unwrap().as_str(), store.cluster_uid().unwrap());
        let object = namespace("ns");
        let apply = || ApplyRequest { object: &object, expect: Expect::Absent, force: false, dry_run: false };
        let created = cluster.apply(&Identity::Platform, apply()).await.unwrap();
        assert!(created.live.applied.is_some());
        assert!(matches!(cluster.apply(&Identity::Platform, apply()).await, Err(ClusterError::Conflict)));
        let page = cluster.list(Kind::Namespace, None).await.unwrap();
        assert_eq!(page.objects.len(), 1);
        let mut watch = cluster.watch(Kind::Namespace, &page.resource_version).await.unwrap();
        let object = namespace("other");
        let request = ApplyRequest { object: &object, expect: Expect::Absent, force: false, dry_run: false };
        cluster.apply(&Identity::Platform, request).await.unwrap();
        assert!(matches!(watch.next().await, Some(Ok(WatchEvent::Applied(_)))));
        let tenant = Identity::Tenant { tenant: TenantName::parse("acme").unwrap(), namespace: "ns".into() };
        let id = ObjectId::namespaced(Kind::Secret, "ns", "x");
        assert_eq!(cluster.secret_metadata(&tenant, &id).await.unwrap(), None);
        let values = BTreeMap::from([("key".into(), Secret::new(b"canary".to_vec()))]);
        let draft = SecretDraft { id: id.clone(), labels: BTreeMap::new(), annotations: BTreeMap::new(), values };
        let created = cluster.create_secret(&tenant, &draft).await.unwrap();
        assert!(matches!(cluster.create_secret(&tenant, &draft).await, Err(ClusterError::Conflict)));
        let (metadata, values) = cluster.read_secret(&tenant, &id).await.unwrap().unwrap();
        assert_eq!((metadata, values["key"].expose().as_slice()), (created, b"canary".as_slice()));
        let requests = front.requests();
        assert!(requests.iter().all(|request| request.user.is_some()), "{requests:?}");
        assert!(requests.iter().any(|request| request.method == "PATCH" && request.status == 201));
    });
}

#[test]
fn a_request_without_the_token_is_not_answered() {
    let request = Request::builder().uri("/api/v1/namespaces").body(Body::empty()).unwrap();
    let store = Store::new(Arc::new(|| "2026-01-01T00:00:00Z".parse().unwrap()), 1);
    let shared = Arc::new(Shared {
        net: None,
        store,
        faults: Arc::default(),
        token: "secret".into(),
        recorded: Mutex::default(),
        closing: CancellationToken::new(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let response = runtime.block_on(entry(State(shared), request));
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}
