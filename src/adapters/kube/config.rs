//! How a region's cluster is reached: a kubeconfig file and context, or the pod's own account.
//!
//! Input: a path and a context, or the environment of a pod. Output: a client. It sends nothing. Invariants:
//! certificates are always verified; nothing is executed to get credentials; the client retries nothing by itself;
//! the environment of the process (proxies, debug overrides) changes nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderValue;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use thiserror::Error;

use super::request;
use super::text::masked;

/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Where the credentials are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// The account of the pod that heddle runs in.
    InCluster,
    /// A kubeconfig file.
    File {
        /// Its path.
        path: PathBuf,
        /// Its context; none for the current one.
        context: Option<String>,
    },
}

/// Why a region cannot be reached by its configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read or is no kubeconfig.
    #[error("the kubeconfig {path} cannot be used")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<kube::config::KubeconfigError>,
    },
    /// It asks for something that heddle does not do.
    #[error("the kubeconfig {path} has {what}, which is not supported (hint: {hint})")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What.
        what: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// There is no account of a pod.
    #[error("this process does not run in a pod with a service account")]
    NotInCluster(#[source] Box<kube::config::InClusterError>),
    /// The client cannot be made of it, such as from a broken certificate.
    #[error("no client can be made: {detail}")]
    Client {
        /// In which way, masked.
        detail: String,
    },
}

impl ConfigError {
    /// What is wrong, with its cause. The client library's errors repeat their own causes, so one step is enough.
    pub fn detail(&self) -> String {
        match self {
            Self::Unreadable { source, .. } => format!("{self}: {source}"),
            Self::NotInCluster(source) => format!("{self}: {source}"),
            Self::Unsupported { .. } | Self::Client { .. } => self.to_string(),
        }
    }
}

/// A client for a region. Must be called within a tokio runtime.
pub async fn client(access: &Access) -> Result<kube::Client, ConfigError> {
    client_of(config(access).await?)
}

async fn config(access: &Access) -> Result<kube::Config, ConfigError> {
    match access {
        Access::InCluster => kube::Config::incluster().map_err(|error| ConfigError::NotInCluster(Box::new(error))),
        Access::File { path, context } => from_file(path, context.as_deref()).await,
    }
}

/// A client whose every request impersonates a user.
pub(super) async fn client_as(access: &Access, user: &str) -> Result<kube::Client, ConfigError> {
    let mut config = config(access).await?;
    let user = HeaderValue::from_str(user).map_err(|error| ConfigError::Client { detail: error.to_string() })?;
    config.headers.push((request::IMPERSONATE_USER, user));
    client_of(config)
}

/// A client that connects within its time and sends every request once.
pub(super) fn client_of(mut config: kube::Config) -> Result<kube::Client, ConfigError> {
    config.connect_timeout = Some(CONNECT_MAX);
    // The client would send a write again after a 504, whose effect may have happened.
    config.default_retry = false;
    kube::Client::try_from(config).map_err(|error| ConfigError::Client { detail: masked(&error.to_string()) })
}

async fn from_file(path: &Path, context: Option<&str>) -> Result<kube::Config, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source: Box::new(source) };
    let file = Kubeconfig::read_from(path).map_err(unreadable)?;
    let options = KubeConfigOptions { context: context.map(ToOwned::to_owned), ..KubeConfigOptions::default() };
    let named_proxy = uses_proxy(&file, context);
    let mut config = kube::Config::from_custom_kubeconfig(file, &options).await.map_err(unreadable)?;
    let unsupported = |(what, hint)| ConfigError::Unsupported { path: path.to_owned(), what, hint };
    let insecure = config.accept_invalid_certs || config.cluster_url.scheme_str() != Some("https");
    if let Some(found) = unsupported_credentials(&config.auth_info) {
        return Err(unsupported(found));
    }
    if insecure {
        let hint = "use an https server and give its certificate authority";
        return Err(unsupported(("a server whose certificate is not verified", hint)));
    }
    if named_proxy {
        return Err(unsupported(("a proxy-url", "reach the server directly")));
    }
    // Taken from HTTPS_PROXY.
    config.proxy_url = None;
    Ok(config)
}

fn uses_proxy(file: &Kubeconfig, context: Option<&str>) -> bool {
    let context = context.or(file.current_context.as_deref());
    let context = file.contexts.iter().find(|named| Some(named.name.as_str()) == context);
    let cluster = context.and_then(|named| named.context.as_ref()).map(|context| context.cluster.as_str());
    let cluster = file.clusters.iter().find(|named| Some(named.name.as_str()) == cluster);
    let cluster = cluster.and_then(|named| named.cluster.as_ref());
    cluster.and_then(|cluster| cluster.proxy_url.as_deref()).is_some_and(|url| !url.is_empty())
}

fn unsupported_credentials(user: &AuthInfo) -> Option<(&'static str, &'static str)> {
    const FILE: &str = "use a token file, a client certificate, or run in the cluster";
    if user.exec.is_some() {
        Some(("an exec plugin", FILE))
    } else if user.auth_provider.is_some() {
        Some(("an auth-provider", FILE))
    } else if user.username.is_some() || user.password.is_some() {
        Some(("a user name and password", FILE))
    } else if user.impersonate.is_some() || user.impersonate_groups.is_some() || user.impersonate_uid.is_some() {
        Some(("an impersonated user", "heddle chooses its three identities itself; remove `as`"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
