//! Somebody with a clone who pushes, and heddle on the other side.

use std::path::{Path, PathBuf};

use heddle::adapters::git::GitRepository;
use heddle::adapters::git::settings::{SecretPlace, Settings};
use heddle::model::revision::{RepoPath, Revision};
use heddle::ports::source::SourceError;
use heddle::ports::status_sink::{Documents, Published, StatusSink};
use jiff::Timestamp;
use tempfile::TempDir;

use super::server::{Demands, GitServer, git};

/// The status branch.
pub const STATUS: &str = "refs/heads/heddle/status";

/// A served repository, a clone beside it, and a state folder.
pub struct World {
    pub folder: TempDir,
    pub server: GitServer,
    demands: Demands,
}

impl World {
    /// Starts the server and pushes a first commit.
    pub fn start(demands: Demands) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = GitServer::start(folder.path(), demands);
        git(folder.path(), &["clone", "--quiet", "fleet.git", "clone"]);
        let world = Self { folder, server, demands };
        world.push(&[("fleet.yaml", "a: 1\n"), ("tenants/acme/tenant.yaml", "b: 2\n")]);
        world
    }

    /// The person's clone.
    pub fn clone(&self) -> PathBuf {
        self.folder.path().join("clone")
    }

    /// Commits files in the clone.
    pub fn commit(&self, files: &[(&str, &str)]) -> Revision {
        for (path, text) in files {
            let path = self.clone().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        git(&self.clone(), &["add", "--all"]);
        git(&self.clone(), &["commit", "--quiet", "--message=change"]);
        Revision::parse(&git(&self.clone(), &["rev-parse", "HEAD"])).unwrap()
    }

    /// Commits files and pushes them to `main`.
    pub fn push(&self, files: &[(&str, &str)]) -> Revision {
        let revision = self.commit(files);
        git(&self.clone(), &["push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"]);
        revision
    }

    /// Where the status branch is on the server.
    pub fn status(&self) -> Option<Revision> {
        let listed = git(&self.server.repository(), &["for-each-ref", "--format=%(objectname)", STATUS]);
        (!listed.is_empty()).then(|| Revision::parse(&listed).unwrap())
    }

    /// Heddle's settings, with a state folder of this name and the right password.
    pub fn settings(&self, state: &str) -> Settings {
        let secret = self.demands.password.map_or("", |(secret, _)| secret);
        self.settings_as(state, secret)
    }

    /// With another secret; an empty one is none.
    pub fn settings_as(&self, state: &str, secret: &str) -> Settings {
        let folder = self.folder.path();
        let mut settings = Settings::new(&self.server.url(), "main", "heddle/status", &folder.join(state)).unwrap();
        if let Some(file) = self.server.ca_file() {
            settings = settings.with_ca_file(file).unwrap();
        }
        if !secret.is_empty() {
            let file = folder.join(format!("{state}.secret"));
            std::fs::write(&file, secret).unwrap();
            settings = settings.with_credentials(SecretPlace::File(file), &self.server.origin()).unwrap();
        }
        settings
    }

    /// Heddle.
    pub fn heddle(&self, state: &str) -> GitRepository {
        GitRepository::start(self.settings(state)).unwrap()
    }
}

/// Reports one document.
pub async fn report(
    heddle: &GitRepository,
    parent: Option<Revision>,
    path: &str,
    text: &str,
) -> Result<Published, SourceError> {
    let documents = Documents::from([(RepoPath::parse(path).unwrap(), Some(text.as_bytes().to_vec()))]);
    heddle.publish(parent, &documents, "Report acme", Timestamp::constant(1_700_000_000, 0)).await
}

/// The tip after a report that must have arrived.
pub fn at(published: Result<Published, SourceError>) -> Revision {
    match published {
        Ok(Published::At(tip)) => tip,
        other => panic!("{other:?}"),
    }
}

/// What Git thinks of a repository.
pub fn assert_sound(repository: &Path) {
    git(repository, &["fsck", "--strict", "--full", "--no-dangling"]);
}

/// Runs one case's future.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
