//! HTTP/1.1 over a kept connection.
//!
//! Input: requests. Output: status and bounded body. It follows no redirect and keeps no cookie. Invariants: one request at a
//! time on a connection; a connection that broke is not used again; only a request that the connection gave back unsent
//! goes out a second time.

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::sync::Mutex;

use super::tls::Connector;
use super::{DEADLINE, failure};
use crate::ports::ledger::LedgerError;

/// A request.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    /// Content type and bytes.
    pub(super) body: Option<(String, Vec<u8>)>,
    /// The largest answer, in bytes.
    pub(super) bytes_max: usize,
}

impl<'a> Ask<'a> {
    /// A read.
    pub(super) fn get(path: &'a str, bytes_max: usize) -> Self {
        Self { method: Method::GET, path, body: None, bytes_max }
    }
}

/// One server.
pub(super) struct Http {
    connector: Connector,
    kept: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

impl Http {
    /// Connects at the first request.
    pub(super) fn new(connector: Connector) -> Self {
        Self { connector, kept: Mutex::new(None) }
    }

    /// Asks; the connection is kept when the answer was read whole.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<(StatusCode, Bytes), LedgerError> {
        tokio::time::timeout(DEADLINE, self.exchange(ask)).await.unwrap_or_else(|_| Err(failure::late()))
    }

    async fn exchange(&self, ask: Ask<'_>) -> Result<(StatusCode, Bytes), LedgerError> {
        let bytes_max = ask.bytes_max;
        let mut request = self.request(ask)?;
        let mut kept = self.kept.lock().await;
        let mut fresh = false;
        loop {
            let mut sender = match kept.take() {
                Some(sender) if !sender.is_closed() => sender,
                _ => {
                    fresh = true;
                    self.connect().await?
                }
            };
            match sender.try_send_request(request).await {
                Ok(answer) => {
                    let (head, body) = answer.into_parts();
                    let body = Limited::new(body, bytes_max).collect().await;
                    let body = body.map_err(|error| failure::after_sending(&*error))?.to_bytes();
                    *kept = Some(sender);
                    return Ok((head.status, body));
                }
                Err(mut refused) => match refused.take_message() {
                    // A server closes a connection that was idle; this request was not sent.
                    Some(unsent) if !fresh => request = unsent,
                    _ => return Err(failure::after_sending(&refused.into_error())),
                },
            }
        }
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, LedgerError> {
        let stream = TokioIo::new(self.connector.connect().await?);
        let (sender, connection) = http1::handshake(stream).await.map_err(|error| failure::after_sending(&error))?;
        // Ends with the connection; its error reaches whoever waits for an answer.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    fn request(&self, ask: Ask<'_>) -> Result<Request<Full<Bytes>>, LedgerError> {
        let wrong = |_| LedgerError::Malformed { detail: "a name does not fit into a request".to_owned() };
        let mut request = Request::builder()
            .method(ask.method)
            .uri(ask.path)
            .header(header::HOST, &self.connector.endpoint().server_name)
            .header(header::ACCEPT, "application/json, text/plain");
        let mut bytes = Vec::new();
        if let Some((kind, body)) = ask.body {
            request = request.header(header::CONTENT_TYPE, kind);
            bytes = body;
        }
        request.body(Full::new(Bytes::from(bytes))).map_err(wrong)
    }
}
