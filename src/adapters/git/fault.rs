//! What a libgit2 error means.
//!
//! Input: errors, and where they came from. Output: [`SourceError`]s. It repairs nothing. Invariants: texts are cut,
//! printable and hold no secret; the class comes from codes where libgit2 has one, from its words only where it has not.

use git2::{Error, ErrorClass, ErrorCode};

use super::settings::Settings;
use crate::model::secret::Secret;
use crate::ports::source::SourceError;

const DETAIL_CHARS_MAX: usize = 300;

/// A failure inside the local copy, before it is known whether a rebuild helps.
#[derive(Debug)]
pub(super) enum Fault {
    /// Objects are missing or broken: rebuild and try again.
    Damaged(Error),
    /// Something that a rebuild does not mend.
    Final(SourceError),
}

impl From<SourceError> for Fault {
    fn from(error: SourceError) -> Self {
        Self::Final(error)
    }
}

/// An error while reading or writing local objects.
pub(super) fn of_objects(settings: &Settings, error: Error) -> Fault {
    match error.class() {
        // A full disk or a wrong owner: a rebuild would fail the same way, or lose a good copy.
        ErrorClass::Os | ErrorClass::Filesystem | ErrorClass::NoMemory if error.code() != ErrorCode::NotFound => {
            Fault::Final(local(settings, &error))
        }
        _ => Fault::Damaged(error),
    }
}

/// An error while talking to the remote.
pub(super) fn of_remote(settings: &Settings, secret: Option<&Secret<String>>, error: &Error) -> SourceError {
    let url = settings.url().to_string();
    // libgit2 takes a path that leads nowhere for a URL, and complains about its protocol.
    if settings.url().folder().is_some_and(|folder| !folder.is_dir()) {
        return SourceError::Unreachable { url, detail: "the folder does not exist".to_owned() };
    }
    let text = error.message();
    let has = |word: &str| text.contains(word);
    // The callback that lets the library decide costs a bad certificate its code.
    if error.code() == ErrorCode::Certificate || has("certificate") || has("host key") {
        return SourceError::Untrusted { url, detail: mask(text, secret) };
    }
    if has("redirect") {
        return SourceError::Untrusted {
            url,
            detail: "it redirects to another place, and redirects are not followed".into(),
        };
    }
    let refused = ["status code: 401", "status code: 403"].iter().any(|word| has(word));
    if error.code() == ErrorCode::Auth || refused {
        return SourceError::Unauthenticated { url };
    }
    let detail = match error.code() {
        ErrorCode::Timeout => "it did not answer in time".to_owned(),
        ErrorCode::Owner => "the folder belongs to another user".to_owned(),
        _ => mask(text, secret),
    };
    SourceError::Unreachable { url, detail }
}

/// Words of others, for people: printable, on one line, cut, without the secret.
pub(super) fn mask(text: &str, secret: Option<&Secret<String>>) -> String {
    let mut text = text.to_owned();
    if let Some(secret) = secret {
        let parts = secret.expose().split_once(':').map_or(secret.expose().as_str(), |(_, password)| password);
        for part in [secret.expose().as_str(), parts] {
            if !part.is_empty() {
                text = text.replace(part, "…");
            }
        }
    }
    let line = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(DETAIL_CHARS_MAX).collect()
}

pub(super) fn unreachable(settings: &Settings, detail: String) -> SourceError {
    SourceError::Unreachable { url: settings.url().to_string(), detail }
}

pub(super) fn local(settings: &Settings, error: &Error) -> SourceError {
    local_text(settings, mask(error.message(), None))
}

pub(super) fn local_text(settings: &Settings, detail: String) -> SourceError {
    SourceError::Local { path: settings.local_copy().display().to_string(), detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_does_not_exist_is_named_so() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = format!("file://{}/no/where", folder.path().display());
        let settings = Settings::new(&nowhere, "main", "heddle/status", &folder.path().join("state")).unwrap();
        let said = of_remote(&settings, None, &Error::from_str("unsupported URL protocol")).to_string();
        assert!(said.contains("no/where") && said.contains("the folder does not exist"), "{said}");
    }

    #[test]
    fn words_of_others_are_masked_and_cut() {
        let secret = Secret::new("bob:canary".to_owned());
        assert_eq!(mask("no canary\nfor bob:canary\u{1b}", Some(&secret)), "no … for … ");
        assert_eq!(mask(&"x".repeat(1000), None).len(), DETAIL_CHARS_MAX);
    }
}
