//! `pods/portforward` over a WebSocket: ways to the nodes that pods run.
//!
//! Input: a request for an upgrade, what runs pods. Output: the answer, and a task that carries bytes. It knows no
//! bytes of the nodes. Invariants: frames are those of `v4.channel.k8s.io` (two channels for each port, each begun with the
//! port's number; Kubernetes `kubelet/pkg/cri/streaming/portforward/websocket.go`); where nobody listens, the error channel
//! says so.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::answer;
use crate::sim::controllers::{Kubelet, Stream};
use crate::sim::store::failure::Failure;
use crate::sim::store::resources::Resource;
use crate::sim::store::{Store, Target};

/// The newest protocol that is spoken here.
const PROTOCOL: &str = "v4.channel.k8s.io";
/// The channel of bytes, and the one of words about what went wrong, of the first port.
const DATA: u8 = 0;
const ERROR: u8 = 1;
/// Bytes read from a node at once.
const CHUNK: usize = 16 * 1024;

/// A pod and one of its ports.
struct Wanted<'a> {
    namespace: &'a str,
    pod: &'a str,
    port: u16,
}

impl<'a> Wanted<'a> {
    fn read(request: &'a Request) -> Option<Self> {
        let parts: Vec<&str> = request.uri().path().trim_matches('/').split('/').collect();
        let ["api", "v1", "namespaces", namespace, "pods", pod, "portforward"] = parts.as_slice() else { return None };
        let query = request.uri().query().unwrap_or_default();
        let port = query.split('&').find_map(|pair| pair.strip_prefix("ports="))?.parse().ok()?;
        Some(Self { namespace, pod, port })
    }
}

/// The answer to a request for a forwarded port; none when the request is about something else.
pub(super) fn respond(
    store: &Store,
    kubelet: &Arc<dyn Kubelet>,
    mut request: Request,
) -> Result<Response, Box<Request>> {
    let Some(Wanted { namespace, pod, port }) = Wanted::read(&request) else { return Err(Box::new(request)) };
    let Some(resource) = Resource::by_plural("", "pods") else { return Err(Box::new(request)) };
    if let Err(failure) = store.get(Target { resource, namespace, name: pod }) {
        return Ok(answer::failure(&failure));
    }
    let Some(mut answer) = switching(request.headers()) else {
        return Ok(answer::failure(&Failure::new(400, "BadRequest", "Upgrade request required")));
    };
    let (kubelet, namespace, pod) = (kubelet.clone(), namespace.to_owned(), pod.to_owned());
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        let node = kubelet.connect(&namespace, &pod, port).await;
        // Whoever went away wants no bytes.
        let _gone = carry(socket, node, port).await;
    });
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    Ok(answer)
}

fn switching(headers: &HeaderMap) -> Option<Response> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let key = text(SEC_WEBSOCKET_KEY)?;
    text(SEC_WEBSOCKET_PROTOCOL)?.split(',').find(|offered| offered.trim() == PROTOCOL)?;
    let mut answer = Response::new(Body::empty());
    let fields = [
        (CONNECTION, "Upgrade"),
        (UPGRADE, "websocket"),
        (SEC_WEBSOCKET_PROTOCOL, PROTOCOL),
        (SEC_WEBSOCKET_ACCEPT, &derive_accept_key(key.as_bytes())),
    ];
    for (name, value) in fields {
        answer.headers_mut().insert(name, HeaderValue::from_str(value).ok()?);
    }
    Some(answer)
}

fn frame(channel: u8, bytes: &[u8]) -> Message {
    let mut whole = Vec::with_capacity(bytes.len() + 1);
    whole.push(channel);
    whole.extend_from_slice(bytes);
    Message::binary(whole)
}

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// Bytes in both directions until one side ends.
async fn carry(
    mut socket: Socket,
    node: Option<Box<dyn Stream>>,
    port: u16,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    for channel in [DATA, ERROR] {
        socket.send(frame(channel, &port.to_le_bytes())).await?;
    }
    let Some(node) = node else {
        let words = format!("failed to connect to localhost:{port} inside the pod: connection refused");
        socket.send(frame(ERROR, words.as_bytes())).await?;
        return socket.close(None).await;
    };
    let (from_node, to_node) = tokio::io::split(node);
    let (to_client, from_client) = socket.split();
    // Neither direction waits for the other: a node may answer while it is still told something.
    tokio::select! {
        ended = down(from_node, to_client) => ended,
        () = up(from_client, to_node) => Ok(()),
    }
}

/// What the node says, until it ends.
async fn down(
    mut from_node: ReadHalf<Box<dyn Stream>>,
    mut to_client: SplitSink<Socket, Message>,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    let mut chunk = vec![0; CHUNK];
    while let Ok(count @ 1..) = from_node.read(&mut chunk).await {
        to_client.send(frame(DATA, chunk.get(..count).unwrap_or_default())).await?;
    }
    to_client.close().await
}

/// What the client says, until it ends.
async fn up(mut from_client: SplitStream<Socket>, mut to_node: WriteHalf<Box<dyn Stream>>) {
    while let Some(Ok(message)) = from_client.next().await {
        match message {
            Message::Binary(bytes) => {
                if let Some((&DATA, bytes)) = bytes.split_first()
                    && to_node.write_all(bytes).await.is_err()
                {
                    return;
                }
            }
            Message::Close(_) => return,
            Message::Ping(_) | Message::Pong(_) | Message::Text(_) | Message::Frame(_) => {}
        }
    }
}
