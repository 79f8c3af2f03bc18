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
    // Three that started; the first two were closed when the next one did.
    assert_eq!(files.len(), 5);
    assert_eq!(verify(&files, &head), Ok(5));
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
fn a_plan_that_a_lost_answer_left_open_is_closed_before_the_next_one_starts_or_ends() {
    let chain = Chain::Fleet;
    let (_, open) = append("demo", &chain, &Head::default(), &[entry(0)]).unwrap();
    for event in
        [Event::Started { changes: Vec::new() }, Event::Finished { changes: Vec::new(), state: UnitState::Held }]
    {
        let (files, _) = append("demo", &chain, &open, &[Entry { event, ..entry(1) }]).unwrap();
        let texts: Vec<String> = files.into_values().map(|bytes| String::from_utf8(bytes).unwrap()).collect();
        assert!(texts[0].contains("resumed") && texts[0].contains(&entry(0).plan.to_string()), "{texts:?}");
    }
    let nothing = Entry { event: Event::Resumed { state: UnitState::Held }, ..entry(1) };
    let (_, head) = append("demo", &chain, &open, &[nothing]).unwrap();
    assert_eq!(head, open);
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
