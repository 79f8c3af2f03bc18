//! A push that is sure of its outcome.
//!
//! Input: a commit in the local copy and the tip that it was built on. Output: [`Published`]. It builds and merges
//! nothing. Invariants: never forced; the remote branch must be at the parent (or absent), and the server is told so;
//! only the server's word for this very reference counts as success; after any other answer the branch is looked at
//! before anything is said.

use std::cell::RefCell;
use std::path::Path;

use git2::{Direction, Error, ErrorCode, Oid, PushOptions, RemoteRedirect, Repository};

use super::documents::NewCommit;
use super::fault::{self, Fault};
use super::remote::{self, Session};
use super::settings::Settings;
use super::{left_lock, listing};
use crate::model::revision::Revision;
use crate::ports::source::SourceError;
use crate::ports::status_sink::Published;

/// How much of a hook's words is kept.
const WORDS_BYTES_MAX: usize = 4096;

/// What the server said.
enum Answer {
    Accepted,
    Refused(String),
    /// Nothing about the reference, or an error on the way.
    Unclear(SourceError),
    /// The branch is not where it should be.
    Moved,
}

/// Pushes the commit to the status branch.
pub(super) fn push(
    copy: &Repository,
    settings: &Settings,
    parent: Option<Revision>,
    commit: &NewCommit,
) -> Result<Published, Fault> {
    let parent = match parent {
        None => None,
        Some(parent) => Some(Oid::from_bytes(parent.as_bytes()).map_err(|error| fault::of_objects(settings, error))?),
    };
    let answer = match settings.url().folder() {
        Some(folder) => into_folder(copy, settings, &folder, parent, commit)?,
        None => over_network(copy, settings, parent, commit.id)?,
    };
    let error = match answer {
        Answer::Accepted => {
            // The next look at the branch then finds it here already.
            let reference = settings.status_branch().reference();
            let _cache_only = copy.reference(&reference, commit.id, true, "");
            return Ok(Published::At(listing::revision(commit.id)));
        }
        Answer::Moved => Ok(Published::Raced),
        Answer::Refused(detail) => Ok(Published::Refused { detail }),
        Answer::Unclear(error) => Err(error),
    };
    let now = remote::update(copy, settings, settings.status_branch())?;
    if has_landed(copy, settings, now, commit.id)? {
        Ok(Published::At(listing::revision(commit.id)))
    } else if now == parent {
        error.map_err(Fault::Final)
    } else {
        Ok(Published::Raced)
    }
}

/// Whether the branch is at our commit, or somebody built on it already: then it did arrive.
fn has_landed(copy: &Repository, settings: &Settings, tip: Option<Oid>, commit: Oid) -> Result<bool, Fault> {
    let Some(tip) = tip else { return Ok(false) };
    if tip == commit {
        return Ok(true);
    }
    copy.graph_descendant_of(tip, commit).map_err(|error| fault::of_objects(settings, error))
}

fn over_network(
    copy: &Repository,
    settings: &Settings,
    parent: Option<Oid>,
    commit: Oid,
) -> Result<Answer, SourceError> {
    let session = Session::open(settings)?;
    let branch = settings.status_branch();
    let reference = branch.reference();
    let mut remote = copy.remote_anonymous(&remote::address(settings)).map_err(|error| session.fault(&error))?;
    let mut connection =
        remote.connect_auth(Direction::Push, Some(session.callbacks()), None).map_err(|error| session.fault(&error))?;
    // What is listed here is what the push sends as the old id, so the server compares with exactly this.
    let heads = connection.list().map_err(|error| session.fault(&error))?;
    session.connected();
    if remote::listed(heads, branch) != parent {
        return Ok(Answer::Moved);
    }
    let said: RefCell<Option<Result<(), String>>> = RefCell::new(None);
    let words = RefCell::new(Vec::new());
    let mut callbacks = session.callbacks();
    callbacks.sideband_progress(|bytes| {
        let mut words = words.borrow_mut();
        let room = WORDS_BYTES_MAX.saturating_sub(words.len());
        words.extend(bytes.iter().take(room));
        true
    });
    callbacks.push_update_reference(|name, status| {
        if name == reference {
            *said.borrow_mut() = Some(status.map_or(Ok(()), |text| Err(text.to_owned())));
        }
        Ok(())
    });
    let mut options = PushOptions::new();
    options.remote_callbacks(callbacks).follow_redirects(RemoteRedirect::None);
    let pushed = connection.remote().push(&[format!("{commit}:{reference}")], Some(&mut options));
    drop(options);
    let silent = || fault::unreachable(settings, "it did not say what became of the status branch".to_owned());
    Ok(match (said.into_inner(), pushed) {
        (Some(Ok(())), Ok(())) => Answer::Accepted,
        (Some(Err(text)), _) => Answer::Refused(session.mask(&with_words(&text, &words.into_inner()))),
        (_, Err(error)) => Answer::Unclear(session.fault(&error)),
        (None, Ok(())) => Answer::Unclear(silent()),
    })
}

/// Why a reference was refused, with what a hook said about it. Progress is left out.
fn with_words(refusal: &str, words: &[u8]) -> String {
    let words = String::from_utf8_lossy(words);
    let lines = words.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty() && !line.contains("% ("));
    std::iter::once(refusal).chain(lines).collect::<Vec<_>>().join("; ")
}

/// libgit2 overwrites a reference of a folder without comparing, so objects are copied and the reference is exchanged
/// here.
fn into_folder(
    copy: &Repository,
    settings: &Settings,
    folder: &Path,
    parent: Option<Oid>,
    commit: &NewCommit,
) -> Result<Answer, Fault> {
    let unreachable = |error: Error| Fault::Final(fault::of_remote(settings, None, &error));
    let target = Repository::open(folder).map_err(unreachable)?;
    let reference = settings.status_branch().reference();
    if !target.is_bare()
        && target.find_reference("HEAD").is_ok_and(|head| head.symbolic_target() == Ok(Some(&reference)))
    {
        return Ok(Answer::Refused("the status branch is checked out there".to_owned()));
    }
    let (from, to) =
        (copy.odb().map_err(|error| fault::of_objects(settings, error))?, target.odb().map_err(unreachable)?);
    for id in &commit.objects {
        if !to.exists(*id) {
            let object = from.read(*id).map_err(|error| fault::of_objects(settings, error))?;
            if let Err(error) = to.write(object.kind(), object.data()) {
                return Ok(Answer::Refused(fault::mask(error.message(), None)));
            }
        }
    }
    let exchange = || match parent {
        None => target.reference(&reference, commit.id, false, "report"),
        Some(parent) => target.reference_matching(&reference, commit.id, true, parent, "report"),
    };
    let mut exchanged = exchange();
    if exchanged.as_ref().is_err_and(|error| error.code() == ErrorCode::Locked)
        && left_lock::remove(target.commondir(), &reference)
    {
        exchanged = exchange();
    }
    Ok(match exchanged {
        Ok(_) => Answer::Accepted,
        // Whoever holds the lock is about to move the branch.
        Err(error) if matches!(error.code(), ErrorCode::Locked | ErrorCode::Modified | ErrorCode::Exists) => {
            Answer::Moved
        }
        Err(error) => Answer::Refused(fault::mask(error.message(), None)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_words_of_the_hook_and_no_progress() {
        let check = |words: &str, want| assert_eq!(with_words("declined", words.as_bytes()), want);
        check("", "declined");
        check("Unpacking: 50% (1/2)\rUnpacking: 100% (2/2)\nnot\nnow\n", "declined; not; now");
    }
}
