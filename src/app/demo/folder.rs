//! The folder that the demo plays in.
//!
//! Input: a path or none. Output: a [`Folder`] that is empty and readable by its owner only. Invariants: what was there
//! before is never touched; unless it is kept, everything in it goes when this value is dropped.

use std::io;
use std::path::{Path, PathBuf};

use super::DemoError;

/// A folder of the demo.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    /// Takes a new or an empty folder, or makes a temporary one.
    pub(super) fn take(dir: Option<&Path>, keep: bool) -> Result<Self, DemoError> {
        match dir {
            Some(dir) => {
                let path = std::path::absolute(dir).map_err(|source| DemoError::file(dir, source))?;
                match make(&path) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => must_be_empty(&path)?,
                    Err(source) => return Err(DemoError::file(&path, source)),
                }
                Ok(Self { path, keep })
            }
            None => temporary(keep),
        }
    }

    /// Where it is; absolute.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // A temporary folder that stays behind is the system's to tidy.
            let _left_behind = std::fs::remove_dir_all(&self.path);
        }
    }
}

fn temporary(keep: bool) -> Result<Folder, DemoError> {
    let parent = std::env::temp_dir();
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for attempt in 0..1000_u32 {
        let path = parent.join(format!("heddle-demo-{}-{attempt}", std::process::id()));
        match make(&path) {
            Ok(()) => return Ok(Folder { path, keep }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(source) => return Err(DemoError::file(&path, source)),
        }
    }
    Err(DemoError::file(&parent, last))
}

/// Makes a folder that was not there. It will hold a kubeconfig with a token.
fn make(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}

fn must_be_empty(path: &Path) -> Result<(), DemoError> {
    let mut entries = std::fs::read_dir(path).map_err(|source| DemoError::file(path, source))?;
    if entries.next().is_some() { Err(DemoError::NotEmpty(path.to_owned())) } else { Ok(()) }
}
