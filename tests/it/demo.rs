//! The demo as a user runs it, into a buffer.

use std::time::Duration;

use heddle::app::demo::{self, DemoOptions, PATIENCE};
use tokio_util::sync::CancellationToken;

fn play(patience: Duration) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let options = DemoOptions { keep: false, dir: Some(dir.clone()), colour: false, patience };
    let mut out = Vec::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let good = runtime.block_on(demo::run(options, &mut out, CancellationToken::new())).unwrap();
    assert!(!dir.exists(), "the folder is left behind");
    (good, String::from_utf8(out).unwrap())
}

#[test]
fn the_whole_story_is_as_expected_and_leaves_nothing_behind() {
    let (good, text) = play(PATIENCE * 3);
    println!("{text}");
    assert!(good, "{text}");
    for line in [
        "1  A network appears, with a channel",
        "2  A peer is added, and joins",
        "6  Eight months pass, and certificates are renewed",
        "Six steps, all as expected",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains('✗') && !text.contains('\u{1b}'), "{text}");
    assert!(text.matches('✓').count() > 25, "{text}");
}

#[test]
fn what_is_not_seen_in_time_fails_the_demo_at_its_step() {
    let (good, text) = play(Duration::ZERO);
    assert!(!good, "{text}");
    assert!(text.contains("✗ git  revision that was read") && text.contains("absent"), "{text}");
    assert!(text.contains("Not as expected") && !text.contains("2  A peer"), "{text}");
}
