//! One region's cluster.
//!
//! Input: objects, ids, identities, preconditions. Output: what the server keeps, or a classified error. An
//! implementation never retries a write and never decides. Invariants: no call without an [`Identity`]; a write carries
//! what it expects to find, so that a late one is refused by the server.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use super::secret_store::SecretStore;
use crate::k8s::kinds::{self, Writer};
use crate::k8s::object::Object;
use crate::model::names::TenantName;
use crate::model::object::{ClusterUid, Kind, ObjectId, ResourceVersion, Uid};
use crate::model::retry::Retry;
use crate::observed::object::{LiveObject, ObservedObject};

/// As whom a request is made. The daemon's own account may do nothing but impersonate these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// Lists and watches the rendered kinds; nothing on Secrets.
    Observer,
    /// Namespaces, quotas, access, policies, heddle's own namespace.
    Platform,
    /// Everything in one tenant's namespaces.
    Tenant {
        /// The tenant.
        tenant: TenantName,
        /// The namespace whose account is impersonated.
        namespace: Box<str>,
    },
}

impl Identity {
    /// As whom an object is read and written; none when it has no namespace but its kind needs one.
    pub fn writer_of(id: &ObjectId, tenant: &TenantName) -> Option<Self> {
        match kinds::info(id.kind).writer {
            Writer::Platform => Some(Self::Platform),
            Writer::Tenant => Some(Self::Tenant { tenant: tenant.clone(), namespace: id.namespace.clone()? }),
        }
    }
}

/// What a write expects to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Nothing of that name: sent as `resourceVersion: "1"`, so that the server answers 409 to anything that exists.
    Absent,
    /// This life and version of it.
    Exactly {
        /// This life.
        uid: Uid,
        /// This version.
        resource_version: ResourceVersion,
    },
}

/// One server-side apply.
#[derive(Debug, Clone)]
pub struct ApplyRequest<'a> {
    /// The complete object, without uid and resourceVersion.
    pub object: &'a Object,
    /// What it expects.
    pub expect: Expect,
    /// Takes fields that others own.
    pub force: bool,
    /// Asks without storing.
    pub dry_run: bool,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its objects.
    pub objects: Vec<ObservedObject>,
    /// Where the next page starts; none after the last.
    pub next: Option<String>,
    /// The version from which a watch goes on.
    pub resource_version: ResourceVersion,
}

/// What a watch tells.
#[derive(Debug, Clone)]
pub enum WatchEvent {
    /// It was created or changed.
    Applied(Box<ObservedObject>),
    /// It is gone.
    Deleted(Box<ObservedObject>),
    /// Everything up to this version was told.
    Bookmark(ResourceVersion),
}

/// The events of one watch, in order. Ends with `None` when the server closes it in good order.
#[async_trait]
pub trait WatchStream: Send {
    /// The next event.
    async fn next(&mut self) -> Option<Result<WatchEvent, ClusterError>>;
}

/// How dependents of a deleted object are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// Collected afterwards.
    Background,
    /// Left alone.
    Orphan,
}

/// A Lease (`coordination.k8s.io/v1`) as far as leaders need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRecord {
    /// Who holds it; none when released.
    pub holder: Option<String>,
    /// `leaseDurationSeconds`.
    pub duration: Duration,
    /// `renewTime`.
    pub renewed: jiff::Timestamp,
    /// `leaseTransitions`.
    pub transitions: u32,
    /// The stored copy; none for one that is to be created.
    pub resource_version: Option<ResourceVersion>,
}

/// One region's cluster.
#[async_trait]
pub trait Cluster: SecretStore {
    /// The uid of `kube-system`, read as the observer.
    async fn uid(&self) -> Result<ClusterUid, ClusterError>;

    /// A page of everything of a kind that carries our owner labels, in all namespaces, as the observer.
    async fn list(&self, kind: Kind, from: Option<&str>) -> Result<Page, ClusterError>;

    /// A watch on the same set, with bookmarks.
    async fn watch(&self, kind: Kind, from: &ResourceVersion) -> Result<Box<dyn WatchStream>, ClusterError>;

    /// One object with its body; `None` when the server says 404.
    async fn get(&self, identity: &Identity, id: &ObjectId) -> Result<Option<LiveObject>, ClusterError>;

    /// The inventory `ConfigMaps` of this installation with their bodies, as the platform.
    async fn inventories(&self) -> Result<Vec<LiveObject>, ClusterError>;

