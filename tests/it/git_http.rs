//! A small HTTP server on loopback, with or without TLS, that answers with whatever bytes a test wants.
//!
//! Input: an answer for each request. Output: a port, a CA file, what was asked. One thread for each connection, one
//! request for each connection. Invariant: dropping it closes the port.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A request, read whole.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// By lower-case names.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Writes a whole answer, or as much of one as a test wants. An error closes the connection.
pub(crate) type Answer = dyn Fn(&Request, &mut dyn Write) -> io::Result<()> + Send + Sync;

/// A server until it is dropped.
pub(crate) struct Loopback {
    port: u16,
    ca_file: Option<PathBuf>,
    seen: Arc<Mutex<Vec<String>>>,
    closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Loopback {
    /// Serves in clear.
    pub(crate) fn clear(answer: Arc<Answer>) -> Self {
        Self::start(None, None, answer)
    }

    /// Serves with a throw-away certificate; the authority's certificate is written into `folder`.
    pub(crate) fn tls(folder: &Path, answer: Arc<Answer>) -> Self {
        let ca_file = folder.join("ca.pem");
        let config = throw_away(&ca_file);
        Self::start(Some(config), Some(ca_file), answer)
    }

    fn start(tls: Option<Arc<rustls::ServerConfig>>, ca_file: Option<PathBuf>, answer: Arc<Answer>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, closing) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (log, stop) = (Arc::clone(&seen), Arc::clone(&closing));
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(connection) = connection else { continue };
                let (tls, answer, log) = (tls.clone(), Arc::clone(&answer), Arc::clone(&log));
                std::thread::spawn(move || {
                    // A client that hangs up, or does not trust the certificate, is what some tests are about.
                    drop(serve(connection, tls, &*answer, &log));
                });
            }
        });
        Self { port, ca_file, seen, closing, thread: Some(thread) }
    }

    /// `http://127.0.0.1:<port>`, or https.
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.ca_file.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// The authority that signed the certificate.
    pub(crate) fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Everything that was asked so far: method, path with query, and what was said about the asker.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn serve(
    connection: TcpStream,
    tls: Option<Arc<rustls::ServerConfig>>,
    answer: &Answer,
    log: &Mutex<Vec<String>>,
) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let Some(config) = tls else {
        let request = read(&mut BufReader::new(&connection), log)?;
        answer(&request, &mut &connection)?;
        return (&connection).flush();
    };
    let session = rustls::ServerConnection::new(config).map_err(io::Error::other)?;
    let mut wire = rustls::StreamOwned::new(session, connection);
    let request = read(&mut BufReader::new(&mut wire), log)?;
    answer(&request, &mut wire)?;
    wire.conn.send_close_notify();
    wire.flush()
}

fn read(wire: &mut dyn BufRead, log: &Mutex<Vec<String>>) -> io::Result<Request> {
    let mut line = String::new();
    if wire.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut words = line.split_ascii_whitespace();
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        wire.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = Vec::new();
    if headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") {
        loop {
            let mut size = String::new();
            wire.read_line(&mut size)?;
            let size = u64::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            (&mut *wire).take(size).read_to_end(&mut body)?;
            wire.read_line(&mut String::new())?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = headers.get("content-length") {
        (&mut *wire).take(length.parse().map_err(io::Error::other)?).read_to_end(&mut body)?;
    }
    let request = Request { method, path: path.to_owned(), query: query.to_owned(), headers, body };
    let who = request.header("authorization");
    log.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(format!("{} {target} {who}", request.method).trim().to_owned());
    Ok(request)
}

/// Writes an answer with a body.
pub(crate) fn respond(wire: &mut dyn Write, status: &str, kind: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    write!(wire, "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
    wire.write_all(body)
}

/// Asks for a name and a password.
pub(crate) fn challenge(wire: &mut dyn Write) -> io::Result<()> {
    write!(wire, "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"fleet\"\r\n")?;
    write!(wire, "Content-Type: text/plain\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

/// An authority in a file, and a server's identity by it.
fn throw_away(ca_file: &Path) -> Arc<rustls::ServerConfig> {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::<String>::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Two authorities of one name would be taken for each other.
    let name = format!("heddle test host {}", ca_file.display());
    ca.distinguished_name.push(DnType::CommonName, name.as_str());
    std::fs::write(ca_file, ca.self_signed(&ca_key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], private).unwrap())
}
