//! The same repository over a real `sshd` on a high loopback port, with keys that are made for one case.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use heddle::adapters::git::GitRepository;
use heddle::adapters::git::settings::{SecretPlace, Settings};
use heddle::ports::source::Source;
use heddle::ports::status_sink::StatusSink;

use super::Named;
use super::server::Demands;
use super::world::{World, at, report, run};

/// The cases.
pub const CASES: [Named; 3] = [
    ("a fleet is fetched and reported on over ssh with a key", with_key),
    ("an ssh host that is not in the file of known hosts gets nothing", unknown_host),
    ("an ssh key that the host does not know is refused", wrong_key),
];

/// Why there is no ssh server here; none when there is one.
pub fn missing() -> Option<String> {
    if program("sshd").is_none() {
        return Some("there is no program sshd".to_owned());
    }
    if program("ssh-keygen").is_none() {
        return Some("there is no program ssh-keygen".to_owned());
    }
    // As root, sshd gives its untrusted half another user and an empty folder.
    let root = own_name() == "root";
    let has_user = std::fs::read_to_string("/etc/passwd").is_ok_and(|users| users.contains("\nsshd:"));
    (root && !(has_user && Path::new("/run/sshd").is_dir()))
        .then(|| "sshd as root wants the user sshd and the folder /run/sshd".to_owned())
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn own_name() -> String {
    let output = Command::new("id").arg("-un").output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}

struct Sshd {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Sshd {
    fn start(folder: &Path) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        for name in ["host", "known", "stranger"] {
            let mut keygen = Command::new(program("ssh-keygen").unwrap());
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(folder.join(name));
            assert!(keygen.status().unwrap().success());
        }
        std::fs::copy(folder.join("known.pub"), folder.join("authorized")).unwrap();
        let config = folder.join("sshd_config");
        let text = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {0}/host\nAuthorizedKeysFile {0}/authorized\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\n",
            folder.display()
        );
        std::fs::write(&config, text).unwrap();
        let log = std::fs::File::create(folder.join("sshd.log")).unwrap();
        let child = Command::new(program("sshd").unwrap())
            .args(["-D", "-e", "-f"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut sshd = Self { child, port, folder: folder.to_owned() };
        sshd.await_port();
        sshd
    }

    fn await_port(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "sshd does not listen: {}", self.log());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("sshd.log")).unwrap_or_default()
    }

    /// Heddle with the key of this name. The file of known hosts holds the key of `host`.
    fn heddle(&self, world: &World, key: &str, host: &str) -> GitRepository {
        let origin = format!("ssh://{}@127.0.0.1:{}", own_name(), self.port);
        let url = format!("{origin}{}", world.server.repository().display());
        let public = std::fs::read_to_string(self.folder.join(format!("{host}.pub"))).unwrap();
        let known = self.folder.join(format!("known_hosts.{host}"));
        std::fs::write(&known, format!("[127.0.0.1]:{} {public}", self.port)).unwrap();
        let settings = Settings::new(&url, "main", "heddle/status", &world.folder.path().join("state")).unwrap();
        let place = SecretPlace::File(self.folder.join(key));
        let settings = settings.with_credentials(place, &url).unwrap().with_known_hosts(&known).unwrap();
        GitRepository::start(settings).unwrap()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn start() -> (World, Sshd) {
    let world = World::start(Demands::default());
    let sshd = Sshd::start(world.folder.path());
    (world, sshd)
}

fn with_key() {
    let (world, sshd) = start();
    run(async {
        let heddle = sshd.heddle(&world, "known", "host");
        let tip = heddle.fetch(None).await.unwrap_or_else(|error| panic!("{error}: {}", sshd.log())).revision;
        assert_eq!(heddle.tree(tip).await.unwrap().entries.len(), 2);
        let next = world.push(&[("fleet.yaml", "a: 2\n")]);
        assert_eq!(heddle.fetch(Some(tip)).await.unwrap().revision, next);
        assert_eq!(heddle.tip().await.unwrap(), None);
        let first = at(report(&heddle, None, "a", "1").await);
        let second = at(report(&heddle, Some(first), "a", "2").await);
        assert_eq!(world.status(), Some(second));
    });
}

fn unknown_host() {
    let (world, sshd) = start();
    run(async {
        // The file knows the address by another key.
        let error = sshd.heddle(&world, "known", "stranger").fetch(None).await.unwrap_err();
        assert_eq!(error.category(), "untrusted", "{error}");
        assert!(!sshd.log().contains("Accepted"), "{}", sshd.log());
    });
}

fn wrong_key() {
    let (world, sshd) = start();
    run(async {
        let error = sshd.heddle(&world, "stranger", "host").fetch(None).await.unwrap_err();
        assert_eq!(error.category(), "unauthenticated", "{error}");
    });
}
