//! A program that is run and watched.
//!
//! Input: a command. Output: its time, the processor time that it took, its largest resident memory and its streams.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// Processor time is counted in hundredths of a second on Linux.
const TICKS: f64 = 100.0;

/// A program that ended.
pub struct Ended {
    /// Its exit code.
    pub code: Option<i32>,
    /// When it was started.
    pub started: SystemTime,
    /// From start to end.
    pub time: Duration,
    /// Seconds of processor time.
    pub processor: f64,
    /// What it wrote to the second stream.
    pub log: String,
}

/// A program that runs.
pub struct Running {
    child: Child,
    log: PathBuf,
    begun: Instant,
    started: SystemTime,
}

/// Starts a program; both streams go into files beside `log`.
pub fn start(command: &mut Command, log: &Path) -> Running {
    let out = File::create(log.with_extension("out")).expect("a file");
    let err = File::create(log).expect("a file");
    let (begun, started) = (Instant::now(), SystemTime::now());
    let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().expect("the program starts");
    Running { child, log: log.to_owned(), begun, started }
}

/// Runs a program to its end.
pub fn run(command: &mut Command, log: &Path) -> Ended {
    let before = children();
    start(command, log).wait(before)
}

impl Running {
    fn wait(mut self, before: f64) -> Ended {
        let status = self.child.wait().expect("the program ends");
        let time = self.begun.elapsed();
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        Ended { code: status.code(), started: self.started, time, processor: children() - before, log }
    }

    /// Asks it to end and waits.
    pub fn stop(self) -> Ended {
        let before = children();
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        self.wait(before)
    }

    /// A line of `/proc/<pid>/status`, in MiB.
    pub fn mebibytes(&self, line: &str) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let value = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
        value.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
    }

    /// Waits until it has used no processor time for a while.
    pub fn wait_for_rest(&self) {
        let used = || of_process(&format!("/proc/{}/stat", self.child.id()), [11, 12]);
        let mut last = used();
        let mut quiet = 0;
        while quiet < 5 {
            std::thread::sleep(Duration::from_secs(1));
            let now = used();
            quiet = if now - last < 0.03 { quiet + 1 } else { 0 };
            last = now;
        }
    }

    /// What it wrote to the second stream so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only when it ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of all children that ended.
fn children() -> f64 {
    of_process("/proc/self/stat", [13, 14])
}

fn of_process(path: &str, fields: [usize; 2]) -> f64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    // The name in parentheses may hold spaces.
    let rest: Vec<&str> = text.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    fields.iter().filter_map(|field| rest.get(*field)?.parse::<f64>().ok()).sum::<f64>() / TICKS
}
