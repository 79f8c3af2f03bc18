//! Wake-ups by what the program `git` does to a repository on this machine.

use std::path::Path;
use std::time::Duration;

use heddle::adapters::git::settings::Settings;
use heddle::adapters::git::wake::Wakes;
use heddle::model::revision::Revision;

use super::Named;
use super::server::{Demands, git};
use super::world::{World, run};

/// The cases.
pub const CASES: [Named; 3] = [
    ("a push into a bare folder wakes", pushed),
    ("a commit in a clone with a working tree wakes", committed),
    ("a push after the references were packed wakes", packed),
];

/// Generous: it is only awaited in full when there is no wake-up.
const PATIENCE: Duration = Duration::from_mins(1);

fn watch(world: &World, folder: &Path) -> Wakes {
    let url = folder.display().to_string();
    let settings = Settings::new(&url, "main", "heddle/status", &world.folder.path().join("state")).unwrap();
    Wakes::watch(&settings).expect("this system can watch folders")
}

fn check(folder: impl FnOnce(&World) -> Wakes, change: impl FnOnce(&World) -> Revision) {
    let world = World::start(Demands::default());
    run(async {
        let mut wakes = folder(&world);
        change(&world);
        tokio::time::timeout(PATIENCE, wakes.next()).await.expect("a wake-up");
    });
}

fn pushed() {
    check(|world| watch(world, &world.server.repository()), |world| world.push(&[("fleet.yaml", "a: 2\n")]));
}

fn committed() {
    check(|world| watch(world, &world.clone()), |world| world.commit(&[("fleet.yaml", "a: 2\n")]));
}

fn packed() {
    check(
        |world| {
            git(&world.server.repository(), &["pack-refs", "--all"]);
            watch(world, &world.server.repository())
        },
        |world| world.push(&[("fleet.yaml", "a: 2\n")]),
    );
}
