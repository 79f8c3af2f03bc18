//! What may be typed.
//!
//! Input: arguments. Output: [`Arguments`]. It does nothing. Invariant: a value that cannot be right is refused here,
//! before anything happens.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::unit::UnitId;

/// The table of [`crate::app::exit`]; a test compares them.
const EXIT_CODES: &str = "\
Exit codes, the worst of several last:
    0  nothing to do, or all done
    2  there are changes
    3  something is held, refused, invalid or waits for a person
    4  something is incomplete or unknown, or still progressing at the timeout
    5  the world is not what the plan was made for
    1  it failed
   64  the command line is wrong
  130  it was interrupted";

/// GitOps for Hyperledger Fabric networks on Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "heddle", version, about, after_help = EXIT_CODES, propagate_version = true, max_term_width = 110)]
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
#[command(after_help = "Examples:
  git init fleet && heddle init fleet")]
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
#[command(after_help = "Examples:
  heddle validate examples/quick-start
  heddle validate -o json                          for an editor or a pipeline

Ends with 0 when everything can be used, also with warnings, else with 3.")]
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
#[command(after_help = "Examples:
  heddle render examples/quick-start
  heddle render --unit network/platform/trade --region local
  heddle render --out rendered                     one file for each object

The objects are for reading and comparing; heddle applies them in an order and as different users.")]
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
    /// Only objects of this region.
    #[arg(long, value_name = "REGION")]
    pub(super) region: Option<crate::model::names::RegionName>,
    /// Write one file for each object into this folder, which must be empty or not exist.
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
#[command(after_help = "Examples:
  heddle apply                                     plans, shows, asks, applies
  heddle apply --plan plan.json                    only what the saved plan says
  heddle apply --yes --unit tenant/acme            without a terminal

What needs an approval stays held until an Approval document is merged.")]
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
#[command(after_help = "Examples:
  heddle run --config /etc/heddle/heddle.yaml --log-format json
  heddle run --once --timeout 5m

The first interrupt lets the cycle end and reports it; the second one ends the process at once.")]
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
#[command(after_help = "Examples:
  heddle status
  heddle status --unit network/platform/trade
  heddle status -o json")]
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
#[command(after_help = "Examples:
  heddle demo
  heddle demo --keep --dir /tmp/heddle-demo")]
pub(super) struct DemoArgs {
    /// Leave the region and the loop running at the end, until Ctrl-C.
    #[arg(long)]
    pub(super) keep: bool,
    /// Use this empty folder instead of a temporary one.
    #[arg(long, value_name = "DIR")]
    pub(super) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  heddle completions bash > ~/.local/share/bash-completion/completions/heddle")]
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{Arguments, EXIT_CODES, duration};
    use crate::app::exit::Exit;

    #[test]
    fn the_definitions_hold_together_and_every_command_shows_examples() {
        let mut command = Arguments::command();
        command.clone().debug_assert();
        for command in command.get_subcommands_mut() {
            let help = command.render_long_help().to_string();
            assert!(help.contains("Examples:\n  "), "{help}");
        }
    }

    #[test]
    fn the_help_lists_the_exit_codes_of_the_table() {
        let rows = Exit::ALL.map(Exit::row).map(|(code, meaning)| format!("{code:>5}  {meaning}"));
        assert_eq!(EXIT_CODES.lines().skip(1).collect::<Vec<_>>(), rows);
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("24h", 86_400)] {
            assert_eq!(duration(text).map(|time| time.as_secs()), Ok(seconds), "{text}");
        }
        for bad in ["", "0s", "10", "-5m", "m", "25h", "99999999999999999999s", "1µ"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
