//! The bounds of the limit.

/// How many calls a server works on at once. The limit moves by itself between the bounds given here; the default
/// ones need no tuning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadShedConfig {
    /// Whether calls are turned away at all.
    pub enabled: bool,
    /// The limit before anything is known, and again when it has been long enough without trouble. Generous: as much
    /// as one channel asks for at once (`ChannelConfig::max_requests`) is let in, in whatever class, and an overload
    /// brings the limit down within a second.
    pub initial_limit: u32,
    /// The limit is never lower: so many calls at once are no overload, whatever they take. A server that can do only
    /// a few slow ones at once has it lower.
    pub min_limit: u32,
    /// The limit is never higher.
    pub max_limit: u32,
}

impl Default for LoadShedConfig {
    fn default() -> Self {
        Self { enabled: true, initial_limit: 2_000, min_limit: 100, max_limit: 10_000 }
    }
}

impl LoadShedConfig {
    /// The first field that no server can work with, and what it must be.
    pub(in crate::server) fn mistake(&self) -> Option<&'static str> {
        if self.min_limit == 0 {
            Some("load_shed.min_limit must be at least 1")
        } else if self.min_limit > self.initial_limit || self.initial_limit > self.max_limit {
            Some("load_shed: min_limit, initial_limit and max_limit must not descend")
        } else {
            None
        }
    }
}
