//! Spans of time. Output: none.

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn span(from: &str, until: &str) -> Validity {
    Validity { not_before: at(from), not_after: at(until) }
}

#[test]
fn a_life_is_at_least_a_second_and_at_most_a_hundred_years() {
    assert_eq!(Life::from_days(1), Life::from_seconds(86_400));
    assert_eq!(Life::from_days(0), None);
    assert_eq!(Life::from_days(36_526), None);
    assert_eq!(Life::from_seconds(0), None);
    assert_eq!(Life::from_seconds(-1), None);
    assert_eq!(Life::from_days(36_525).map(|life| life.to_string()), Some("36525 days".to_owned()));
    assert_eq!(Life::from_days(1).map(|life| life.to_string()), Some("1 day".to_owned()));
    assert_eq!(Life::from_seconds(90_000).map(|life| life.to_string()), Some("90000 s".to_owned()));
}

#[test]
fn a_certificate_begins_an_hour_ago_and_never_outlives_its_issuer() {
    let check = |issuer: Option<Validity>, now: &str, wanted: Option<Validity>| {
        assert_eq!(
            Validity::planned(Life::from_days(1).unwrap(), issuer.as_ref(), at(now)),
            wanted,
            "{issuer:?} {now}"
        );
    };
    let noon = "2026-11-26T12:00:00Z";
    let day = span("2026-11-26T11:00:00Z", "2026-11-27T12:00:00Z");
    check(None, noon, Some(day));
    check(None, "2026-11-26T12:00:00.999Z", Some(day));
    check(Some(span("2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z")), noon, Some(day));
    let short = span("2026-11-26T11:30:00Z", "2026-11-27T00:00:00Z");
    check(Some(short), noon, Some(short));
    check(Some(span("2020-01-01T00:00:00Z", "2026-11-26T12:00:00Z")), noon, None);
    check(Some(span("2020-01-01T00:00:00Z", "2026-11-26T11:59:59Z")), noon, None);
    check(Some(span("2026-11-26T12:00:01Z", "2030-01-01T00:00:00Z")), noon, None);
}

#[test]
fn a_span_that_no_instant_can_hold_is_no_plan() {
    assert_eq!(Validity::planned(Life::from_days(36_525).unwrap(), None, at("9990-01-01T00:00:00Z")), None);
    assert_eq!(Validity::planned(Life::from_days(1).unwrap(), None, Timestamp::MIN), None);
}

#[test]
fn both_ends_belong_to_the_span() {
    let day = span("2026-11-26T00:00:00Z", "2026-11-26T23:59:59Z");
    for (instant, within) in [
        ("2026-11-25T23:59:59.9Z", false),
        ("2026-11-26T00:00:00Z", true),
        ("2026-11-26T23:59:59.9Z", true),
        ("2026-11-27T00:00:00Z", false),
    ] {
        assert_eq!(day.contains(at(instant)), within, "{instant}");
    }
}

#[test]
fn renewal_is_due_when_a_third_is_left() {
    let month = span("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
    for (now, due, days) in [
        ("2026-11-01T00:00:00Z", false, 30),
        ("2026-11-20T23:59:59Z", false, 10),
        ("2026-11-21T00:00:00Z", true, 10),
        ("2026-11-30T00:00:01Z", true, 0),
        ("2026-12-01T00:00:00Z", true, 0),
        ("2026-12-01T00:00:01Z", true, -1),
    ] {
        assert_eq!((month.renewal_due(at(now)), month.days_left(at(now))), (due, days), "{now}");
    }
}
