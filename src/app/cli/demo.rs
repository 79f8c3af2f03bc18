//! `heddle demo`: plays the story.
//!
//! Input: whether to stay. Output: the story on the first stream. Invariant: the exit code says whether everything was
//! seen as expected.

use tokio_util::sync::CancellationToken;

use super::args::DemoArgs;
use super::failure::CliError;
use super::output::Output;
use crate::app::demo::{self, DemoOptions, PATIENCE};
use crate::app::exit::Exit;

/// Runs the command.
pub(super) fn run(args: &DemoArgs, output: &mut Output) -> Result<Exit, CliError> {
    let options =
        DemoOptions { keep: args.keep, dir: args.dir.clone(), colour: output.is_coloured(), patience: PATIENCE };
    let good = super::block_on(async {
        let stop = CancellationToken::new();
        let ctrl_c = stop.clone();
        let waiter = tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                ctrl_c.cancel();
            }
        });
        let good = demo::run(options, output.writer(), stop).await;
        waiter.abort();
        good
    })??;
    Ok(if good { Exit::Done } else { Exit::Error })
}
