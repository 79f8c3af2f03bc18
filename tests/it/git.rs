//! The source over real repositories on disk.

use std::fs;

use git2::Oid;
use heddle::adapters::git::settings::{Limits, Settings};
use heddle::adapters::git::wake::Wakes;
use heddle::adapters::git::{GitRepository, remote_url::UrlError, settings::SettingsError};
use heddle::model::revision::BlobId;
use heddle::ports::source::{EntryKind, Source, SourceError, SourceTree};

use crate::git_world::{Put, SPECS, World, noise, path, run};

fn paths(tree: &SourceTree) -> Vec<&str> {
    tree.entries.keys().map(heddle::model::revision::RepoPath::as_str).collect()
}

#[test]
fn a_commit_is_fetched_listed_and_read() {
    let world = World::new();
    let tip = world.texts(
        SPECS,
        None,
        &[("README.md", "no spec"), ("fleet.yaml", "a: 1\n"), ("tenants/x/tenant.yaml", "b: 2\n")],
    );
    run(async {
        let heddle = world.heddle();
        let fetched = heddle.fetch(None).await.unwrap();
        assert_eq!((fetched.revision, fetched.rewritten), (tip, false));
        let tree = heddle.tree(tip).await.unwrap();
        assert_eq!((tree.revision, paths(&tree)), (Some(tip), vec!["fleet.yaml", "tenants/x/tenant.yaml"]));
        let entry = tree.entries[&path("tenants/x/tenant.yaml")];
        assert_eq!((entry.size, entry.kind), (5, EntryKind::File));
        let read = Source::read(&heddle, &[entry.blob], 5).await.unwrap();
        assert_eq!(read[&entry.blob], b"b: 2\n");
    });
}

#[test]
fn an_unchanged_remote_is_only_asked_and_a_changed_one_is_fetched() {
    let world = World::new();
    let first = world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    run(async {
        let heddle = world.heddle();
        let packs = || fs::read_dir(world.local_copy().join("objects/pack")).map_or(0, Iterator::count);
        heddle.fetch(None).await.unwrap();
        let before = packs();
        let again = heddle.fetch(Some(first)).await.unwrap();
        assert_eq!((again.revision, again.rewritten, packs()), (first, false, before));
        let second = world.texts(SPECS, Some(first), &[("fleet.yaml", "2"), ("tenants/new.yaml", "3")]);
        let changed = heddle.fetch(Some(first)).await.unwrap();
        assert_eq!((changed.revision, changed.rewritten), (second, false));
        assert!(packs() > before);
        assert_eq!(paths(&heddle.tree(second).await.unwrap()), ["fleet.yaml", "tenants/new.yaml"]);
        assert_eq!(paths(&heddle.tree(first).await.unwrap()), ["fleet.yaml"]);
    });
}

#[test]
fn rewritten_history_is_taken_and_said() {
    let world = World::new();
    let first = world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    let second = world.texts(SPECS, Some(first), &[("fleet.yaml", "2")]);
    run(async {
        let heddle = world.heddle();
        heddle.fetch(None).await.unwrap();
        let other = world.texts(SPECS, Some(first), &[("fleet.yaml", "3")]);
        let fetched = heddle.fetch(Some(second)).await.unwrap();
        assert_eq!((fetched.revision, fetched.rewritten), (other, true));
        // Going back is rewriting too.
        world.texts(SPECS, None, &[("fleet.yaml", "1")]);
        let back = heddle.fetch(Some(other)).await.unwrap();
        assert_eq!((back.revision, back.rewritten), (first, true));
    });
}

#[test]
fn rewritten_history_is_noticed_by_a_copy_that_never_saw_the_old_tip() {
    let world = World::new();
    let old = world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    world.texts(SPECS, None, &[("fleet.yaml", "2")]);
    run(async { assert!(world.heddle().fetch(Some(old)).await.unwrap().rewritten) });
}

