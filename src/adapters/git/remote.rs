//! One conversation with the remote.
//!
//! Input: settings and the local copy. Output: the tip of a branch, its objects in the local copy. It writes nothing to
//! the remote. Invariants: the remote is asked for its references first, and objects come only when they are not here;
//! bytes and time of a fetch are bounded; of what the server names only the one expected reference is used.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use git2::{
    AutotagOption, CertificateCheckStatus, CredentialType, Direction, Error, ErrorClass, ErrorCode, FetchOptions, Oid,
    RemoteCallbacks, RemoteRedirect, Repository,
};

use super::credentials::refusal;
use super::fault::{self, Fault};
use super::known_hosts;
use super::remote_url::Scheme;
use super::settings::{BranchName, Settings};
use crate::model::secret::Secret;
use crate::ports::source::SourceError;

/// What the callbacks of one conversation share.
pub(super) struct Session<'s> {
    pub(super) settings: &'s Settings,
    secret: Option<Secret<String>>,
    /// Whether this connection had the secret already.
    offered: Cell<bool>,
    begun: Instant,
    exceeded: RefCell<Option<SourceError>>,
}

impl<'s> Session<'s> {
    /// Reads the credentials. Nobody is asked yet.
    pub(super) fn open(settings: &'s Settings) -> Result<Self, SourceError> {
        let secret = settings.credentials().map(super::credentials::Credentials::load).transpose();
        let secret = secret.map_err(|(path, detail)| SourceError::Local { path, detail })?;
        Ok(Self { settings, secret, offered: Cell::new(false), begun: Instant::now(), exceeded: RefCell::default() })
    }

    /// The callbacks that every conversation needs.
    pub(super) fn callbacks(&self) -> RemoteCallbacks<'_> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks.credentials(|url, user, allowed| {
            // The same secret a second time would be refused a second time, and accounts are locked for that. Which
            // user it is, ssh asks before.
            if allowed != CredentialType::USERNAME && self.offered.replace(true) {
                return Err(refusal("the credentials were refused"));
            }
            match (self.settings.credentials(), &self.secret) {
                (Some(credentials), Some(secret)) => credentials.answer(secret, url, user, allowed),
                _ => Err(refusal("the remote wants credentials, and none are configured")),
            }
        });
        callbacks.certificate_check(|certificate, _host| match certificate.as_hostkey() {
            // For TLS the library's own check, of chain and name, decides.
            None => Ok(CertificateCheckStatus::CertificatePassthrough),
            Some(key) => self.check_host_key(key.hostkey()),
        });
        callbacks
            .transfer_progress(|progress| self.within(u64::try_from(progress.received_bytes()).unwrap_or(u64::MAX)));
        callbacks.sideband_progress(|_| self.within(0));
        callbacks
    }

    /// The server took the credentials; a new connection for the next request may ask for them once more.
    pub(super) fn connected(&self) {
        self.offered.set(false);
    }

    fn check_host_key(&self, key: Option<&[u8]>) -> Result<CertificateCheckStatus, Error> {
        let refuse = |text: &str| Error::new(ErrorCode::Certificate, ErrorClass::Ssh, text);
        let file = self.settings.known_hosts().ok_or_else(|| refuse("no file with known host keys is configured"))?;
        let text = std::fs::read_to_string(file).map_err(|_| refuse("the file with known host keys cannot be read"))?;
        let (host, port) = self.settings.url().authority();
        let key = key.ok_or_else(|| refuse("the host key has no readable form"))?;
        if known_hosts::knows(&text, host, port, key) {
            Ok(CertificateCheckStatus::CertificateOk)
        } else {
            Err(refuse("the host key is not in the file with known host keys"))
        }
    }

    /// Whether the fetch may go on.
    fn within(&self, bytes: u64) -> bool {
        let limits = self.settings.limits();
        let fault = if bytes > limits.fetch_bytes {
            SourceError::TooLarge { what: "the fetch".to_owned(), limit: limits.fetch_bytes }
        } else if self.begun.elapsed() > limits.fetch_time {
            fault::unreachable(self.settings, format!("the fetch took longer than {} s", limits.fetch_time.as_secs()))
        } else {
            return true;
        };
        *self.exceeded.borrow_mut() = Some(fault);
        false
    }

    /// What an error of this conversation means.
    pub(super) fn fault(&self, error: &Error) -> SourceError {
        self.exceeded.take().unwrap_or_else(|| fault::of_remote(self.settings, self.secret.as_ref(), error))
    }

    /// Words of the server, fit for people.
    pub(super) fn mask(&self, text: &str) -> String {
        fault::mask(text, self.secret.as_ref())
    }
}

/// The text of the remote as libgit2 takes it.
pub(super) fn address(settings: &Settings) -> String {
    settings.url().to_string()
}

/// The tip of a branch among the references of the server.
pub(super) fn listed(heads: &[git2::RemoteHead<'_>], branch: &BranchName) -> Option<Oid> {
    let reference = branch.reference();
    heads.iter().find(|head| head.name() == reference).map(git2::RemoteHead::oid)
}

/// Brings the tip of a branch here when it is not yet; none when the server has no such branch.
pub(super) fn update(copy: &Repository, settings: &Settings, branch: &BranchName) -> Result<Option<Oid>, Fault> {
    let session = Session::open(settings)?;
    let mut remote = copy.remote_anonymous(&address(settings)).map_err(|error| fault::of_objects(settings, error))?;
    let mut connection = remote
        .connect_auth(Direction::Fetch, Some(session.callbacks()), None)
        .map_err(|error| session.fault(&error))?;
    let heads = connection.list().map_err(|error| session.fault(&error))?;
    session.connected();
    let reference = branch.reference();
    let Some(tip) = listed(heads, branch) else {
        return Ok(None);
    };
    if copy.odb().is_ok_and(|odb| odb.exists(tip)) {
        remember(copy, settings, &reference, tip)?;
        return Ok(Some(tip));
    }
    let mut options = FetchOptions::new();
    options
        .remote_callbacks(session.callbacks())
        .follow_redirects(RemoteRedirect::None)
        .download_tags(AutotagOption::None)
        .update_fetchhead(false);
    let refspec = format!("+{reference}:{reference}");
    let fetched = connection.remote().fetch(&[refspec.as_str()], Some(&mut options), None);
    fetched.map_err(|error| of_fetch(&session, error))?;
    drop(connection);
    // The branch may have moved between the two answers; what is here now is what counts.
    let tip = copy.refname_to_id(&reference).map_err(|error| fault::of_objects(settings, error))?;
    Ok(Some(tip))
}

fn remember(copy: &Repository, settings: &Settings, reference: &str, tip: Oid) -> Result<(), Fault> {
    if copy.refname_to_id(reference).is_ok_and(|known| known == tip) {
        return Ok(());
    }
    copy.reference(reference, tip, true, "").map(|_| ()).map_err(|error| fault::of_objects(settings, error))
}

/// A fetch fails over the network or over the objects that are here.
fn of_fetch(session: &Session<'_>, error: Error) -> Fault {
    let network = matches!(
        error.class(),
        ErrorClass::Net
            | ErrorClass::Http
            | ErrorClass::Ssl
            | ErrorClass::Ssh
            | ErrorClass::Callback
            | ErrorClass::None
    );
    let stopped = session.exceeded.borrow().is_some();
    if stopped || network || session.settings.url().scheme() == Scheme::File && error.code() == ErrorCode::Owner {
        return Fault::Final(session.fault(&error));
    }
    fault::of_objects(session.settings, error)
}
