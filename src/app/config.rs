//! The configuration of a process: `heddle.yaml`.
//!
//! Input: a file. Output: [`Config`], or every problem with its place. It connects to nothing. Invariants: relative
//! paths are relative to the file; nothing in it is a secret, only where secrets are; a name that no code reads is
//! unknown to the schema.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use crate::adapters::git::settings::{SecretPlace, Settings, SettingsError};
use crate::adapters::kube::config::Access;
use crate::model::diagnostic::{Code, Diagnostic};
use crate::model::names::{InstallationId, RegionName};
use crate::model::object::ClusterUid;
use crate::model::revision::RepoPath;
use crate::spec::parse::Limits;
use crate::spec::places::Places;
use crate::spec::schema::{self, Compiled};
use crate::spec::{rules, settings_file};

use super::codes::{CREDENTIALS, DUPLICATE_REGION, LONE_CONTEXT, REPOSITORY, VALUE};
use super::wiring::RegionSettings;

static SCHEMA: LazyLock<Compiled> = LazyLock::new(schema::compile::<Document>);

/// heddle's configuration.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "heddle.yaml")]
pub struct Document {
    /// The name of this installation. It is part of every namespace and label, so it stays for ever.
    installation: InstallationId,
    /// A folder for what can be made anew, such as the local copy of the repository. Relative to this file.
    #[schemars(length(min = 1))]
    state_dir: String,
    /// Where specs come from and reports go.
    repository: Repository,
    /// The clusters. A region that the fleet names and this list does not is unknown, and nothing happens in it.
    #[schemars(length(max = 100))]
    regions: Vec<Region>,
    /// How often the repository is asked for news, in seconds; 30 by default.
    #[schemars(range(min = 1, max = 3600))]
    poll_seconds: Option<u64>,
}

/// Where specs come from and reports go.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Repository {
    /// Its address: https, ssh or a path on this machine, without credentials.
    #[schemars(regex(pattern = rules::ADDRESS))]
    url: String,
    /// The branch with the specs.
    #[schemars(length(min = 1, max = 200))]
    branch: String,
    /// The branch for reports; `heddle/status` by default.
    #[schemars(length(min = 1, max = 200))]
    status_branch: Option<String>,
    /// Where the credentials are.
    credentials: Option<Credentials>,
    /// More certificate authorities to trust for https, as a PEM file.
    #[schemars(length(min = 1))]
    ca_file: Option<String>,
    /// The hosts to trust for ssh, in the form of OpenSSH's `known_hosts`.
    #[schemars(length(min = 1))]
    known_hosts: Option<String>,
}

/// Where the credentials are: in a file or in a variable, and for which addresses.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Credentials {
    /// A file with `user:password`, a token, or a private key for ssh.
    #[schemars(length(min = 1))]
    file: Option<String>,
    /// An environment variable with the same content.
    #[schemars(length(min = 1))]
    env: Option<String>,
    /// A prefix of the repository's address. The credentials are sent nowhere else.
    #[serde(rename = "for")]
    #[schemars(regex(pattern = rules::ADDRESS))]
    scope: String,
}

/// One cluster.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Region {
    /// The region's name in `fleet.yaml`.
    name: RegionName,
    /// A kubeconfig file; without it the account of the pod that heddle runs in.
    #[schemars(length(min = 1))]
    kubeconfig: Option<String>,
    /// A context of the kubeconfig; its current one by default.
    #[schemars(length(min = 1))]
    context: Option<String>,
    /// The uid of the cluster's `kube-system` namespace. Without it nothing happens in the region.
    #[schemars(regex(pattern = rules::UID))]
    cluster_uid: Option<String>,
}

/// What a process needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The installation.
    pub installation: InstallationId,
    /// The repository.
    pub repository: Settings,
    /// The regions.
    pub regions: Vec<RegionSettings>,
    /// How often the repository is asked for news.
    pub poll: Duration,
}

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It has problems.
    #[error("the configuration {path} cannot be used")]
    Problems {
        /// The file.
        path: PathBuf,
        /// Its text, for showing the places, without anything that looks secret.
        harmless_text: String,
        /// All problems.
        problems: Vec<Diagnostic>,
    },
}

/// The schema of the file, as committed in `schemas/config.json`.
pub fn json_schema() -> &'static serde_json::Value {
    &SCHEMA.schema
}