    /// Server-side apply with our field manager and strict validation.
    async fn apply(&self, identity: &Identity, request: ApplyRequest<'_>) -> Result<Applied, ClusterError>;

    /// Deletes exactly this version of this life.
    async fn delete(
        &self,
        identity: &Identity,
        id: &ObjectId,
        uid: &Uid,
        resource_version: &ResourceVersion,
        propagation: Propagation,
    ) -> Result<(), ClusterError>;

    /// Reads a Lease in heddle's namespace, as the platform.
    async fn lease(&self, name: &str) -> Result<Option<LeaseRecord>, ClusterError>;

    /// Creates (without `resource_version`) or replaces a Lease; 409 when somebody was faster.
    async fn put_lease(&self, name: &str, record: &LeaseRecord) -> Result<LeaseRecord, ClusterError>;
}

/// The answer to an apply.
#[derive(Debug, Clone)]
pub struct Applied {
    /// What the server now keeps (or would keep).
    pub live: ObservedObject,
    /// Warning headers, cut and masked.
    pub warnings: Vec<String>,
}

/// A field that somebody else owns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct FieldConflict {
    /// Who owns it.
    pub manager: String,
    /// Its path, as the server writes it (`.spec.replicas`).
    pub field: String,
}

/// Why a call failed. Texts hold no server output but bounded, masked `detail`s.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// No connection could be made, so nothing was sent.
    #[error("the API server cannot be reached: {detail}")]
    Unreachable {
        /// In which way.
        detail: String,
    },
    /// The server's certificate does not fit.
    #[error("the API server's certificate is not trusted: {detail}")]
    Certificate {
        /// In which way.
        detail: String,
    },
    /// No answer in time, or the connection broke after sending, or a 5xx: the effect may have happened.
    #[error("no clear answer from the API server: {detail}")]
    Ambiguous {
        /// In which way.
        detail: String,
    },
    /// 401.
    #[error("the API server does not know the credentials")]
    Unauthenticated,
    /// 403 from authorization.
    #[error("{identity} may not {verb}: {detail}")]
    Forbidden {
        /// Who was refused.
        identity: String,
        /// What was tried.
        verb: String,
        /// What the server says, masked.
        detail: String,
    },
    /// 403 from a quota.
    #[error("a quota is used up: {detail}")]
    QuotaExceeded {
        /// Which, masked.
        detail: String,
    },
    /// 403 because the namespace is being deleted.
    #[error("namespace {namespace} is being deleted")]
    NamespaceTerminating {
        /// The namespace.
        namespace: String,
    },
    /// An admission webhook or policy said no.
    #[error("an admission webhook refuses it: {detail}")]
    Denied {
        /// Its words, masked.
        detail: String,
    },
    /// 404 where something was needed, such as the namespace of an object.
    #[error("not found: {detail}")]
    NotFound {
        /// What.
        detail: String,
    },
    /// 409 with field managers.
    #[error("{} field(s) belong to others", .0.len())]
    FieldConflicts(Vec<FieldConflict>),
    /// 409 without field managers: it exists, or not in this version.
    #[error("the object is not what was expected")]
    Conflict,
    /// 410: the version to go on from is gone.
    #[error("the watch's version is gone")]
    Expired,
    /// 429 or 503 before processing.
    #[error("the API server asks to slow down")]
    Busy {
        /// `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// 400 or 422: the server finds the object invalid.
    #[error("the API server finds it invalid: {detail}")]
    Invalid {
        /// Fields and reasons, masked.
        detail: String,
    },
    /// An answer that is not what the API says it is.
    #[error("the answer cannot be read: {detail}")]
    Malformed {
        /// What was unexpected.
        detail: String,
    },
}

impl ClusterError {
    /// What to do next.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Ambiguous { .. } | Self::Malformed { .. } => Retry::Ambiguous,
            Self::Unreachable { .. } => Retry::After(Duration::from_secs(5)),
            Self::Busy { retry_after } => Retry::After(retry_after.unwrap_or(Duration::from_secs(1))),
            Self::NamespaceTerminating { .. } | Self::NotFound { .. } => Retry::After(Duration::from_secs(2)),
            Self::Conflict | Self::Expired => Retry::After(Duration::ZERO),
            Self::Certificate { .. }
            | Self::Unauthenticated
            | Self::Forbidden { .. }
            | Self::QuotaExceeded { .. }
            | Self::Denied { .. }
            | Self::FieldConflicts(_)
            | Self::Invalid { .. } => Retry::OnChange,
        }
    }

    /// A bounded word for metrics and events.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Certificate { .. } => "certificate",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden { .. } => "forbidden",
            Self::QuotaExceeded { .. } => "quota",
            Self::NamespaceTerminating { .. } => "namespace-terminating",
            Self::Denied { .. } => "denied",
            Self::NotFound { .. } => "not-found",
            Self::FieldConflicts(_) => "field-conflict",
            Self::Conflict => "conflict",
            Self::Expired => "expired",
            Self::Busy { .. } => "busy",
            Self::Invalid { .. } => "invalid",
            Self::Malformed { .. } => "malformed",
        }
    }
}
