//! The chain holds, and every way to tamper with it is found.

use super::*;

fn entry(number: i64) -> Entry {
    Entry {
        unit: UnitId::parse("network/acme/trade").unwrap(),
        plan: PlanId(Digest::of(&number.to_be_bytes())),
        revision: None,
        at: Timestamp::from_second(1_790_000_000 + number * 2_000_000).unwrap(),
        event: Event::Started { changes: Vec::new() },
    }
}

fn chain() -> (BTreeMap<RepoPath, Vec<u8>>, Head) {
    let chain = Chain::of(&entry(0).unit);
    let (mut files, head) = append("demo", &chain, &Head::default(), &[entry(0), entry(1)]).unwrap();
    let (more, head) = append("demo", &chain, &head, &[entry(2)]).unwrap();
    files.extend(more);
    files.remove(&chain.head_path().unwrap());
    (files, head)
}

#[test]
fn an_untouched_chain_verifies() {
    let (files, head) = chain();
    assert_eq!(files.len(), 3);
    assert_eq!(verify(&files, &head), Ok(3));
}

#[test]
fn a_changed_record_is_found() {
    let (files, head) = chain();
    for path in files.keys() {
        let mut files = files.clone();
        let text = String::from_utf8(files[path].clone()).unwrap().replace("demo", "other");
        files.insert(path.clone(), text.into_bytes());
        assert!(verify(&files, &head).is_err(), "{path}");
    }
}

#[test]
fn a_missing_record_is_found() {
    let (files, head) = chain();
    for path in files.keys() {
        let mut files = files.clone();
        files.remove(path);
        assert!(verify(&files, &head).is_err(), "{path}");
    }
}

#[test]
fn a_started_plan_stays_open_until_it_is_finished_or_resumed() {
    let chain = Chain::Fleet;
    let (_, open) = append("demo", &chain, &Head::default(), &[entry(0)]).unwrap();
    assert_eq!(open.open.len(), 1);
    let end = Entry { event: Event::Resumed { state: UnitState::Converged }, ..entry(0) };
    let (_, closed) = append("demo", &chain, &open, &[end]).unwrap();
    assert!(closed.open.is_empty());
}
