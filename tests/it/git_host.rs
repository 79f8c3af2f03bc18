//! A Git host over HTTP that can have a bad day.
//!
//! Input: a bare repository and a [`Mood`]. Output: the smart protocol as far as libgit2 speaks it, honest or not.
//! Invariant: what it accepts, it has written to the repository.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use git2::{Oid, Repository};

use crate::git_http::{Answer, Loopback, Request, challenge, respond};

/// How the host behaves.
#[derive(Clone)]
pub(crate) enum Mood {
    /// As it should.
    Honest,
    /// Answers every request with this.
    Status(&'static str),
    /// Sends everybody elsewhere.
    Redirect(String),
    /// Sends bytes that mean nothing.
    Garbage,
    /// Sends a pack that is none.
    GarbagePack,
    /// Takes the request and says nothing.
    Silence,
    /// Begins an answer and never ends it.
    Drip,
    /// Refuses pushes with these words.
    Decline(&'static str),
    /// Takes a push and hangs up before it says so.
    LoseAnswer,
    /// Hangs up without taking a push.
    LoseRequest,
    /// Takes a push and says nothing about the reference.
    Vague,
    /// Somebody moves the branch to this commit after the references were listed.
    Race(Oid),
    /// Takes a push, somebody builds this on it, and the answer is lost.
    BuiltUpon,
}

/// The host until it is dropped.
pub(crate) struct Host {
    pub(crate) http: Loopback,
    mood: Arc<Mutex<Mood>>,
}

impl Host {
    /// Serves a repository at `/fleet.git`. `authorization`: the header that it wants.
    pub(crate) fn start(repository: &Path, tls: Option<&Path>, authorization: Option<&'static str>) -> Self {
        let mood = Arc::new(Mutex::new(Mood::Honest));
        let (feeling, repository) = (Arc::clone(&mood), repository.to_owned());
        let answer: Arc<Answer> = Arc::new(move |request: &Request, wire: &mut dyn Write| {
            if authorization.is_some_and(|wanted| request.header("authorization") != wanted) {
                return challenge(wire);
            }
            let mood = feeling.lock().unwrap().clone();
            Conversation { repository: repository.clone(), mood }.answer(request, wire)
        });
        let http = match tls {
            None => Loopback::clear(answer),
            Some(folder) => Loopback::tls(folder, answer),
        };
        Self { http, mood }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/fleet.git", self.http.origin())
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

struct Conversation {
    repository: PathBuf,
    mood: Mood,
}

impl Conversation {
    fn answer(&self, request: &Request, wire: &mut dyn Write) -> io::Result<()> {
        match &self.mood {
            Mood::Status(status) => return respond(wire, status, "text/plain", b"no"),
            Mood::Redirect(to) => {
                let place = format!("{to}{}?{}", request.path, request.query);
                return write!(
                    wire,
                    "HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
            }
            Mood::Silence => return wait_for_ever(wire, b""),
            Mood::Drip => {
                write!(wire, "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\r\n")?;
                write!(wire, "001e# service=git-upload-pack\n0000")?;
                return wait_for_ever(wire, b"0");
            }
            _ => {}
        }
        let service = request.query.strip_prefix("service=git-").unwrap_or_default();
        let kind = |what: &str| format!("application/x-git-{what}");
        match (request.path.as_str(), service) {
            ("/fleet.git/info/refs", "upload-pack" | "receive-pack") => {
                let mut body = line(format!("# service=git-{service}\n").as_bytes());
                body.extend(b"0000");
                body.extend(match self.mood {
                    Mood::Garbage => b"\0\0\xff\xffrubbish, and more of it".to_vec(),
                    _ => self.references(service),
                });
                respond(wire, "200 OK", &kind(&format!("{service}-advertisement")), &body)
            }
            ("/fleet.git/git-upload-pack", _) => {
                respond(wire, "200 OK", &kind("upload-pack-result"), &self.upload(&request.body))
            }
            ("/fleet.git/git-receive-pack", _) if matches!(self.mood, Mood::LoseRequest) => hang_up(),
            ("/fleet.git/git-receive-pack", _) => {
                let report = self.receive(&request.body);
                if matches!(self.mood, Mood::LoseAnswer | Mood::BuiltUpon) {
                    return hang_up();
                }
                respond(wire, "200 OK", &kind("receive-pack-result"), &report)
            }
            _ => respond(wire, "404 Not Found", "text/plain", b"no such repository"),
        }
    }

    fn open(&self) -> Repository {
        Repository::open_bare(&self.repository).unwrap()
    }

    fn references(&self, service: &str) -> Vec<u8> {
        let repository = self.open();
        let capabilities = if service == "receive-pack" { "report-status ofs-delta" } else { "ofs-delta" };
        let mut lines = Vec::new();
        for reference in repository.references().unwrap() {
            let reference = reference.unwrap();
            let tail = if lines.is_empty() { format!("\0{capabilities}") } else { String::new() };
            let text = format!("{} {}{tail}\n", reference.target().unwrap(), reference.name().unwrap());
            lines.extend(line(text.as_bytes()));
        }
        if lines.is_empty() {
            lines.extend(line(format!("{:040} capabilities^{{}}\0{capabilities}\n", 0).as_bytes()));
        }
        lines.extend(b"0000");
        lines
    }

    fn upload(&self, body: &[u8]) -> Vec<u8> {
        let (lines, _) = lines(body);
        let mut answer = line(b"NAK\n");
        if !lines.iter().any(|line| line.starts_with("done")) {
            return answer;
        }
        if matches!(self.mood, Mood::GarbagePack) {
            answer.extend(b"PACK\0\0\0\x02\0\0\0\x01rubbish that is long enough to be looked at as a pack");
            return answer;
        }
        let repository = self.open();
        let mut walk = repository.revwalk().unwrap();
        for wanted in lines.iter().filter_map(|line| line.strip_prefix("want ")) {
            let id = wanted.split_ascii_whitespace().next().unwrap();
            walk.push(Oid::from_str(id).unwrap()).unwrap();
        }
        let mut builder = repository.packbuilder().unwrap();
        builder.insert_walk(&mut walk).unwrap();
        let mut pack = git2::Buf::new();
        builder.write_buf(&mut pack).unwrap();
        answer.extend(&*pack);
        answer
    }

    /// Takes a push. The report.
    fn receive(&self, body: &[u8]) -> Vec<u8> {
        let (commands, pack) = lines(body);
        let command = commands[0].split('\0').next().unwrap();
        let words: Vec<&str> = command.split_ascii_whitespace().collect();
        let (old, new, name) = (Oid::from_str(words[0]).unwrap(), Oid::from_str(words[1]).unwrap(), words[2]);
        let repository = self.open();
        let odb = repository.odb().unwrap();
        let mut writer = odb.packwriter().unwrap();
        writer.write_all(pack).unwrap();
        writer.commit().unwrap();
        if let Mood::Decline(words) = self.mood {
            return report(&format!("ng {name} {words}\n"));
        }
        if let Mood::Race(other) = self.mood {
            repository.reference(name, other, true, "race").unwrap();
        }
        let at = repository.refname_to_id(name).unwrap_or(Oid::ZERO_SHA1);
        if at != old {
            return report(&format!("ng {name} failed to update ref\n"));
        }
        repository.reference(name, new, true, "push").unwrap();
        if matches!(self.mood, Mood::BuiltUpon) {
            let commit = repository.find_commit(new).unwrap();
            let who = git2::Signature::new("other", "other@localhost", &git2::Time::new(1, 0)).unwrap();
            repository.commit(Some(name), &who, &who, "more", &commit.tree().unwrap(), &[&commit]).unwrap();
        }
        if matches!(self.mood, Mood::Vague) { report("") } else { report(&format!("ok {name}\n")) }
    }
}

fn hang_up() -> io::Result<()> {
    Err(io::ErrorKind::ConnectionAborted.into())
}

fn wait_for_ever(wire: &mut dyn Write, drip: &[u8]) -> io::Result<()> {
    // The client's hanging up is what ends it; a drip notices, a silence is cut off when the process ends.
    loop {
        wire.write_all(drip)?;
        wire.flush()?;
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
}

fn report(reference: &str) -> Vec<u8> {
    let mut report = line(b"unpack ok\n");
    if !reference.is_empty() {
        report.extend(line(reference.as_bytes()));
    }
    report.extend(b"0000");
    report
}

/// A packet line.
fn line(text: &[u8]) -> Vec<u8> {
    let mut line = format!("{:04x}", text.len() + 4).into_bytes();
    line.extend(text);
    line
}

/// Packet lines, and what comes after the first flush behind a line that is no `have`.
fn lines(mut body: &[u8]) -> (Vec<String>, &[u8]) {
    let mut lines = Vec::new();
    while body.len() >= 4 {
        let Ok(length) = usize::from_str_radix(&String::from_utf8_lossy(&body[..4]), 16) else { break };
        if length == 0 {
            body = &body[4..];
            if body.starts_with(b"PACK") {
                break;
            }
            continue;
        }
        lines.push(String::from_utf8_lossy(&body[4..length]).into_owned());
        body = &body[length..];
    }
    (lines, body)
}
