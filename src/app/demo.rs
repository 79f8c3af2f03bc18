//! `heddle demo`: the whole of heddle on this machine, with nothing but this program.
//!
//! Input: options, a writer, a stop. Output: a story with what was expected and what was seen, and whether all was as
//! expected. The region is simulated; the repository, the client and the loop are the real ones. Invariants: what is
//! shown as seen was read from the repository or from the API server; without `keep` nothing is left on the disk.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::adapters::git::settings::SettingsError;
use crate::adapters::kube::config::ConfigError;
use crate::model::names::NameError;
use crate::ports::source::SourceError;
use crate::sim::git_host::GitHostError;
use crate::sim::kube_http::FrontError;
use crate::sim::kubectl::KubectlError;
use crate::yaml::YamlError;

use self::fleet::Fleet;
use self::folder::Folder;
use self::print::Printer;
use self::stage::{Paths, STATUS_BRANCH, Stage};
use self::story::Story;
use super::driver::DriverError;

mod check;
mod clock;
mod fleet;
mod folder;
mod print;
mod stage;
mod story;

/// How long a step may take before what is missing counts as missing.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Why there is no demo.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The folder is not empty.
    #[error("the folder {0} is not empty; name another one or none")]
    NotEmpty(PathBuf),
    /// A file or folder.
    #[error("{path} cannot be used")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The output is gone.
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
    /// The repository of the demo.
    #[error("the demo's repository cannot be used")]
    Host(#[from] GitHostError),
    /// The region's front.
    #[error("the demo's region cannot be opened")]
    Front(#[from] FrontError),
    /// The region does not answer the administrator.
    #[error("the demo's region did not do what its administrator wanted")]
    Kubectl(#[from] KubectlError),
    /// heddle's access to the region.
    #[error("heddle cannot reach the demo's region")]
    Access(#[from] ConfigError),
    /// heddle's settings of the repository.
    #[error("heddle cannot use the demo's repository")]
    Settings(#[from] SettingsError),
    /// heddle's copy of the repository.
    #[error("heddle cannot use the demo's repository")]
    Source(#[from] SourceError),
    /// A name.
    #[error("a name of the demo is not valid")]
    Name(#[from] NameError),
    /// The configuration.
    #[error("the demo's configuration cannot be written")]
    Config(#[source] YamlError),
    /// The quick-start fleet is not as the story knows it.
    #[error("{path} does not hold `{text}` exactly once")]
    Fleet {
        /// The file.
        path: &'static str,
        /// The text.
        text: String,
    },
    /// A node's objects are not there.
    #[error("no StatefulSet carries the label of node {node}")]
    NoNode {
        /// Which.
        node: String,
    },
    /// A node without a volume.
    #[error("the StatefulSet {set} mounts no claim")]
    NoClaim {
        /// Which.
        set: String,
    },
    /// The loop ended by itself.
    #[error("the loop ended")]
    Loop(#[source] DriverError),
    /// The loop ended by itself, for a reason that is found out when it is closed.
    #[error("the loop ended by itself")]
    LoopEnded,
    /// The loop panicked.
    #[error("the loop failed inside; please report it")]
    LoopPanicked,
    /// Somebody stopped it.
    #[error("stopped")]
    Stopped,
}

impl DemoError {
    fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}

/// What is wanted.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// Leaves the region and the loop running after the story, until it is stopped.
    pub keep: bool,
    /// The folder, empty or new; a temporary one when none.
    pub dir: Option<PathBuf>,
    /// Whether the output may hold colours.
    pub colour: bool,
    /// How long to wait for what is expected; [`PATIENCE`] but in tests.
    pub patience: Duration,
}

/// Plays the story; says whether everything was seen as expected. `stop` ends it early, and ends `keep`.
pub async fn run(options: DemoOptions, out: &mut dyn Write, stop: CancellationToken) -> Result<bool, DemoError> {
    let started = Instant::now();
    let folder = Folder::take(options.dir.as_deref(), options.keep)?;
    let stage = Stage::build(Paths::new(folder.path()), CancellationToken::new()).await?;
    let mut printer = Printer::new(out, options.colour);
    introduce(&mut printer, &stage)?;
    let (patience, fleet) = (options.patience, Fleet::new());
    let mut story = Story { stage: &stage, printer, patience, stop: stop.clone(), fleet };
    let told = story.tell().await;
    let mut printer = story.printer;
    let result = match told {
        Ok(good) => {
            conclude(&mut printer, good, started.elapsed())?;
            if options.keep {
                keep(&mut printer, &stage.paths)?;
                stay(&stage, &stop).await;
            } else if good {
                leave(&mut printer)?;
            }
            Ok(good)
        }
        Err(error) => Err(error),
    };
    let closed = stage.close().await;
    match (result, closed) {
        // Why the loop ended says more than that it did.
        (Err(DemoError::LoopEnded) | Ok(_), Err(error)) => Err(error),
        (result, _) => result,
    }
}

/// Until somebody stops it, or the loop ends by itself.
async fn stay(stage: &Stage, stop: &CancellationToken) {
    while !stop.is_cancelled() && !stage.has_ended() {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

fn introduce(printer: &mut Printer<'_>, stage: &Stage) -> io::Result<()> {
    printer.title("heddle demo: a fleet in Git, one region, the loop between them")?;
    printer.line("")?;
    printer.remark(&format!("repository  {}", stage.paths.repository.display()))?;
    printer.remark(&format!("region      local, simulated in this process, at {}", stage.url()))?;
    printer.remark("git         seen on the branch heddle/status of the repository")?;
    printer.remark("api         seen by asking the region's API server over HTTPS")?;
    printer.remark("node        seen on the ordering nodes and peers that its pods run")?;
    printer.line("")
}

fn conclude(printer: &mut Printer<'_>, good: bool, time: Duration) -> io::Result<()> {
    let seconds = time.as_secs_f64();
    if good {
        printer.verdict(true, &format!("Six steps, all as expected, in {seconds:.1} s."))
    } else {
        printer.verdict(false, &format!("Not as expected (after {seconds:.1} s); the story ends here."))
    }
}

fn leave(printer: &mut Printer<'_>) -> io::Result<()> {
    printer.line("")?;
    printer.title("Next")?;
    printer.line("   heddle demo --keep         the same, and it stays up for kubectl, git and heddle itself")?;
    printer.line("   heddle init --help         a fleet of your own")?;
    printer.line("   README.md                  goes on at \"Your own fleet\"")
}

fn keep(printer: &mut Printer<'_>, paths: &Paths) -> io::Result<()> {
    let program = std::env::current_exe().ok().map_or_else(|| "heddle".into(), |path| quoted(&path));
    let Paths { folder, repository, kubeconfig, config, .. } = paths;
    let (clone, config, kubeconfig) = (quoted(&folder.join("clone")), quoted(config), quoted(kubeconfig));
    printer.line("")?;
    printer.title("It stays up until Ctrl-C. Try, in another terminal:")?;
    printer.line(&format!("   kubectl --kubeconfig {kubeconfig} get statefulsets -A"))?;
    printer.line(&format!("   {program} status --config {config}"))?;
    printer.line(&format!("   {program} plan --config {config}"))?;
    printer.line(&format!("   git clone {} {clone}", quoted(repository)))?;
    printer.line(&format!("   git -C {} log -p {STATUS_BRANCH}", quoted(repository)))?;
    printer.line("")?;
    printer.remark(&format!("The folder {} stays when it ends; the region does not.", folder.display()))?;
    printer.remark("Push to main from the clone and watch the region follow. README.md goes on at \"Your own fleet\".")
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
