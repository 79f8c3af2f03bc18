//! `kubectl`, as people use it for the same.
//!
//! Input: objects in order. Output: times. Each call is a fresh process with its own discovery cache, as heddle's is.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use heddle::desired::unit::Stage;
use heddle::k8s::object::Object;

use crate::kubernetes::binaries::Binaries;
use crate::kubernetes::region::Region;
use crate::process::{self, Ended};

/// The objects of one installation in a file.
pub struct Manifests {
    file: PathBuf,
}

impl Manifests {
    /// Writes them.
    pub fn write(region: &Region, name: &str, objects: &[(Stage, Object)]) -> Self {
        let file = region.folder().join(format!("{name}.json"));
        let text: String =
            objects.iter().flat_map(|(_, object)| [object.tree().to_string(), "\n".to_owned()]).collect();
        fs::write(&file, text).expect("a file");
        Self { file }
    }

    fn command(&self, binaries: &Binaries, region: &Region, arguments: &[&str]) -> Command {
        let mut command = Command::new(binaries.kubernetes.join("kubectl"));
        command.args(arguments).arg("--kubeconfig").arg(region.admin_kubeconfig()).arg("-f").arg(&self.file);
        command.arg("--cache-dir").arg(self.file.with_extension("cache"));
        command
    }

    /// `kubectl apply --server-side --validate=false`.
    pub fn apply(&self, binaries: &Binaries, region: &Region) -> Ended {
        let mut command = self.command(binaries, region, &["apply", "--server-side", "--validate=false"]);
        let ended = process::run(&mut command, &self.file.with_extension("apply.log"));
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        ended
    }

    /// `kubectl diff --server-side`, which must find nothing.
    pub fn diff(&self, binaries: &Binaries, region: &Region) -> Ended {
        let mut command = self.command(binaries, region, &["diff", "--server-side"]);
        let ended = process::run(&mut command, &self.file.with_extension("diff.log"));
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        ended
    }
}
