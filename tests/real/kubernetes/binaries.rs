//! Finds the servers, or builds them once from the pinned Go modules beside this suite.
//!
//! Input: `HEDDLE_KUBERNETES_BIN` (a folder that has them), or `HEDDLE_CACHE_DIR` (default: the user's cache folder).
//! Output: paths, or one line that says why there are none. Invariant: a cache folder is named by the digest of what it
//! was built from and appears whole (built beside, then renamed).

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

/// The version that the module pins; the servers report it because the linker is told so.
const VERSION: &str = "1.36.3";

/// Folders of programs.
pub struct Binaries {
    /// etcd (`server`), kube-apiserver, kube-controller-manager, kubectl.
    pub kubernetes: PathBuf,
    /// The folder that has `helm`, or why there is none.
    pub helm: Result<PathBuf, String>,
}

/// From the folder that the environment names, from the cache, or built now.
pub fn find_or_build() -> Result<Binaries, String> {
    let kubernetes = match env::var_os("HEDDLE_KUBERNETES_BIN") {
        Some(folder) => PathBuf::from(folder),
        None => build("kubernetes")?,
    };
    for program in ["server", "kube-apiserver", "kube-controller-manager"] {
        if !kubernetes.join(program).is_file() {
            return Err(format!("{} has no {program}", kubernetes.display()));
        }
    }
    let helm = if kubernetes.join("helm").is_file() { Ok(kubernetes.clone()) } else { build("helm") };
    Ok(Binaries { kubernetes, helm })
}

fn build(module: &str) -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real").join(module);
    let mut key = Sha256::new();
    for file in ["go.mod", "go.sum"] {
        key.update(fs::read(source.join(file)).map_err(|error| format!("{module}/{file}: {error}"))?);
    }
    key.update(VERSION);
    let key = key.finalize().iter().take(8).fold(0_u64, |key, byte| (key << 8) | u64::from(*byte));
    let cache = cache_folder()?;
    let done = cache.join(format!("{module}-{key:016x}"));
    if done.is_dir() {
        return Ok(done);
    }
    fs::create_dir_all(&cache).map_err(|error| format!("{}: {error}", cache.display()))?;
    let making = tempfile::tempdir_in(&cache).map_err(|error| format!("{}: {error}", cache.display()))?;
    println!("building {module} into {} (minutes, once)", done.display());
    let flags = format!(
        "-s -w -X k8s.io/component-base/version.gitVersion=v{VERSION} -X k8s.io/component-base/version.gitMajor=1 \
         -X k8s.io/component-base/version.gitMinor=36"
    );
    let built = Command::new("go")
        .args(["build", "-trimpath", "-ldflags", &flags, "-o"])
        .arg(making.path())
        .arg("tool")
        .current_dir(&source)
        .status()
        .map_err(|error| format!("go is needed to build {module}: {error}"))?;
    if !built.success() {
        return Err(format!("go could not build {module}"));
    }
    // Somebody else may have been faster; theirs is the same.
    let made = making.keep();
    if fs::rename(&made, &done).is_err() && !done.is_dir() {
        return Err(format!("{} cannot be made", done.display()));
    }
    Ok(done)
}

fn cache_folder() -> Result<PathBuf, String> {
    if let Some(folder) = env::var_os("HEDDLE_CACHE_DIR") {
        return Ok(PathBuf::from(folder));
    }
    let user = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let user = user.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    Ok(user.ok_or("neither HEDDLE_CACHE_DIR nor HOME is set")?.join("heddle"))
}
