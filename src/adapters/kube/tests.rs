//! The real client against servers that answer by script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, Response};
use serde_json::json;

use super::config::client_of;
use super::*;
use crate::k8s::projection::tests::live;
use crate::k8s::projection::tests::samples::sample;
use crate::model::names::TenantName;
use crate::ports::cluster::{Expect, WatchEvent};
use crate::ports::secret_store::SecretStore;

/// A request as it arrived.
#[derive(Debug, Clone)]
struct Seen {
    line: String,
    user: String,
    accept: String,
    content_type: String,
    body: Value,
}

/// An answer: code, one header, body. Code 0 never answers.
#[derive(Debug, Clone)]
struct Reply(u16, Option<(&'static str, &'static str)>, String);

#[derive(Clone, Default)]
struct Script {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Script {
    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(State(script): State<Script>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let bytes: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    script.seen.lock().unwrap().push(Seen {
        line: format!("{} {}", parts.method, parts.uri),
        user: header("impersonate-user"),
        accept: header("accept"),
        content_type: header("content-type"),
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    });
    let next = script.replies.lock().unwrap().pop_front();
    let Reply(code, header, body) = next.unwrap_or(Reply(500, None, "the script is over".into()));
    if code == 0 {
        std::future::pending::<()>().await;
    }
    let mut response = Response::builder().status(code);
    if let Some((name, value)) = header {
        response = response.header(name, value);
    }
    response.body(Body::from(body)).unwrap()
}

async fn cluster(replies: impl IntoIterator<Item = Reply>) -> (KubeCluster, Script) {
    let script = Script::default();
    script.replies.lock().unwrap().extend(replies);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = axum::Router::new().fallback(answer).with_state(script.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (connect(&format!("http://{address}"), Duration::from_secs(5)), script)
}

fn connect(url: &str, deadline: Duration) -> KubeCluster {
    let client = client_of(kube::Config::new(url.parse().unwrap())).unwrap();
    KubeCluster::new(client, &InstallationId::parse("demo").unwrap()).with_deadline(deadline)
}

fn ok(body: &Value) -> Reply {
    Reply(200, None, body.to_string())
}

fn tenant() -> Identity {
    Identity::Tenant { tenant: TenantName::parse("acme").unwrap(), namespace: "demo-acme".into() }
}

async fn apply(cluster: &KubeCluster, expect: Expect, force: bool) -> Result<Applied, ClusterError> {
    let object = sample(Kind::ConfigMap);
    cluster.apply(&tenant(), ApplyRequest { object: &object, expect, force, dry_run: false }).await
}

fn not_found(name: &str) -> Reply {
    let status = json!({"kind": "Status", "reason": "NotFound", "message": "gone", "details": {"name": name}});
    Reply(404, None, status.to_string())
}

#[tokio::test]
async fn an_apply_is_one_strict_conditioned_patch_as_the_tenant() {
    let kept = Reply(200, Some(("warning", "299 - \"careful\"")), live(Kind::ConfigMap).to_string());
    let (cluster, script) = cluster([kept]).await;
    let applied = apply(&cluster, Expect::Absent, true).await.unwrap();
    assert_eq!(applied.warnings, ["careful"]);
    assert_eq!(applied.live.id, *sample(Kind::ConfigMap).id());
    let seen = &script.seen()[0];
    let path = "/api/v1/namespaces/demo-acme/configmaps/x";
    assert_eq!(seen.line, format!("PATCH {path}?fieldManager=heddle%2Fdemo&fieldValidation=Strict&force=true"));
    assert_eq!(seen.user, "system:serviceaccount:demo-acme:heddle-tenant");
    assert_eq!(seen.content_type, "application/apply-patch+yaml");
    assert_eq!(seen.body["metadata"]["resourceVersion"], "1");
    assert_eq!(seen.body["data"], sample(Kind::ConfigMap).tree()["data"]);
    assert_eq!((cluster.meter().of(Call::Apply), cluster.meter().object_requests()), (1, 1));
}

#[tokio::test]
async fn a_write_whose_effect_is_unclear_is_sent_once() {
    for code in [429, 500, 502, 503, 504] {
        let (cluster, script) = cluster([Reply(code, None, "gateway".into())]).await;
        let error = apply(&cluster, Expect::Absent, false).await.unwrap_err();
        assert_eq!(error.category(), if code == 429 { "busy" } else { "ambiguous" });
        assert_eq!(script.seen().len(), 1, "HTTP {code}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_meets_the_deadline_and_a_closed_port_was_sent_nothing() {
    let (silent, script) = cluster([Reply(0, None, String::new())]).await;
    let silent = silent.with_deadline(Duration::from_millis(50));
    assert_eq!(apply(&silent, Expect::Absent, false).await.unwrap_err().category(), "ambiguous");
    assert_eq!(script.seen().len(), 1);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let closed = connect(&format!("http://{address}"), Duration::from_secs(5));
    assert_eq!(apply(&closed, Expect::Absent, false).await.unwrap_err().category(), "unreachable");
}

#[tokio::test]
async fn only_the_servers_own_word_makes_an_object_absent() {
    let id = sample(Kind::ConfigMap).id().clone();
    let page = Reply(404, None, "404 page not found".into());
    let (cluster, _) = cluster([not_found("x"), page, not_found("other"), ok(&live(Kind::ConfigMap))]).await;
    assert!(cluster.get(&tenant(), &id).await.unwrap().is_none());
    assert_eq!(cluster.get(&tenant(), &id).await.unwrap_err().category(), "malformed");
    assert_eq!(cluster.get(&tenant(), &id).await.unwrap_err().category(), "malformed");
    assert_eq!(cluster.get(&tenant(), &id).await.unwrap().unwrap().body, live(Kind::ConfigMap));
}

#[tokio::test]
async fn a_secret_is_asked_for_by_metadata_as_the_tenant() {
    let metadata = json!({"metadata": {"uid": "u", "annotations": {"heddle.dev/issued": "no facts"}}}).to_string();
    let (cluster, script) = cluster([Reply(200, None, metadata), not_found("s")]).await;
    let id = ObjectId::namespaced(Kind::Secret, "demo-acme", "s");
    let found = cluster.secret_metadata(&tenant(), &id).await.unwrap().unwrap();
    assert_eq!((found.uid.as_str(), found.facts), ("u", None));
    assert_eq!(cluster.secret_metadata(&tenant(), &id).await.unwrap(), None);
    let seen = &script.seen()[0];
    assert_eq!(seen.line, "GET /api/v1/namespaces/demo-acme/secrets/s");
    assert!(seen.accept.contains("as=PartialObjectMetadata"), "{}", seen.accept);
    assert_eq!((cluster.meter().of(Call::SecretMetadata), cluster.meter().object_requests()), (2, 0));
}

#[tokio::test]
async fn a_list_goes_on_where_its_page_ended_and_a_broken_item_fails_it() {
    let page =
        |next: &str, item: Value| json!({"metadata": {"resourceVersion": "9", "continue": next}, "items": [item]});
    let pages = [ok(&page("a=b", live(Kind::Service))), ok(&page("", live(Kind::Service))), ok(&page("", json!({})))];
    let (cluster, script) = cluster(pages).await;
    let first = cluster.list(Kind::Service, None).await.unwrap();
    assert_eq!((first.objects.len(), first.next.as_deref()), (1, Some("a=b")));
    let last = cluster.list(Kind::Service, first.next.as_deref()).await.unwrap();
    assert_eq!((last.next, last.resource_version.as_str()), (None, "9"));
    assert_eq!(cluster.list(Kind::Service, None).await.unwrap_err().category(), "malformed");
    let selector = "labelSelector=app.kubernetes.io%2Fmanaged-by%3Dheddle%2Cheddle.dev%2Finstallation%3Ddemo";
    assert_eq!(script.seen()[1].line, format!("GET /api/v1/services?{selector}&limit=100&continue=a%3Db"));
    assert_eq!(script.seen()[1].user, "system:serviceaccount:heddle-system:heddle-observer");
}

#[tokio::test]
async fn a_watch_tells_events_in_order_and_ends_with_its_error() {
    let event = |kind: &str, object: &Value| format!("{}\n", json!({"type": kind, "object": object}));
    let bookmark = json!({"metadata": {"resourceVersion": "12"}});
    let gone = json!({"kind": "Status", "code": 410, "reason": "Expired"});
    let body = [
        event("ADDED", &live(Kind::Service)),
        event("DELETED", &live(Kind::Service)),
        event("BOOKMARK", &bookmark),
        event("ERROR", &gone),
        event("ADDED", &live(Kind::Service)),
    ];
    let cut = format!("{}{{\"type\":\"ADD", event("BOOKMARK", &bookmark));
    let (cluster, _) =
        cluster([Reply(200, None, body.concat()), Reply(200, None, cut), Reply(410, None, gone.to_string())]).await;
    let from = ResourceVersion::new("7");
    let mut events = cluster.watch(Kind::Service, &from).await.unwrap();
    assert!(matches!(events.next().await, Some(Ok(WatchEvent::Applied(_)))));
    assert!(matches!(events.next().await, Some(Ok(WatchEvent::Deleted(_)))));
    assert!(matches!(events.next().await, Some(Ok(WatchEvent::Bookmark(version))) if version.as_str() == "12"));
    assert!(matches!(events.next().await, Some(Err(ClusterError::Expired))));
    assert!(events.next().await.is_none());
    let mut events = cluster.watch(Kind::Service, &from).await.unwrap();
    assert!(matches!(events.next().await, Some(Ok(WatchEvent::Bookmark(_)))));
    assert!(events.next().await.is_none(), "what was cut off is told again by the next watch");
    assert!(matches!(cluster.watch(Kind::Service, &from).await, Err(ClusterError::Expired)));
}

#[tokio::test]
async fn a_deletion_is_conditioned_on_life_and_version() {
    let (cluster, script) = cluster([ok(&json!({"kind": "Status"}))]).await;
    let id = sample(Kind::ConfigMap).id().clone();
    let (uid, version) = (Uid::new("u"), ResourceVersion::new("7"));
    cluster.delete(&tenant(), &id, &uid, &version, Propagation::Orphan).await.unwrap();
    let seen = &script.seen()[0];
    assert_eq!(seen.line, "DELETE /api/v1/namespaces/demo-acme/configmaps/x");
    assert_eq!(seen.body["preconditions"], json!({"uid": "u", "resourceVersion": "7"}));
    assert_eq!(seen.body["propagationPolicy"], "Orphan");
}

#[tokio::test]
async fn refusals_to_hurry_halve_the_requests_at_once() {
    let busy = Reply(429, Some(("retry-after", "3")), String::new());
    let (cluster, _) = cluster([busy]).await;
    let error = apply(&cluster, Expect::Absent, false).await.unwrap_err();
    assert!(matches!(error, ClusterError::Busy { retry_after: Some(time) } if time == Duration::from_secs(3)));
    assert_eq!(cluster.limit(), 8);
}

#[tokio::test]
async fn the_uid_of_a_cluster_is_that_of_kube_system() {
    let (cluster, script) = cluster([ok(&json!({"metadata": {"uid": "u-1"}})), ok(&json!({"metadata": {}}))]).await;
    assert_eq!(cluster.uid().await.unwrap().as_str(), "u-1");
    assert_eq!(cluster.uid().await.unwrap_err().category(), "malformed");
    assert_eq!(script.seen()[0].line, "GET /api/v1/namespaces/kube-system");
}

/// A TLS server whose certificate nobody knows.
async fn stranger() -> std::net::SocketAddr {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(acceptor.accept(stream).await);
        }
    });
    address
}

#[tokio::test]
async fn a_server_with_an_unknown_certificate_is_sent_nothing() {
    let address = stranger().await;
    let known = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let mut config = kube::Config::new(format!("https://{address}").parse().unwrap());
    config.root_cert = Some(vec![known.cert.der().to_vec()]);
    let cluster = KubeCluster::new(client_of(config).unwrap(), &InstallationId::parse("demo").unwrap());
    let error = cluster.uid().await.unwrap_err();
    assert_eq!(error.category(), "certificate", "{error}");
}
