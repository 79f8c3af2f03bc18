//! The program itself: how large it is, how fast it starts.
//!
//! Input: the binary that Cargo built with the release profile. Output: samples.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::results::Results;

/// Measures both.
pub fn measure(results: &mut Results) {
    let program = env!("CARGO_BIN_EXE_heddle");
    let bytes = fs::metadata(program).map(|file| file.len()).unwrap_or_default();
    results.add("heddle: binary", "MiB", bytes as f64 / 1_048_576.0);
    for (name, arguments) in [
        ("heddle: --version", &["--version"][..]),
        (
            "heddle: validate the quick-start",
            &["validate", concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quick-start")],
        ),
    ] {
        for _ in 0..11 {
            let begin = Instant::now();
            let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
            let time = begin.elapsed();
            assert!(status.is_ok_and(|status| status.success()), "{arguments:?}");
            results.add(name, "ms", time.as_secs_f64() * 1000.0);
        }
    }
}
