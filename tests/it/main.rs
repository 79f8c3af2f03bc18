//! Tests against simulated servers and real Git on disk: one binary, because linking is slow.

mod git;
mod git_publish;
mod git_world;
