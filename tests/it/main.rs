//! Effects on this machine: a simulated region behind HTTPS, Git repositories on disk and behind a loopback server.

mod git;
mod git_publish;
mod git_world;
mod sim_region;
