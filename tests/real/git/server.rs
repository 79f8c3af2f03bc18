//! Git's own server on loopback: `git http-backend` behind a small HTTP server, with or without TLS and a password.
//!
//! Input: a folder. Output: a bare repository in it and the URL where it is served, until the server is dropped.
//! Invariants: only programs of Git read and write the repository; no configuration of the user or the machine counts.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::git_http::{Answer, Loopback, Request, challenge, respond};

/// What the server wants from clients.
#[derive(Clone, Copy, Default)]
pub struct Demands {
    /// HTTPS with a throw-away authority.
    pub tls: bool,
    /// `user:password`, and the header that says it.
    pub password: Option<(&'static str, &'static str)>,
}

/// `bob:canary`.
pub const BOB: (&str, &str) = ("bob:canary", "Basic Ym9iOmNhbmFyeQ==");

/// A bare repository and its server.
pub struct GitServer {
    folder: PathBuf,
    http: Loopback,
}

/// Why Git's own server cannot run here; none when it can.
pub fn missing() -> Option<String> {
    let path = match Command::new("git").arg("--exec-path").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => return Some(format!("the program git cannot be started: {error}")),
    };
    let backend = Path::new(&path).join("git-http-backend");
    (!backend.exists()).then(|| format!("there is no {}", backend.display()))
}

/// The program `git` in a folder, by nobody's configuration.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("HOME", folder).current_dir(folder);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "somebody").env(format!("GIT_{who}_EMAIL"), "somebody@localhost");
    }
    command
}

/// Runs `git` in a folder; what it prints.
pub fn git(folder: &Path, words: &[&str]) -> String {
    let output = command(folder).args(words).output().unwrap();
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl GitServer {
    /// Makes `fleet.git` in the folder and serves it. Its first branch is `main`, and it takes pushes.
    pub fn start(folder: &Path, demands: Demands) -> Self {
        git(folder, &["init", "--quiet", "--bare", "--initial-branch=main", "fleet.git"]);
        git(&folder.join("fleet.git"), &["config", "http.receivepack", "true"]);
        let root = folder.to_owned();
        let answer: Arc<Answer> = Arc::new(move |request: &Request, wire: &mut dyn Write| {
            if demands.password.is_some_and(|(_, header)| request.header("authorization") != header) {
                return challenge(wire);
            }
            backend(&root, request, wire)
        });
        let http = if demands.tls { Loopback::tls(folder, answer) } else { Loopback::clear(answer) };
        Self { folder: folder.to_owned(), http }
    }

    /// Where it is served.
    pub fn url(&self) -> String {
        format!("{}/fleet.git", self.http.origin())
    }

    /// The URL's scheme, host and port: what credentials are for.
    pub fn origin(&self) -> String {
        self.http.origin()
    }

    /// The authority of its certificate.
    pub fn ca_file(&self) -> Option<&Path> {
        self.http.ca_file()
    }

    /// The bare repository.
    pub fn repository(&self) -> PathBuf {
        self.folder.join("fleet.git")
    }

    /// What was asked so far.
    pub fn seen(&self) -> Vec<String> {
        self.http.seen()
    }

    /// Makes a program that Git calls, such as `pre-receive`.
    pub fn hook(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.repository().join("hooks").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Removes it again.
    pub fn unhook(&self, name: &str) {
        std::fs::remove_file(self.repository().join("hooks").join(name)).unwrap();
    }
}

/// One request to `git http-backend` by the rules of CGI (RFC 3875).
fn backend(root: &Path, request: &Request, wire: &mut dyn Write) -> io::Result<()> {
    let mut child = command(root)
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", &request.path)
        .env("QUERY_STRING", &request.query)
        .env("CONTENT_TYPE", request.header("content-type"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", request.header("content-encoding"))
        .env("GIT_PROTOCOL", request.header("git-protocol"))
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let body = request.body.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&body));
    let output = child.wait_with_output()?;
    // A backend that answers before it has read everything is right to do so.
    drop(writer.join());
    let end = output.stdout.windows(4).position(|four| four == b"\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
    let (head, content) = output.stdout.split_at(end);
    let head = String::from_utf8_lossy(head).into_owned();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    respond(wire, field("Status:").unwrap_or("200 OK"), field("Content-Type:").unwrap_or("text/plain"), &content[4..])
}
