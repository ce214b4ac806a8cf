//! Who holds what, in memory.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Mutex as Turn;

use crate::domain::{Notification, NotificationId};

/// What is held, at most what was claimed or taken on and is not settled.
#[derive(Debug, Default)]
pub(super) struct Leases {
    held: Mutex<HashSet<NotificationId>>,
    /// A claim reads its snapshot and a settlement ends its leases in turn, so that no claim can see as due what was
    /// settled meanwhile.
    pub(super) turn: Turn<()>,
}

/// The lease of what is just being taken on; ends when it is dropped, unless it is kept.
#[derive(Debug)]
pub(super) struct Reservation<'a> {
    leases: &'a Leases,
    id: NotificationId,
    is_kept: bool,
}

impl Leases {
    fn held(&self) -> MutexGuard<'_, HashSet<NotificationId>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn all(&self) -> HashSet<NotificationId> {
        self.held().clone()
    }

    /// Holds a notification before it is there to be claimed, unless somebody holds it.
    pub(super) fn reserve(&self, id: NotificationId) -> Option<Reservation<'_>> {
        let is_free = self.held().insert(id);
        // Not `then_some`: a reservation that is dropped ends a lease.
        is_free.then(|| Reservation { leases: self, id, is_kept: false })
    }

    /// Holds what was found due; leaves out what was taken on meanwhile by somebody who holds it.
    pub(super) fn hold(&self, due: Vec<Notification>) -> impl Iterator<Item = Notification> {
        let mut held = self.held();
        due.into_iter().filter(move |notification| held.insert(notification.id))
    }

    pub(super) fn end(&self, ids: &[NotificationId]) {
        let mut held = self.held();
        for id in ids {
            held.remove(id);
        }
    }
}

impl Reservation<'_> {
    /// From now on the lease is ended by [`Leases::end`].
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.leases.end(&[self.id]);
        }
    }
}
