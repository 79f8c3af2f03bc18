//! The clients against a small server on loopback, with certificates of our own.
//!
//! Input: scripted connections. Output: what the port says. Real nodes are asked by the suite `fabric`.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::compat::TokioAsyncReadCompatExt;

use super::dial::TcpDialer;
use super::orderer::Orderer;
use super::{Client, Endpoint, Way};
use crate::model::digest::Digest;
use crate::model::names::{ChannelId, MspId};
use crate::model::secret::Secret;
use crate::ports::clock::Clock;
use crate::ports::dialer::{ByteStream, DialError, Dialer, Route};
use crate::ports::ledger::{Joined, LedgerError, OrdererAdmin};
use crate::x509::certificate::Certificate;
use crate::x509::issue::{self, Authority};
use crate::x509::key::PrivateKey;
use crate::x509::name::{AlternativeName, CommonName, Subject};
use crate::x509::profile::{Profile, Purpose};
use crate::x509::recipe::Recipe;
use crate::x509::serial::Serial;
use crate::x509::validity::Life;

/// Root, issuing authority and a certificate below it.
struct Made {
    root: Certificate,
    chain: Vec<Certificate>,
    key: PrivateKey,
}

fn made(label: &str, purpose: Purpose, profile: Profile) -> Made {
    // Valid for nearly a hundred years, so that no clock is needed.
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let digest = |what: &str| *Digest::of(format!("{label} {what}").as_bytes()).as_bytes();
    let key = |what: &str| PrivateKey::from_entropy(&Secret::new(digest(what))).unwrap();
    let serial = |what: &str| Serial::from_entropy(*digest(what).first_chunk::<16>().unwrap()).unwrap();
    let recipe = |profile: Profile, what: &str| {
        let names = if profile.is_server() {
            [AlternativeName::parse("node.example").unwrap()].into()
        } else {
            BTreeSet::new()
        };
        let name = CommonName::parse(&format!("{label} {what}")).unwrap();
        let subject = Subject::new(name, MspId::parse("XMSP").unwrap()).unwrap();
        Recipe::new(profile, subject, names, Life::from_days(36_000).unwrap()).unwrap()
    };
    let (root_key, issuing_key, own) = (key("root"), key("issuing"), key("own"));
    let root = issue::issue_root(&recipe(Profile::Root(purpose), "root"), &root_key, &serial("root"), now).unwrap();
    let signer = Authority::new(purpose, &root, &root_key).unwrap();
    let wanted = recipe(Profile::Issuing(purpose), "issuing");
    let issuing = issue::issue(&wanted, &issuing_key.public_key(), &signer, &serial("issuing"), now).unwrap();
    let signer = Authority::new(purpose, &issuing, &issuing_key).unwrap();
    let certificate = issue::issue(&recipe(profile, "own"), &own.public_key(), &signer, &serial("own"), now).unwrap();
    Made { root, chain: vec![certificate, issuing], key: own }
}

/// What the server does with a request.
#[derive(Clone)]
enum Reply {
    /// Answers.
    Says(u16, String),
    /// Reads it whole and closes.
    Closes,
    /// Answers, and closes after it.
    SaysAndCloses(u16, String),
}

struct Served {
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    port: u16,
}

/// A server that takes administrators.
fn acceptor(tickets: usize) -> TlsAcceptor {
    let node = made("server", Purpose::Tls, Profile::NodeTls);
    let admins = made("admin", Purpose::OrdererAdmin, Profile::OrdererAdminClient);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(admins.root.der().to_vec())).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build().unwrap();
    let key = PrivateKeyDer::from_pem_slice(node.key.to_pem().unwrap().expose().as_bytes()).unwrap();
    let chain = node.chain.iter().map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect();
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap();
    config.send_tls13_tickets = tickets;
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(replies: impl IntoIterator<Item = Reply>) -> Served {
    let acceptor = acceptor(2);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let replies: Arc<Mutex<VecDeque<Reply>>> = Arc::new(Mutex::new(replies.into_iter().collect()));
    let served = Served { requests: Arc::default(), connections: Arc::default(), port };
    let (requests, connections) = (served.requests.clone(), served.connections.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            *connections.lock().unwrap() += 1;
            while let Some(request) = request(&mut stream).await {
                requests.lock().unwrap().push(request);
                let reply = replies.lock().unwrap().pop_front().unwrap();
                let (Reply::Says(status, body) | Reply::SaysAndCloses(status, body)) = &reply else { break };
                let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
                if matches!(reply, Reply::SaysAndCloses(..)) {
                    break;
                }
            }
        }
    });
    served
}

