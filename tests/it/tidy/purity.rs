//! What the core (L0 to L5) leaves out: waiting, chance, unordered collections, speaking.
//!
//! Input: [`Source`]s. Output: [`Problem`]s. What it must not reach outside is in the tables of `layers`.

use super::Problem;
use super::layers::room_of;
use super::source::{Source, Target};

const UNORDERED: [&str; 5] = ["HashMap", "HashSet", "RandomState", "DefaultHasher", "hash_map"];
const CHANCE: [&str; 4] = ["rand", "getrandom", "fastrand", "uuid"];
const SPEAKING: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];

/// Impure code in pure rooms.
pub(super) fn check(source: &Source) -> Vec<Problem> {
    let Some(room) = room_of(&source.module).filter(|_| source.path.starts_with("src/")) else { return Vec::new() };
    let mut problems = Vec::new();
    if room.layer <= 7 {
        let spoken = source.macros.iter().filter(|(_, name)| SPEAKING.contains(&name.as_str()));
        problems
            .extend(spoken.map(|(line, name)| Problem::of(source, *line, "purity", format!("`{name}!` in a library"))));
    }
    if room.layer > 5 {
        return problems;
    }
    for mention in &source.mentions {
        let (Target::Own(path) | Target::Foreign(path)) = &mention.target;
        let found = path.iter().find(|part| UNORDERED.contains(&part.as_str()) || CHANCE.contains(&part.as_str()));
        problems.extend(found.map(|part| Problem::of(source, mention.line, "purity", format!("`{part}` in the core"))));
    }
    if room.path != "ports" {
        let waits = source.asynchronous.iter();
        problems.extend(waits.map(|line| Problem::of(source, *line, "purity", "the core does not wait")));
    }
    problems
}
