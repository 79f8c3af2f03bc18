//! Processes that see host names of their own.
//!
//! Input: a program, its environment, a hosts file. Output: a child that ends with its value. Each process gets a mount
//! namespace in which `/etc/hosts` is another file; nothing of the machine changes.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Whether processes can have host names of their own here, and why not.
pub fn hosts_can_be_named() -> Result<(), String> {
    let tried = Command::new("unshare").args(["-r", "-m", "mount", "--bind", "/etc/hosts", "/etc/hosts"]).output();
    match tried {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            Err(format!("unshare makes no mount namespace: {}", String::from_utf8_lossy(&output.stderr).trim()))
        }
        Err(error) => Err(format!("unshare cannot be started: {error}")),
    }
}

/// A running program.
pub struct Process(Child);

impl Process {
    /// Starts it; what it says goes to a file.
    pub fn start(program: &Path, arguments: &[String], env: &[(String, String)], (hosts, log): (&Path, &Path)) -> Self {
        let log = File::options().create(true).append(true).open(log).expect("a log");
        let script = "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"";
        let child = Command::new("unshare")
            .args(["-r", "-m", "sh", "-c", script, "sh"])
            .arg(hosts)
            .arg(program)
            .args(arguments)
            .env_clear()
            .envs(env.iter().map(|(key, value)| (key, value)))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn();
        Self(child.expect("unshare starts"))
    }

    /// Whether it ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("a child").is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}
