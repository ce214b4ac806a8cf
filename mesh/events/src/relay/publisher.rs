//! The fast path's near end.

use tokio::sync::mpsc;

use crate::Envelope;

/// Hands committed events to the relay. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Publisher {
    pub(super) offered: mpsc::Sender<Envelope>,
}

// === impl Publisher ===

impl Publisher {
    /// Offers an event that was committed to the outbox; never blocks. `false`: there was no room, or the relay
    /// stopped, and the sweep publishes it. The caller has nothing to do in either case.
    ///
    /// Offer an event only after its transaction committed: what is published cannot be taken back.
    pub fn offer(&self, envelope: Envelope) -> bool {
        self.offered.try_send(envelope).is_ok()
    }
}