/// Reads the configuration.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let limits = Limits::default();
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limits.bytes.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limits.bytes {
        return Err(unreadable(io::Error::other("it is larger than 1 MiB")));
    }
    let folder = std::path::absolute(path).map_err(unreadable)?;
    let folder = folder.parent().unwrap_or(Path::new("/"));
    let shown = path.file_name().and_then(|name| name.to_str()).and_then(|name| RepoPath::parse(name).ok());
    parse(shown.as_ref(), &bytes, folder).map_err(|problems| ConfigError::Problems {
        path: path.to_owned(),
        harmless_text: settings_file::harmless(&bytes, limits),
        problems,
    })
}

fn parse(file: Option<&RepoPath>, bytes: &[u8], folder: &Path) -> Result<Config, Vec<Diagnostic>> {
    let fallback = RepoPath::parse("heddle.yaml").ok();
    let Some(file) = file.or(fallback.as_ref()) else { return Err(Vec::new()) };
    let (value, places) = settings_file::read(file, bytes, Limits::default(), &SCHEMA)?;
    let problem = |code: Code, pointer: &str, message: String| {
        Diagnostic::error(code, message).in_file(file).at(places.get(pointer), pointer)
    };
    let document: Document =
        serde_json::from_value(value).map_err(|error| vec![problem(VALUE, "", error.to_string())])?;
    let mut problems = Vec::new();
    let repository = repository(&document, folder).map_err(|(code, pointer, message)| {
        problems.push(problem(code, pointer, message));
    });
    let of_regions = duplicates(&document, &places).chain(lone_contexts(&document, &places));
    problems.extend(of_regions.map(|found| found.in_file(file)));
    let regions = document.regions.iter().map(|region| region_settings(region, folder)).collect();
    match (repository, problems.is_empty()) {
        (Ok(repository), true) => Ok(Config {
            installation: document.installation,
            repository,
            regions,
            poll: Duration::from_secs(document.poll_seconds.unwrap_or(30)),
        }),
        _ => Err(problems),
    }
}

