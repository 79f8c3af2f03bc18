//! What was expected and what is seen.
//!
//! Input: expectations, and eyes that look at Git and at the API server. Output: what was seen last, for each
//! expectation. It looks again until everything is as expected or the patience ends. Invariants: nothing is asked of
//! the loop that is being judged; an expectation holds only by what its last look showed; all of a round are looked at
//! together, so that what holds held at the same time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::DemoError;

/// How long nobody looks between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    /// A value in a document of the status branch: its path, and a JSON pointer into it.
    Report(String, &'static str),
    /// How many units of the fleet's report stand where.
    Units,
    /// A value in an object: its path on the API server, and a JSON pointer into it.
    Object(String, &'static str),
    /// How many workloads have all their pods ready.
    Workloads,
    /// How a channel stands, in a document of the status branch: its path, and the channel's name.
    Channel(String, &'static str),
    /// How many nodes have a channel.
    Holders(&'static str),
}

impl Look {
    /// Who was asked.
    pub(super) fn witness(&self) -> &'static str {
        match self {
            Self::Report(..) | Self::Units | Self::Channel(..) => "git",
            Self::Object(..) | Self::Workloads => "api",
            Self::Holders(_) => "node",
        }
    }
}

/// What a look should show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// This.
    Is(String),
    /// Something with this in it.
    Has(String),
    /// Anything but this, which was there before.
    Not(String),
}

impl Wanted {
    /// Whether it is so.
    pub(super) fn fits(&self, seen: &str) -> bool {
        match self {
            Self::Is(wanted) => seen == wanted,
            Self::Has(part) => seen.contains(part.as_str()),
            Self::Not(before) => seen != before && seen != ABSENT,
        }
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Is(wanted) => wanted.clone(),
            Self::Has(part) => format!("… {part} …"),
            Self::Not(before) => format!("not {before}"),
        }
    }
}

/// One expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expectation {
    /// Of what, for people.
    pub(super) what: String,
    /// Where to look.
    pub(super) look: Look,
    /// What should be there.
    pub(super) wanted: Wanted,
}

/// An expectation and what its last look showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// What was expected.
    pub(super) expectation: Expectation,
    /// What was there.
    pub(super) seen: String,
}

impl Seen {
    /// Whether it is as expected.
    pub(super) fn holds(&self) -> bool {
        self.expectation.wanted.fits(&self.seen)
    }
}

/// What is not there.
pub(super) const ABSENT: &str = "absent";

/// Reads Git and the API server anew at each call.
pub(super) trait Eyes {
    /// A document of the status branch.
    async fn report(&self, path: &str) -> Result<Option<Value>, DemoError>;
    /// An object.
    async fn object(&self, path: &str) -> Result<Option<Value>, DemoError>;
    /// All workloads.
    async fn workloads(&self) -> Result<Vec<Value>, DemoError>;
    /// How many nodes have a channel.
    async fn holders(&self, channel: &str) -> Result<usize, DemoError>;
}

