//! Why a command ended badly.
//!
//! Input: errors of other rooms. Output: [`CliError`], its exit code and what to do. It prints nothing. Invariant: the
//! text of an error is not repeated by its cause.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::app::config::ConfigError;
use crate::app::demo::DemoError;
use crate::app::driver::DriverError;
use crate::app::exit::Exit;
use crate::app::preview::PreviewError;
use crate::app::status_branch::StatusBranchError;
use crate::ports::source::SourceError;
use crate::telemetry::log::FilterError;
use crate::yaml::YamlError;

/// Why a command ended badly.
#[derive(Debug, Error)]
pub(super) enum CliError {
    /// Nobody reads what is written.
    #[error("the output is closed")]
    Closed,
    /// Output could not be written.
    #[error("the output cannot be written")]
    Output(#[source] io::Error),
    /// A file could not be written or read.
    #[error("{what} {path} failed")]
    File {
        /// `writing`, `reading`, `making`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is something where nothing should be.
    #[error("the folder {path} is not empty: it holds `{holds}`; nothing was written")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// One of the things in it.
        holds: String,
    },
    /// The folder of specs cannot be read.
    #[error("the specs cannot be read")]
    Specs(#[source] SourceError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The threads or the network of the process.
    #[error("the program's threads cannot be started")]
    Runtime(#[source] io::Error),
    /// `HEDDLE_LOG` cannot be understood.
    #[error("the variable HEDDLE_LOG cannot be used")]
    LogFilter(#[source] FilterError),
    /// The fleet has no such region.
    #[error("the fleet has no region `{region}`")]
    NoRegion {
        /// The region.
        region: String,
        /// All regions.
        known: String,
    },
    /// No schema of that name.
    #[error("there is no schema `{name}`")]
    NoSchema {
        /// The name.
        name: String,
        /// All names.
        known: String,
    },
    /// A unit that nothing declares.
    #[error("there is no unit `{unit}`")]
    NoUnit {
        /// The unit.
        unit: String,
        /// All units.
        known: String,
    },
    /// A saved plan that is none.
    #[error("{path} is not a saved plan")]
    NoPlan {
        /// The file.
        path: PathBuf,
    },
    /// A saved plan of another revision.
    #[error("the plan was made from revision {planned}, but the branch is at {tip}")]
    StalePlan {
        /// What it was made from.
        planned: String,
        /// Where the branch is.
        tip: String,
    },
    /// Nobody can be asked.
    #[error("nobody can be asked whether to apply this, because this is no terminal")]
    NobodyToAsk,
    /// Something could not be written as text.
    #[error("the result cannot be shown")]
    Shown(#[from] serde_json::Error),
    /// Something could not be written as YAML.
    #[error("the result cannot be shown")]
    Yaml(#[from] YamlError),
    /// No plan.
    #[error("there is no plan")]
    Preview(#[from] PreviewError),
    /// The loop.
    #[error("the run ended")]
    Driver(#[from] DriverError),
    /// The reports.
    #[error("the reports cannot be read")]
    StatusBranch(#[from] StatusBranchError),
    /// The repository.
    #[error("the repository cannot be used")]
    Repository(#[source] SourceError),
    /// The demo.
    #[error("the demo cannot be played")]
    Demo(#[from] DemoError),
}

impl CliError {
    /// The exit code.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Closed => Exit::Done,
            Self::StalePlan { .. } => Exit::Stale,
            Self::Demo(DemoError::Stopped) => Exit::Interrupted,
            Self::NoSchema { .. }
            | Self::NoUnit { .. }
            | Self::NoRegion { .. }
            | Self::LogFilter(_)
            | Self::NobodyToAsk => Exit::Usage,
            Self::Driver(DriverError::Led { .. } | DriverError::StatusBranch(StatusBranchError::Claimed { .. }))
            | Self::StatusBranch(StatusBranchError::Claimed { .. })
            | Self::Config(ConfigError::Problems { .. }) => Exit::Person,
            Self::Output(_)
            | Self::File { .. }
            | Self::NotEmpty { .. }
            | Self::Specs(_)
            | Self::Config(ConfigError::Unreadable { .. })
            | Self::Runtime(_)
            | Self::NoPlan { .. }
            | Self::Shown(_)
            | Self::Yaml(_)
            | Self::Preview(_)
            | Self::Driver(_)
            | Self::StatusBranch(_)
            | Self::Repository(_)
            | Self::Demo(_) => Exit::Error,
        }
    }

    /// What to do.
    pub(super) fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotEmpty { .. } => "name an empty folder, or one that does not exist yet".to_owned(),
            Self::NoSchema { known, .. } | Self::NoUnit { known, .. } | Self::NoRegion { known, .. } => {
                format!("one of {known}")
            }
            Self::LogFilter(_) => "write a level such as `info`, or `heddle=debug,warn`".to_owned(),
            Self::NobodyToAsk => "look at `heddle plan` first, then give --yes".to_owned(),
            Self::StalePlan { .. } => "make a new one with `heddle plan --out`".to_owned(),
            Self::NoPlan { .. } => "`heddle plan --out FILE` makes one".to_owned(),
            Self::Config(ConfigError::Unreadable { .. }) => {
                "name it with --config; `heddle init` writes an example, `heddle schema config` says what may be in it"
                    .to_owned()
            }
            Self::Driver(error) => return source_hint_of(error),
            Self::Specs(SourceError::Local { .. }) => {
                "name the folder that holds `fleet.yaml`; `heddle init` makes one".to_owned()
            }
            Self::Specs(error) | Self::Repository(error) | Self::Preview(PreviewError::Source(error)) => {
                source_hint(error)
            }
            Self::StatusBranch(error) | Self::Preview(PreviewError::StatusBranch(error)) => {
                return status_branch_hint(error);
            }
            _ => return None,
        })
    }
}

fn source_hint_of(error: &DriverError) -> Option<String> {
    match error {
        DriverError::Source(error) => Some(source_hint(error)),
        DriverError::StatusBranch(error) => status_branch_hint(error),
        DriverError::Led { .. } => {
            Some("stop the other process, or let it do the work: one process leads a region at a time".to_owned())
        }
    }
}

fn status_branch_hint(error: &StatusBranchError) -> Option<String> {
    Some(match error {
        StatusBranchError::Git(error) => source_hint(error),
        StatusBranchError::Refused { .. } => {
            "let heddle's account push to the status branch; branch protection may stand in its way".to_owned()
        }
        StatusBranchError::Claimed { .. } => {
            "give this installation a status branch of its own (`repository.statusBranch`)".to_owned()
        }
        StatusBranchError::Audit(_) => {
            "compare the audit folder with its history: somebody changed what only heddle writes".to_owned()
        }
        StatusBranchError::Unreadable { .. } => {
            "restore it from the history of the status branch: it remembers which keys and channels there are"
                .to_owned()
        }
        StatusBranchError::Races | StatusBranchError::GivenUp => return None,
    })
}

fn source_hint(error: &SourceError) -> String {
    match error {
        SourceError::Unreachable { .. } => "check `repository.url` and the network; heddle changes nothing meanwhile",
        SourceError::Unauthenticated { .. } => {
            "check `repository.credentials`: the file or variable, and what the account may do"
        }
        SourceError::Untrusted { .. } => {
            "give the host's authority as `repository.caFile`, or its key in `repository.knownHosts`"
        }
        SourceError::BranchGone { .. } => "check `repository.branch`, or push the branch again",
        SourceError::TooLarge { .. } | SourceError::TooMany { .. } => "keep what is no spec out of `tenants`",
        SourceError::Missing { .. } => "the local copy in `stateDir` may be deleted; it is made anew",
        SourceError::Local { .. } => "check that the file or folder exists and that this user may use it",
    }
    .to_owned()
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Output(error) }
    }
}
