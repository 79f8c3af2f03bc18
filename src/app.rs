//! L8: puts the rooms together.
//!
//! Input: configuration and the command line. Output: the running program. Composition only: a rule that matters has
//! its room below.

pub mod cli;
pub mod codes;
pub mod config;
pub mod cycle;
pub mod demo;
pub mod driver;
pub mod evaluation;
pub mod exit;
pub mod memory;
pub mod preview;
pub mod publication;
pub mod quick_start;
pub mod schedule;
pub mod status_branch;
pub mod status_yaml;
pub mod unit_run;
pub mod wiring;
pub mod wishes;
