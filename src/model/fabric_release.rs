//! Which Fabric a node runs.
//!
//! Input: a version text. Output: [`FabricVersion`] and its [`ReleaseLine`]. It does not know what a line can do (see
//! `fabric` for capabilities). Invariant: only the lines that heddle renders for: 2.5 and 3.0 or later
//! (2.2 has no channel participation API; Fabric `orderer/common/channelparticipation`).

use std::fmt;

use super::names::{NameError, refused};

/// A configuration generation of Fabric: nodes of one line read the same `orderer.yaml` and `core.yaml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReleaseLine {
    /// 2.5, long-term support.
    V2_5,
    /// 3.x.
    V3,
}

/// A Fabric version such as `3.1.5`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FabricVersion {
    major: u16,
    minor: u16,
    patch: u16,
}

impl FabricVersion {
    /// Reads `major.minor.patch` of a supported line.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let wrong = || refused("Fabric version", text, "`2.5.x` or `3.x.y` with all three numbers, such as `3.1.5`");
        let numbers: Option<Vec<u16>> = text
            .split('.')
            .map(|part| part.parse().ok().filter(|_| !part.starts_with('+') && (part == "0" || !part.starts_with('0'))))
            .collect();
        match numbers.as_deref() {
            Some(&[major, minor, patch]) if (major == 2 && minor == 5) || major == 3 => {
                Ok(Self { major, minor, patch })
            }
            _ => Err(wrong()),
        }
    }

    /// Its configuration generation.
    pub fn line(self) -> ReleaseLine {
        if self.major == 2 { ReleaseLine::V2_5 } else { ReleaseLine::V3 }
    }
}
impl fmt::Display for FabricVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}
impl fmt::Debug for FabricVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_supported_lines_are_versions() {
        assert_eq!(FabricVersion::parse("2.5.16").unwrap().line(), ReleaseLine::V2_5);
        assert_eq!(FabricVersion::parse("3.1.5").unwrap().line(), ReleaseLine::V3);
        for bad in ["2.2.15", "3.1", "3.1.x", "v3.1.5", "3.1.5-rc1", "03.1.5", "", "4.0.0"] {
            assert!(FabricVersion::parse(bad).is_err(), "{bad}");
        }
    }
}
