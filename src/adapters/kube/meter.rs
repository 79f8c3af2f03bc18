//! Counts of requests by what they were for.
//!
//! Input: one call for each request that is sent. Output: [`Meter::counts`], [`Meter::object_requests`]. It measures no
//! time. Invariant: a request is counted once, when it is sent, whatever becomes of it.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// GET of a managed object.
    Get,
    /// Server-side apply of a managed object.
    Apply,
    /// The same without storing.
    DryRun,
    /// DELETE of a managed object.
    Delete,
    /// A page of a list.
    List,
    /// The opening of a watch.
    Watch,
    /// The uid of the cluster.
    Uid,
    /// The metadata of a Secret.
    SecretMetadata,
    /// POST of a Secret that is issued.
    SecretCreate,
    /// GET of a Secret with its values, to sign with its key.
    SecretRead,
    /// Lists and writes of inventories.
    Inventory,
    /// Reads and writes of Leases.
    Lease,
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Get,
        Self::Apply,
        Self::DryRun,
        Self::Delete,
        Self::List,
        Self::Watch,
        Self::Uid,
        Self::SecretMetadata,
        Self::SecretCreate,
        Self::SecretRead,
        Self::Inventory,
        Self::Lease,
    ];

    /// A bounded word for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Apply => "apply",
            Self::DryRun => "dry-run",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Uid => "uid",
            Self::SecretMetadata => "secret-metadata",
            Self::SecretCreate => "secret-create",
            Self::SecretRead => "secret-read",
            Self::Inventory => "inventory",
            Self::Lease => "lease",
        }
    }

    /// Whether it is a request on a managed object.
    pub fn is_object_request(self) -> bool {
        match self {
            Self::Get | Self::Apply | Self::DryRun | Self::Delete | Self::SecretCreate => true,
            Self::List
            | Self::Watch
            | Self::Uid
            | Self::SecretMetadata
            | Self::SecretRead
            | Self::Inventory
            | Self::Lease => false,
        }
    }
}

/// The counters of one cluster.
#[derive(Debug, Default)]
pub struct Meter {
    counts: [AtomicU64; Call::ALL.len()],
}

impl Meter {
    /// Counts one request.
    pub fn count(&self, call: Call) {
        if let Some(counter) = self.counts.get(call as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many of one sort were sent.
    pub fn of(&self, call: Call) -> u64 {
        self.counts.get(call as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    /// All counts.
    pub fn counts(&self) -> impl Iterator<Item = (Call, u64)> + '_ {
        Call::ALL.into_iter().map(|call| (call, self.of(call)))
    }

    /// GET, PATCH, DELETE and POST on managed objects together.
    pub fn object_requests(&self) -> u64 {
        self.counts().filter(|(call, _)| call.is_object_request()).map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_leases_and_metadata_are_counted_apart_from_object_requests() {
        let meter = Meter::default();
        for call in Call::ALL {
            meter.count(call);
        }
        assert!(meter.counts().all(|(_, count)| count == 1));
        assert_eq!(meter.object_requests(), 5);
        assert_eq!(Call::ALL.map(|call| call as usize), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    }
}