/// The first line of a request, once it was read whole.
async fn request(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut some = [0; 4096];
        let count = stream.read(&mut some).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&some[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return head.lines().next().map(ToOwned::to_owned);
        }
    }
}

fn client(label: &str, purpose: Purpose, profile: Profile) -> Client {
    let Made { chain, key, .. } = made(label, purpose, profile);
    Client { chain, key: key.to_pem().unwrap() }
}

fn endpoint(port: u16) -> Endpoint {
    Endpoint {
        route: Route::Declared { host: "127.0.0.1".into(), port },
        server_name: "node.example".into(),
        roots: vec![made("server", Purpose::Tls, Profile::NodeTls).root],
        client: client("admin", Purpose::OrdererAdmin, Profile::OrdererAdminClient),
    }
}

/// It is always the same moment.
struct Still(&'static str);

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0.parse().unwrap()
    }

    async fn sleep(&self, _: Duration) {}
}

/// At a moment at which the certificates are good.
fn way(dialer: Arc<dyn Dialer>) -> Way {
    Way { dialer, clock: Arc::new(Still("2026-01-02T00:00:00Z")) }
}

fn orderer(endpoint: Endpoint) -> Orderer {
    let dialer: Arc<dyn Dialer> = Arc::new(TcpDialer);
    Orderer::new(endpoint.clone(), endpoint, &way(dialer)).unwrap()
}

fn channel() -> ChannelId {
    ChannelId::parse("ch1").unwrap()
}

const NONE: &str = r#"{"systemChannel":null,"channels":null}"#;