type Misfit = (Code, &'static str, String);

fn repository(document: &Document, folder: &Path) -> Result<Settings, Misfit> {
    let Repository { url, branch, status_branch, credentials, ca_file, known_hosts } = &document.repository;
    let misfit = |error: SettingsError| {
        let pointer = match &error {
            SettingsError::Url(_) => "/repository/url",
            SettingsError::Scope(_) | SettingsError::OutOfScope(_) => "/repository/credentials/for",
            SettingsError::Branch(name) if Some(name) == status_branch.as_ref() => "/repository/statusBranch",
            SettingsError::Branch(_) | SettingsError::SameBranch(_) => "/repository/branch",
            SettingsError::Path(_) => "/stateDir",
        };
        (REPOSITORY, pointer, crate::model::causes::chain(&error))
    };
    let status_branch = status_branch.as_deref().unwrap_or("heddle/status");
    let url = if is_relative_path(url) { folder.join(url).display().to_string() } else { url.clone() };
    let mut settings = Settings::new(&url, branch, status_branch, &folder.join(&document.state_dir)).map_err(misfit)?;
    if let Some(Credentials { file, env, scope }) = credentials {
        let place = match (file, env) {
            (Some(file), None) => SecretPlace::File(folder.join(file)),
            (None, Some(env)) => SecretPlace::Env(env.clone()),
            _ => {
                let message = "give either `file` or `env`: one place where the secret is".to_owned();
                return Err((CREDENTIALS, "/repository/credentials", message));
            }
        };
        settings = settings.with_credentials(place, scope).map_err(misfit)?;
    }
    if let Some(file) = ca_file {
        settings = settings.with_ca_file(&folder.join(file)).map_err(misfit)?;
    }
    if let Some(file) = known_hosts {
        settings = settings.with_known_hosts(&folder.join(file)).map_err(misfit)?;
    }
    Ok(settings)
}

/// A path such as `../fleet.git`, and not a URL or `user@host:path`.
fn is_relative_path(url: &str) -> bool {
    !url.contains(':') && !url.starts_with('/')
}

fn duplicates<'a>(document: &'a Document, places: &'a Places) -> impl Iterator<Item = Diagnostic> + 'a {
    let mut seen = BTreeSet::new();
    document.regions.iter().enumerate().filter(move |(_, region)| !seen.insert(&region.name)).map(|(at, region)| {
        let pointer = format!("/regions/{at}/name");
        Diagnostic::error(DUPLICATE_REGION, format!("the region `{}` stands twice in the list", region.name))
            .at(places.get(&pointer), pointer)
            .hint("one region is one cluster; remove one of the two")
    })
}

/// A context is a part of a kubeconfig: without one, the account of the pod would be used and the context forgotten.
fn lone_contexts<'a>(document: &'a Document, places: &'a Places) -> impl Iterator<Item = Diagnostic> + 'a {
    let lone = |region: &Region| region.context.is_some() && region.kubeconfig.is_none();
    document.regions.iter().enumerate().filter(move |(_, region)| lone(region)).map(|(at, region)| {
        let pointer = format!("/regions/{at}/context");
        let message = format!("the region `{}` names a context, but no kubeconfig that holds it", region.name);
        Diagnostic::error(LONE_CONTEXT, message)
            .at(places.get(&pointer), pointer)
            .hint("name the file under `kubeconfig`; without both, heddle uses the account of the pod that it runs in")
    })
}

fn region_settings(region: &Region, folder: &Path) -> RegionSettings {
    let access = match &region.kubeconfig {
        Some(path) => Access::File { path: folder.join(path), context: region.context.clone() },
        None => Access::InCluster,
    };
    RegionSettings {
        name: region.name.clone(),
        access,
        cluster_uid: region.cluster_uid.as_deref().map(ClusterUid::new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "installation: demo
stateDir: state
repository:
  url: https://git.example/fleet.git
  branch: main
  credentials: {file: token, for: https://git.example/}
regions:
  - name: eu-west
    kubeconfig: eu.kubeconfig
    clusterUid: 11111111-2222-3333-4444-555555555555
";

    fn check(text: &str, expected: &[&str]) {
        let found = parse(None, text.as_bytes(), Path::new("/etc/heddle")).err().unwrap_or_default();
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let config = parse(None, GOOD.as_bytes(), Path::new("/etc/heddle")).unwrap();
        assert_eq!(config.repository.local_copy(), Path::new("/etc/heddle/state/repository.git"));
        let access = Access::File { path: "/etc/heddle/eu.kubeconfig".into(), context: None };
        assert_eq!(config.regions[0].access, access);
    }

    #[test]
    fn every_problem_is_told_with_its_place() {
        check(GOOD, &[]);
        check(
            &GOOD.replace("installation: demo", "instalation: demo"),
            &[
                "heddle.yaml:1:1: error[HDL2030]: the field `instalation` does not exist",
                "heddle.yaml:1:1: error[HDL2031]: the field `installation` is missing",
            ],
        );
        check(
            &GOOD.replace("for: https://git.example/", "for: https://other.example/"),
            &[
                "heddle.yaml:6:35: error[HDL1902]: the credentials are not for https://git.example/fleet.git: `for` must \
               be a prefix of the repository's URL",
            ],
        );
        check(
            &GOOD.replace("file: token, ", ""),
            &["heddle.yaml:6:3: error[HDL1904]: give either `file` or `env`: one place where the secret is"],
        );
        let twice = format!("{GOOD}  - name: eu-west\n");
        check(&twice, &["heddle.yaml:11:11: error[HDL1903]: the region `eu-west` stands twice in the list"]);
    }

    #[test]
    fn a_context_without_its_kubeconfig_is_told_and_not_forgotten() {
        check(
            &GOOD.replace("kubeconfig: eu.kubeconfig", "context: eu"),
            &[
                "heddle.yaml:9:14: error[HDL1905]: the region `eu-west` names a context, but no kubeconfig that holds it",
            ],
        );
        let text = GOOD.replace("    kubeconfig:", "    context: eu\n    kubeconfig:");
        let config = parse(None, text.as_bytes(), Path::new("/")).unwrap();
        assert_eq!(
            config.regions[0].access,
            Access::File { path: "/eu.kubeconfig".into(), context: Some("eu".into()) }
        );
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_not_repeated() {
        let text = GOOD.replace("https://git.example/fleet.git", "https://me:hunter2-CANARY@git.example/fleet.git");
        let found = parse(None, text.as_bytes(), Path::new("/")).unwrap_err();
        assert!(!format!("{found:?}").contains("CANARY"), "{found:?}");
    }
}
