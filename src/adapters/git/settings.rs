//! What the adapter needs to know.
//!
//! Input: texts and paths from the configuration. Output: [`Settings`] that cannot be wrong in form. It reads no file
//! and asks nobody. Invariants: the URL holds no credentials; credentials cover the URL; branch names are valid and
//! differ; paths are absolute.

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::credentials::Credentials;
use super::remote_url::{RemoteUrl, Scope, UrlError};

/// Why settings are not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// The address.
    #[error("the repository's URL is not usable")]
    Url(#[source] UrlError),
    /// Where credentials may go.
    #[error("the place that the credentials are for (`for`) is not usable")]
    Scope(#[source] UrlError),
    /// The credentials are for another place.
    #[error("the credentials are not for {0}: `for` must be a prefix of the repository's URL")]
    OutOfScope(String),
    /// A branch name that Git would not take.
    #[error("`{0}` is not a valid branch name")]
    Branch(String),
    /// The reports would wake the reader.
    #[error("the tracked branch and the status branch are both `{0}`: name two")]
    SameBranch(String),
    /// A path that does not become absolute.
    #[error("the path `{0}` cannot be made absolute")]
    Path(String),
}

/// Where the secret is. It is read at each connection, so that it may be renewed at any time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// A file: `user:password`, a bare token, or a private key for ssh.
    File(PathBuf),
    /// An environment variable with the same content.
    Env(String),
}

/// Bounds of the adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest fetch, in bytes on the wire.
    pub fetch_bytes: u64,
    /// The longest fetch.
    pub fetch_time: Duration,
    /// The longest wait for a connection. One value for the process: the last repository that was started sets it.
    pub connect_time: Duration,
    /// The longest silence of the server. One value for the process: the last repository that was started sets it.
    pub server_time: Duration,
    /// The longest time that a caller waits for one call, with the calls before it. A call that libgit2 does not end by
    /// then is left alone.
    pub call_time: Duration,
    /// The most spec files of a revision, counting folders and what cannot be read.
    pub files: u64,
    /// The most bytes that one call reads in all.
    pub read_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fetch_bytes: 500 << 20,
            fetch_time: Duration::from_mins(2),
            connect_time: Duration::from_secs(10),
            server_time: Duration::from_secs(30),
            call_time: Duration::from_mins(5),
            files: 20_000,
            read_bytes: 512 << 20,
        }
    }
}

/// Who writes reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
}

/// A branch by its short name, valid for Git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchName(String);

impl BranchName {
    fn parse(text: &str) -> Result<Self, SettingsError> {
        let reference = format!("refs/heads/{text}");
        if text != "HEAD" && !text.starts_with('-') && git2::Reference::is_valid_name(&reference) {
            Ok(Self(text.to_owned()))
        } else {
            Err(SettingsError::Branch(text.escape_debug().to_string()))
        }
    }

    /// The short name.
    pub fn short(&self) -> &str {
        &self.0
    }

    /// `refs/heads/…`.
    pub fn reference(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

/// All settings of one repository.
#[derive(Debug, Clone)]
pub struct Settings {
    url: RemoteUrl,
    branch: BranchName,
    status_branch: BranchName,
    state_dir: PathBuf,
    credentials: Option<Credentials>,
    ca_file: Option<PathBuf>,
    known_hosts: Option<PathBuf>,
    limits: Limits,
    author: Author,
}

impl Settings {
    /// Settings without credentials. `state_dir` is a cache: the local copy is `repository.git` in it.
    pub fn new(url: &str, branch: &str, status_branch: &str, state_dir: &Path) -> Result<Self, SettingsError> {
        let (branch, status_branch) = (BranchName::parse(branch)?, BranchName::parse(status_branch)?);
        if branch == status_branch {
            return Err(SettingsError::SameBranch(branch.0));
        }
        Ok(Self {
            url: RemoteUrl::parse(url).map_err(SettingsError::Url)?,
            branch,
            status_branch,
            state_dir: absolute(state_dir)?,
            credentials: None,
            ca_file: None,
            known_hosts: None,
            limits: Limits::default(),
            author: Author { name: "heddle".to_owned(), email: "heddle@localhost".to_owned() },
        })
    }

    /// Adds credentials that may go to `scope` only.
    pub fn with_credentials(mut self, place: SecretPlace, scope: &str) -> Result<Self, SettingsError> {
        let scope = Scope::parse(scope).map_err(SettingsError::Scope)?;
        if !scope.covers(&self.url) {
            return Err(SettingsError::OutOfScope(self.url.to_string()));
        }
        let place = match place {
            SecretPlace::File(path) => SecretPlace::File(absolute(&path)?),
            SecretPlace::Env(name) => SecretPlace::Env(name),
        };
        self.credentials = Some(Credentials::new(place, scope));
        Ok(self)
    }

    /// Trusts the authorities of a PEM file too, besides those of the system.
    pub fn with_ca_file(mut self, path: &Path) -> Result<Self, SettingsError> {
        self.ca_file = Some(absolute(path)?);
        Ok(self)
    }

    /// The hosts that ssh may talk to.
    pub fn with_known_hosts(mut self, path: &Path) -> Result<Self, SettingsError> {
        self.known_hosts = Some(absolute(path)?);
        Ok(self)
    }

    /// Other bounds.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Another author of reports.
    #[must_use]
    pub fn with_author(mut self, author: Author) -> Self {
        self.author = author;
        self
    }

    /// Where the repository is.
    pub fn url(&self) -> &RemoteUrl {
        &self.url
    }
    /// The branch with the specs.
    pub fn branch(&self) -> &BranchName {
        &self.branch
    }
    /// The branch with the reports.
    pub fn status_branch(&self) -> &BranchName {
        &self.status_branch
    }
    /// The folder of the local copy.
    pub fn local_copy(&self) -> PathBuf {
        self.state_dir.join("repository.git")
    }
    /// The credentials.
    pub(super) fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }
    /// Authorities to trust.
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }
    /// Hosts to trust.
    pub fn known_hosts(&self) -> Option<&Path> {
        self.known_hosts.as_deref()
    }
    /// Bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
    /// Who writes reports.
    pub fn author(&self) -> &Author {
        &self.author
    }
}

fn absolute(path: &Path) -> Result<PathBuf, SettingsError> {
    std::path::absolute(path).map_err(|_| SettingsError::Path(path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(branch: &str, status: &str) -> Result<Settings, SettingsError> {
        Settings::new("https://host/a/fleet.git", branch, status, Path::new("state"))
    }

    #[test]
    fn branch_names_that_git_would_not_take_are_refused() {
        for bad in ["", "a..b", "a b", "/a", "a/", "a.lock", "HEAD", "-x", "a~1", "a:b", "@{x}", "a\n"] {
            assert!(settings(bad, "heddle/status").is_err(), "{bad:?}");
        }
        assert!(matches!(settings("main", "main"), Err(SettingsError::SameBranch(_))));
        assert_eq!(settings("main", "heddle/status").unwrap().branch().reference(), "refs/heads/main");
    }

    #[test]
    fn credentials_for_another_place_are_refused() {
        let with = |scope: &str| settings("main", "s").unwrap().with_credentials(SecretPlace::Env("X".into()), scope);
        assert!(with("https://host/a").is_ok());
        assert!(matches!(with("https://host/b"), Err(SettingsError::OutOfScope(_))));
        assert!(matches!(with("https://u:p@host/a"), Err(SettingsError::Scope(UrlError::Credentials))));
    }
}
