//! The status branch over real repositories on disk.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use heddle::adapters::git::GitRepository;
use heddle::model::revision::Revision;
use heddle::ports::source::SourceError;
use heddle::ports::status_sink::{Documents, Published, StatusSink};
use jiff::Timestamp;

use crate::git_world::{Put, SPECS, STATUS, World, path, run};

const AT: Timestamp = Timestamp::constant(1_700_000_000, 0);

fn documents(entries: &[(&str, Option<&str>)]) -> Documents {
    entries.iter().map(|(name, text)| (path(name), text.map(|text| text.as_bytes().to_vec()))).collect()
}

async fn publish(
    heddle: &GitRepository,
    parent: Option<Revision>,
    entries: &[(&str, Option<&str>)],
) -> Result<Published, SourceError> {
    heddle.publish(parent, &documents(entries), "Report acme", AT).await
}

#[expect(clippy::panic, reason = "it says what it got instead")]
fn at(published: Result<Published, SourceError>) -> Revision {
    match published {
        Ok(Published::At(revision)) => revision,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_report_makes_the_branch() {
    let world = World::new();
    world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    run(async {
        let heddle = world.heddle();
        assert_eq!(heddle.tip().await.unwrap(), None);
        let tip = at(publish(&heddle, None, &[("fleet/status.yaml", Some("a")), ("plans/ab/x.json", Some("b"))]).await);
        assert_eq!(world.tip(STATUS), Some(tip));
        let commit = world.remote.find_reference(STATUS).unwrap().peel_to_commit().unwrap();
        assert_eq!((commit.parent_count(), commit.message()), (0, Ok("Report acme")));
        let author = commit.author();
        assert_eq!((author.name(), author.email()), (Ok("heddle"), Ok("heddle@localhost")));
        assert_eq!((author.when().seconds(), author.when().offset_minutes()), (1_700_000_000, 0));
        assert_eq!(heddle.tip().await.unwrap(), Some(tip));
        let read =
            StatusSink::read(&heddle, tip, &[path("plans/ab/x.json"), path("plans/ab"), path("none/x")]).await.unwrap();
        assert_eq!(read, BTreeMap::from([(path("plans/ab/x.json"), b"b".to_vec())]));
    });
}

#[test]
fn the_same_documents_at_the_same_instant_are_the_same_commit() {
    let tip = || {
        let world = World::new();
        run(async { at(publish(&world.heddle(), None, &[("fleet/status.yaml", Some("a"))]).await) })
    };
    assert_eq!(tip(), tip());
}

#[test]
fn equal_documents_make_no_commit() {
    let world = World::new();
    run(async {
        let heddle = world.heddle();
        let first = at(publish(&heddle, None, &[("a/x", Some("1")), ("a/y", Some("2"))]).await);
        assert_eq!(at(publish(&heddle, Some(first), &[("a/x", Some("1")), ("b/none", None)]).await), first);
        assert_eq!(world.history(STATUS), 1);
    });
}

#[test]
fn removing_documents_removes_empty_folders_and_leaves_what_others_wrote() {
    let world = World::new();
    let theirs = world.commit(
        STATUS,
        None,
        &[(b"README.md", Put::File(b"theirs")), (b"a/b/x", Put::File(b"1")), (b"a/link", Put::Link("x"))],
    );
    run(async {
        let heddle = world.heddle();
        let tip = at(publish(&heddle, Some(theirs), &[("a/b/x", None), ("c", Some("2"))]).await);
        let tree = world.remote.find_reference(STATUS).unwrap().peel_to_tree().unwrap();
        let mut names = Vec::new();
        tree.walk(git2::TreeWalkMode::PreOrder, |root, entry| {
            names.push(format!("{root}{}", entry.name().unwrap()));
            git2::TreeWalkResult::Ok
        })
        .unwrap();
        assert_eq!(names, ["README.md", "a", "a/link", "c"]);
        let last = at(publish(&heddle, Some(tip), &[("README.md", None), ("a/link", None), ("c", None)]).await);
        assert_eq!(world.tip(STATUS), Some(last));
        assert!(world.remote.find_reference(STATUS).unwrap().peel_to_tree().unwrap().is_empty());
    });
}

#[test]
fn all_documents_below_a_folder_are_read() {
    let world = World::new();
    run(async {
        let heddle = world.heddle();
        let entries = [("tenants/a/s", Some("1")), ("tenants/b/n/s", Some("2")), ("tenantsx/s", Some("3"))];
        let tip = at(publish(&heddle, None, &entries).await);
        let read = heddle.read_below(tip, &path("tenants"), "").await.unwrap();
        assert_eq!(
            read,
            BTreeMap::from([(path("tenants/a/s"), b"1".to_vec()), (path("tenants/b/n/s"), b"2".to_vec())])
        );
        let some = heddle.read_below(tip, &path("tenants"), "/n/s").await.unwrap();
        assert_eq!(some, BTreeMap::from([(path("tenants/b/n/s"), b"2".to_vec())]));
        assert!(heddle.read_below(tip, &path("none"), "").await.unwrap().is_empty());
        assert!(heddle.read_below(tip, &path("tenants/a/s"), "").await.unwrap().is_empty());
    });
}

#[test]
fn of_two_writers_one_wins_and_the_other_hears_it() {
    let world = World::new();
    run(async {
        let one = GitRepository::start(world.settings("one")).unwrap();
        let two = GitRepository::start(world.settings("two")).unwrap();
        // Both make the branch.
        let first = at(publish(&one, None, &[("a", Some("1"))]).await);
        assert_eq!(publish(&two, None, &[("b", Some("1"))]).await.unwrap(), Published::Raced);
        assert_eq!(two.tip().await.unwrap(), Some(first));
        // Both build on it.
        let second = at(publish(&two, Some(first), &[("b", Some("1"))]).await);
        assert_eq!(publish(&one, Some(first), &[("a", Some("2"))]).await.unwrap(), Published::Raced);
        let tip = one.tip().await.unwrap();
        assert_eq!(tip, Some(second));
        let last = at(publish(&one, tip, &[("a", Some("2"))]).await);
        assert_eq!((world.tip(STATUS), world.history(STATUS)), (Some(last), 3));
        let all = StatusSink::read(&one, last, &[path("a"), path("b")]).await.unwrap();
        assert_eq!(all.len(), 2);
    });
}

#[test]
fn a_branch_that_vanished_is_a_race() {
    let world = World::new();
    run(async {
        let heddle = world.heddle();
        let tip = at(publish(&heddle, None, &[("a", Some("1"))]).await);
        world.remote.find_reference(STATUS).unwrap().delete().unwrap();
        assert_eq!(publish(&heddle, Some(tip), &[("a", Some("2"))]).await.unwrap(), Published::Raced);
        assert_eq!(heddle.tip().await.unwrap(), None);
        let anew = at(publish(&heddle, None, &[("a", Some("2"))]).await);
        assert_eq!(world.tip(STATUS), Some(anew));
    });
}

#[test]
fn a_folder_that_has_the_branch_checked_out_refuses() {
    let world = World::new();
    let tip = world.texts(STATUS, None, &[("a", "1")]);
    world.remote.set_head(STATUS).unwrap();
    world.remote.config().unwrap().set_bool("core.bare", false).unwrap();
    run(async {
        let heddle = world.heddle();
        let published = publish(&heddle, Some(tip), &[("a", Some("2"))]).await.unwrap();
        assert!(matches!(published, Published::Refused { .. }), "{published:?}");
        assert_eq!(world.tip(STATUS), Some(tip));
    });
}

#[test]
fn reports_survive_a_deleted_state_folder() {
    let world = World::new();
    run(async {
        let heddle = world.heddle();
        let first = at(publish(&heddle, None, &[("a", Some("1"))]).await);
        std::fs::remove_dir_all(world.path().join("state")).unwrap();
        let second = at(publish(&heddle, Some(first), &[("b", Some("2"))]).await);
        assert_eq!((world.tip(STATUS), world.history(STATUS)), (Some(second), 2));
    });
}

#[test]
fn a_remote_that_is_gone_writes_nothing() {
    let world = World::new();
    run(async {
        let heddle = world.heddle();
        std::fs::rename(world.path().join("fleet.git"), world.path().join("away")).unwrap();
        let error = publish(&heddle, None, &[("a", Some("1"))]).await.unwrap_err();
        assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    });
}

#[test]
fn a_lock_that_a_killed_process_left_is_taken_away_and_a_fresh_one_respected() {
    let world = World::new();
    run(async {
        let heddle = world.heddle();
        let first = at(publish(&heddle, None, &[("a", Some("1"))]).await);
        let there = world.remote.path().join(format!("{STATUS}.lock"));
        let here = world.local_copy().join(format!("{STATUS}.lock"));
        let lock = std::fs::File::create_new(&there).unwrap();
        assert_eq!(publish(&heddle, Some(first), &[("a", Some("2"))]).await.unwrap(), Published::Raced);
        assert!(there.exists(), "whoever made it may be at work");
        lock.set_modified(SystemTime::now() - Duration::from_mins(1)).unwrap();
        let second = at(publish(&heddle, Some(first), &[("a", Some("2"))]).await);
        assert_eq!((world.tip(STATUS), world.history(STATUS)), (Some(second), 2));
        // The copy of heddle itself is no different.
        let lock = std::fs::File::create_new(&here).unwrap();
        let theirs = world.texts(STATUS, Some(second), &[("a", "3")]);
        assert!(heddle.tip().await.is_err(), "a command may be at work");
        lock.set_modified(SystemTime::now() - Duration::from_mins(1)).unwrap();
        assert_eq!(heddle.tip().await.unwrap(), Some(theirs));
    });
}
