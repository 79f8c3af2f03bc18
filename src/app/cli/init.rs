//! `heddle init`: a first fleet repository.
//!
//! Input: an empty folder. Output: the quick-start fleet, an example of the configuration, a list of owners. It touches
//! no file that exists. Invariant: what it writes is valid.

use std::fs;
use std::path::Path;

use super::args::InitArgs;
use super::failure::CliError;
use super::output::Output;
use super::schema;
use crate::app::exit::Exit;
use crate::app::quick_start;

/// An example of the configuration. It lies outside the specs, because it is not one.
const CONFIG: &str = "# heddle's own configuration; `heddle schema config` says everything that may stand here.
# Keep it out of the fleet repository: it says how this process reaches things.
installation: demo
stateDir: .heddle
repository:
  url: https://git.example.com/platform/fleet.git
  branch: main
  statusBranch: heddle/status
  # The secret itself is in the file: user:password, or a token.
  credentials: {file: git-credentials, for: https://git.example.com/platform/}
regions:
  - name: local
    kubeconfig: local.kubeconfig
    # kubectl get namespace kube-system -o jsonpath='{.metadata.uid}'
    clusterUid: 00000000-0000-0000-0000-000000000000
";

const OWNERS: &str = "# Who may merge what. The last line that matches wins.
/fleet.yaml            @platform-team
/tenants/platform/     @platform-team
/tenants/acme/         @acme-admins
";

const IGNORED: &str = "/.heddle/\n/heddle.yaml\n/*.kubeconfig\n/git-credentials\n";

/// Runs the command.
pub(super) fn run(args: &InitArgs, output: &mut Output) -> Result<Exit, CliError> {
    let dir = &args.dir;
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |source| CliError::File { what, path, source }
    };
    fs::create_dir_all(dir).map_err(failed("making", dir))?;
    let mut entries = fs::read_dir(dir).map_err(failed("reading", dir))?;
    // A repository that was just made is empty too.
    if entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != ".git")) {
        return Err(CliError::NotEmpty { path: dir.clone() });
    }
    // In the example's own folder the schemas lie two folders further up.
    let specs = quick_start::FILES.iter().map(|(name, text)| ((*name).to_owned(), text.replacen("../../", "", 1)));
    let extra = [("heddle.yaml", CONFIG), ("CODEOWNERS", OWNERS), (".gitignore", IGNORED)];
    let extra = extra.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let schemas = schema::schemas().into_iter().filter(|(path, _)| path.starts_with("v1alpha1/"));
    let schemas = schemas.map(|(path, schema)| (format!("schemas/{path}"), format!("{schema:#}\n")));
    for (name, text) in specs.chain(extra).chain(schemas) {
        let path = dir.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed("making", folder))?;
        }
        fs::write(&path, text).map_err(failed("writing", &path))?;
        output.text(&format!("wrote {}\n", path.display()))?;
    }
    output.remark(&format!(
        "\nNext:\n  heddle validate {0}\n  heddle render {0}\n  edit {0}/heddle.yaml, commit the rest, then: heddle plan --config {0}/heddle.yaml\n",
        dir.display()
    ))?;
    Ok(Exit::Done)
}