#[test]
fn a_branch_that_is_gone_is_named() {
    let world = World::new();
    let tip = world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    run(async {
        let heddle = world.heddle();
        heddle.fetch(None).await.unwrap();
        world.remote.find_reference(SPECS).unwrap().delete().unwrap();
        let error = heddle.fetch(Some(tip)).await.unwrap_err();
        assert!(matches!(&error, SourceError::BranchGone { branch, .. } if branch == "main"), "{error:?}");
        // What was fetched stays readable: the last good revision goes on.
        assert_eq!(paths(&heddle.tree(tip).await.unwrap()), ["fleet.yaml"]);
    });
}

#[test]
fn a_remote_that_is_not_there_is_unreachable_and_comes_back() {
    let world = World::new();
    let tip = world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    run(async {
        let heddle = world.heddle();
        heddle.fetch(None).await.unwrap();
        let (here, away) = (world.path().join("fleet.git"), world.path().join("away"));
        fs::rename(&here, &away).unwrap();
        assert!(matches!(heddle.fetch(Some(tip)).await, Err(SourceError::Unreachable { .. })));
        assert_eq!(paths(&heddle.tree(tip).await.unwrap()), ["fleet.yaml"]);
        fs::rename(&away, &here).unwrap();
        assert_eq!(heddle.fetch(Some(tip)).await.unwrap().revision, tip);
    });
}

#[test]
fn a_state_folder_that_is_deleted_is_made_again() {
    let world = World::new();
    let tip = world.texts(SPECS, None, &[("fleet.yaml", "1"), ("tenants/a.yaml", "2")]);
    run(async {
        let heddle = world.heddle();
        heddle.fetch(None).await.unwrap();
        fs::remove_dir_all(world.path().join("state")).unwrap();
        // The tree of a revision that was seen is there without anybody asking for a fetch first.
        assert_eq!(paths(&heddle.tree(tip).await.unwrap()), ["fleet.yaml", "tenants/a.yaml"]);
        let fetched = heddle.fetch(Some(tip)).await.unwrap();
        assert_eq!((fetched.revision, fetched.rewritten), (tip, false));
    });
}

type Damage = fn(&std::path::Path);

#[test]
fn a_damaged_copy_is_made_again() {
    let damages: [(&str, Damage); 4] = [
        ("packs are gone", |copy| fs::remove_dir_all(copy.join("objects/pack")).unwrap()),
        ("packs are cut", |copy| {
            for file in fs::read_dir(copy.join("objects/pack")).unwrap() {
                let file = file.unwrap().path();
                fs::remove_file(&file).unwrap();
                fs::write(&file, b"damaged").unwrap();
            }
        }),
        ("HEAD is gone", |copy| fs::remove_file(copy.join("HEAD")).unwrap()),
        ("the configuration is rubbish", |copy| fs::write(copy.join("config"), b"[[[").unwrap()),
    ];
    for (what, damage) in damages {
        let world = World::new();
        let tip = world.texts(SPECS, None, &[("fleet.yaml", "1"), ("tenants/a.yaml", "2")]);
        run(async {
            world.heddle().fetch(None).await.unwrap();
            damage(&world.local_copy());
            let heddle = world.heddle();
            assert_eq!(heddle.fetch(Some(tip)).await.unwrap().revision, tip, "{what}");
            let tree = heddle.tree(tip).await.unwrap();
            let blobs: Vec<BlobId> = tree.entries.values().map(|entry| entry.blob).collect();
            assert_eq!(Source::read(&heddle, &blobs, 10).await.unwrap().len(), 2, "{what}");
        });
    }
}

