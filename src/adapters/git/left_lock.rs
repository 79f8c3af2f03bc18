//! Locks on references that outlived the process that took them.
//!
//! Input: a repository's folder and a reference. Output: whether such a lock was taken away. It judges no content.
//! Invariant: a lock that may still have somebody behind it stays.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// How old a lock must be before nobody is behind it: it is held for one write of forty bytes.
const AGE_MIN: Duration = Duration::from_secs(10);

/// Takes the lock on a reference away when it is old. Only for references that heddle alone writes: the status branch,
/// and what is in the local copy. Without this, one `kill -9` at the wrong instant would end all reports.
pub(super) fn remove(repository: &Path, reference: &str) -> bool {
    let lock = repository.join(format!("{reference}.lock"));
    let age = fs::metadata(&lock).and_then(|metadata| metadata.modified()).ok().and_then(|since| since.elapsed().ok());
    age.is_some_and(|age| age >= AGE_MIN) && fs::remove_file(&lock).is_ok()
}
