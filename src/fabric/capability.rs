//! Capabilities: which names exist, at which level, and which release first understands each.
//!
//! Input: names from configurations. Output: [`Capability`]. It turns none on. Invariant: a name that is not in the table is
//! unknown; servers take one all the same at the application level, and then every peer of the channel dies at each start
//! (seen on 2.5.16 and 3.1.5).

/// Where a capability stands in a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// For everybody.
    Channel,
    /// For orderers.
    Orderer,
    /// For peers.
    Application,
}

/// One capability (Fabric `common/capabilities/*.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capability {
    /// Where it stands.
    pub level: Level,
    /// Its name.
    pub name: &'static str,
    /// The first release that understands it: major and minor.
    pub since: (u16, u16),
}

const fn known(level: Level, name: &'static str, since: (u16, u16)) -> Capability {
    Capability { level, name, since }
}

/// All that Fabric 3.1 knows.
pub const ALL: [Capability; 15] = [
    known(Level::Channel, "V1_1", (1, 1)),
    known(Level::Channel, "V1_3", (1, 3)),
    known(Level::Channel, "V1_4_2", (1, 4)),
    known(Level::Channel, "V1_4_3", (1, 4)),
    known(Level::Channel, "V2_0", (2, 0)),
    known(Level::Channel, "V3_0", (3, 0)),
    known(Level::Orderer, "V1_1", (1, 1)),
    known(Level::Orderer, "V1_4_2", (1, 4)),
    known(Level::Orderer, "V2_0", (2, 0)),
    known(Level::Application, "V1_1", (1, 1)),
    known(Level::Application, "V1_2", (1, 2)),
    known(Level::Application, "V1_3", (1, 3)),
    known(Level::Application, "V1_4_2", (1, 4)),
    known(Level::Application, "V2_0", (2, 0)),
    known(Level::Application, "V2_5", (2, 5)),
];

/// The capability of a name at a level; none when nobody knows it.
pub fn find(level: Level, name: &str) -> Option<Capability> {
    ALL.into_iter().find(|capability| capability.level == level && capability.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_only_at_its_level() {
        assert_eq!(find(Level::Channel, "V3_0").map(|found| found.since), Some((3, 0)));
        assert_eq!(find(Level::Application, "V2_5").map(|found| found.since), Some((2, 5)));
        for (level, name) in [
            (Level::Orderer, "V3_0"),
            (Level::Channel, "V2_5"),
            (Level::Application, "V2_7"),
            (Level::Application, "v2_5"),
        ] {
            assert_eq!(find(level, name), None, "{level:?} {name}");
        }
    }
}