#[test]
fn links_and_submodules_are_kinds_and_odd_names_are_listed() {
    let world = World::new();
    let tip = world.commit(
        SPECS,
        None,
        &[
            (b"fleet.yaml", Put::Link("/etc/passwd")),
            (b"tenants/a/link.yaml", Put::Link("../b")),
            (b"tenants/a/module", Put::Submodule),
            (b"tenants/a/bad\xff.yaml", Put::File(b"x")),
            (b"tenants/a/line\nbreak.yaml", Put::File(b"x")),
        ],
    );
    run(async {
        let heddle = world.heddle();
        heddle.fetch(None).await.unwrap();
        let tree = heddle.tree(tip).await.unwrap();
        let kinds: Vec<_> = tree.entries.iter().map(|(path, entry)| (path.as_str(), entry.kind)).collect();
        let want = [
            ("fleet.yaml", EntryKind::Symlink),
            ("tenants/a/link.yaml", EntryKind::Symlink),
            ("tenants/a/module", EntryKind::Submodule),
        ];
        assert_eq!(kinds, want);
        assert_eq!(tree.unreadable_paths, ["tenants/a/bad\\xff.yaml", "tenants/a/line\\nbreak.yaml"]);
    });
}

#[test]
fn a_tenants_folder_that_is_a_link_or_a_module_is_no_folder() {
    for (put, kind) in [(Put::Link("/etc"), EntryKind::Symlink), (Put::Submodule, EntryKind::Submodule)] {
        let world = World::new();
        let tip = world.commit(SPECS, None, &[(b"tenants", put)]);
        run(async {
            let heddle = world.heddle();
            heddle.fetch(None).await.unwrap();
            assert_eq!(heddle.tree(tip).await.unwrap().entries[&path("tenants")].kind, kind);
        });
    }
}

#[test]
fn a_blob_over_the_bound_is_listed_with_its_size_and_not_read() {
    let world = World::new();
    let large = "x".repeat(50_000_000);
    let tip = world.texts(SPECS, None, &[("fleet.yaml", &large), ("tenants/a.yaml", "y")]);
    run(async {
        let heddle = world.heddle();
        heddle.fetch(None).await.unwrap();
        let tree = heddle.tree(tip).await.unwrap();
        let entry = tree.entries[&path("fleet.yaml")];
        assert_eq!(entry.size, 50_000_000);
        let error = Source::read(&heddle, &[entry.blob], 1 << 20).await.unwrap_err();
        assert!(matches!(error, SourceError::TooLarge { limit: 0x10_0000, .. }), "{error:?}");
    });
}

