//! The source and the status branch on bad days, over HTTP and HTTPS.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use git2::Oid;
use heddle::adapters::git::GitRepository;
use heddle::adapters::git::settings::{Limits, SecretPlace, Settings};
use heddle::model::revision::{BlobId, Revision};
use heddle::ports::source::{Source, SourceError};
use heddle::ports::status_sink::{Documents, Published, StatusSink};
use jiff::Timestamp;

use crate::git_host::{Host, Mood};
use crate::git_world::{SPECS, STATUS, World, noise, path, run};

/// `bob:canary` as HTTP says it.
const BOB: &str = "Basic Ym9iOmNhbmFyeQ==";

impl World {
    fn host(&self) -> Host {
        Host::start(self.remote.path(), None, None)
    }

    fn settings_for(&self, host: &Host) -> Settings {
        let settings = Settings::new(&host.url(), "main", "heddle/status", &self.path().join("state")).unwrap();
        match host.http.ca_file() {
            Some(file) => settings.with_ca_file(file).unwrap(),
            None => settings,
        }
    }

    fn heddle_at(&self, host: &Host) -> GitRepository {
        GitRepository::start(self.settings_for(host)).unwrap()
    }

    /// With a secret from a file.
    fn heddle_as(&self, secret: &str, host: &Host) -> GitRepository {
        fs::write(self.secret_file(), secret).unwrap();
        let place = SecretPlace::File(self.secret_file());
        let settings = self.settings_for(host).with_credentials(place, &host.http.origin()).unwrap();
        GitRepository::start(settings).unwrap()
    }

    fn secret_file(&self) -> PathBuf {
        self.path().join("secret")
    }

    fn report(&self) -> Revision {
        self.texts(STATUS, None, &[("a", "1")])
    }
}

async fn publish(heddle: &GitRepository, parent: Option<Revision>) -> Result<Published, SourceError> {
    let documents = Documents::from([(path("a"), Some(b"2".to_vec()))]);
    heddle.publish(parent, &documents, "Report acme", Timestamp::constant(1_700_000_000, 0)).await
}

fn is_unreachable<T>(result: &Result<T, SourceError>) -> bool {
    matches!(result, Err(SourceError::Unreachable { .. }))
}

#[test]
fn a_fleet_is_fetched_and_reported_on_over_https_with_a_password() {
    let world = World::new();
    let first = world.texts(SPECS, None, &[("fleet.yaml", "1"), ("tenants/a.yaml", "2")]);
    let host = Host::start(world.remote.path(), Some(world.path()), Some(BOB));
    run(async {
        let heddle = world.heddle_as("bob:canary\n", &host);
        assert_eq!(heddle.fetch(None).await.unwrap().revision, first);
        let second = world.texts(SPECS, Some(first), &[("fleet.yaml", "3"), ("tenants/a.yaml", "2")]);
        let fetched = heddle.fetch(Some(first)).await.unwrap();
        assert_eq!((fetched.revision, fetched.rewritten), (second, false));
        let tree = heddle.tree(second).await.unwrap();
        let blobs: Vec<BlobId> = tree.entries.values().map(|entry| entry.blob).collect();
        assert_eq!(Source::read(&heddle, &blobs, 10).await.unwrap().len(), 2);
        let Ok(Published::At(tip)) = publish(&heddle, None).await else { panic!("not published") };
        assert_eq!(world.tip(STATUS), Some(tip));
        assert_eq!(publish(&heddle, Some(tip)).await.unwrap(), Published::At(tip));
        let other = world.texts(SPECS, Some(first), &[("fleet.yaml", "4")]);
        let fetched = heddle.fetch(Some(second)).await.unwrap();
        assert_eq!((fetched.revision, fetched.rewritten), (other, true));
    });
}

