//! A set in a byte.

use std::marker::PhantomData;

/// What a [`Set`] may hold: at most eight different values.
pub(crate) trait Member: Copy {
    fn index(self) -> u8;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Set<T>(u8, PhantomData<T>);

impl<T: Member> Set<T> {
    pub(crate) fn has(self, member: T) -> bool {
        self.0 & (1 << member.index()) != 0
    }

    pub(crate) fn add(&mut self, member: T) {
        self.0 |= 1 << member.index();
    }

    pub(crate) fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

// Not derived: an empty set needs no default of its members.
impl<T> Default for Set<T> {
    fn default() -> Self {
        Self(0, PhantomData)
    }
}
