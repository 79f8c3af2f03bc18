//! A container as a process of this machine.
//!
//! Input: what a container finds and runs, a folder, a loopback address. Output: its files in the folder, a process. Of the
//! rendered files nothing is changed but the paths of mounts and the address to listen on.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use heddle::sim::fabric::container::Container;

use super::process::Process;

/// How long a process may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is tried.
const EVERY: Duration = Duration::from_millis(20);

/// Puts its files and folders below a folder; what lies there of volumes stays.
pub fn lay_out(container: &Container, root: &Path, address: &str) {
    let moved = |path: &str| root.join(path.trim_start_matches('/'));
    for folder in &container.folders {
        fs::create_dir_all(moved(folder)).expect("a folder");
    }
    for (path, bytes) in &container.files {
        let into = moved(path);
        fs::create_dir_all(into.parent().expect("a parent")).expect("a folder");
        let is_config = Path::new(path).extension().is_some_and(|end| end == "yaml");
        let bytes = if is_config { adjusted(bytes, root, address) } else { bytes.clone() };
        fs::write(into, bytes).expect("a file");
    }
}

/// Starts what it runs, from files that were laid out.
pub fn launch(container: &Container, programs: &Path, (root, hosts): (&Path, &Path)) -> Process {
    let moved = |value: &str| match value.strip_prefix('/') {
        Some(path) if path.starts_with("etc/") => root.join(path).display().to_string(),
        _ => value.to_owned(),
    };
    let env: Vec<_> = container.env.iter().map(|(key, value)| (key.clone(), moved(value))).collect();
    let (program, arguments) = container.command.split_first().expect("a command");
    Process::start(&programs.join(program), arguments, &env, (hosts, &root.join("log")))
}

/// The ports on which it answers when it has begun.
pub fn ports(container: &Container) -> &'static [u16] {
    match container.command.first().map(String::as_str) {
        Some("orderer") => &[7050, 8443, 9443],
        _ => &[7051, 9443],
    }
}

/// Waits until it answers on all its ports.
pub fn wait(process: &mut Process, container: &Container, (root, address): (&Path, &str)) {
    let begun = Instant::now();
    while !ports(container).iter().all(|port| TcpStream::connect((address, *port)).is_ok()) {
        let ended = process.has_ended();
        assert!(!ended && begun.elapsed() < PATIENCE, "{} does not answer:\n{}", root.display(), tail(root));
        std::thread::sleep(EVERY);
    }
}

/// The end of its log.
pub fn tail(root: &Path) -> String {
    let text = fs::read_to_string(root.join("log")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}

/// A configuration file with the paths of this machine and an address of its own.
fn adjusted(bytes: &[u8], root: &Path, address: &str) -> Vec<u8> {
    let text = String::from_utf8(bytes.to_vec()).expect("YAML");
    let text = text.replace("/etc/heddle/", &format!("{}/etc/heddle/", root.display()));
    let text = text.replace("/var/hyperledger/", &format!("{}/var/hyperledger/", root.display()));
    // Each has the loopback of its own pod.
    text.replace("0.0.0.0", address).replace("127.0.0.1", address).into_bytes()
}
