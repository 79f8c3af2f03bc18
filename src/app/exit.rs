//! The exit codes, which scripts may rely on.
//!
//! Input: how a command ended. Output: one [`Exit`]. Invariants: one table; of several the worst wins; a code never
//! changes its meaning.

use crate::plan::outcome::UnitState;

/// How a command ended. Sorted from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Nothing to do, or all done.
    Done,
    /// There are changes.
    Changes,
    /// Something is held, refused, invalid or waits for a person.
    Person,
    /// Something is incomplete or unknown, or still progressing when the time was over.
    Unknown,
    /// The world is not what a saved or shown plan was made for.
    Stale,
    /// It failed.
    Error,
    /// The command line is wrong.
    Usage,
    /// It was interrupted.
    Interrupted,
}

impl Exit {
    /// All of them, from good to bad.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::Changes,
        Self::Person,
        Self::Unknown,
        Self::Stale,
        Self::Error,
        Self::Usage,
        Self::Interrupted,
    ];

    /// The number and what it means.
    pub fn row(self) -> (u8, &'static str) {
        match self {
            Self::Done => (0, "nothing to do, or all done"),
            Self::Changes => (2, "there are changes"),
            Self::Person => (3, "something is held, refused, invalid or waits for a person"),
            Self::Unknown => (4, "something is incomplete or unknown, or still progressing at the timeout"),
            Self::Stale => (5, "the world is not what the plan was made for"),
            Self::Error => (1, "it failed"),
            Self::Usage => (64, "the command line is wrong"),
            Self::Interrupted => (130, "it was interrupted"),
        }
    }

    /// The number.
    pub fn code(self) -> u8 {
        self.row().0
    }

    /// What a unit's state comes to at the end of a command.
    pub fn of_state(state: UnitState) -> Self {
        match state {
            UnitState::Converged => Self::Done,
            UnitState::Waiting | UnitState::Held | UnitState::Refused | UnitState::Invalid => Self::Person,
            UnitState::Progressing | UnitState::Unknown => Self::Unknown,
            UnitState::Stale => Self::Stale,
            UnitState::Failed => Self::Error,
        }
    }

    /// The worst of several; [`Exit::Done`] for none.
    pub fn worst(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().max().unwrap_or(Self::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_contract_and_the_worst_wins() {
        let codes = Exit::ALL.map(Exit::code);
        assert_eq!(codes, [0, 2, 3, 4, 5, 1, 64, 130]);
        for (at, better) in Exit::ALL.into_iter().enumerate() {
            for worse in &Exit::ALL[at..] {
                assert_eq!(Exit::worst([better, *worse]), *worse);
                assert_eq!(Exit::worst([*worse, better]), *worse);
            }
        }
        assert_eq!(Exit::worst([]), Exit::Done);
    }
}
