//! Where a repository is, as an authority and a path.
//!
//! Input: text from the configuration. Output: [`RemoteUrl`] and [`Scope`]. It resolves no host. Invariants: no
//! credentials are inside; there is one reading of the text (no escapes, no `..`, no user part but for ssh), so that a
//! scope that fits here fits for the server too; plain http and git are for loopback only.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// Why a URL is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UrlError {
    /// The scheme is not one of those that heddle speaks.
    #[error("the scheme `{0}` is not supported: use https://, ssh:// or a path")]
    Scheme(String),
    /// The URL holds a password or a user.
    #[error("credentials do not belong into a URL: name a file or a variable under `credentials`")]
    Credentials,
    /// Host, port or path cannot be read in exactly one way.
    #[error("{0}")]
    Form(&'static str),
    /// Plain text over a network.
    #[error("`{0}://` sends everything in clear and is only for loopback: use https:// or ssh://")]
    Clear(&'static str),
}

/// How the remote is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// A folder on this machine.
    File,
    /// HTTP with TLS.
    Https,
    /// HTTP in clear, loopback only.
    Http,
    /// The git protocol, loopback only.
    Git,
    /// SSH.
    Ssh,
}

impl Scheme {
    fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Https => "https",
            Self::Http => "http",
            Self::Git => "git",
            Self::Ssh => "ssh",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::File => 0,
            Self::Https => 443,
            Self::Http => 80,
            Self::Git => 9418,
            Self::Ssh => 22,
        }
    }
}

/// The address of a repository, without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteUrl {
    scheme: Scheme,
    user: Option<String>,
    host: String,
    port: u16,
    path: String,
}

impl RemoteUrl {
    /// Reads a URL or a path. A relative path is taken from the current folder.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(UrlError::Form("the URL is empty or holds control characters"));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            if text.split('/').next().is_some_and(|first| first.contains('@') && first.contains(':')) {
                return Err(UrlError::Form("write ssh://user@host/path instead of user@host:path"));
            }
            return Self::file(text);
        };
        let scheme = match scheme {
            "file" => return Self::file(rest),
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            "git" => Scheme::Git,
            "ssh" => Scheme::Ssh,
            other => return Err(UrlError::Scheme(other.chars().take(20).collect())),
        };
        Self::network(scheme, rest)
    }

    fn file(path: &str) -> Result<Self, UrlError> {
        let absolute = std::path::absolute(path).map_err(|_| UrlError::Form("the path cannot be made absolute"))?;
        let path = absolute.to_str().ok_or(UrlError::Form("the path is not UTF-8"))?.to_owned();
        Ok(Self { scheme: Scheme::File, user: None, host: String::new(), port: 0, path })
    }

    fn network(scheme: Scheme, rest: &str) -> Result<Self, UrlError> {
        let (authority, path) = rest.split_once('/').ok_or(UrlError::Form("the URL has no path"))?;
        let (user, place) = match authority.rsplit_once('@') {
            None => (None, authority),
            Some((user, place)) if scheme == Scheme::Ssh && plain_user(user) => (Some(user.to_owned()), place),
            Some(_) => return Err(UrlError::Credentials),
        };
        let (host, port) = host_and_port(place, scheme)?;
        let path = format!("/{}", path.trim_end_matches('/'));
        if !plain_path(&path) {
            return Err(UrlError::Form("the path may hold letters, digits and -._~+/ only, and no `.` or `..` part"));
        }
        let clear = matches!(scheme, Scheme::Http | Scheme::Git);
        if clear && !matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]") {
            return Err(UrlError::Clear(scheme.word()));
        }
        Ok(Self { scheme, user, host, port, path })
    }

    /// How it is spoken to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The user of an ssh URL.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Host and port, with the scheme's own port where none was written.
    pub fn authority(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// The folder of a file remote.
    pub fn folder(&self) -> Option<PathBuf> {
        (self.scheme == Scheme::File).then(|| PathBuf::from(&self.path))
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme == Scheme::File {
            return f.write_str(&self.path);
        }
        write!(f, "{}://", self.scheme.word())?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&self.host)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}

/// Where credentials may be sent: exactly this scheme, host and port, and this path or what is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(RemoteUrl);

