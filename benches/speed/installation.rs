//! One installation of heddle on a region: a repository, a configuration, the objects that it stands for.
//!
//! Input: a name, a region, the number of tenants. Output: commands of heddle, and the same objects for others.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use heddle::adapters::folder::{self, FolderLimits};
use heddle::app::evaluation::Evaluator;
use heddle::desired::render;
use heddle::desired::unit::Stage;
use heddle::k8s::object::Object;
use heddle::model::names::InstallationId;
use heddle::sim::git_host::{Files, GitHost, Person};
use heddle::spec::parse::Limits;

use crate::contract::server::{Api, Server};
use crate::fleet;
use crate::kubernetes::region::Region;

/// Peers of each tenant; 43 objects a tenant.
const PEERS: usize = 4;
const SOMEBODY: Person = Person { name: "Somebody", email: "somebody@example.com" };
/// The branch with the reports.
pub const STATUS: &str = "heddle/status";

/// One installation.
pub struct Installation {
    /// Its name.
    pub name: String,
    /// Its files.
    pub folder: PathBuf,
    /// Its repository.
    pub host: GitHost,
}

impl Installation {
    /// Writes the repository with its first commit, and the configuration.
    pub fn new(name: &str, region: &Region, tenants: usize) -> Self {
        let folder = region.folder().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let host = GitHost::create(&folder.join("fleet.git"), "main").expect("a repository");
        let files: Files =
            fleet::documents(tenants, PEERS).into_iter().map(|(path, text)| (path, Some(text))).collect();
        host.push(SOMEBODY, "Begin", &files).expect("a commit");
        let uid = Api::admin(region).get("/api/v1/namespaces/kube-system").body["metadata"]["uid"].clone();
        let config = format!(
            "installation: {name}\nstateDir: state\nrepository: {{url: {}, branch: main}}\nregions:\n  - name: local\n    \
             kubeconfig: {}\n    clusterUid: {}\n",
            host.path().display(),
            region.kubeconfig().display(),
            uid.as_str().expect("a uid")
        );
        fs::write(folder.join("heddle.yaml"), config).expect("a configuration");
        Self { name: name.to_owned(), folder, host }
    }

    /// A command of heddle, with a log line for each change.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heddle"));
        command.args(["--log-format", "json"]).args(arguments).arg("--config").arg(self.folder.join("heddle.yaml"));
        command.env("HEDDLE_LOG", "heddle=info,heddle::apply=debug");
        command
    }

    /// Changes one file.
    pub fn push(&self, path: &str, change: impl Fn(&str) -> String) -> String {
        let text = self.host.read("main", path).expect("a repository").expect("a file");
        self.host.push(SOMEBODY, "Change", &Files::from([(path.to_owned(), Some(change(&text)))])).expect("a commit")
    }
}

/// The objects that heddle renders for an installation with this name, in the order in which they can be made.
pub fn objects(name: &str, tenants: usize) -> Vec<(Stage, Object)> {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in fleet::documents(tenants, PEERS) {
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("a file");
    }
    let (tree, blobs) = folder::read(folder.path(), &FolderLimits::default()).expect("the folder is there");
    let evaluation = Evaluator::new(Limits::default()).evaluate_tree(&tree, &blobs);
    assert!(evaluation.diagnostics().is_empty(), "{:?}", evaluation.diagnostics());
    let fleet = evaluation.fleet().expect("the fleet is valid");
    let installation = InstallationId::parse(name).expect("a name");
    let mut stages: BTreeMap<Stage, Vec<Object>> = BTreeMap::new();
    for unit in render::units(fleet) {
        let desired = render::render(&installation, fleet, &unit).expect("a valid unit renders");
        for wanted in desired.objects.values() {
            stages.entry(wanted.stage).or_default().push((*wanted.object).clone());
        }
    }
    stages.into_iter().flat_map(|(stage, objects)| objects.into_iter().map(move |object| (stage, object))).collect()
}
