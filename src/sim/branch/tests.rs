//! The repository in memory.

use super::*;

fn documents(path: &str, content: &str) -> Documents {
    BTreeMap::from([(RepoPath::parse(path).unwrap(), Some(content.as_bytes().to_vec()))])
}

fn with_repository(test: impl AsyncFnOnce(SimRepository, Arc<Faults>)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let faults = Arc::new(Faults::default());
    runtime.block_on(test(SimRepository::new("main", "status", faults.clone()), faults));
}

#[test]
fn equal_documents_make_no_commit_and_an_old_tip_loses_the_race() {
    with_repository(async |repository, faults| {
        let push = async |parent, content| {
            repository.publish(parent, &documents("a", content), "m", Timestamp::UNIX_EPOCH).await.unwrap()
        };
        let Published::At(first) = push(None, "1").await else { panic!("not published") };
        assert_eq!(push(Some(first), "1").await, Published::At(first));
        assert_eq!(push(None, "2").await, Published::Raced);
        faults.at_effect(faults.effects() + 1, Fault::Conflict);
        assert_eq!(push(Some(first), "2").await, Published::Raced);
        assert_eq!(repository.status_commits(), 2, "the other writer's commit is there");
    });
}

#[test]
fn a_rewritten_history_is_told() {
    with_repository(async |repository, _| {
        let first = repository.commit(&documents("fleet.yaml", "1"), "one");
        let second = repository.commit(&documents("other", "2"), "two");
        assert_eq!(repository.fetch(Some(first)).await.unwrap(), Fetched { revision: second, rewritten: false });
        repository.reset(first);
        assert!(repository.fetch(Some(second)).await.unwrap().rewritten);
        assert_eq!(repository.tree(second).await.unwrap().entries.len(), 1, "only spec files are shown");
    });
}
