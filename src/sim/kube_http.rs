//! The store over HTTPS: what the real `kube` client and `kubectl` talk to.
//!
//! Input: a store and a plan of faults. Output: a [`Front`] with its URL, its throw-away CA and a token, until it is
//! dropped. It listens on loopback only. Invariants: nobody without the token is answered; every request is recorded
//! with whom it impersonates; the store alone decides what a request does.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::controllers::{Kubelet, NoKubelet};
use super::faults::{Effect, Fault, Faults};
use super::store::Store;
use super::store::failure::Failure;

mod answer;
mod body;
mod discovery;
mod forward;
mod handle;
mod kubeconfig;
mod route;
mod table;
#[cfg(test)]
mod tests;
mod tls;
mod watching;

use route::Route;

/// Why no front could be opened.
#[derive(Debug, Error)]
pub enum FrontError {
    /// No port could be had.
    #[error("no loopback port can be opened")]
    Listen(#[source] io::Error),
    /// No certificate could be made.
    #[error("no throw-away certificate can be made: {0}")]
    Certificate(String),
}

/// A request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// `GET`, `PATCH`, …
    pub method: String,
    /// The path.
    pub path: String,
    /// The query; empty when there is none.
    pub query: String,
    /// `Impersonate-User`.
    pub user: Option<String>,
    /// `Impersonate-Group`.
    pub groups: Vec<String>,
    /// `User-Agent`.
    pub agent: String,
    /// The status of the answer.
    pub status: u16,
}

/// What all requests share.
struct Shared {
    store: Arc<Store>,
    faults: Arc<Faults>,
    token: String,
    recorded: Mutex<Vec<Recorded>>,
    closing: CancellationToken,
    /// What runs pods.
    kubelet: Arc<dyn Kubelet>,
}

/// An open front. Dropping it closes it.
pub struct Front {
    shared: Arc<Shared>,
    address: SocketAddr,
    ca_pem: String,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.shared.closing.cancel();
    }
}

impl Front {
    /// `https://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The CA that signed its certificate.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The token that it accepts.
    pub fn token(&self) -> &str {
        &self.shared.token
    }

    /// The text of a kubeconfig for it.
    pub fn kubeconfig(&self) -> String {
        kubeconfig::text(&self.url(), &self.ca_pem, &self.shared.token)
    }

    /// Writes the kubeconfig, readable by its owner only.
    pub fn write_kubeconfig(&self, path: &Path) -> io::Result<()> {
        kubeconfig::write(path, &self.kubeconfig())
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.recorded.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Opens a front on a free loopback port. Must be called within a tokio runtime with network.
pub async fn serve(store: Arc<Store>, faults: Arc<Faults>) -> Result<Front, FrontError> {
    open(store, faults, (0, Arc::new(NoKubelet))).await
}

/// Opens a front on a given loopback port; 0 for a free one.
pub async fn serve_at(store: Arc<Store>, faults: Arc<Faults>, port: u16) -> Result<Front, FrontError> {
    open(store, faults, (port, Arc::new(NoKubelet))).await
}

/// Opens a front of a region whose pods run something, so that their ports can be forwarded.
pub async fn serve_pods(
    store: Arc<Store>,
    faults: Arc<Faults>,
    kubelet: Arc<dyn Kubelet>,
) -> Result<Front, FrontError> {
    open(store, faults, (0, kubelet)).await
}

async fn open(
    store: Arc<Store>,
    faults: Arc<Faults>,
    (port, kubelet): (u16, Arc<dyn Kubelet>),
) -> Result<Front, FrontError> {
    let identity = tls::throw_away().map_err(FrontError::Certificate)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(FrontError::Listen)?;
    let address = listener.local_addr().map_err(FrontError::Listen)?;
    let token = identity.token.clone();
    let closing = CancellationToken::new();
    let shared =
        Arc::new(Shared { store, faults, token, recorded: Mutex::default(), closing: closing.clone(), kubelet });
    let router = Router::new().fallback(entry).with_state(shared.clone());
    let listener = tls::listen(listener, address, identity.config, closing.clone());
    tokio::spawn(async move {
        let serving = axum::serve(listener, router);
        tokio::select! {
            () = closing.cancelled() => {}
            _ = serving => {}
        }
    });
    Ok(Front { shared, address, ca_pem: identity.ca_pem })
}

async fn entry(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (mut recorded, authorization) = recorded(&request);
    let response = if authorization == format!("Bearer {}", shared.token) {
        respond(&shared, request).await
    } else {
        answer::failure(&Failure::new(401, "Unauthorized", "Unauthorized"))
    };
    recorded.status = response.status().as_u16();
    shared.recorded.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
    response
}

fn recorded(request: &Request) -> (Recorded, String) {
    let header = |name: &str| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned).unwrap_or_default()
    };
    let groups = request.headers().get_all("impersonate-group").iter().filter_map(|value| value.to_str().ok());
    let recorded = Recorded {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        user: Some(header("impersonate-user")).filter(|user| !user.is_empty()),
        groups: groups.map(str::to_owned).collect(),
        agent: header("user-agent"),
        status: 0,
    };
    (recorded, header("authorization"))
}

async fn respond(shared: &Arc<Shared>, request: Request) -> Response {
    let request = match forward::respond(&shared.store, &shared.kubelet, request) {
        Ok(response) => return response,
        Err(other) => *other,
    };
    let path = request.uri().path().to_owned();
    let accept = request.headers().get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if let Some(response) = discovery::respond(&path, &accept) {
        return response;
    }
    let route = match Route::read(&request) {
        Ok(route) => route,
        Err(failure) => return answer::failure(&failure),
    };
    let fault = if route.is_effect() {
        let effect = if route.method == "DELETE" {
            Effect::Delete
        } else if route.resource.is("Lease") {
            Effect::Lease
        } else if route.resource.is("Secret") {
            Effect::Secret
        } else {
            Effect::Apply
        };
        shared.faults.effect(effect, &path)
    } else {
        shared.faults.read()
    };
    let lost = || Failure::new(504, "Timeout", "Timeout: request did not complete within the allotted timeout");
    let instead = match fault {
        None | Some(Fault::LostAnswer | Fault::CrashAfter) => None,
        Some(Fault::CrashBefore | Fault::LostRequest) => Some(lost()),
        Some(Fault::Conflict) => Some(Failure::modified(route.resource, &route.name)),
        Some(Fault::Busy(pause)) => {
            let failure = Failure::new(429, "TooManyRequests", "too many requests, please try again later");
            Some(Failure { retry_after: Some(pause.as_secs()), ..failure })
        }
        Some(Fault::Unavailable | Fault::Unreachable) => {
            Some(Failure::new(503, "ServiceUnavailable", "the server is currently unable to handle the request"))
        }
        Some(Fault::Refused) => Some(Failure::forbidden(route.resource, &route.name, "no rule allows it")),
        Some(Fault::Slow(duration)) => {
            tokio::time::sleep(duration).await;
            None
        }
    };
    if let Some(failure) = instead {
        return answer::failure(&failure);
    }
    let response = handle::handle(shared, route, request).await.unwrap_or_else(|failure| answer::failure(&failure));
    match fault {
        Some(Fault::LostAnswer | Fault::CrashAfter) => answer::failure(&lost()),
        _ => response,
    }
}

/// A plain answer.
fn plain(status: StatusCode, kind: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if let Ok(value) = kind.parse() {
        response.headers_mut().insert("content-type", value);
    }
    response
}
