//! A folder gives what a commit of it would.

use super::*;

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn paths(tree: &SourceTree) -> Vec<&str> {
    tree.entries.keys().map(RepoPath::as_str).collect()
}

#[test]
fn spec_files_come_with_the_ids_of_git_and_nothing_else_comes() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["fleet.yaml", "tenants/a/tenant.yaml", "tenants/.git/config", ".git/config", "README.md"] {
        write(folder.path(), name, b"hello\n");
    }
    let (tree, contents) = read(folder.path(), &FolderLimits::default()).unwrap();
    assert_eq!(paths(&tree), ["fleet.yaml", "tenants/a/tenant.yaml"]);
    assert_eq!(tree.revision, None);
    let entry = tree.entries.values().next().unwrap();
    assert_eq!(entry.blob.to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
    assert_eq!((entry.size, contents[&entry.blob].as_slice()), (6, b"hello\n".as_slice()));
}

#[test]
fn links_are_reported_and_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "elsewhere/secret.yaml", b"x");
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), folder.path().join("tenants")).unwrap();
    let (tree, contents) = read(folder.path(), &FolderLimits::default()).unwrap();
    assert_eq!(paths(&tree), ["tenants"]);
    assert_eq!(tree.entries.values().next().unwrap().kind, EntryKind::Symlink);
    assert!(contents.is_empty());
}

#[test]
fn a_file_over_the_bound_is_listed_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "fleet.yaml", &[b'x'; 100]);
    let (tree, contents) = read(folder.path(), &FolderLimits { file_bytes: 10, ..FolderLimits::default() }).unwrap();
    assert_eq!(tree.entries.values().next().unwrap().size, 100);
    assert!(contents.is_empty());
}

#[test]
fn too_many_files_too_many_bytes_and_no_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..5 {
        write(folder.path(), &format!("tenants/{n}"), &[b'x'; 10]);
    }
    let files = FolderLimits { files: 3, ..FolderLimits::default() };
    assert!(matches!(read(folder.path(), &files), Err(SourceError::TooMany { limit: 3 })));
    let bytes = FolderLimits { total_bytes: 45, ..FolderLimits::default() };
    assert!(matches!(read(folder.path(), &bytes), Err(SourceError::TooLarge { limit: 45, .. })));
    assert!(matches!(read(&folder.path().join("none"), &files), Err(SourceError::Local { .. })));
}

#[test]
fn a_name_that_is_no_text_is_listed_as_unreadable() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "tenants/a", b"x");
    fs::write(folder.path().join("tenants").join(std::ffi::OsStr::from_bytes(b"b\xff")), b"x").unwrap();
    let (tree, _) = read(folder.path(), &FolderLimits::default()).unwrap();
    assert_eq!(tree.unreadable_paths, ["tenants/b\\xff"]);
}
