//! The front as the real `kube` client sees it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::{AsyncReadExt, AsyncWriteExt};
use serde_json::Value;

use crate::model::secret::Secret;
use crate::ports::secret_store::{SecretDraft, SecretStore};
use serde_json::json;

use super::*;
use crate::adapters::kube::KubeCluster;
use crate::adapters::kube::config::{self, Access};
use crate::adapters::kube::forward::PortForward;
use crate::k8s::object::Object;
use crate::k8s::ownership;
use crate::model::names::{InstallationId, RegionName, TenantName};
use crate::model::object::{Kind, ObjectId};
use crate::ports::cluster::{ApplyRequest, Cluster, ClusterError, Expect, Identity, WatchEvent};
use crate::ports::dialer::{Dialer, Route};
use crate::sim::controllers::Stream;
use crate::sim::store::Target;
use crate::sim::store::resources::Resource;
use crate::sim::store::write::WriteOptions;

fn with_front(test: impl AsyncFnOnce(&Front, Arc<Store>, KubeCluster)) {
    with_pods(Arc::new(NoKubelet), async |front, store, access| {
        let client = config::client(&access).await.unwrap();
        test(front, store, KubeCluster::new(client, &InstallationId::parse("demo").unwrap())).await;
    });
}

fn with_pods(kubelet: Arc<dyn Kubelet>, test: impl AsyncFnOnce(&Front, Arc<Store>, Access)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        drop(rustls::crypto::ring::default_provider().install_default());
        let store = Store::new(Arc::new(|| "2026-01-01T00:00:00Z".parse().unwrap()), 1);
        let front = serve_pods(store.clone(), Arc::new(Faults::default()), kubelet).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        front.write_kubeconfig(&path).unwrap();
        test(&front, store, Access::File { path, context: None }).await;
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
        kubelet: Arc::new(NoKubelet),
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

/// Pods that say again what they hear, on one port.
struct Echo;

#[async_trait]
impl Kubelet for Echo {
    fn start(&self, _: &Store, _: &str, _: &Value) -> Result<(), String> {
        Ok(())
    }

    fn keep(&self, _: &str, _: &BTreeMap<String, String>) {}

    async fn connect(&self, _: &str, _: &str, port: u16) -> Option<Box<dyn Stream>> {
        let (ours, theirs) = tokio::io::duplex(16);
        tokio::spawn(async move {
            let (mut read, mut write) = tokio::io::split(theirs);
            tokio::io::copy(&mut read, &mut write).await
        });
        (port == 7053).then(|| Box::new(ours) as Box<dyn Stream>)
    }
}

#[test]
fn a_port_of_a_pod_is_forwarded_as_the_account_of_its_namespace() {
    with_pods(Arc::new(Echo), async |front, store, access| {
        let create = |plural: &str, namespace: &str, body: Value| {
            let resource = Resource::by_plural("", plural).unwrap();
            store.create(Target { resource, namespace, name: "" }, body, WriteOptions::default()).unwrap();
        };
        create("namespaces", "", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}}));
        create(
            "pods",
            "ns",
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "orderer1-0"}, "spec": {}}),
        );
        let dialer = PortForward::new(access);
        let dial = async |name: &str, port| {
            let region = RegionName::parse("local").unwrap();
            dialer.dial(&Route::Service { region, namespace: "ns".into(), name: name.into(), port }).await
        };
        let mut stream = dial("orderer1", 7053).await.unwrap();
        let said: Vec<u8> = (0..100_000).map(|number: u32| number.to_le_bytes()[0]).collect();
        let (mut heard, mut hear) = (vec![0; said.len()], 0);
        while hear < said.len() {
            let end = (hear + 10_000).min(said.len());
            stream.write_all(&said[hear..end]).await.unwrap();
            stream.flush().await.unwrap();
            stream.read_exact(&mut heard[hear..end]).await.unwrap();
            hear = end;
        }
        assert!(said == heard);
        // Nobody listens there, and there is no such pod.
        let mut closed = dial("orderer1", 1).await.unwrap();
        assert!(!matches!(closed.read(&mut [0; 8]).await, Ok(1..)));
        assert!(dial("orderer2", 7053).await.is_err());
        let users: Vec<_> = front.requests().into_iter().map(|request| (request.user, request.status)).collect();
        let tenant = Some(ownership::account_user("ns", ownership::TENANT_ACCOUNT));
        assert_eq!(users, [(tenant.clone(), 101), (tenant.clone(), 101), (tenant, 404)]);
    });
}
