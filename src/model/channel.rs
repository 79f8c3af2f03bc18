//! Names of channels within their networks, and where their records are kept.
//!
//! Input: names. Output: [`ChannelRef`]. It knows no contents.

use std::fmt;

use super::names::ChannelId;
use super::unit::NetworkRef;

/// A channel of a network. Text: `channel trade of platform/trade`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct ChannelRef {
    /// The network whose agreement declares it.
    pub network: NetworkRef,
    /// Its name.
    pub id: ChannelId,
}

impl fmt::Display for ChannelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "channel {} of {}", self.id, self.network)
    }
}
