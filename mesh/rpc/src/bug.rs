//! Bugs that a test puts into the mesh, to see that its invariants notice them.
//!
//! A bug is there for the thread that asked for it: a simulation runs on one thread, and others go on without bugs
//! beside it. Without the feature `seeded-bugs` none of this exists: the question is a constant, and the code of the
//! bug is gone.

#[cfg(feature = "seeded-bugs")]
use std::cell::Cell;

/// Something that the mesh could do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "seeded-bugs"), allow(unreachable_pub, reason = "public with the feature only"))]
pub enum Bug {
    /// Retries and hedges are made however many there were.
    RetryWithoutBudget,
    /// A call of which the head of an answer came is made again.
    RetryAfterCommit,
    /// A call has the whole time of its contract, whatever is left to the call that it is made for.
    DeadlineNotShrunk,
    /// A server that drains does not tell its connections, and closes them when its time is over.
    DrainWithoutGoaway,
    /// Endpoints are ejected however many are already.
    EjectionWithoutLimit,
    /// A call that a server has not seen, as its last GOAWAY says, is not sent again.
    LostAfterGoaway,
    /// A call that is never repeated is, when nobody knows whether a server has seen it.
    UnsafeResend,
}

#[cfg(feature = "seeded-bugs")]
thread_local! {
    static SEEDED: Cell<Option<Bug>> = const { Cell::new(None) };
}

#[cfg(feature = "seeded-bugs")]
impl Bug {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::RetryWithoutBudget,
        Self::RetryAfterCommit,
        Self::DeadlineNotShrunk,
        Self::DrainWithoutGoaway,
        Self::EjectionWithoutLimit,
        Self::LostAfterGoaway,
        Self::UnsafeResend,
    ];

    /// From now on the mesh has this bug on this thread, or none.
    pub fn seed(bug: Option<Self>) {
        SEEDED.set(bug);
    }

    /// Whether the mesh has it here.
    pub(crate) fn is_here(self) -> bool {
        SEEDED.get() == Some(self)
    }
}

#[cfg(not(feature = "seeded-bugs"))]
impl Bug {
    #[inline]
    pub(crate) const fn is_here(self) -> bool {
        false
    }
}