fn says(status: u16, body: &str) -> Reply {
    Reply::Says(status, body.to_owned())
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let served = serve([says(200, NONE), says(404, r#"{"error":"channel does not exist"}"#), says(200, NONE)]).await;
    let orderer = orderer(endpoint(served.port));
    assert_eq!(orderer.channels().await.unwrap(), []);
    assert_eq!(orderer.channel(&channel()).await.unwrap(), None);
    assert_eq!(orderer.channels().await.unwrap(), []);
    assert_eq!(*served.connections.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_is_made_anew_and_nothing_is_sent_twice() {
    let served = serve([Reply::SaysAndCloses(200, NONE.into()), says(200, NONE)]).await;
    let orderer = orderer(endpoint(served.port));
    assert_eq!(orderer.channels().await.unwrap(), []);
    assert_eq!(orderer.channels().await.unwrap(), []);
    assert_eq!((*served.connections.lock().unwrap(), served.requests.lock().unwrap().len()), (2, 2));
}

#[tokio::test]
async fn a_join_whose_answer_does_not_come_is_ambiguous_and_is_not_sent_again() {
    let served = serve([Reply::Closes, says(200, NONE)]).await;
    let orderer = orderer(endpoint(served.port));
    let error = orderer.join(&channel(), b"block").await.unwrap_err();
    assert!(matches!(error, LedgerError::Ambiguous { .. }), "{error:?}");
    assert_eq!(*served.requests.lock().unwrap(), ["POST /participation/v1/channels HTTP/1.1"]);
}

#[tokio::test]
async fn what_a_join_is_answered_is_told_apart() {
    let info = r#"{"name":"ch1","url":"x","consensusRelation":"consenter","status":"active","height":1}"#;
    let replies = [
        says(201, info),
        says(405, r#"{"error":"cannot join: channel already exists"}"#),
        says(400, r#"{"error":"invalid join block"}"#),
        says(500, r#"{"error":"cannot join"}"#),
        says(201, "something else"),
    ];
    let served = serve(replies).await;
    let orderer = orderer(endpoint(served.port));
    assert_eq!(orderer.join(&channel(), b"block").await, Ok(Joined::Now));
    assert_eq!(orderer.join(&channel(), b"block").await, Ok(Joined::Before));
    assert!(
        matches!(orderer.join(&channel(), b"block").await, Err(LedgerError::Refused { words }) if words == "invalid join block")
    );
    assert!(matches!(orderer.join(&channel(), b"block").await, Err(LedgerError::Ambiguous { .. })));
    assert!(matches!(orderer.join(&channel(), b"block").await, Err(LedgerError::Malformed { .. })));
}

#[tokio::test]
async fn a_server_under_another_name_or_from_another_root_is_not_believed_and_hears_nothing() {
    let served = serve([]).await;
    let another_name = Endpoint { server_name: "other.example".into(), ..endpoint(served.port) };
    let another_root =
        Endpoint { roots: vec![made("x", Purpose::Tls, Profile::NodeTls).root], ..endpoint(served.port) };
    for endpoint in [another_name, another_root] {
        let error = orderer(endpoint).join(&channel(), b"block").await.unwrap_err();
        assert!(matches!(&error, LedgerError::Certificate { detail } if detail.starts_with("the node's")), "{error:?}");
    }
    assert_eq!(served.requests.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn certificates_are_judged_by_the_clock_that_is_given() {
    let served = serve([]).await;
    for moment in ["2025-01-01T00:00:00Z", "2190-01-01T00:00:00Z"] {
        let way = Way { dialer: Arc::new(TcpDialer), clock: Arc::new(Still(moment)) };
        let endpoint = endpoint(served.port);
        let orderer = Orderer::new(endpoint.clone(), endpoint, &way).unwrap();
        let error = orderer.join(&channel(), b"block").await.unwrap_err();
        assert!(matches!(&error, LedgerError::Certificate { detail } if detail.starts_with("the node's")), "{error:?}");
    }
    assert_eq!(served.requests.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_client_that_the_server_does_not_take_hears_so_before_anything_is_sent() {
    let served = serve([]).await;
    let client = client("stranger", Purpose::OrdererAdmin, Profile::OrdererAdminClient);
    for _ in 0..20 {
        let endpoint = Endpoint { client: client.clone(), ..endpoint(served.port) };
        let error = orderer(endpoint).join(&channel(), b"block").await.unwrap_err();
        assert!(matches!(&error, LedgerError::Certificate { detail } if detail.starts_with("ours")), "{error:?}");
    }
    assert_eq!(served.requests.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn an_answer_without_end_is_refused() {
    let served = serve([says(200, &"x".repeat(70 * 1024))]).await;
    let error = orderer(endpoint(served.port)).channel(&channel()).await.unwrap_err();
    assert!(matches!(error, LedgerError::Ambiguous { .. }), "{error:?}");
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = orderer(endpoint(port)).channels().await.unwrap_err();
    assert!(matches!(error, LedgerError::Unreachable(_)), "{error:?}");
}

/// One connection in memory.
struct Inside(Mutex<Option<DuplexStream>>);

#[async_trait::async_trait]
impl Dialer for Inside {
    async fn dial(&self, _: &Route) -> Result<Box<dyn ByteStream>, DialError> {
        Ok(Box::new(self.0.lock().unwrap().take().unwrap().compat()))
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_the_server_had_time_for_its_first_word() {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let dialer: Arc<dyn Dialer> = Arc::new(Inside(Mutex::new(Some(ours))));
    let orderer = Orderer::new(endpoint(1), endpoint(1), &way(dialer)).unwrap();
    let server = async {
        // It takes the client and says nothing of it, not even a ticket.
        let mut stream = acceptor(0).accept(theirs).await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(200), request(&mut stream)).await;
        assert!(early.is_err(), "the request came at once");
        assert!(request(&mut stream).await.is_some());
        let answer = format!("HTTP/1.1 200 X\r\nContent-Length: {}\r\n\r\n{NONE}", NONE.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    };
    let (answer, ()) = tokio::join!(orderer.channels(), server);
    assert_eq!(answer.unwrap(), []);
}
