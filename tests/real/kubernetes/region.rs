//! One etcd, and for each region an API server and a controller manager, on loopback with throw-away keys.
//!
//! Input: the programs. Output: regions that answer. Invariants: each region has its own etcd prefix, authority and
//! tokens; everything is killed and its folder removed when the control plane is dropped.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};

use super::binaries::Binaries;
use super::etcd;
use crate::contract::http::Endpoint;
use crate::contract::server::{Api, Server, User, eventually};

/// How long a server may take to start on a busy machine.
const START: Duration = Duration::from_mins(2);

/// A process that ends with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Either call fails only when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The servers of all regions.
pub struct ControlPlane {
    programs: PathBuf,
    etcd: u16,
    processes: Mutex<Vec<Process>>,
    // After the processes, so that it is removed when nobody writes into it.
    folder: tempfile::TempDir,
}

/// One region.
pub struct Region {
    endpoint: Endpoint,
    ca: String,
    etcd: u16,
    folder: PathBuf,
}

impl ControlPlane {
    /// Starts etcd.
    pub fn start(binaries: &Binaries) -> Self {
        let folder = tempfile::Builder::new().prefix("heddle-real-").tempdir().expect("a temporary folder");
        let (etcd, peers) = (free_port(), free_port());
        let (client, peer) = (format!("http://127.0.0.1:{etcd}"), format!("http://127.0.0.1:{peers}"));
        let data = folder.path().join("etcd");
        let process = start(
            &binaries.kubernetes.join("server"),
            &folder.path().join("etcd.log"),
            &[
                format!("--data-dir={}", data.display()),
                format!("--listen-client-urls={client}"),
                format!("--advertise-client-urls={client}"),
                format!("--listen-peer-urls={peer}"),
                format!("--initial-advertise-peer-urls={peer}"),
                format!("--initial-cluster=default={peer}"),
                "--unsafe-no-fsync".into(),
                "--log-level=warn".into(),
            ],
        );
        grow_older(etcd, &folder.path().join("etcd.log"));
        Self { programs: binaries.kubernetes.clone(), etcd, processes: Mutex::new(vec![process]), folder }
    }

    /// Starts a region and waits until it makes objects and its controllers work.
    pub fn region(&self, name: &str) -> Arc<Region> {
        self.region_with(name, "*")
    }