#[test]
fn a_revision_with_too_many_files_is_refused() {
    let world = World::new();
    let files: Vec<(String, String)> = (0..30).map(|n| (format!("tenants/{n}/a.yaml"), n.to_string())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let tip = world.texts(SPECS, None, &files);
    run(async {
        let heddle = world.heddle_with(Limits { files: 29, ..Limits::default() });
        heddle.fetch(None).await.unwrap();
        assert!(matches!(heddle.tree(tip).await, Err(SourceError::TooMany { limit: 29 })));
        let heddle = world.heddle_with(Limits { files: 30, ..Limits::default() });
        assert_eq!(heddle.tree(tip).await.unwrap().entries.len(), 30);
    });
}

#[test]
fn a_tree_that_repeats_itself_without_end_is_refused() {
    let world = World::new();
    // Ten folders in each of ten levels, all the same: a few objects that spell ten thousand million paths.
    let mut tree = world.remote.treebuilder(None).unwrap().write().unwrap();
    for _ in 0..10 {
        let mut builder = world.remote.treebuilder(None).unwrap();
        for name in 0..10 {
            builder.insert(name.to_string(), tree, 0o040_000).unwrap();
        }
        tree = builder.write().unwrap();
    }
    let mut root = world.remote.treebuilder(None).unwrap();
    root.insert("tenants", tree, 0o040_000).unwrap();
    let root = world.remote.find_tree(root.write().unwrap()).unwrap();
    let who = git2::Signature::now("x", "x@localhost").unwrap();
    let id: Oid = world.remote.commit(Some(SPECS), &who, &who, "bomb", &root, &[]).unwrap();
    run(async {
        let heddle = world.heddle();
        heddle.fetch(None).await.unwrap();
        assert!(matches!(heddle.tree(crate::git_world::revision(id)).await, Err(SourceError::TooMany { .. })));
    });
}

#[test]
fn a_fetch_over_the_bound_is_stopped() {
    let world = World::new();
    world.texts(SPECS, None, &[("fleet.yaml", &noise())]);
    run(async {
        let heddle = world.heddle_with(Limits { fetch_bytes: 10_000, ..Limits::default() });
        let error = heddle.fetch(None).await.unwrap_err();
        assert!(matches!(error, SourceError::TooLarge { limit: 10_000, .. }), "{error:?}");
    });
}

#[test]
fn what_never_was_is_missing() {
    let world = World::new();
    let tip = world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    run(async {
        let heddle = world.heddle();
        heddle.fetch(None).await.unwrap();
        let revision = heddle::model::revision::Revision::from_bytes([1; 20]);
        assert!(matches!(heddle.tree(revision).await, Err(SourceError::Missing { .. })));
        let blob = BlobId::from_bytes([1; 20]);
        assert!(matches!(Source::read(&heddle, &[blob], 10).await, Err(SourceError::Missing { .. })));
        assert_eq!(paths(&heddle.tree(tip).await.unwrap()), ["fleet.yaml"]);
    });
}

#[test]
fn an_unchanged_folder_is_not_read_again() {
    let world = World::new();
    let first = world.texts(SPECS, None, &[("tenants/a/x.yaml", "1"), ("tenants/b/y.yaml", "2")]);
    let second = world.texts(SPECS, Some(first), &[("tenants/a/x.yaml", "1"), ("tenants/b/y.yaml", "3")]);
    let folder = |revision: heddle::model::revision::Revision| {
        let commit = world.remote.find_commit(Oid::from_bytes(revision.as_bytes()).unwrap()).unwrap();
        commit.tree().unwrap().get_path(std::path::Path::new("tenants/a")).unwrap().id()
    };
    assert_eq!(folder(first), folder(second));
    run(async {
        let heddle = world.heddle();
        let before = heddle.fetch(None).await.map(|_| ()).is_ok();
        assert!(before);
        let old = heddle.tree(first).await.unwrap();
        let new = heddle.tree(second).await.unwrap();
        assert_eq!(old.entries[&path("tenants/a/x.yaml")], new.entries[&path("tenants/a/x.yaml")]);
        assert_ne!(old.entries[&path("tenants/b/y.yaml")], new.entries[&path("tenants/b/y.yaml")]);
    });
}

#[test]
fn a_push_to_the_tracked_branch_wakes() {
    let world = World::new();
    let first = world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    run(async {
        let mut wakes = Wakes::watch(&world.settings("state")).expect("this system can watch folders");
        world.texts(SPECS, Some(first), &[("fleet.yaml", "2")]);
        tokio::time::timeout(std::time::Duration::from_secs(30), wakes.next()).await.expect("a wake-up");
    });
}

#[test]
fn remotes_that_are_no_folder_are_not_watched() {
    let world = World::new();
    let settings = Settings::new("https://host.invalid/x", "main", "status", world.path()).unwrap();
    assert!(Wakes::watch(&settings).is_none());
}

#[test]
fn credentials_in_a_url_are_refused_without_repeating_them() {
    let error = Settings::new("https://bob:canary@host/x", "main", "s", std::path::Path::new("x")).unwrap_err();
    assert!(matches!(error, SettingsError::Url(UrlError::Credentials)));
    assert!(!format!("{error:?} {error}").contains("canary"));
}

#[test]
fn a_state_folder_that_cannot_be_made_is_a_local_fault() {
    let world = World::new();
    world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    fs::write(world.path().join("state"), b"a file").unwrap();
    run(async {
        let heddle: GitRepository = world.heddle();
        assert!(matches!(heddle.fetch(None).await, Err(SourceError::Local { .. })));
    });
}
