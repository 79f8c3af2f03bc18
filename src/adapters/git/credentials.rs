//! Credentials for one place.
//!
//! Input: where the secret is and where it may go. Output: a libgit2 credential, for that place only. It stores
//! nothing. Invariants: the secret is read at each connection and wiped after; it is offered once, and only for a URL
//! of its scope; it is in no URL and no error.

use git2::{Cred, CredentialType, Error, ErrorClass, ErrorCode};
use zeroize::Zeroize;

use super::remote_url::{RemoteUrl, Scope};
use super::settings::SecretPlace;
use crate::model::secret::Secret;

/// A user without a password is a token; hosts take any user with one.
const TOKEN_USER: &str = "git";
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Where a secret is, and where it may go.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    place: SecretPlace,
    scope: Scope,
}

impl Credentials {
    pub(super) fn new(place: SecretPlace, scope: Scope) -> Self {
        Self { place, scope }
    }

    /// Reads the secret. The error says where it should be and why it is not, and never what is there.
    pub(super) fn load(&self) -> Result<Secret<String>, (String, String)> {
        let mut text = match &self.place {
            SecretPlace::Env(name) => std::env::var(name)
                .map_err(|_| (name.clone(), "the variable with the credentials is not set".to_owned()))?,
            SecretPlace::File(path) => {
                let unreadable = |why: &dyn std::fmt::Display| {
                    (path.display().to_string(), format!("the credentials cannot be read: {why}"))
                };
                let size = std::fs::metadata(path).map_err(|error| unreadable(&error))?.len();
                if size > SECRET_BYTES_MAX {
                    return Err(unreadable(&"the file is too large"));
                }
                std::fs::read_to_string(path).map_err(|error| unreadable(&error))?
            }
        };
        let secret = Secret::new(text.trim_end_matches(['\r', '\n']).to_owned());
        text.zeroize();
        Ok(secret)
    }

    /// The answer to one question of the transport.
    pub(super) fn answer(
        &self,
        secret: &Secret<String>,
        asked_url: &str,
        user: Option<&str>,
        allowed: CredentialType,
    ) -> Result<Cred, Error> {
        if !RemoteUrl::parse(asked_url).is_ok_and(|url| self.scope.covers(&url)) {
            return Err(refusal("the credentials are for another place"));
        }
        if allowed.contains(CredentialType::SSH_MEMORY) && secret.expose().starts_with("-----BEGIN") {
            // OpenSSH's key format ends with a line break, and the reader insists on it.
            let key = Secret::new(format!("{}\n", secret.expose()));
            return Cred::ssh_key_from_memory(user.unwrap_or(TOKEN_USER), None, key.expose(), None);
        }
        if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) {
            let (user, password) = secret.expose().split_once(':').unwrap_or((TOKEN_USER, secret.expose()));
            return Cred::userpass_plaintext(user, password);
        }
        if allowed.contains(CredentialType::USERNAME) {
            return Cred::username(user.unwrap_or(TOKEN_USER));
        }
        Err(refusal("the remote wants another kind of credentials"))
    }
}

/// An error that the transport passes on as "refused".
pub(super) fn refusal(text: &str) -> Error {
    Error::new(ErrorCode::Auth, ErrorClass::Callback, text)
}
