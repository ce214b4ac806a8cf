//! One subscription's life: deliveries in, attempts side by side, settlements out.

use std::sync::Arc;

use fail::fail_point;
use rand::rngs::StdRng;
use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::handling::{Attempt, Verdict, attempt};
use crate::{Bus, BusError, ConsumerConfig, Deliveries, Delivery, Envelope, Handler, Receipt};

/// Why a session ended well.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was told to, or the bus was closed.
    Stopped,
}

/// The work of one subscription. Bounded by the prefetch: every attempt and every settlement below belongs to
/// a delivery that is out.
pub(super) struct Session<'a> {
    bus: Arc<dyn Bus>,
    handler: Arc<dyn Handler>,
    config: &'a ConsumerConfig,
    rng: &'a mut StdRng,
    attempts: JoinSet<Attempt>,
    settlements: JoinSet<(Settled, Result<(), BusError>)>,
    /// Receipts that gather while a settlement of acks is under way; they are the next one.
    acks: Vec<Receipt>,
    is_acking: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Settled {
    Acks,
    Other,
}

// === impl Session ===

impl<'a> Session<'a> {
    pub(super) fn new(
        bus: Arc<dyn Bus>,
        handler: Arc<dyn Handler>,
        config: &'a ConsumerConfig,
        rng: &'a mut StdRng,
    ) -> Self {
        Self {
            bus,
            handler,
            config,
            rng,
            attempts: JoinSet::new(),
            settlements: JoinSet::new(),
            acks: Vec::new(),
            is_acking: false,
        }
    }

    pub(super) async fn run(
        mut self,
        mut deliveries: Box<dyn Deliveries>,
        shutdown: &CancellationToken,
    ) -> Result<End, BusError> {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(settled) = self.settlements.join_next() => self.settled(settled)?,
                Some(ended) = self.attempts.join_next() => self.ended(ended),
                delivery = deliveries.next() => match delivery {
                    Some(delivery) => self.begin(delivery?),
                    None => break,
                },
            }
        }
        // The subscription lives on through the drain: without it the receipts would be void.
        self.drain().await?;
        drop(deliveries);
        Ok(End::Stopped)
    }

    fn begin(&mut self, delivery: Delivery) {
        // One delivery more than the ladder has attempts: the earlier ones ended without an outcome, so the
        // process may have died of this event. It is not given another chance to do that.
        if delivery.attempt > self.config.ladder.attempts_max {
            let reason = format!("{} deliveries had no outcome", delivery.attempt - 1);
            let Envelope { id, kind, .. } = &delivery.envelope;
            tracing::error!(reason, "parking {kind} {id} without handling it");
            return self.park(delivery.receipt, reason);
        }
        let handler = Arc::clone(&self.handler);
        let timeout = self.config.timeout;
        let early = acks_early().then(|| Arc::clone(&self.bus));
        self.attempts.spawn(async move {
            if let Some(bus) = early {
                let _ = ack(&*bus, std::slice::from_ref(&delivery.receipt)).await;
            }
            // Out, and nothing done about it: it must come again.
            fail_point!("consumer.before-effect");
            attempt(&*handler, delivery, timeout).await
        });
    }

    /// Takes an attempt that ended, and all others that ended meanwhile, so that their acks share one
    /// settlement.
    fn ended(&mut self, first: Result<Attempt, JoinError>) {
        let mut next = Some(first);
        while let Some(ended) = next {
            // A panic is caught inside the attempt, so this one was aborted: its event comes again.
            if let Ok(attempt) = ended {
                self.settle(attempt);
            }
            next = self.attempts.try_join_next();
        }
        self.flush_acks();
    }

    fn settle(&mut self, Attempt { receipt, number, failures, verdict }: Attempt) {
        match verdict {
            Verdict::Done => {
                // The effect is durable and the event still in the queue: it comes again, to no further effect.
                fail_point!("consumer.after-effect");
                self.acks.push(receipt);
            }
            Verdict::Never(reason) => self.park(receipt, reason),
            Verdict::Again(reason) => match self.config.ladder.wait(number, failures, self.rng) {
                Some(after) => {
                    let bus = Arc::clone(&self.bus);
                    self.settlements.spawn(async move { (Settled::Other, bus.retry(&receipt, after).await) });
                }
                None => self.park(receipt, format!("gave up after {number} attempts: {reason}")),
            },
        }
    }

    fn park(&mut self, receipt: Receipt, reason: String) {
        let bus = Arc::clone(&self.bus);
        self.settlements.spawn(async move { (Settled::Other, bus.park(&receipt, &reason).await) });
    }

    fn flush_acks(&mut self) {
        if self.is_acking || self.acks.is_empty() {
            return;
        }
        self.is_acking = true;
        let bus = Arc::clone(&self.bus);
        let receipts = std::mem::take(&mut self.acks);
        self.settlements.spawn(async move { (Settled::Acks, ack(&*bus, &receipts).await) });
    }

    fn settled(
        &mut self,
        settled: Result<(Settled, Result<(), BusError>), JoinError>,
    ) -> Result<(), BusError> {
        let (what, result) = settled.map_err(|error| BusError::Unavailable(error.into()))?;
        if what == Settled::Acks {
            self.is_acking = false;
            self.flush_acks();
        }
        result
    }

    /// Finishes what is in processing, as far as its time allows, and every settlement.
    async fn drain(&mut self) -> Result<(), BusError> {
        let until = Instant::now() + self.config.drain;
        loop {
            let step = async {
                tokio::select! {
                    Some(settled) = self.settlements.join_next() => self.settled(settled).map(|()| true),
                    Some(ended) = self.attempts.join_next() => { self.ended(ended); Ok(true) },
                    else => Ok(false),
                }
            };
            match timeout_at(until, step).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => return Ok(()),
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    let left = self.attempts.len();
                    tracing::warn!(left, "consumer stopped before its events were handled, they come again");
                    return Ok(());
                }
            }
        }
    }
}

async fn ack(bus: &dyn Bus, receipts: &[Receipt]) -> Result<(), BusError> {
    let acked = bus.ack(receipts).await;
    // It never comes again, and the consumer does not know yet.
    fail_point!("consumer.after-ack");
    acked
}

/// Seeded bug, only with failpoints compiled in: an event is acknowledged before its effect is durable.
fn acks_early() -> bool {
    fail_point!("bug.ack-before-effect", |_| true);
    false
}
