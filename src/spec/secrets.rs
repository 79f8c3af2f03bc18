//! What looks like a secret, and how it is kept out of every text.
//!
//! Input: documents and texts. Output: [`Finding`]s, and masked texts of the same shape. It is a net for mistakes, not
//! a proof. Invariant: a found value is in no message, and [`mask`] keeps lines and columns so that places stay true.
//!
//! The detection list:
//! - a PEM block anywhere in a file, also in comments and in a file that is not YAML (`-----BEGIN …-----`);
//! - a text or number under a key whose last word is one of `password`, `passwd`, `passphrase`, `pwd`, `secret`, `token`,
//!   `apikey`, `accesskey`, `secretkey`, `privatekey`, `clientkey`, `credential`, `credentials`, `pin` or `psk`, however the
//!   words are joined (`clientSecret`, `client_secret`, `CLIENT-SECRET`);
//! - a text of 20 characters or more without spaces and with at least 3.5 bits a character under a key whose last word
//!   is `key`, `auth`, `authorization`, `cookie`, `session`, `salt`, `seed`, `mnemonic` or `hash`;
//! - a well-known token anywhere: JSON web tokens, AWS access key ids, GitHub, GitLab and Slack tokens;
//! - a URL with a password (`https://user:password@host`).

use crate::model::diagnostic::{Code, Position, Span};
use crate::yaml::tree::{Entry, Node, Value};

use super::codes;

/// Last words of keys whose literal value is always refused.
const NAMES: [&str; 15] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "clientkey",
    "credential",
    "credentials",
    "pin",
    "psk",
];
/// Last words of keys whose value is refused when it looks random.
const WEAK_NAMES: [&str; 9] = ["key", "auth", "authorization", "cookie", "session", "salt", "seed", "mnemonic", "hash"];
/// Starts of well-known tokens and the shortest length of the whole.
const TOKENS: [(&str, usize); 12] = [
    ("eyJ", 40),
    ("AKIA", 20),
    ("ASIA", 20),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghs_", 30),
    ("github_pat_", 30),
    ("glpat-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("xoxa-", 20),
    ("hvs.", 24),
];
const PEM_BEGIN: &str = "-----BEGIN ";
const PEM_END: &str = "-----END ";

/// Something that looks like a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The code.
    pub code: Code,
    /// Where.
    pub span: Span,
    /// The keys that lead to it; empty when it was found in the text.
    pub path: Vec<String>,
    /// In words, without the value.
    pub message: String,
}

/// Looks through a tree for fields that hold secrets.
pub fn in_tree(root: &Node) -> Vec<Finding> {
    let mut findings = Vec::new();
    walk(root, &mut Vec::new(), &mut findings);
    findings
}

fn walk(node: &Node, path: &mut Vec<String>, findings: &mut Vec<Finding>) {
    match &node.value {
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string());
                walk(item, path, findings);
                path.pop();
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                path.push(entry.key.clone());
                if is_secret(entry) {
                    let message = format!("`{}` looks like a secret and is written in clear", shown(&entry.key));
                    findings.push(Finding {
                        code: codes::SECRET_FIELD,
                        span: entry.value.span,
                        path: path.clone(),
                        message,
                    });
                } else {
                    walk(&entry.value, path, findings);
                }
                path.pop();
            }
        }
        _ => {}
    }
}

fn is_secret(entry: &Entry) -> bool {
    let literal = match &entry.value.value {
        Value::Text(text, _) | Value::Number(_, text) => text.as_str(),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => return false,
    };
    if literal.is_empty() {
        return false;
    }
    let last = last_words(&entry.key);
    ends_with(&last, &NAMES) || (ends_with(&last, &WEAK_NAMES) && looks_random(literal))
}

