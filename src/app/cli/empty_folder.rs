//! A folder that may be filled.
//!
//! Input: a path. Output: the folder, made if it did not exist, or a refusal. Invariant: a folder with anything in it
//! but a Git repository's own files stays as it is.

use std::fs;
use std::path::Path;

use super::failure::CliError;

/// Makes the folder, or refuses one that holds something.
pub(super) fn prepare(folder: &Path) -> Result<(), CliError> {
    let failed = |what| move |source| CliError::File { what, path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed("making"))?;
    for entry in fs::read_dir(folder).map_err(failed("reading"))? {
        // A repository that was just made is empty too.
        let name = entry.map_err(failed("reading"))?.file_name();
        if name != ".git" {
            let holds = name.to_string_lossy().escape_debug().to_string();
            return Err(CliError::NotEmpty { path: folder.to_owned(), holds });
        }
    }
    Ok(())
}
