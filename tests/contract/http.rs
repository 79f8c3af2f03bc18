//! The smallest HTTPS client that can referee: one request a connection, nothing retried, nothing cached.
//!
//! Input: a method, a path, headers and a body. Output: the answer as it came, or an open stream of lines. It shares
//! no code with heddle, so that both cannot be wrong in the same way. It panics when the transport fails: a case has
//! no use for a server that is not there.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;

/// Longer than any answer takes; a stream that is silent for this long has ended.
const PATIENCE: Duration = Duration::from_secs(30);

type Reader = BufReader<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>;

/// Where a server listens and whom it is signed by.
#[derive(Clone)]
pub struct Endpoint {
    /// Port on 127.0.0.1.
    pub port: u16,
    config: Arc<rustls::ClientConfig>,
}

/// One answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, or null when it is no JSON.
    pub body: Value,
    /// The body as text.
    pub text: String,
}

/// An answer that goes on.
pub struct Stream {
    reader: Reader,
    pending: Vec<u8>,
    ended: bool,
}

/// A status, headers and what follows.
type Opened = (u16, Vec<(String, String)>, Reader);

impl Endpoint {
    /// A server on loopback that shows a certificate of this authority (PEM).
    pub fn new(port: u16, ca_pem: &str) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
            roots.add(certificate.expect("the CA is PEM")).expect("the CA is a certificate");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has default versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { port, config: Arc::new(config) }
    }

    /// Sends a request and reads the whole answer; an error when there is no connection or it breaks.
    pub fn try_send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> std::io::Result<Answer> {
        let (status, headers, mut reader) = self.open(method, path, headers, body)?;
        let mut raw = Vec::new();
        if is_chunked(&headers) {
            while let Some(chunk) = read_chunk(&mut reader)? {
                raw.extend(chunk);
            }
        } else if let Some(length) = header(&headers, "content-length").and_then(|text| text.parse().ok()) {
            raw = vec![0; length];
            reader.read_exact(&mut raw)?;
        }
        let text = String::from_utf8_lossy(&raw).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, headers, body, text })
    }

    /// Opens a stream of lines, such as a watch; a refusal comes back as its answer's status.
    pub fn stream(&self, path: &str, headers: &[(&str, &str)]) -> Result<Stream, u16> {
        let (status, _, reader) = self.opened(path, headers);
        if status == 200 { Ok(Stream { reader, pending: Vec::new(), ended: false }) } else { Err(status) }
    }

    fn opened(&self, path: &str, headers: &[(&str, &str)]) -> Opened {
        self.open("GET", path, headers, "").expect("a stream opens")
    }

    fn open(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> std::io::Result<Opened> {
        let socket = TcpStream::connect(("127.0.0.1", self.port))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("127.0.0.1").map_err(std::io::Error::other)?;
        let session = rustls::ClientConnection::new(Arc::clone(&self.config), name).map_err(std::io::Error::other)?;
        let mut wire = rustls::StreamOwned::new(session, socket);
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n", self.port);
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.extend(["Content-Length: ", &body.len().to_string(), "\r\n\r\n", body]);
        wire.write_all(head.as_bytes())?;
        wire.flush()?;
        let mut reader = BufReader::new(wire);
        let first = read_line(&mut reader)?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let mut answered = Vec::new();
        loop {
            let line = read_line(&mut reader)?;
            let Some((name, value)) = line.split_once(':') else { break };
            answered.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok((status, answered, reader))
    }
}

impl Answer {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// `message` of a `Status`.
    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or("")
    }
}

impl Stream {
    /// The next event, or none when the server closed the stream.
    pub fn next_event(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).expect("an event is JSON"));
            }
            if self.ended {
                return None;
            }
            match read_chunk(&mut self.reader).expect("a stream is not torn") {
                Some(chunk) => self.pending.extend(chunk),
                None => self.ended = true,
            }
        }
    }
}

fn is_chunked(headers: &[(String, String)]) -> bool {
    header(headers, "transfer-encoding") == Some("chunked")
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn read_line(reader: &mut Reader) -> std::io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// One chunk, or none for the last.
fn read_chunk(reader: &mut Reader) -> std::io::Result<Option<Vec<u8>>> {
    let size = usize::from_str_radix(&read_line(reader)?, 16).map_err(std::io::Error::other)?;
    let mut chunk = vec![0; size];
    reader.read_exact(&mut chunk)?;
    read_line(reader)?;
    Ok((size > 0).then_some(chunk))
}