    /// The same with only these controllers (a list for `--controllers`), of which the one for accounts must be one.
    pub fn region_with(&self, name: &str, controllers: &str) -> Arc<Region> {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(&folder).expect("the region's folder");
        let ca = write_keys(&folder);
        let port = free_port();
        let region = Region { endpoint: Endpoint::new(port, &ca), ca, etcd: self.etcd, folder: folder.clone() };
        region.write_access();
        let at = |file: &str| folder.join(file).display().to_string();
        let api_server = [
            format!("--etcd-servers=http://127.0.0.1:{}", self.etcd),
            format!("--etcd-prefix=/{name}"),
            "--bind-address=127.0.0.1".into(),
            "--advertise-address=127.0.0.1".into(),
            format!("--secure-port={port}"),
            "--service-cluster-ip-range=10.96.0.0/16".into(),
            format!("--token-auth-file={}", at("tokens.csv")),
            "--authorization-mode=Node,RBAC".into(),
            format!("--tls-cert-file={}", at("server.crt")),
            format!("--tls-private-key-file={}", at("server.key")),
            format!("--client-ca-file={}", at("ca.crt")),
            "--service-account-issuer=https://kubernetes.default.svc".into(),
            format!("--service-account-key-file={}", at("accounts.pub")),
            format!("--service-account-signing-key-file={}", at("accounts.key")),
            format!("--audit-log-path={}", at("audit.log")),
            format!("--audit-policy-file={}", at("audit.yaml")),
            // Endpoint leases would keep a region's address after it is gone.
            "--endpoint-reconciler-type=none".into(),
        ];
        self.spawn("kube-apiserver", &folder, &api_server);
        let admin = Api::admin(&region);
        let end = Instant::now() + START;
        while !admin.try_send("GET", "/readyz", &[], "").is_ok_and(|answer| answer.status == 200) {
            assert!(
                Instant::now() < end && self.all_run(),
                "the API server is not ready: {}",
                tail(&folder.join("kube-apiserver.log"))
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        let controllers = [
            format!("--controllers={controllers}"),
            format!("--kubeconfig={}", at("admin.kubeconfig")),
            format!("--service-account-private-key-file={}", at("accounts.key")),
            format!("--root-ca-file={}", at("ca.crt")),
            "--use-service-account-credentials=false".into(),
            "--leader-elect=false".into(),
            "--bind-address=127.0.0.1".into(),
            format!("--secure-port={}", free_port()),
        ];
        self.spawn("kube-controller-manager", &folder, &controllers);
        eventually("the controllers make the default account", || {
            admin.get("/api/v1/namespaces/default/serviceaccounts/default").status == 200
        });
        Arc::new(region)
    }

    fn all_run(&self) -> bool {
        let mut processes = self.processes.lock().expect("nobody panicked with it");
        processes.iter_mut().all(|process| matches!(process.0.try_wait(), Ok(None)))
    }

    fn spawn(&self, program: &str, folder: &Path, arguments: &[String]) {
        let process = start(&self.programs.join(program), &folder.join(format!("{program}.log")), arguments);
        self.processes.lock().expect("nobody panicked with it").push(process);
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // Last started, first stopped: etcd goes when nobody asks it any more.
        if let Ok(mut processes) = self.processes.lock() {
            while processes.pop().is_some() {}
        }
    }
}

impl Region {
    /// Its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The administrator's kubeconfig.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.kubeconfig")
    }

    fn write_access(&self) {
        let daemon = "system:serviceaccount:heddle-system:heddle";
        let groups = "system:serviceaccounts,system:serviceaccounts:heddle-system,system:authenticated";
        let tokens = format!(
            "{},admin,1,system:masters\n{},{daemon},2,\"{groups}\"\n",
            self.token(User::Admin),
            self.token(User::Daemon)
        );
        fs::write(self.folder.join("tokens.csv"), tokens).expect("tokens");
        for (name, user) in [("admin", User::Admin), ("daemon", User::Daemon)] {
            let config = format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: region\nclusters:\n- name: region\n  cluster:\n    \
                 server: https://127.0.0.1:{}\n    certificate-authority: {}\ncontexts:\n- name: region\n  context: \
                 {{cluster: region, user: {name}}}\nusers:\n- name: {name}\n  user: {{token: {}}}\n",
                self.endpoint.port,
                self.folder.join("ca.crt").display(),
                self.token(user)
            );
            fs::write(self.folder.join(format!("{name}.kubeconfig")), config).expect("a kubeconfig");
        }
        let audit = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived, ResponseStarted]\n\
                     rules:\n- level: Metadata\n";
        fs::write(self.folder.join("audit.yaml"), audit).expect("the audit policy");
        fs::write(self.folder.join("ca.crt"), &self.ca).expect("the authority");
    }
}

impl Server for Region {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn token(&self, user: User) -> String {
        match user {
            User::Admin => "admin-on-loopback".into(),
            User::Daemon => "daemon-on-loopback".into(),
        }
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.join("daemon.kubeconfig")
    }

    fn forget_history(&self) {
        let etcd = |path: &str, body: &Value| etcd::ask(self.etcd, path, body);
        let now = etcd("/v3/kv/range", &json!({"key": "AA==", "count_only": true}));
        let revision = now["header"]["revision"].as_str().expect("etcd tells its revision");
        // The API server keeps old pages until it reads here that others compacted; it looks every 15 s.
        etcd("/v3/kv/put", &json!({"key": etcd::text("compact_rev_key"), "value": etcd::text(revision)}));
        etcd("/v3/kv/compaction", &json!({"revision": revision, "physical": true}));
    }
}

/// Writes the server's certificate and the accounts' key; gives the authority.
fn write_keys(folder: &Path) -> String {
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "region");
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let server = CertificateParams::new(names).expect("names").signed_by(&key, &ca).expect("a certificate");
    fs::write(folder.join("server.crt"), server.pem()).expect("a certificate");
    fs::write(folder.join("server.key"), key.serialize_pem()).expect("a key");
    let accounts = KeyPair::generate().expect("a key");
    fs::write(folder.join("accounts.key"), accounts.serialize_pem()).expect("a key");
    fs::write(folder.join("accounts.pub"), accounts.public_key_pem()).expect("a key");
    ca.pem()
}

/// Waits for etcd and writes into it, so that no API server ever sees its first versions: as in any real region, a
/// watch from version 1 is too old.
fn grow_older(port: u16, log: &Path) {
    let end = Instant::now() + START;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "etcd does not listen: {}", tail(log));
        std::thread::sleep(Duration::from_millis(50));
    }
    for _ in 0..10 {
        etcd::ask(port, "/v3/kv/put", &json!({"key": etcd::text("older"), "value": ""}));
    }
}

fn start(program: &Path, log: &Path, arguments: &[String]) -> Process {
    let log = File::create(log).expect("a log");
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    Process(child)
}

/// A port that is free now; nothing else on loopback takes it before the server does, or the start-up wait says so.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
