//! Events: what happened, told to everybody who asked, at least once.
//!
//! # The way of an event
//! 1. A use case writes its state change and [`embedded::append`]s an [`Envelope`] to the outbox, in one
//!    transaction: the event is durable exactly when the change is.
//! 2. After the commit it hands the envelope to the [`Publisher`], which never blocks.
//! 3. The [`Relay`] publishes batches of what was handed over, and sweeps the outbox for what was not: a full
//!    hand-over, a crash, a refused publish.
//! 4. The [`Bus`] keeps a copy in every queue that is bound to the event's kind.
//! 5. A [`Consumer`] takes from one queue, runs a [`Handler`], and acknowledges once the effect is durable.
//!    What fails for now comes back later by the ladder; what fails for good is parked, listed, and can be
//!    replayed or discarded by an operator.
//! 6. Whoever keeps copies in memory listens by [`Broadcast`]: every instance hears, and nothing is kept for it.
//!
//! # What is promised
//! Publishing and delivery are at-least-once; an envelope may come twice, and late. Effects happen once in our
//! own stores because handlers are idempotent by natural keys or by the envelope's id. Nothing is dropped for
//! lack of room: a full queue refuses, and the event stays in the outbox.

mod broadcast;
mod bus;
mod consumer;
#[cfg(test)]
mod doubles;
mod envelope;
mod kind;
mod outbox;
mod relay;

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod embedded;
pub mod rabbitmq;

pub use broadcast::{Announcement, Announcements, Broadcast};
pub use bus::{
    Bus, BusError, Deliveries, Delivery, Depth, Outcome, ParkedEvent, ParkedPage, Published, Receipt,
    Subscription,
};
pub use consumer::{BoxError, Consumer, ConsumerConfig, HandleError, Handler, Ladder};
pub use envelope::{DecodeError, Envelope};
pub use kind::{EventKind, InvalidEventKind};
pub use outbox::{Outbox, OutboxError, OutboxKey};
pub use relay::{Publisher, Relay, RelayConfig};