#[test]
fn an_unchanged_remote_costs_one_request() {
    let world = World::new();
    let tip = world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    let host = world.host();
    run(async {
        let heddle = world.heddle_at(&host);
        heddle.fetch(None).await.unwrap();
        let before = host.http.seen().len();
        heddle.fetch(Some(tip)).await.unwrap();
        assert_eq!(host.http.seen()[before..], ["GET /fleet.git/info/refs?service=git-upload-pack"]);
    });
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_untrusted() {
    let world = World::new();
    world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    let host = Host::start(world.remote.path(), Some(world.path()), Some(BOB));
    fs::write(world.secret_file(), "bob:canary").unwrap();
    let settings = Settings::new(&host.url(), "main", "status", &world.path().join("state")).unwrap();
    let settings = settings.with_credentials(SecretPlace::File(world.secret_file()), &host.http.origin()).unwrap();
    run(async {
        let error = GitRepository::start(settings).unwrap().fetch(None).await.unwrap_err();
        assert!(matches!(error, SourceError::Untrusted { .. }), "{error:?}");
        assert_eq!(host.http.seen(), Vec::<String>::new());
    });
}

#[test]
fn wrong_credentials_are_offered_once_and_repeated_nowhere() {
    let world = World::new();
    world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    let host = Host::start(world.remote.path(), None, Some("Basic other"));
    run(async {
        let heddle = world.heddle_as("bob:canary", &host);
        let error = heddle.fetch(None).await.unwrap_err();
        assert!(matches!(error, SourceError::Unauthenticated { .. }), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("canary"));
        assert_eq!(host.http.seen().iter().filter(|line| line.contains(BOB)).count(), 1, "{:?}", host.http.seen());
        let error = publish(&heddle, None).await.unwrap_err();
        assert!(matches!(error, SourceError::Unauthenticated { .. }), "{error:?}");
    });
}

#[test]
fn credentials_that_are_wanted_and_not_configured_are_not_asked_for() {
    let world = World::new();
    let host = Host::start(world.remote.path(), None, Some(BOB));
    run(async {
        let error = world.heddle_at(&host).fetch(None).await.unwrap_err();
        assert!(matches!(error, SourceError::Unauthenticated { .. }), "{error:?}");
    });
}

#[test]
fn a_secret_that_is_not_there_is_named_by_its_place_and_read_when_it_comes() {
    let world = World::new();
    let tip = world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    let host = Host::start(world.remote.path(), None, Some(BOB));
    run(async {
        let heddle = world.heddle_as("bob:canary", &host);
        fs::remove_file(world.secret_file()).unwrap();
        let error = heddle.fetch(None).await.unwrap_err();
        let SourceError::Local { path, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*path, world.secret_file().display().to_string());
        fs::write(world.secret_file(), "bob:canary").unwrap();
        assert_eq!(heddle.fetch(None).await.unwrap().revision, tip);
    });
}

#[test]
fn every_status_has_its_meaning() {
    let world = World::new();
    let host = world.host();
    for (status, category) in [
        ("401 Unauthorized", "unauthenticated"),
        ("403 Forbidden", "unauthenticated"),
        ("404 Not Found", "unreachable"),
        ("429 Too Many Requests", "unreachable"),
        ("500 Internal Server Error", "unreachable"),
        ("503 Service Unavailable", "unreachable"),
    ] {
        host.set(Mood::Status(status));
        run(async {
            let heddle = world.heddle_at(&host);
            assert_eq!(heddle.fetch(None).await.unwrap_err().category(), category, "fetch {status}");
            assert_eq!(publish(&heddle, None).await.unwrap_err().category(), category, "publish {status}");
        });
    }
}

#[test]
fn a_redirect_to_another_host_is_not_followed_and_gets_no_credentials() {
    let world = World::new();
    world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    let host = Host::start(world.remote.path(), None, Some(BOB));
    let thief = Host::start(world.remote.path(), None, Some(BOB));
    host.set(Mood::Redirect(thief.http.origin().replace("127.0.0.1", "localhost")));
    run(async {
        let heddle = world.heddle_as("bob:canary", &host);
        let error = heddle.fetch(None).await.unwrap_err();
        assert!(matches!(error, SourceError::Untrusted { .. }), "{error:?}");
        let error = publish(&heddle, None).await.unwrap_err();
        assert!(matches!(error, SourceError::Untrusted { .. }), "{error:?}");
        assert_eq!(thief.http.seen(), Vec::<String>::new());
    });
}

#[test]
fn rubbish_is_refused_and_the_last_good_copy_stays() {
    let world = World::new();
    let tip = world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    let host = world.host();
    run(async {
        let heddle = world.heddle_at(&host);
        heddle.fetch(None).await.unwrap();
        world.texts(SPECS, Some(tip), &[("fleet.yaml", "2")]);
        for mood in [Mood::Garbage, Mood::GarbagePack] {
            host.set(mood);
            let fetched = heddle.fetch(Some(tip)).await;
            assert!(is_unreachable(&fetched), "{fetched:?}");
            assert_eq!(heddle.tree(tip).await.unwrap().entries.len(), 1);
        }
        host.set(Mood::Honest);
        assert!(!heddle.fetch(Some(tip)).await.unwrap().rewritten);
    });
}

#[test]
fn a_remote_that_says_nothing_is_unreachable_in_time() {
    let world = World::new();
    let host = world.host();
    host.set(Mood::Silence);
    run(async {
        let limits = Limits { server_time: Duration::from_secs(3), ..Limits::default() };
        let heddle = GitRepository::start(world.settings_for(&host).with_limits(limits)).unwrap();
        let error = heddle.fetch(None).await.unwrap_err();
        assert!(error.to_string().contains("did not answer in time"), "{error}");
    });
}

#[test]
fn a_remote_that_never_ends_is_left_and_does_not_hold_the_next_call() {
    let world = World::new();
    let tip = world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    let host = world.host();
    run(async {
        let limits = Limits { call_time: Duration::from_millis(1500), ..Limits::default() };
        let heddle = GitRepository::start(world.settings_for(&host).with_limits(limits)).unwrap();
        heddle.fetch(None).await.unwrap();
        host.set(Mood::Drip);
        let fetched = heddle.fetch(Some(tip)).await;
        assert!(is_unreachable(&fetched), "{fetched:?}");
        assert_eq!(heddle.tree(tip).await.unwrap().entries.len(), 1);
        host.set(Mood::Honest);
        assert_eq!(heddle.fetch(Some(tip)).await.unwrap().revision, tip);
    });
}

#[test]
fn an_ssh_host_that_never_speaks_is_left_too() {
    let world = World::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ssh://git@{}/fleet.git", silent.local_addr().unwrap());
    let settings = Settings::new(&url, "main", "heddle/status", &world.path().join("state")).unwrap();
    let limits = Limits { call_time: Duration::from_millis(500), ..Limits::default() };
    run(async {
        let heddle = GitRepository::start(settings.with_limits(limits)).unwrap();
        for _ in 0..3 {
            let fetched = heddle.fetch(None).await;
            assert!(is_unreachable(&fetched), "{fetched:?}");
        }
    });
}

#[test]
fn a_large_fetch_is_stopped_on_the_wire() {
    let world = World::new();
    world.texts(SPECS, None, &[("fleet.yaml", &noise())]);
    let host = world.host();
    run(async {
        let limits = Limits { fetch_bytes: 10_000, ..Limits::default() };
        let heddle = GitRepository::start(world.settings_for(&host).with_limits(limits)).unwrap();
        let error = heddle.fetch(None).await.unwrap_err();
        assert!(matches!(error, SourceError::TooLarge { limit: 10_000, .. }), "{error:?}");
    });
}

#[test]
fn only_what_arrived_is_said_to_have_arrived() {
    let check = |what: &str, mood: Mood, lands: bool, refused: Option<&str>| {
        let world = World::new();
        let parent = world.report();
        let host = Host::start(world.remote.path(), None, Some(BOB));
        host.set(mood);
        run(async {
            let published = publish(&world.heddle_as("bob:canary", &host), Some(parent)).await;
            let tip = world.tip(STATUS).unwrap();
            assert_eq!(tip != parent, lands, "{what}");
            match refused {
                _ if lands => assert_eq!(published.unwrap(), Published::At(tip), "{what}"),
                Some(detail) => {
                    assert_eq!(published.unwrap(), Published::Refused { detail: detail.to_owned() }, "{what}");
                }
                None => assert!(is_unreachable(&published), "{what}: {published:?}"),
            }
        });
    };
    check("accepted", Mood::Honest, true, None);
    check("the answer was lost", Mood::LoseAnswer, true, None);
    check("nothing was said about the reference", Mood::Vague, true, None);
    check("the request was lost", Mood::LoseRequest, false, None);
    check("a hook", Mood::Decline("hook says no"), false, Some("hook says no"));
    check("a hook that knows the secret", Mood::Decline("no canary"), false, Some("no …"));
}

#[test]
fn a_push_that_another_one_beats_on_the_server_is_a_race() {
    let world = World::new();
    let parent = world.report();
    let theirs = world.texts("refs/heads/aside", Some(parent), &[("a", "theirs")]);
    let host = world.host();
    run(async {
        let heddle = world.heddle_at(&host);
        host.set(Mood::Race(Oid::from_bytes(theirs.as_bytes()).unwrap()));
        assert_eq!(publish(&heddle, Some(parent)).await.unwrap(), Published::Raced);
        assert_eq!(world.tip(STATUS), Some(theirs));
        host.set(Mood::Honest);
        assert_eq!(publish(&heddle, Some(parent)).await.unwrap(), Published::Raced);
        assert!(matches!(publish(&heddle, Some(theirs)).await.unwrap(), Published::At(_)));
    });
}

#[test]
fn a_report_that_somebody_built_upon_did_arrive_and_is_no_race_when_it_is_sent_again() {
    let world = World::new();
    let parent = world.report();
    let host = world.host();
    run(async {
        let heddle = world.heddle_at(&host);
        host.set(Mood::BuiltUpon);
        let first = publish(&heddle, Some(parent)).await.unwrap();
        assert!(matches!(first, Published::At(_)), "{first:?}");
        assert_eq!(world.history(STATUS), 3);
        host.set(Mood::Honest);
        assert_eq!(publish(&heddle, Some(parent)).await.unwrap(), first);
        assert_eq!(world.history(STATUS), 3);
    });
}

#[test]
fn a_state_folder_of_another_repository_tells_nothing_of_it() {
    let (one, two) = (World::new(), World::new());
    one.report();
    let old = one.texts(SPECS, None, &[("fleet.yaml", "1")]);
    let state = one.path().join("state");
    run(async {
        let heddle = one.heddle();
        heddle.fetch(None).await.unwrap();
        heddle.tip().await.unwrap().unwrap();
        let url = two.remote.path().to_str().unwrap();
        let other = GitRepository::start(Settings::new(url, "main", "heddle/status", &state).unwrap()).unwrap();
        assert!(matches!(other.fetch(None).await, Err(SourceError::BranchGone { .. })));
        assert_eq!(other.tip().await.unwrap(), None);
        let tip = two.texts(SPECS, None, &[("fleet.yaml", "2")]);
        let fetched = other.fetch(Some(old)).await.unwrap();
        assert_eq!((fetched.revision, fetched.rewritten), (tip, true));
        assert!(matches!(publish(&other, None).await.unwrap(), Published::At(_)));
        assert_eq!(two.history(STATUS), 1);
    });
}

#[test]
fn a_damaged_copy_waits_for_its_remote() {
    let world = World::new();
    let tip = world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    let host = world.host();
    run(async {
        let heddle = world.heddle_at(&host);
        heddle.fetch(None).await.unwrap();
        fs::remove_dir_all(world.local_copy().join("objects/pack")).unwrap();
        fs::create_dir(world.local_copy().join("objects/pack")).unwrap();
        let heddle = world.heddle_at(&host);
        host.set(Mood::Status("503 Service Unavailable"));
        let listed = heddle.tree(tip).await;
        assert!(is_unreachable(&listed), "{listed:?}");
        host.set(Mood::Honest);
        assert_eq!(heddle.tree(tip).await.unwrap().entries.len(), 1);
    });
}

#[test]
fn a_crowded_copy_is_made_anew_when_its_remote_is_there() {
    let world = World::new();
    let tip = world.texts(SPECS, None, &[("fleet.yaml", "1")]);
    let host = world.host();
    run(async {
        world.heddle_at(&host).fetch(None).await.unwrap();
        let packs = world.local_copy().join("objects/pack");
        for n in 0..500 {
            fs::write(packs.join(format!("left-over-{n}")), b"").unwrap();
        }
        host.set(Mood::Status("503 Service Unavailable"));
        assert_eq!(world.heddle_at(&host).tree(tip).await.unwrap().entries.len(), 1);
        assert!(packs.join("left-over-0").exists());
        host.set(Mood::Honest);
        assert_eq!(world.heddle_at(&host).tree(tip).await.unwrap().entries.len(), 1);
        assert!(!packs.join("left-over-0").exists());
    });
}
