//! How much a read must see.

/// How much a read must see. A store that has one copy only gives the most at any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// What the nearest copy has. It may miss the writes of the last moments, but what was there before the read
    /// began, and was not deleted, is never said not to be there; and nothing is seen that was not committed.
    Eventual,
    /// Every write that was answered, to anybody, before the read began.
    Strong,
    /// As strong, and what is undecided is decided first: a read that begins later never sees less than this one
    /// did, whatever becomes of writes that were never answered. The dearest.
    Linearizable,
}
