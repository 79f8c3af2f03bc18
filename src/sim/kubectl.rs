//! An administrator who works on a region by hand.
//!
//! Input: a kubeconfig, paths, bodies. Output: the API server's answers over HTTPS. It shares nothing with heddle's own
//! client but the library below. Invariants: it impersonates nobody; what it writes carries `kubectl`'s field managers;
//! nothing is cached.

use std::path::Path;

use http::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use thiserror::Error;

/// Why a request was not done.
#[derive(Debug, Error)]
pub enum KubectlError {
    /// The kubeconfig.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] Box<kube::config::KubeconfigError>),
    /// No client, no request or no answer.
    #[error("{what} was not answered")]
    Request {
        /// Method and path.
        what: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// A request that cannot be formed.
    #[error("{what} is no request")]
    Form {
        /// Method and path.
        what: String,
        /// Why.
        #[source]
        source: http::Error,
    },
}

/// Somebody with `kubectl`.
#[derive(Clone)]
pub struct Kubectl {
    client: kube::Client,
}

impl Kubectl {
    /// With the current context of a kubeconfig. Must be called within a tokio runtime.
    pub async fn new(kubeconfig: &Path) -> Result<Self, KubectlError> {
        let unreadable = |error| KubectlError::Kubeconfig(Box::new(error));
        let file = Kubeconfig::read_from(kubeconfig).map_err(unreadable)?;
        let options = KubeConfigOptions::default();
        let mut config = kube::Config::from_custom_kubeconfig(file, &options).await.map_err(unreadable)?;
        // Taken from HTTPS_PROXY; the region is on loopback.
        config.proxy_url = None;
        let source = |source| KubectlError::Request { what: "the connection".to_owned(), source: Box::new(source) };
        Ok(Self { client: kube::Client::try_from(config).map_err(source)? })
    }

    /// `kubectl get --raw`; none when there is no such object.
    pub async fn get(&self, path: &str) -> Result<Option<Value>, KubectlError> {
        match self.send(Method::GET, path, None, Vec::new()).await {
            Ok(found) => Ok(Some(found)),
            Err(KubectlError::Request { source, .. }) if matches!(&*source, kube::Error::Api(status) if status.code == 404) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The items of a collection.
    pub async fn list(&self, path: &str) -> Result<Vec<Value>, KubectlError> {
        let mut list = self.send(Method::GET, path, None, Vec::new()).await?;
        match list.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => Ok(items),
            _ => Ok(Vec::new()),
        }
    }

    /// `kubectl create`.
    pub async fn create(&self, collection: &str, body: &Value) -> Result<Value, KubectlError> {
        let path = format!("{collection}?fieldManager=kubectl-create");
        self.send(Method::POST, &path, Some("application/json"), body.to_string().into_bytes()).await
    }

    /// What `kubectl edit` sends for a change that was made by hand.
    pub async fn edit(&self, path: &str, change: &Value) -> Result<Value, KubectlError> {
        let path = format!("{path}?fieldManager=kubectl-edit");
        let kind = Some("application/merge-patch+json");
        self.send(Method::PATCH, &path, kind, change.to_string().into_bytes()).await
    }

    async fn send(&self, method: Method, path: &str, kind: Option<&str>, body: Vec<u8>) -> Result<Value, KubectlError> {
        let what = || format!("{method} {path}");
        let request = Request::builder().method(&method).uri(path).header("accept", "application/json");
        let request = kind.into_iter().fold(request, |request, kind| request.header("content-type", kind));
        let request = request.body(body).map_err(|source| KubectlError::Form { what: what(), source })?;
        let answer = self.client.request::<Value>(request).await;
        answer.map_err(|source| KubectlError::Request { what: what(), source: Box::new(source) })
    }
}
