//! One payment being driven, from its open operation until none is open.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

use super::{
    ask::{Asked, Known},
    backoff::backoff,
    desk::Seat,
};
use crate::{
    app::{Kept, StepError},
    domain::{Operation, Outcome, Payment, Refused, State, Step},
    error::Error,
    store::Standing,
};

/// One payment being driven.
pub(super) struct Flight {
    seat: Seat,
    bell: Arc<Notify>,
    tell: watch::Sender<Option<Payment>>,
    /// How the payment stands; nothing when it must be read.
    at: Option<Standing>,
    asked: Asked,
}

/// What to do after a round.
enum Next {
    /// Another round.
    Now,
    /// Another round, but not at once.
    Later,
    /// Nothing is open.
    Nothing,
}

impl Flight {
    /// A flight of the seat's payment. What stands `at` has just begun; without it somebody may have asked the
    /// provider before.
    pub(super) fn new(
        seat: Seat,
        at: Option<Standing>,
        bell: Arc<Notify>,
        tell: watch::Sender<Option<Payment>>,
    ) -> Self {
        let asked = if at.is_some() { Asked::Never } else { Asked::Perhaps(0) };
        Self { seat, bell, tell, at, asked }
    }

    /// Flies until no operation is open, the operation is given up, or the service stops.
    pub(super) async fn run(mut self) {
        loop {
            match self.round().await {
                Next::Now => {}
                Next::Later => {
                    if !self.wait().await {
                        return;
                    }
                }
                Next::Nothing => match self.seat.leave() {
                    Some(seat) => {
                        self = Self::new(seat, None, self.bell, self.tell);
                    }
                    None => return,
                },
            }
        }
    }

    /// Finds out how the open operation ended, and keeps it.
    async fn round(&mut self) -> Next {
        let at = match self.stand().await {
            Ok(at) => at,
            // Somebody told of a payment that is not ours.
            Err(Error::PaymentNotFound(_)) => return Next::Nothing,
            Err(error) => {
                tracing::warn!(
                    payment.id = %self.seat.payment, error = %mesh_telemetry::chain(&error),
                    "a payment cannot be driven now",
                );
                return Next::Later;
            }
        };
        self.tell.send_replace(Some(at.payment.clone()));
        let Some(open) = at.open.clone() else { return Next::Nothing };
        if at.payment.state == State::NeedsReconciliation {
            self.seat.desk.give_up(open.key);
            return Next::Nothing;
        }
        if self.seat.desk.stop.is_cancelled() {
            return Next::Later;
        }
        match self.seat.desk.ask(&open, &at.payment.method, self.asked).await {
            Known::Ended(outcome) => {
                fail::fail_point!("payment.after-provider");
                self.settle(at, &open, outcome).await
            }
            Known::Pending => self.later_or_never(at, &open, "the provider has not decided").await,
            Known::Nothing(error) => {
                let why = mesh_telemetry::chain(&error).to_string();
                self.later_or_never(at, &open, &why).await
            }
            Known::Contradiction(what) => self.give_up(at, &open, &what).await,
        }
    }

    async fn stand(&mut self) -> Result<Standing, Error> {
        match self.at.take() {
            Some(at) => Ok(at),
            None => self.seat.desk.books.standing(self.seat.payment).await,
        }
    }

    async fn settle(&mut self, at: Standing, open: &Operation, outcome: Outcome) -> Next {
        let says = outcome.clone();
        let kept =
            self.keep(at, open, move |payment, open, now| payment.settle(open, says.clone(), now)).await;
        if let Some(at) = kept {
            fail::fail_point!("payment.after-settle");
            if at.payment.state == State::NeedsReconciliation {
                alarm(open, &format!("the provider says {outcome:?}, which contradicts the books"));
            }
            self.at = Some(at);
            // What begins with this step, such as an immediate capture, nobody can have asked for.
            self.asked = Asked::Never;
            return Next::Now;
        }
        Next::Later
    }

    /// Tries again later, unless the time in which an outcome is sought is over.
    async fn later_or_never(&mut self, at: Standing, open: &Operation, why: &str) -> Next {
        let desk = &self.seat.desk;
        if desk.books.now() >= open.begun.after(desk.budget) {
            return self.give_up(at, open, why).await;
        }
        tracing::debug!(operation.key = %open.key, why, "the outcome of an operation is not known yet");
        Next::Later
    }

    async fn give_up(&mut self, at: Standing, open: &Operation, why: &str) -> Next {
        if let Some(at) = self.keep(at, open, |payment, _, now| payment.give_up(now)).await {
            alarm(open, why);
            self.at = Some(at);
            return Next::Now;
        }
        Next::Later
    }

    /// Keeps a step about `open`, as long as that is what is open.
    async fn keep(
        &self,
        at: Standing,
        open: &Operation,
        decide: impl Fn(&Payment, &Operation, service_kit::clock::UnixMillis) -> Result<Step, Refused> + Send,
    ) -> Option<Standing> {
        let key = open.key;
        let decide = move |at: &Standing, now| match &at.open {
            Some(open) if open.key == key => decide(&at.payment, open, now),
            _ => Err(Refused::NotOpen),
        };
        match self.seat.desk.books.step(at, None, decide).await {
            Ok(Kept::Now(at)) => Some(*at),
            // Somebody else said how it ended; the next round sees it.
            Ok(Kept::Before(_)) | Err(StepError::Refused { .. }) => None,
            Err(error @ StepError::Store(_)) => {
                tracing::error!(
                    operation.key = %key, error = %mesh_telemetry::chain(&error),
                    "the outcome of an operation could not be kept now",
                );
                None
            }
        }
    }

    /// Waits until it is time for another try, or somebody nudges; `false` when the service stops.
    async fn wait(&mut self) -> bool {
        let tries = match self.asked {
            Asked::Never => 1,
            Asked::Perhaps(tries) => tries.saturating_add(1),
        };
        self.asked = Asked::Perhaps(tries);
        // The payment may change while nobody looks.
        self.at = None;
        tokio::select! {
            biased;
            () = self.seat.desk.stop.cancelled() => false,
            () = self.bell.notified() => true,
            () = tokio::time::sleep(backoff(tries, rand::random())) => true,
        }
    }
}

/// Calls for somebody to look.
fn alarm(open: &Operation, why: &str) {
    tracing::error!(
        operation.key = %open.key, kind = ?open.kind, amount = %open.amount, why,
        "an operation needs reconciliation",
    );
}
