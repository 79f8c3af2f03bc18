//! Suite `git`: the source, the status branch and the wake-up against Git's own programs.
//!
//! Input: the words that choose cases. Output: their tally. Without `git` or its HTTP backend, or without `sshd`, the
//! cases that need them did not run.

pub mod server;
mod ssh;
mod wake;
mod world;

use heddle::adapters::git::GitRepository;
use heddle::model::revision::{BlobId, RepoPath, Revision};
use heddle::ports::source::{Source, SourceError};
use heddle::ports::status_sink::{Published, StatusSink};

use crate::runner::{self, Case, Suite, Tally};
use server::{BOB, Demands, git};
use world::{STATUS, World, assert_sound, at, report, run as wait};

/// A sentence and its proof.
pub type Named = (&'static str, fn());

const CASES: [Named; 11] = [
    ("a fleet is fetched, changed and fetched again over https with a password", fetched_over_https),
    ("history that was rewritten and swept on the server is said and the old tree stays readable", rewritten),
    ("a branch that is gone and a repository that is gone are told apart", gone),
    ("reports are commits that git reads, and equal reports are none", reported),
    ("a wrong password is refused once for a fetch and once for a report", wrong_password),
    ("a server that takes no pushes refuses the credentials", no_pushes),
    ("a hook that refuses writes nothing and its words are told", refused_by_hook),
    ("a push that is beaten inside the server is a race", beaten_inside),
    ("two that report at the same time both end on the branch, one after the other", two_pushers),
    ("a server's own folder takes reports without a server", folder_remote),
    ("a clone with a working tree keeps it clean when reports come", working_tree),
];

/// Runs the suite.
pub fn run(words: &[String]) -> Tally {
    let missing = server::missing();
    let plain = CASES.into_iter().chain(wake::CASES).map(|(name, check)| match &missing {
        None => Case::new(name, check),
        Some(why) => Case::skipped(name, why.clone()),
    });
    let missing = missing.clone().or_else(ssh::missing);
    let ssh = ssh::CASES.into_iter().map(|(name, check)| match &missing {
        None => Case::new(name, check),
        Some(why) => Case::skipped(name, why.clone()),
    });
    let cases: Vec<Case> = plain.chain(ssh).collect();
    if !cases.iter().any(|case| runner::is_chosen("git", &case.name, words)) {
        return Tally::default();
    }
    runner::run(Suite { name: "git", cases }, words)
}

fn fetched_over_https() {
    let world = World::start(Demands { tls: true, password: Some(BOB) });
    wait(async {
        let heddle = world.heddle("state");
        let first = heddle.fetch(None).await.unwrap().revision;
        let second = world.push(&[("fleet.yaml", "a: 3\n")]);
        let fetched = heddle.fetch(Some(first)).await.unwrap();
        assert_eq!((fetched.revision, fetched.rewritten), (second, false));
        let tree = heddle.tree(second).await.unwrap();
        let blobs: Vec<BlobId> = tree.entries.values().map(|entry| entry.blob).collect();
        let contents = Source::read(&heddle, &blobs, 100).await.unwrap();
        let texts: Vec<&[u8]> = tree.entries.values().map(|entry| contents[&entry.blob].as_slice()).collect();
        assert_eq!(texts, [b"a: 3\n", b"b: 2\n"]);
        // A person pushes over the same server, so that it is a server for others too.
        world.commit(&[("fleet.yaml", "a: 4\n")]);
        let header = format!("http.extraHeader=Authorization: {}", BOB.1);
        let ca = format!("http.sslCAInfo={}", world.server.ca_file().unwrap().display());
        let url = world.server.url();
        git(&world.clone(), &["-c", &header, "-c", &ca, "push", "--quiet", &url, "HEAD:refs/heads/main"]);
        assert!(!heddle.fetch(Some(second)).await.unwrap().rewritten);
    });
    assert_sound(&world.folder.path().join("state/repository.git"));
}

fn rewritten() {
    let world = World::start(Demands::default());
    wait(async {
        let heddle = world.heddle("state");
        let old = world.push(&[("tenants/acme/more.yaml", "c: 3\n")]);
        heddle.fetch(None).await.unwrap();
        git(&world.clone(), &["reset", "--quiet", "--hard", "HEAD~1"]);
        let new = world.push(&[("fleet.yaml", "a: 9\n")]);
        git(&world.server.repository(), &["reflog", "expire", "--expire=now", "--all"]);
        git(&world.server.repository(), &["gc", "--quiet", "--prune=now"]);
        let fetched = heddle.fetch(Some(old)).await.unwrap();
        assert_eq!((fetched.revision, fetched.rewritten), (new, true));
        assert_eq!(heddle.tree(old).await.unwrap().entries.len(), 3);
        // A new copy never saw the old tip, and the server has it no more.
        let other = world.heddle("other");
        assert!(other.fetch(Some(old)).await.unwrap().rewritten);
        assert!(matches!(other.tree(old).await, Err(SourceError::Missing { .. })));
    });
}

fn gone() {
    let world = World::start(Demands::default());
    wait(async {
        let heddle = world.heddle("state");
        let tip = heddle.fetch(None).await.unwrap().revision;
        git(&world.server.repository(), &["update-ref", "-d", "refs/heads/main"]);
        assert_eq!(heddle.fetch(Some(tip)).await.unwrap_err().category(), "branch-gone");
        let away = world.folder.path().join("away");
        std::fs::rename(world.server.repository(), &away).unwrap();
        assert_eq!(heddle.fetch(Some(tip)).await.unwrap_err().category(), "unreachable");
        assert_eq!(heddle.tree(tip).await.unwrap().entries.len(), 2);
        std::fs::rename(&away, world.server.repository()).unwrap();
        git(&world.server.repository(), &["update-ref", "refs/heads/main", &tip.to_string()]);
        assert_eq!(heddle.fetch(Some(tip)).await.unwrap().revision, tip);
    });
}

fn reported() {
    let world = World::start(Demands { tls: true, password: Some(BOB) });
    wait(async {
        let heddle = world.heddle("state");
        assert_eq!(heddle.tip().await.unwrap(), None);
        let first = at(report(&heddle, None, "tenants/acme/status.yaml", "one").await);
        let second = at(report(&heddle, Some(first), "fleet/status.yaml", "two").await);
        assert_eq!(at(report(&heddle, Some(second), "fleet/status.yaml", "two").await), second);
        assert_eq!(world.status(), Some(second));
        let repository = world.server.repository();
        let say = |format: &str| git(&repository, &["log", &format!("--format={format}"), STATUS]);
        assert_eq!(say("%s|%an|%cn|%at"), ["Report acme|heddle|heddle|1700000000"; 2].join("\n"));
        let listed = git(&repository, &["ls-tree", "-r", "--name-only", STATUS]);
        assert_eq!(listed, "fleet/status.yaml\ntenants/acme/status.yaml");
        assert_sound(&repository);
        // A new copy reads what the old one wrote.
        let other = world.heddle("other");
        assert_eq!(other.tip().await.unwrap(), Some(second));
        let read = other.read_below(second, &RepoPath::parse("tenants").unwrap(), "").await.unwrap();
        assert_eq!(read.into_values().collect::<Vec<_>>(), [b"one"]);
    });
}

fn wrong_password() {
    let world = World::start(Demands { tls: false, password: Some(BOB) });
    wait(async {
        let heddle = GitRepository::start(world.settings_as("state", "bob:canary2")).unwrap();
        for error in [heddle.fetch(None).await.unwrap_err(), report(&heddle, None, "a", "1").await.unwrap_err()] {
            assert_eq!(error.category(), "unauthenticated");
            assert!(!format!("{error:?}").contains("canary"));
        }
        let offered = world.server.seen().iter().filter(|line| line.contains("Basic")).count();
        assert_eq!(offered, 2, "{:?}", world.server.seen());
    });
}

fn no_pushes() {
    let world = World::start(Demands::default());
    git(&world.server.repository(), &["config", "http.receivepack", "false"]);
    wait(async {
        let error = report(&world.heddle("state"), None, "a", "1").await.unwrap_err();
        assert_eq!(error.category(), "unauthenticated");
    });
}

fn refused_by_hook() {
    let world = World::start(Demands { tls: false, password: Some(BOB) });
    wait(async {
        let heddle = world.heddle("state");
        let tip = at(report(&heddle, None, "a", "1").await);
        for hook in ["pre-receive", "update"] {
            world.server.hook(hook, "echo 'only on Mondays, canary' >&2; exit 1");
            let published = report(&heddle, Some(tip), "a", "2").await.unwrap();
            let Published::Refused { detail } = &published else { panic!("{hook}: {published:?}") };
            assert!(detail.contains("declined") && detail.contains("only on Mondays, …"), "{hook}: {detail}");
            assert_eq!(world.status(), Some(tip), "{hook}");
            world.server.unhook(hook);
        }
        assert_ne!(at(report(&heddle, Some(tip), "a", "2").await), tip);
    });
}

fn beaten_inside() {
    let world = World::start(Demands::default());
    wait(async {
        let heddle = world.heddle("state");
        let first = at(report(&heddle, None, "a", "1").await);
        let theirs = at(report(&world.heddle("other"), Some(first), "b", "theirs").await);
        git(&world.server.repository(), &["branch", "aside", &theirs.to_string()]);
        git(&world.server.repository(), &["update-ref", STATUS, &first.to_string()]);
        // After the references were listed and before the push is written, somebody else is faster.
        let script = format!("cat >/dev/null; env -u GIT_QUARANTINE_PATH git update-ref {STATUS} {theirs}");
        world.server.hook("pre-receive", &script);
        assert_eq!(report(&heddle, Some(first), "a", "2").await.unwrap(), Published::Raced);
        assert_eq!(world.status(), Some(theirs));
        world.server.unhook("pre-receive");
        assert_eq!(heddle.tip().await.unwrap(), Some(theirs));
        let last = at(report(&heddle, Some(theirs), "a", "2").await);
        assert_eq!(world.status(), Some(last));
    });
}

/// Reports until each of ten documents is on the branch; how often another one was faster.
async fn keep_reporting(heddle: &GitRepository, name: &str) -> usize {
    let mut lost = 0;
    for n in 0..10 {
        loop {
            let tip = heddle.tip().await.unwrap();
            match report(heddle, tip, &format!("{name}/{n}"), name).await.unwrap() {
                Published::At(_) => break,
                Published::Raced => lost += 1,
                Published::Refused { detail } => panic!("{detail}"),
            }
        }
    }
    lost
}

fn two_pushers() {
    let world = World::start(Demands::default());
    let (one, two) = (world.heddle("one"), world.heddle("two"));
    let lost = wait(async {
        let (one, two) = tokio::join!(keep_reporting(&one, "one"), keep_reporting(&two, "two"));
        one + two
    });
    let repository = world.server.repository();
    assert_eq!(git(&repository, &["rev-list", "--count", STATUS]), "20");
    assert_eq!(git(&repository, &["rev-list", "--count", "--merges", STATUS]), "0");
    assert_eq!(git(&repository, &["ls-tree", "-r", "--name-only", STATUS]).lines().count(), 20);
    assert_sound(&repository);
    println!("               {lost} races lost");
}

fn folder_remote() {
    let world = World::start(Demands::default());
    let url = world.server.repository().display().to_string();
    let state = world.folder.path().join("state");
    let settings = heddle::adapters::git::settings::Settings::new(&url, "main", "heddle/status", &state).unwrap();
    wait(async {
        let heddle = GitRepository::start(settings).unwrap();
        assert_eq!(heddle.tree(heddle.fetch(None).await.unwrap().revision).await.unwrap().entries.len(), 2);
        let tip = at(report(&heddle, None, "a/b", "1").await);
        assert_eq!(world.status(), Some(tip));
    });
    git(&world.clone(), &["fetch", "--quiet", "origin"]);
    assert_eq!(git(&world.clone(), &["show", "origin/heddle/status:a/b"]), "1");
    assert_sound(&world.server.repository());
}

fn working_tree() {
    let world = World::start(Demands::default());
    let url = world.clone().display().to_string();
    let state = world.folder.path().join("state");
    let settings = heddle::adapters::git::settings::Settings::new(&url, "main", "heddle/status", &state).unwrap();
    wait(async {
        let heddle = GitRepository::start(settings).unwrap();
        let tip: Revision = at(report(&heddle, None, "a", "1").await);
        assert_eq!(git(&world.clone(), &["rev-parse", STATUS]), tip.to_string());
        assert_eq!(git(&world.clone(), &["status", "--porcelain"]), "");
        // Whoever looks at the reports by switching to them gets no new ones under their feet.
        git(&world.clone(), &["switch", "--quiet", "heddle/status"]);
        let published = report(&heddle, Some(tip), "a", "2").await.unwrap();
        assert!(matches!(published, Published::Refused { .. }), "{published:?}");
        assert_eq!(git(&world.clone(), &["status", "--porcelain"]), "");
    });
}