/// The words of a key in lower case.
fn last_words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for c in key.chars() {
        let starts = c.is_uppercase() && lower_before;
        lower_before = c.is_lowercase() || c.is_ascii_digit();
        if starts || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn ends_with(words: &[String], names: &[&str]) -> bool {
    let last = words.last().map_or("", String::as_str);
    let two: String = words.iter().rev().take(2).rev().map(String::as_str).collect();
    names.iter().any(|name| *name == last || *name == two)
}

fn looks_random(text: &str) -> bool {
    let count = text.chars().count();
    if count < 20 || text.contains(char::is_whitespace) {
        return false;
    }
    let mut seen = std::collections::BTreeMap::new();
    for c in text.chars() {
        *seen.entry(c).or_insert(0_u32) += 1;
    }
    let total = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let bits: f64 = seen.values().map(|n| f64::from(*n) / total).map(|share| -share * share.log2()).sum();
    bits >= 3.5
}

/// Looks through the text itself: also comments, and files that are not YAML.
pub fn in_text(source: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut offset: usize = 0;
    let mut open_pem = false;
    for (index, line) in source.split('\n').enumerate() {
        let mut add = |code, start: usize, end: usize, message: &str| {
            let span = Span { start: place(line, index, offset, start), end: place(line, index, offset, end) };
            findings.push(Finding { code, span, path: Vec::new(), message: message.to_owned() });
        };
        if let Some(at) = line.find(PEM_BEGIN).filter(|_| !open_pem) {
            add(codes::PEM, at, line.trim_end().len(), "a PEM block cannot stand in a spec");
        }
        open_pem = (open_pem || line.contains(PEM_BEGIN)) && !line.contains(PEM_END);
        for (start, end) in tokens(line) {
            add(codes::TOKEN, start, end, "this looks like an access token or a password in clear");
        }
        offset += line.len() + 1;
    }
    findings
}

fn place(line: &str, index: usize, offset: usize, at: usize) -> Position {
    let column = line.get(..at).map_or(0, |before| before.chars().count());
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Position { line: number(index + 1), column: number(column + 1), offset: number(offset + at) }
}

/// Byte ranges of tokens and of passwords in URLs.
fn tokens(line: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut start = 0;
    for part in line.split_inclusive(|c: char| !is_token(c)) {
        let word = part.trim_end_matches(|c| !is_token(c));
        if TOKENS.iter().any(|(prefix, min)| word.len() >= *min && word.starts_with(prefix)) {
            found.push((start, start + word.len()));
        }
        start += part.len();
    }
    let mut from = 0;
    while let Some(at) = line.get(from..).and_then(|rest| rest.find("://")) {
        let authority_start = from + at + 3;
        let authority = line.get(authority_start..).unwrap_or("");
        let end = authority.find(|c: char| c == '/' || c.is_whitespace() || c == '"').unwrap_or(authority.len());
        let user_info = authority.get(..end).and_then(|authority| authority.rsplit_once('@'));
        if let Some((user, password)) = user_info.and_then(|(info, _)| info.split_once(':')) {
            let start = authority_start + user.len() + 1;
            found.push((start, start + password.len()));
        }
        from = authority_start;
    }
    found.retain(|(start, end)| start < end);
    found.sort_unstable();
    found
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// A piece of a user's text for a message: short, on one line, without anything that looks secret.
pub fn shown(text: &str) -> String {
    let hex = text.strip_prefix("sha256:").unwrap_or(text).bytes().all(|b| b.is_ascii_hexdigit());
    if !in_text(text).is_empty() || (looks_random(text) && !hex && !text.contains(['/', '.'])) {
        return "…".to_owned();
    }
    let mut short: String = text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() > 60 {
        short.push('…');
    }
    short
}

/// The text with every secret-looking value replaced by as many `*`. Lines and columns stay as they are.
pub fn mask(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut in_pem = false;
    // The indentation of a secret key whose value goes on in the next lines.
    let mut block: Option<usize> = None;
    for (index, line) in source.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let indentation = line.len() - line.trim_start().len();
        if block.is_some_and(|key| !line.trim().is_empty() && indentation <= key) {
            block = None;
        }
        let begins = line.find(PEM_BEGIN).filter(|_| !in_pem);
        let secret_value = value_of_secret_key(line);
        if in_pem || block.is_some() {
            stars(&mut out, line, indentation, line.len());
        } else if let Some(at) = begins {
            stars(&mut out, line, at, line.len());
        } else if let Some(at) = secret_value {
            stars(&mut out, line, at, line.len());
        } else {
            mask_tokens(&mut out, line);
        }
        if secret_value.is_some() && block.is_none() {
            block = Some(indentation);
        }
        in_pem = (in_pem || begins.is_some()) && !line.contains(PEM_END);
    }
    out
}

fn mask_tokens(out: &mut String, line: &str) {
    let mut done = 0;
    for (start, end) in tokens(line) {
        if start >= done {
            out.push_str(line.get(done..start).unwrap_or(""));
            out.extend(line.get(start..end).unwrap_or("").chars().map(|_| '*'));
            done = end;
        }
    }
    out.push_str(line.get(done..).unwrap_or(""));
}

fn stars(out: &mut String, line: &str, start: usize, end: usize) {
    out.push_str(line.get(..start).unwrap_or(""));
    out.extend(line.get(start..end).unwrap_or("").chars().map(|c| if c == '\r' { c } else { '*' }));
    out.push_str(line.get(end..).unwrap_or(""));
}

/// Where the value after a secret key starts in a line; it need not be YAML.
fn value_of_secret_key(line: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = line.get(from..)?.find(':') {
        let colon = from + at;
        let key = line.get(..colon)?.trim_end_matches(['"', '\'', ' ', '\t']);
        let start = key.rfind(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').map_or(0, |at| at + 1);
        let key = key.get(start..).unwrap_or(key);
        let words = last_words(key);
        let value = line.get(colon + 1..)?;
        let blank = value.len() - value.trim_start().len();
        if ends_with(&words, &NAMES)
            || (ends_with(&words, &WEAK_NAMES) && value.split(['"', '\'', ' ', ',', '}']).any(looks_random))
        {
            return Some(colon + 1 + blank);
        }
        from = colon + 1;
    }
    None
}

#[cfg(test)]
mod tests;
