//! HTTP/1.1 answers of a node.
//!
//! Input: a connection and what to answer. Output: answers until the connection ends.

use std::convert::Infallible;
use std::future::Future;

use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::tls::Stream;

/// An answer.
pub(super) type Answer = Response<Full<Bytes>>;

/// Answers every request of a connection.
pub(super) async fn serve<F: Future<Output = Answer>>(stream: Stream, answer: impl Fn(Request<Incoming>) -> F) {
    let service = service_fn(|request| {
        let answered = answer(request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    // Ends with the connection, however that ends.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

/// An answer with a body.
pub(super) fn says(status: u16, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    answer
}

/// JSON, which Go ends with a line break.
pub(super) fn json(status: u16, body: &serde_json::Value) -> Answer {
    says(status, "application/json", format!("{body}\n"))
}

/// A refusal in the node's words.
pub(super) fn error(status: u16, words: &str) -> Answer {
    json(status, &serde_json::json!({ "error": words }))
}

/// What an operations port answers: health to everybody, these metrics to whom may read them.
pub(super) fn operations(request: &Request<Incoming>, may_read: bool, metrics: String) -> Answer {
    match request.uri().path() {
        "/healthz" => json(200, &serde_json::json!({ "status": "OK" })),
        "/metrics" if may_read => says(200, "text/plain; version=0.0.4", metrics),
        "/metrics" => says(401, "text/plain", ""),
        _ => says(404, "text/plain; charset=utf-8", "404 page not found\n"),
    }
}
