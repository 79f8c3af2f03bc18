use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Checked, check};
use crate::model::revision::RepoPath;
use crate::spec::parse::{self, Limits};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder by their path in it.
fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(base: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(base, &path, files);
            } else {
                let name = path.strip_prefix(base).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    walk(folder, folder, &mut files);
    files
}

fn evaluate(files: &BTreeMap<String, Vec<u8>>) -> Checked {
    let mut parsed = BTreeMap::new();
    for (name, bytes) in files {
        let path = RepoPath::parse(name).unwrap();
        if parse::is_spec_path(&path) {
            parsed.insert(path.clone(), Arc::new(parse::parse(&path, bytes, Limits::default())));
        }
    }
    check(&parsed)
}

fn quick_start() -> BTreeMap<String, Vec<u8>> {
    files_below(&root().join("examples/quick-start"))
}

#[test]
fn the_quick_start_is_valid() {
    let checked = evaluate(&quick_start());
    assert!(checked.diagnostics.is_empty(), "{:#?}", checked.diagnostics);
    let fleet = checked.fleet.unwrap();
    assert_eq!((fleet.tenants.len(), fleet.organizations.len(), fleet.networks.len()), (2, 2, 1));
    assert!(checked.invalid.is_empty());
}
