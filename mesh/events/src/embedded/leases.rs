//! Which events of a queue are with whom. In memory: one process owns the file.

use std::collections::{BTreeSet, HashMap};

/// Which events of a queue are with whom.
///
/// An event is *claimed* while a subscription has it, read ahead or *out*; it is out from the moment it was
/// handed over until it is settled.
#[derive(Debug, Default)]
pub(super) struct Leases {
    /// Everything from here on was never read by anybody.
    cursor: u64,
    claimed: HashMap<u64, u64>,
    out: HashMap<u64, usize>,
    /// Below the cursor, and given back by a subscription that ended.
    returned: BTreeSet<u64>,
}

// === impl Leases ===

impl Leases {
    pub(super) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The oldest events that were given back.
    pub(super) fn returned(&self, limit: usize) -> Vec<u64> {
        self.returned.iter().take(limit).copied().collect()
    }

    /// An event that was given back turned out to be gone.
    pub(super) fn forget(&mut self, sequence: u64) {
        self.returned.remove(&sequence);
    }

    pub(super) fn claim(&mut self, subscription: u64, sequence: u64) {
        self.cursor = self.cursor.max(sequence + 1);
        self.returned.remove(&sequence);
        self.claimed.insert(sequence, subscription);
    }

    /// Passes over an event that cannot be read.
    pub(super) fn skip(&mut self, sequence: u64) {
        self.cursor = self.cursor.max(sequence + 1);
        self.returned.remove(&sequence);
    }

    pub(super) fn claimed(&self) -> usize {
        self.claimed.len()
    }

    pub(super) fn out(&self) -> usize {
        self.out.values().sum()
    }

    /// Lets one more event out, unless the subscription has as many as it may.
    pub(super) fn let_out(&mut self, subscription: u64, prefetch: usize) -> bool {
        let out = self.out.entry(subscription).or_default();
        let has_room = *out < prefetch;
        *out += usize::from(has_room);
        has_room
    }

    /// Whether the subscription still has the event.
    pub(super) fn has(&self, subscription: u64, sequence: u64) -> bool {
        self.claimed.get(&sequence) == Some(&subscription)
    }

    /// Ends the lease of an event that was settled. A subscription that ended meanwhile lost it already.
    pub(super) fn settle(&mut self, subscription: u64, sequence: u64) {
        if self.has(subscription, sequence) {
            self.claimed.remove(&sequence);
            if let Some(out) = self.out.get_mut(&subscription) {
                *out -= 1;
            }
        } else {
            self.returned.remove(&sequence);
        }
    }

    /// Takes back whatever a subscription has.
    pub(super) fn end(&mut self, subscription: u64) {
        self.out.remove(&subscription);
        let Self { claimed, returned, .. } = self;
        claimed.retain(|&sequence, &mut owner| {
            if owner == subscription {
                returned.insert(sequence);
            }
            owner != subscription
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_an_ended_subscription_had() {
        let mut leases = Leases::default();
        leases.claim(1, 0);
        leases.claim(2, 1);
        leases.claim(1, 2);
        leases.end(1);
        assert_eq!(leases.returned(10), [0, 2]);
        assert_eq!((leases.claimed(), leases.cursor()), (1, 3));
        leases.claim(2, 0);
        assert_eq!(leases.returned(10), [2]);
    }

    #[test]
    fn lets_out_no_more_than_the_prefetch() {
        let mut leases = Leases::default();
        (0..3).for_each(|sequence| leases.claim(1, sequence));
        assert!(leases.let_out(1, 2) && leases.let_out(1, 2) && !leases.let_out(1, 2));
        leases.settle(1, 0);
        assert!(leases.let_out(1, 2));
        assert_eq!(leases.out(), 2);
    }

    #[test]
    fn ignores_the_settlement_of_a_lost_lease() {
        let mut leases = Leases::default();
        leases.claim(1, 0);
        leases.end(1);
        leases.claim(2, 0);
        assert!(leases.let_out(2, 1));
        leases.settle(1, 0);
        assert!(leases.has(2, 0) && leases.out() == 1);
    }
}
