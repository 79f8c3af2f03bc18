//! "Look now" for repositories that are folders of this machine.
//!
//! Input: settings. Output: [`Wakes`], which says that the tracked branch may have moved. It carries no information:
//! whoever is woken asks the repository. Invariants: many changes make one wake-up; reports on the status branch make
//! none; a watch that fails only makes the poll the faster of the two.

use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::settings::Settings;

/// References are written by a rename; what comes together is one change.
const SETTLE: Duration = Duration::from_millis(20);

/// A watch on a repository. It ends when this value is dropped.
#[derive(Debug)]
pub struct Wakes {
    _watcher: RecommendedWatcher,
    changed: mpsc::Receiver<()>,
}

impl Wakes {
    /// Watches the references of a file remote; none for others, and none where the system cannot watch.
    pub fn watch(settings: &Settings) -> Option<Self> {
        let folder = settings.url().folder()?;
        let folder = [folder.join(".git"), folder].into_iter().find(|folder| folder.join("refs").is_dir())?;
        let (wake, changed) = mpsc::channel(1);
        let reference = settings.branch().reference();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error (an overflow of the queue) hides changes, so it wakes too.
            let matters = event.map_or(true, |event| {
                !event.kind.is_access()
                    && event.paths.iter().any(|path| path.ends_with(&reference) || path.ends_with("packed-refs"))
            });
            if matters {
                // A full channel holds a wake-up already.
                let _already_awake = wake.try_send(());
            }
        })
        .ok()?;
        watcher.watch(&folder.join("refs"), RecursiveMode::Recursive).ok()?;
        watcher.watch(&folder, RecursiveMode::NonRecursive).ok()?;
        Some(Self { _watcher: watcher, changed })
    }

    /// Waits for the next change. Never ends when the watch broke.
    pub async fn next(&mut self) {
        if self.changed.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(SETTLE).await;
        while self.changed.try_recv().is_ok() {}
    }
}
