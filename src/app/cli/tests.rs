//! Commands within this process, with good and bad input.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::output::Output;
use super::run_with;

/// A stream that can be looked at afterwards.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().map_err(|_| io::Error::other("a test broke"))?.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream whose reader went away.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Exit code, results, remarks.
fn heddle(arguments: &[&str]) -> (u8, String, String) {
    let (out, err) = (Kept::default(), Kept::default());
    let mut output = Output::into(Box::new(out.clone()), Box::new(err.clone()));
    let arguments = ["heddle"].iter().chain(arguments).map(OsString::from);
    let exit = run_with(arguments, &mut output);
    (exit.code(), out.text(), err.text())
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn quick_start() -> String {
    root().join("examples/quick-start").display().to_string()
}

/// The good fleet with one case of bad specs over it.
fn bad_fleet(case: &str) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("tests/specs/good"), folder.path());
    copy(&root().join("tests/specs/bad").join(case), folder.path());
    folder
}

/// Compares with a file below `tests/golden/cli`; `HEDDLE_WRITE_GOLDEN=1` writes it.
fn golden(name: &str, text: &str) {
    let path = root().join("tests/golden/cli").join(name);
    if std::env::var_os("HEDDLE_WRITE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&path).unwrap_or_default(), "{}", path.display());
}

#[test]
fn validate_says_every_problem_as_text_and_as_json() {
    for case in
        ["unknown-fields-at-three-depths", "password-in-clear", "duplicate-keys-at-two-places", "unknown-region"]
    {
        let folder = bad_fleet(case);
        let dir = folder.path().to_str().unwrap();
        let (code, text, err) = heddle(&["validate", dir]);
        assert_eq!((code, err.as_str()), (3, ""), "{case}: {text}");
        golden(&format!("validate-{case}.txt"), &text.replace(dir, "<dir>"));
        let (code, json, err) = heddle(&["validate", dir, "-o", "json"]);
        assert_eq!((code, err.as_str()), (3, ""), "{case}");
        golden(&format!("validate-{case}.json"), &json);
        assert!(!(text + &json).contains("CANARY"), "{case}");
    }
}

#[test]
fn validate_warns_of_a_tenant_that_one_installation_cannot_have() {
    let folder = bad_fleet("../good");
    let tenant = folder.path().join("tenants/system");
    fs::create_dir_all(&tenant).unwrap();
    let text = fs::read_to_string(Path::new(&quick_start()).join("tenants/acme/tenant.yaml")).unwrap();
    fs::write(tenant.join("tenant.yaml"), text.replace("name: acme", "name: system")).unwrap();
    let (code, out, _) = heddle(&["validate", folder.path().to_str().unwrap()]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("HDL3901") && out.contains("under the installation `heddle`"), "{out}");
    assert!(out.contains("rename the tenant"), "{out}");
}

#[test]
fn validate_ends_with_zero_for_what_can_be_used() {
    let (code, out, err) = heddle(&["validate", &quick_start()]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out, format!("{} is valid: 8 files\n", quick_start()));
    let (code, out, _) = heddle(&["validate", &quick_start(), "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["valid"], &json["files"]), (0, &true.into(), &8.into()));
}

#[test]
fn a_warning_alone_is_no_failure() {
    let folder = bad_fleet("unknown-place");
    let (code, out, _) = heddle(&["validate", folder.path().to_str().unwrap()]);
    assert!(out.contains("warning[HDL") && out.contains("is valid"), "{out}");
    assert_eq!(code, 0);
}

#[test]
fn colour_comes_only_when_it_is_wanted() {
    let folder = bad_fleet("unknown-region");
    let dir = folder.path().to_str().unwrap();
    assert!(!heddle(&["validate", dir]).1.contains('\u{1b}'));
    assert!(heddle(&["validate", dir, "--color", "always"]).1.contains('\u{1b}'));
    assert!(!heddle(&["frob"]).2.contains('\u{1b}'));
    assert!(!heddle(&["--help"]).1.contains('\u{1b}'));
}

#[test]
fn what_cannot_be_meant_is_usage_and_help_is_not() {
    for arguments in [
        &["frob"][..],
        &[],
        &["validate", "a", "b"],
        &["run", "--timeout", "10m"],
        &["run", "--once", "--timeout", "soon"],
        &["plan", "--unit", "network/trade"],
        &["schema", "tenant", "--out", "x"],
        &["schema", "pod"],
        &["render", &quick_start(), "--unit", "tenant/nobody"],
        &["render", &quick_start(), "--region", "mars"],
        &["-q", "-v", "schema"],
        &["completions", "cmd"],
    ] {
        let (code, out, err) = heddle(arguments);
        assert_eq!((code, out.as_str()), (64, ""), "{arguments:?}");
        assert!(!err.is_empty(), "{arguments:?}");
    }
    for arguments in [&["--help"][..], &["plan", "--help"], &["--version"]] {
        let (code, out, err) = heddle(arguments);
        assert_eq!((code, err.as_str(), out.is_empty()), (0, "", false), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_went_away_ends_a_command_quietly() {
    let err = Kept::default();
    let mut output = Output::into(Box::new(Closed), Box::new(err.clone()));
    let arguments = ["heddle", "schema", "network"].map(OsString::from);
    assert_eq!(run_with(arguments, &mut output).code(), 0);
    assert_eq!(err.text(), "");
}

#[test]
fn init_writes_a_fleet_that_is_valid_and_refuses_a_folder_with_something_in_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".git")).unwrap();
    let dir = folder.path().to_str().unwrap();
    let (code, out, err) = heddle(&["init", dir]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("fleet.yaml") && err.contains("Next:"), "{out}{err}");
    assert_eq!(heddle(&["validate", dir]).0, 0);
    for file in ["fleet.yaml", "tenants/acme/tenant.yaml", "tenants/acme/organizations/acme.yaml"] {
        let file = folder.path().join(file);
        let text = fs::read_to_string(&file).unwrap();
        let schema = text.lines().next().unwrap().split_once("$schema=").unwrap().1;
        assert!(file.parent().unwrap().join(schema).is_file(), "{} names {schema}", file.display());
    }
    let (code, out, err) = heddle(&["init", dir]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("is not empty") && err.contains("hint"), "{err}");
}

#[test]
fn render_gives_the_same_objects_printed_and_in_files() {
    let unit = ["render", &quick_start(), "--unit", "network/platform/trade", "--region", "local"];
    let (code, yaml, err) = heddle(&unit);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(heddle(&unit).1, yaml);
    let json = heddle(&[&unit[..], &["-o", "json"]].concat()).1;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let count = json["items"].as_array().unwrap().len();
    assert_eq!(yaml.lines().filter(|line| *line == "---").count(), count);
    assert!(count > 4);

    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let into = [&unit[..], &["--out", out.to_str().unwrap()]].concat();
    let (code, printed, err) = heddle(&into);
    assert_eq!((code, printed.as_str()), (0, ""));
    assert!(err.starts_with(&format!("{count} objects in ")), "{err}");
    let (code, _, err) = heddle(&into);
    assert_eq!(code, 1);
    assert!(err.contains("is not empty"), "{err}");
}

#[test]
fn render_of_broken_specs_says_so_and_ends_with_three() {
    let folder = bad_fleet("unknown-region");
    let (code, _, err) = heddle(&["render", folder.path().to_str().unwrap()]);
    assert_eq!(code, 3);
    assert!(err.contains("HDL3002"), "{err}");
}

#[test]
fn a_folder_or_a_configuration_that_is_not_there_is_an_error_with_a_hint() {
    for command in ["plan", "apply", "run", "status"] {
        let (code, out, err) = heddle(&[command, "--config", "/nowhere/heddle.yaml"]);
        assert_eq!((code, out.as_str()), (1, ""), "{command}");
        assert!(err.contains("/nowhere/heddle.yaml") && err.contains("hint"), "{err}");
    }
    let (code, _, err) = heddle(&["validate", "/nowhere"]);
    assert_eq!(code, 1);
    assert!(err.contains("hint: name the folder"), "{err}");
}

#[test]
fn a_broken_configuration_is_shown_with_its_places_and_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heddle.yaml");
    let text = "installation: demo\nstateDir: state\nrepository:\n  url: https://git.example/f.git\n  branch: main\n  \
                credentials: {fil: token, for: https://git.example/}\nregions: []\n";
    for (text, name) in [
        (text.to_owned(), "config-unknown-field.txt"),
        (format!("{text}password: hunter2-CANARY\n"), "config-secret.txt"),
    ] {
        fs::write(&path, text).unwrap();
        let (code, out, err) = heddle(&["status", "--config", path.to_str().unwrap()]);
        assert_eq!((code, out.as_str()), (3, ""));
        assert!(!err.contains("CANARY"), "{err}");
        golden(name, &err.replace(folder.path().to_str().unwrap(), "<dir>"));
    }
}

#[test]
fn every_shell_gets_a_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, out, err) = heddle(&["completions", shell]);
        assert_eq!((code, err.as_str()), (0, ""), "{shell}");
        assert!(out.contains("validate"), "{shell}");
    }
}
