//! What may be typed.
//!
//! Input: arguments. Output: [`Arguments`]. It does nothing. Invariant: a value that cannot be right is refused here,
//! before anything happens.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::unit::UnitId;

const EXIT_CODES: &str = "\
Exit codes: 0 nothing to do, or all done; 1 it failed; 2 there are changes; 3 something is held, refused, invalid
or waits for a person; 4 something is incomplete, unknown or still progressing; 5 the world is not what the plan was
made for; 64 the command line is wrong; 130 interrupted. The worst wins.";

/// GitOps for Hyperledger Fabric networks on Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "heddle", version, about, after_help = EXIT_CODES, propagate_version = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Args)]
pub(super) struct Global {
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(super) color: Color,
    /// Say more on the error stream; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Say only what was asked for.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// How log lines look.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub(super) log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On terminals only.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a first fleet repository into an empty folder.
    Init(InitArgs),
    /// Check a folder of specs: every problem with its place, its code and a hint.
    Validate(ValidateArgs),
    /// Print the JSON Schemas, for editors.
    Schema(SchemaArgs),
    /// Show the Kubernetes objects that a folder of specs stands for.
    Render(RenderArgs),
    /// Show what would change. Changes nothing.
    Plan(PlanArgs),
    /// Show what would change, ask, and do it.
    Apply(ApplyArgs),
    /// Keep the regions equal to the repository, and report into it.
    Run(RunArgs),
    /// Show how everything stands, from the reports in the repository.
    Status(StatusArgs),
    /// Play a story on an embedded region: a network appears, changes, is broken, mended and partly deleted.
    Demo(DemoArgs),
    /// Print a completion script for a shell.
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The folder; made if it does not exist.
    #[arg(default_value = ".")]
    pub(super) dir: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    /// The folder with `fleet.yaml`.
    #[arg(default_value = ".")]
    pub(super) dir: PathBuf,
    /// How to show the result.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub(super) output: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  heddle schema network\n  heddle schema --out schemas")]
pub(super) struct SchemaArgs {
    /// Which schema; all names when it is left out.
    pub(super) kind: Option<String>,
    /// Write all schemas into this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "kind")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct RenderArgs {
    /// The folder with `fleet.yaml`.
    #[arg(default_value = ".")]
    pub(super) dir: PathBuf,
    /// The installation whose names the objects bear.
    #[arg(long, default_value = "demo", value_name = "ID")]
    pub(super) installation: crate::model::names::InstallationId,
    /// Only this unit, such as `network/platform/trade`; may be given more than once.
    #[arg(long = "unit", value_name = "UNIT", value_parser = unit)]
    pub(super) units: Vec<UnitId>,
    /// Write one file for each object into this folder.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// How to show the objects.
    #[arg(short, long, value_enum, default_value_t = ObjectFormat::Yaml)]
    pub(super) output: ObjectFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ObjectFormat {
    /// YAML documents.
    Yaml,
    /// One JSON list.
    Json,
}

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    /// The configuration.
    #[arg(short, long, value_name = "FILE", default_value = "heddle.yaml", env = "HEDDLE_CONFIG")]
    pub(super) config: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PlanFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For pull requests.
    Markdown,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  heddle plan --config heddle.yaml                 the tracked branch against the regions
  heddle plan . --config heddle.yaml               the files here, before they are committed
  heddle plan -o markdown                          as a comment for a pull request
  heddle plan --out plan.json && heddle apply --plan plan.json")]
pub(super) struct PlanArgs {
    /// A folder of uncommitted specs instead of the tracked branch.
    pub(super) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// Only this unit; may be given more than once.
    #[arg(long = "unit", value_name = "UNIT", value_parser = unit)]
    pub(super) units: Vec<UnitId>,
    /// How to show it.
    #[arg(short, long, value_enum, default_value_t = PlanFormat::Text)]
    pub(super) output: PlanFormat,
    /// Save it for `heddle apply --plan`; not for a folder.
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// Do exactly what this saved plan says.
    #[arg(long, value_name = "FILE")]
    pub(super) plan: Option<PathBuf>,
    /// Only this unit; may be given more than once.
    #[arg(long = "unit", value_name = "UNIT", value_parser = unit, conflicts_with = "plan")]
    pub(super) units: Vec<UnitId>,
    /// Do not ask.
    #[arg(short, long)]
    pub(super) yes: bool,
    /// How long to wait until everything is at rest, such as `90s` or `10m`.
    #[arg(long, default_value = "10m", value_parser = duration, value_name = "TIME")]
    pub(super) timeout: Duration,
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// End when everything is at rest.
    #[arg(long)]
    pub(super) once: bool,
    /// With --once: the longest run, such as `90s` or `10m`.
    #[arg(long, default_value = "10m", value_parser = duration, value_name = "TIME", requires = "once")]
    pub(super) timeout: Duration,
}

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// Only this unit, with everything that is known of it; may be given more than once.
    #[arg(long = "unit", value_name = "UNIT", value_parser = unit)]
    pub(super) units: Vec<UnitId>,
    /// How to show it.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub(super) output: Format,
}

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Leave the region and the loop running at the end, until Ctrl-C.
    #[arg(long)]
    pub(super) keep: bool,
    /// Use this empty folder instead of a temporary one.
    #[arg(long, value_name = "DIR")]
    pub(super) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    pub(super) shell: clap_complete::Shell,
}

fn unit(text: &str) -> Result<UnitId, String> {
    UnitId::parse(text).map_err(|error| error.to_string())
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time such as `30s`, `10m` or `1h`");
    let (number, factor) = match text.chars().last() {
        Some('s') => (text.strip_suffix('s'), 1),
        Some('m') => (text.strip_suffix('m'), 60),
        Some('h') => (text.strip_suffix('h'), 3600),
        _ => (None, 0),
    };
    let number: u64 = number.and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
    let seconds = number.checked_mul(factor).filter(|seconds| (1..=86_400).contains(seconds)).ok_or_else(wrong)?;
    Ok(Duration::from_secs(seconds))
}
