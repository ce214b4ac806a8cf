//! The fast path's near end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use fail::fail_point;
use tokio::sync::mpsc;

use crate::Envelope;

/// Hands committed events to the relay. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Publisher {
    pub(super) offered: mpsc::Sender<Envelope>,
    /// Whether something was turned away since the relay last looked.
    pub(super) is_overflown: Arc<AtomicBool>,
}

// === impl Publisher ===

impl Publisher {
    /// Offers an event that was committed to the outbox; never blocks. `false`: there was no room, or the relay
    /// stopped, and a sweep publishes it, which begins once the fast path has drained. The caller has nothing to
    /// do in either case.
    ///
    /// Offer an event only after its transaction committed: what is published cannot be taken back.
    pub fn offer(&self, envelope: Envelope) -> bool {
        // The fast path misses the event, without knowing: as after a crash, but in a process that lives on.
        fail_point!("publisher.drop-offer", |_| false);
        let is_taken = self.offered.try_send(envelope).is_ok();
        if !is_taken {
            self.is_overflown.store(true, Ordering::Release);
        }
        is_taken
    }
}