impl Scope {
    /// Reads `https://host[:port]/path` (or ssh, or loopback http).
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let with_path = text.split_once("://").is_some_and(|(_, rest)| !rest.contains('/'));
        let url = if with_path { RemoteUrl::parse(&format!("{text}/"))? } else { RemoteUrl::parse(text)? };
        match url.scheme {
            Scheme::Https | Scheme::Http | Scheme::Ssh => Ok(Self(url)),
            Scheme::File | Scheme::Git => Err(UrlError::Form("file and git remotes take no credentials")),
        }
    }

    /// Whether the credentials may go there.
    pub fn covers(&self, url: &RemoteUrl) -> bool {
        let prefix = self.0.path.trim_end_matches('/');
        let below = url.path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let user = self.0.user.is_none() || self.0.user == url.user;
        self.0.scheme == url.scheme && self.0.host == url.host && self.0.port == url.port && below && user
    }
}

fn host_and_port(place: &str, scheme: Scheme) -> Result<(String, u16), UrlError> {
    let bad =
        UrlError::Form("the host may hold letters, digits, dots and dashes only, or be an IPv6 address in brackets");
    let v6_end = if place.starts_with('[') { place.find(']') } else { None };
    let (host, port) = match v6_end {
        Some(end) => place.split_at_checked(end + 1).ok_or_else(|| bad.clone())?,
        None => place.split_at_checked(place.find(':').unwrap_or(place.len())).ok_or_else(|| bad.clone())?,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let v6 = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '[' | ']' | '.');
    if host.is_empty()
        || host.starts_with('-')
        || !host.chars().all(|c| if v6_end.is_some() { v6(c) } else { plain(c) })
    {
        return Err(bad);
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => scheme.default_port(),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or(UrlError::Form("the port is not a number from 1 to 65535"))?,
        _ => return Err(UrlError::Form("the port is not a number from 1 to 65535")),
    };
    Ok((host.to_ascii_lowercase(), port))
}

fn plain_user(user: &str) -> bool {
    !user.is_empty() && !user.starts_with('-') && user.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn plain_path(path: &str) -> bool {
    path.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
        && path.split('/').skip(1).all(|part| part != "." && part != ".." && (!part.is_empty() || path == "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_could_be_read_in_two_ways_or_hold_credentials_are_refused() {
        for bad in [
            "",
            "https://user:pw@host/x",
            "https://token@host/x",
            "ssh://git:pw@host/x",
            "http://example.com/x",
            "git://example.com/x",
            "ftp://host/x",
            "ext::sh -c x://y",
            "https://host",
            "https://host:0/x",
            "https://host:+80/x",
            "https://host/a/../b",
            "https://host/a//b",
            "https://host/%2e%2e/b",
            "https://host/x?y",
            "https://host\\@evil/x",
            "https://-host/x",
            "git@host:x",
            "https://host/x\n",
        ] {
            assert!(RemoteUrl::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn urls_print_without_default_ports_and_in_one_form() {
        for (text, want) in [
            ("https://HOST:443/a/b/", "https://host/a/b"),
            ("https://host:8443/a.git", "https://host:8443/a.git"),
            ("ssh://git@host/a.git", "ssh://git@host/a.git"),
            ("http://[::1]:80/a", "http://[::1]/a"),
            ("file:///srv/fleet.git", "/srv/fleet.git"),
        ] {
            assert_eq!(RemoteUrl::parse(text).unwrap().to_string(), want);
        }
        assert!(RemoteUrl::parse("fleet.git").unwrap().folder().unwrap().is_absolute());
    }

    #[test]
    fn credentials_cover_exactly_their_authority_and_path() {
        let check = |scope: &str, url: &str, want: bool| {
            let covers = Scope::parse(scope).unwrap().covers(&RemoteUrl::parse(url).unwrap());
            assert_eq!(covers, want, "{scope} {url}");
        };
        check("https://host", "https://host/a/b", true);
        check("https://host/a", "https://host/a/b", true);
        check("https://host/a", "https://host/ab", false);
        check("https://host/a", "https://host:8443/a", false);
        check("https://host/a", "https://host.evil.example/a", false);
        check("https://host/a", "ssh://git@host/a", false);
        assert!(Scope::parse("file:///x").is_err());
    }
}
