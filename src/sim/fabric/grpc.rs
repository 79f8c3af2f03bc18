//! Unary gRPC calls over HTTP/2.
//!
//! Input: a connection and what to answer. Output: answers until the connection ends. Invariants: messages are framed by five
//! bytes; the status comes in trailers (gRPC over HTTP/2).

use std::convert::Infallible;

use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;

use super::tls::Stream;

/// The largest question, in bytes.
const QUESTION_MAX: usize = 100 * 1024 * 1024;
/// `Unknown`, which is what Fabric's own errors become.
pub(super) const UNKNOWN: u16 = 2;
/// `InvalidArgument`.
const INVALID_ARGUMENT: u16 = 3;
/// `Unimplemented`.
const UNIMPLEMENTED: u16 = 12;

/// Status and words of a call that failed.
pub(super) type Failed = (u16, String);

/// Answers every call of one method.
pub(super) async fn serve<Q: Message + Default, A: Message>(
    stream: Stream,
    method: &'static str,
    answer: impl Fn(Q) -> Result<A, Failed> + Clone + Send + Sync + 'static,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer.clone();
        async move {
            let result = if request.uri().path() == method {
                call(request, answer).await
            } else {
                Err((UNIMPLEMENTED, "unknown service or method".to_owned()))
            };
            Ok::<_, Infallible>(response(result))
        }
    });
    // Ends with the connection, however that ends.
    drop(http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await);
}

async fn call<Q: Message + Default, A: Message>(
    request: Request<Incoming>,
    answer: impl Fn(Q) -> Result<A, Failed> + Send,
) -> Result<Vec<u8>, Failed> {
    let invalid = |words: &str| (INVALID_ARGUMENT, words.to_owned());
    let body = Limited::new(request.into_body(), QUESTION_MAX).collect().await.map_err(|_| invalid("too large"))?;
    let bytes = body.to_bytes();
    let question = Q::decode(bytes.get(5..).unwrap_or_default()).map_err(|_| invalid("it cannot be decoded"))?;
    let message = answer(question)?.encode_to_vec();
    let length = u32::try_from(message.len()).map_err(|_| invalid("the answer is too large"))?;
    Ok([&[0][..], &length.to_be_bytes(), &message].concat())
}

fn response(result: Result<Vec<u8>, Failed>) -> Response<impl hyper::body::Body<Data = Bytes, Error = Infallible>> {
    let (bytes, status, words) = match result {
        Ok(bytes) => (bytes, 0, String::new()),
        Err((status, words)) => (Vec::new(), status, words),
    };
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(status));
    // What is no plain text would have to be escaped.
    let plain: String = words.chars().map(|c| if (' '..='~').contains(&c) && c != '%' { c } else { '.' }).collect();
    if let Ok(words) = HeaderValue::from_str(&plain) {
        trailers.insert("grpc-message", words);
    }
    let body = Full::new(Bytes::from(bytes)).with_trailers(async move { Some(Ok(trailers)) });
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}
