//! What the loop tells while it runs.
//!
//! Input: the loop's steps. Output: [`News`] for a [`Listener`]. It shows nothing. Invariant: whoever listens changes
//! nothing.

use crate::app::unit_run::UnitRun;
use crate::model::revision::Revision;

/// What happens, for whoever shows progress.
#[derive(Debug)]
pub enum News<'a> {
    /// A revision was read.
    Revision {
        /// Which.
        revision: Revision,
        /// Problems in it.
        problems: usize,
    },
    /// The source or the status branch could not be used; it is tried again.
    Trouble(&'a str),
    /// A cycle ended.
    Cycle {
        /// What ran.
        runs: &'a [UnitRun],
        /// Units that are not at rest.
        moving: usize,
    },
    /// A report was pushed.
    Published,
    /// Another process leads.
    Standby {
        /// Who.
        holder: &'a str,
    },
}

/// Hears what happens.
pub trait Listener: Send + Sync {
    /// Something happened.
    fn hear(&self, news: News<'_>);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy)]
pub struct Deaf;

impl Listener for Deaf {
    fn hear(&self, _: News<'_>) {}
}
