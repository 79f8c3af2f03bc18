//! From when until when a certificate is valid, and when it is due for renewal.
//!
//! Input: instants that the caller brings. Output: [`Life`], [`Validity`], decisions. It reads no clock.
//! Invariants: whole seconds, as certificates hold them; what is issued is never valid outside its issuer's validity.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// How far back a certificate's beginning lies: clocks differ a little, and a node whose TLS time is shifted back by ten
/// minutes must still take it.
pub const BACKDATED: SignedDuration = SignedDuration::from_hours(1);

const SECONDS_OF_A_DAY: i64 = 86_400;
const LONGEST_DAYS: u32 = 36_525;

/// How long a certificate is to live from its issue on: one second to a hundred years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Life(i64);

impl Life {
    /// That many days; none for no day at all and for more than a hundred years.
    pub fn from_days(days: u32) -> Option<Self> {
        Some(Self(i64::from(days) * SECONDS_OF_A_DAY)).filter(|_| (1..=LONGEST_DAYS).contains(&days))
    }

    /// That many seconds; the same bounds.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        Some(Self(seconds)).filter(|_| (1..=i64::from(LONGEST_DAYS) * SECONDS_OF_A_DAY).contains(&seconds))
    }

    /// In seconds.
    pub fn seconds(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / SECONDS_OF_A_DAY, self.0 % SECONDS_OF_A_DAY) {
            (1, 0) => f.write_str("1 day"),
            (days, 0) => write!(f, "{days} days"),
            _ => write!(f, "{} s", self.0),
        }
    }
}

/// The span in which a certificate is valid; both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: Timestamp,
    /// The last second.
    pub not_after: Timestamp,
}

impl Validity {
    /// What a certificate issued now would get: from an hour ago until `life` from now, and never outside its issuer's
    /// (Fabric looks at a path as of the leaf's beginning, `msp/mspimplvalidate.go`). None where no second is left.
    pub fn planned(life: Life, issuer: Option<&Self>, now: Timestamp) -> Option<Self> {
        let now = Timestamp::from_second(now.as_second()).ok()?;
        let mut planned = Self {
            not_before: now.checked_sub(BACKDATED).ok()?,
            not_after: now.checked_add(SignedDuration::from_secs(life.0)).ok()?,
        };
        if let Some(issuer) = issuer {
            planned.not_before = planned.not_before.max(issuer.not_before);
            planned.not_after = planned.not_after.min(issuer.not_after);
        }
        Some(planned).filter(|planned| planned.contains(now) && now < planned.not_after)
    }

    /// Whether an instant lies within. Fractions of a second do not count.
    pub fn contains(&self, at: Timestamp) -> bool {
        (self.not_before.as_second()..=self.not_after.as_second()).contains(&at.as_second())
    }

    /// Whether a third of the life or less is left, counted from the certificate's beginning.
    pub fn renewal_due(&self, now: Timestamp) -> bool {
        let life = self.not_after.as_second() - self.not_before.as_second();
        (self.not_after.as_second() - now.as_second()) * 3 <= life
    }

    /// Whole days until the end, rounded down: 0 on the last day, negative after it.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        (self.not_after.as_second() - now.as_second()).div_euclid(SECONDS_OF_A_DAY)
    }
}

#[cfg(test)]
mod tests;
