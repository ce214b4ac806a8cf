//! What must hold.

use std::fmt;

/// What must hold, whatever was killed meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// A user who was created is there as created, and under one address there is one user.
    U1,
    /// Who was refused an address was refused for another; what is unknown is there whole or not at all.
    U2,
    /// A profile for every user, and every change of both exactly once.
    U3,
    /// One welcome for every user, and no mail from nowhere.
    N1,
    /// The provider's book and ours say the same.
    P1,
    /// A request has one effect, whatever it is repeated for.
    P2,
    /// The books add up.
    L1,
    /// Every event had its effect.
    E1,
    /// Nobody reads what is older than what was known, or was never written.
    C1,
    /// It becomes quiet.
    Quiet,
}

impl Invariant {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 10] = [
        Self::Quiet,
        Self::U1,
        Self::U2,
        Self::U3,
        Self::N1,
        Self::P1,
        Self::P2,
        Self::L1,
        Self::E1,
        Self::C1,
    ];

    /// Whether clients' answers decide it, without a look at the end.
    pub(super) fn shows_in_answers(self) -> bool {
        matches!(self, Self::C1 | Self::Quiet)
    }

    /// What must hold, in a sentence.
    #[must_use]
    pub fn promise(self) -> &'static str {
        match self {
            Self::U1 => "a created user is there as created, and under one address there is one user",
            Self::U2 => "a taken address has an owner, and an unknown creation is whole or absent",
            Self::U3 => "a profile for every user, and every change exactly once",
            Self::N1 => "one welcome for every user, and no mail from nowhere",
            Self::P1 => "the provider's book and ours say the same",
            Self::P2 => "a request has one effect, however often it is repeated",
            Self::L1 => "the books add up",
            Self::E1 => "every event had its effect",
            Self::C1 => "no read is older than what was known, or of what nobody wrote",
            Self::Quiet => "it becomes quiet",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::U1 => "U1",
            Self::U2 => "U2",
            Self::U3 => "U3",
            Self::N1 => "N1",
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::L1 => "L1",
            Self::E1 => "E1",
            Self::C1 => "C1",
            Self::Quiet => "Quiet",
        };
        f.pad(name)
    }
}
