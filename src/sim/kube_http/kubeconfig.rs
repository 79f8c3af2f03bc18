//! The kubeconfig of a front.
//!
//! Input: URL, CA, token. Output: a file that `kubectl` and heddle read. Invariants: no `exec`, no file references; the
//! file is readable by its owner only, since it holds the token.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

/// The text: JSON, which is YAML too.
pub(super) fn text(url: &str, ca_pem: &str, token: &str) -> String {
    let ca = super::body::base64(ca_pem.as_bytes());
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sim", "cluster": {"server": url, "certificate-authority-data": ca}}],
        "users": [{"name": "sim", "user": {"token": token}}],
        "contexts": [{"name": "sim", "context": {"cluster": "sim", "user": "sim"}}],
        "current-context": "sim",
    });
    format!("{config:#}\n")
}

/// Writes it.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)?.write_all(text.as_bytes())
}