/// Looks until all expectations hold or the patience ends.
pub(super) async fn watch(
    eyes: &impl Eyes,
    expectations: Vec<Expectation>,
    patience: Duration,
) -> Result<Vec<Seen>, DemoError> {
    let end = Instant::now() + patience;
    loop {
        let mut round = Vec::new();
        for expectation in &expectations {
            let seen = look(eyes, &expectation.look).await?;
            round.push(Seen { expectation: expectation.clone(), seen });
        }
        if round.iter().all(Seen::holds) || Instant::now() >= end {
            return Ok(round);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One look.
pub(super) async fn look(eyes: &impl Eyes, at: &Look) -> Result<String, DemoError> {
    let seen = match at {
        Look::Report(path, pointer) => value(eyes.report(path).await?.as_ref(), pointer),
        Look::Object(path, pointer) => value(eyes.object(path).await?.as_ref(), pointer),
        Look::Units => units(eyes.report(crate::report::fleet_status::PATH).await?.as_ref()),
        Look::Workloads => workloads(&eyes.workloads().await?),
        Look::Channel(path, name) => channel(eyes.report(path).await?.as_ref(), name),
        Look::Holders(name) => format!("{} nodes", eyes.holders(name).await?),
    };
    Ok(seen)
}

fn value(document: Option<&Value>, pointer: &str) -> String {
    match document.and_then(|document| document.pointer(pointer)) {
        None | Some(Value::Null) => ABSENT.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|item| value(Some(item), "")).collect::<Vec<_>>().join(", "),
        Some(other) => other.to_string(),
    }
}

fn units(fleet: Option<&Value>) -> String {
    let Some(Value::Object(units)) = fleet.and_then(|fleet| fleet.get("units")) else { return ABSENT.to_owned() };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for state in units.values().filter_map(Value::as_str) {
        *counts.entry(state).or_default() += 1;
    }
    counts.iter().map(|(state, count)| format!("{count} {state}")).collect::<Vec<_>>().join(", ")
}

fn channel(status: Option<&Value>, name: &str) -> String {
    let Some(channel) = status.and_then(|status| status.pointer("/channels")?.get(name)) else {
        return ABSENT.to_owned();
    };
    let count = |role: &str| {
        let regions = channel.get(role).and_then(Value::as_object);
        let nodes: Vec<&Value> = regions
            .into_iter()
            .flat_map(|regions| regions.values())
            .filter_map(Value::as_object)
            .flat_map(|nodes| nodes.values())
            .collect();
        format!("{} of {}", nodes.iter().filter(|state| **state == "joined").count(), nodes.len())
    };
    let led = if channel.get("hasLeader") == Some(&Value::Bool(true)) { "led" } else { "no leader" };
    format!("{led}, {} orderers, {} peers", count("orderers"), count("peers"))
}

fn workloads(sets: &[Value]) -> String {
    let number = |set: &Value, pointer: &str| set.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let is_ready = |set: &&Value| {
        number(set, "/status/readyReplicas") == number(set, "/spec/replicas")
            && number(set, "/status/observedGeneration") == number(set, "/metadata/generation")
    };
    format!("{} of {} ready", sets.iter().filter(is_ready).count(), sets.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Shows another value at each look.
    struct Slides(std::cell::Cell<usize>, Vec<Value>);

    impl Eyes for Slides {
        async fn report(&self, _: &str) -> Result<Option<Value>, DemoError> {
            let index = self.0.replace(self.0.get() + 1);
            Ok(self.1.get(index).or_else(|| self.1.last()).cloned())
        }
        async fn object(&self, path: &str) -> Result<Option<Value>, DemoError> {
            self.report(path).await
        }
        async fn workloads(&self) -> Result<Vec<Value>, DemoError> {
            Ok(self.report("").await?.into_iter().collect())
        }
        async fn holders(&self, _: &str) -> Result<usize, DemoError> {
            Ok(0)
        }
    }

    fn watched(slides: Vec<Value>, wanted: Wanted) -> (bool, String) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let look = Look::Report("x".into(), "/state");
        let expectation = Expectation { what: "the state".into(), look, wanted };
        let slides = Slides(std::cell::Cell::new(0), slides);
        let seen = runtime.block_on(watch(&slides, vec![expectation], Duration::from_secs(5))).unwrap();
        let [seen] = &seen[..] else { unreachable!("one expectation") };
        (seen.holds(), seen.seen.clone())
    }

    fn state(text: &str) -> Value {
        json!({"state": text})
    }

    #[test]
    fn what_becomes_true_in_time_holds() {
        let slides = vec![json!({}), state("Waiting"), state("Converged")];
        assert_eq!(watched(slides, Wanted::Is("Converged".into())), (true, "Converged".into()));
    }

    #[test]
    fn an_expectation_that_lies_fails_with_what_was_seen_instead() {
        for wanted in [Wanted::Is("Held".into()), Wanted::Has("eld".into())] {
            assert_eq!(watched(vec![state("Waiting"), state("Converged")], wanted), (false, "Converged".into()));
        }
        let never = Wanted::Not("Converged".into());
        assert_eq!(watched(vec![state("Converged")], never), (false, "Converged".into()));
        assert_eq!(watched(vec![], Wanted::Not("x".into())), (false, ABSENT.into()));
    }

    #[test]
    fn a_channels_nodes_are_counted() {
        let joined = json!({"local": {"a": "joined", "b": "silent"}});
        let status = json!({"channels": {"ch1": {"hasLeader": true, "orderers": joined}}});
        assert_eq!(channel(Some(&status), "ch1"), "led, 1 of 2 orderers, 0 of 0 peers");
        assert_eq!((channel(Some(&status), "ch2"), channel(None, "ch1")), (ABSENT.into(), ABSENT.into()));
    }

    #[test]
    fn states_and_workloads_are_counted() {
        let fleet = json!({"units": {"a": "Held", "b": "Converged", "c": "Converged"}});
        assert_eq!(units(Some(&fleet)), "2 Converged, 1 Held");
        let set = |ready: u64, observed: u64| {
            json!({
                "metadata": {"generation": 2},
                "spec": {"replicas": 1},
                "status": {"readyReplicas": ready, "observedGeneration": observed},
            })
        };
        assert_eq!(workloads(&[set(1, 2), set(0, 2), set(1, 1)]), "1 of 3 ready");
    }
}
