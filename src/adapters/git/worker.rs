//! The thread that owns the local copy.
//!
//! Input: jobs. Output: their effects, in the order in which they came. It knows nothing of what a job does.
//! Invariants: one job at a time; a job that panics costs only itself; a job that does not end costs its thread, and a
//! new thread takes the jobs that come after it, a few times at most.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use super::fault;
use super::local_copy::LocalCopy;
use super::settings::Settings;
use crate::ports::source::SourceError;

/// libgit2 cannot be interrupted, so a stuck thread stays until the remote lets go of it.
const STUCK_MAX: usize = 4;

/// Something to do with the copy.
pub(super) type Job = Box<dyn FnOnce(&mut LocalCopy) + Send>;

/// When the current job of a thread began.
type Busy = Arc<Mutex<Option<Instant>>>;

/// The thread of a repository, and those before it that are stuck.
#[derive(Debug)]
pub(super) struct Worker {
    settings: Arc<Settings>,
    current: Mutex<Thread>,
}

#[derive(Debug)]
struct Thread {
    jobs: mpsc::Sender<Job>,
    busy: Busy,
    stuck: Vec<Busy>,
}

impl Worker {
    /// Starts the thread. It ends with this value, or with the job that it is at then.
    pub(super) fn start(settings: Arc<Settings>) -> Result<Self, SourceError> {
        let (jobs, busy) = spawn(&settings)?;
        Ok(Self { settings, current: Mutex::new(Thread { jobs, busy, stuck: Vec::new() }) })
    }

    /// Puts a job behind those that wait. False when there is no thread any more.
    pub(super) fn push(&self, job: Job) -> bool {
        lock(&self.current).jobs.send(job).is_ok()
    }

    /// Leaves the thread alone when its job is older than `patience`; the next job then finds a new one. Jobs that wait
    /// behind the stuck one have callers that waited as long, or will ask again.
    pub(super) fn leave_stuck(&self, patience: Duration) -> Result<(), SourceError> {
        let mut current = lock(&self.current);
        if !lock(&current.busy).is_some_and(|begun| begun.elapsed() >= patience) {
            return Ok(());
        }
        current.stuck.retain(|busy| lock(busy).is_some());
        if current.stuck.len() >= STUCK_MAX {
            return Err(fault::unreachable(&self.settings, "calls to it do not end".to_owned()));
        }
        let (jobs, busy) = spawn(&self.settings)?;
        current.jobs = jobs;
        let stuck = std::mem::replace(&mut current.busy, busy);
        current.stuck.push(stuck);
        Ok(())
    }
}

fn spawn(settings: &Arc<Settings>) -> Result<(mpsc::Sender<Job>, Busy), SourceError> {
    let (jobs, queue) = mpsc::channel::<Job>();
    let busy = Busy::default();
    let (mut copy, seen) = (LocalCopy::new(Arc::clone(settings)), Arc::clone(&busy));
    std::thread::Builder::new()
        .name("git".to_owned())
        .spawn(move || {
            for job in queue {
                *lock(&seen) = Some(Instant::now());
                // A job that panics drops its answer; the next one starts from a copy that is opened anew.
                if catch_unwind(AssertUnwindSafe(|| job(&mut copy))).is_err() {
                    copy.close();
                }
                *lock(&seen) = None;
            }
        })
        .map_err(|error| fault::local_text(settings, format!("its thread does not start: {error}")))?;
    Ok((jobs, busy))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
