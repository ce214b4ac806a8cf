//! One payment being driven, from its open operation until none is open.

use std::sync::Arc;

use tokio::sync::watch;

use super::{
    ask::{Asked, Known},
    backoff::{backoff, floor},
    desk::{Bells, Seat},
};
use crate::{
    app::{Kept, StepError},
    domain::{Operation, Outcome, Payment, Refused, State, Step},
    error::Error,
    store::{Standing, StoreError},
};

/// One payment being driven.
pub(super) struct Flight {
    seat: Seat,
    bells: Arc<Bells>,
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
        bells: Arc<Bells>,
        tell: watch::Sender<Option<Payment>>,
    ) -> Self {
        let asked = if at.is_some() { Asked::Never } else { Asked::Perhaps(0) };
        Self { seat, bells, tell, at, asked }
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
                        self = Self::new(seat, None, self.bells, self.tell);
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
            return Next::Nothing;
        }
        if self.seat.desk.stop.is_cancelled() {
            return Next::Later;
        }
        match self.seat.desk.ask(&open, &at.payment.method, self.asked).await {
            Known::NotAsked => Next::Later,
            // What is not possible now may be just because an earlier try has done it.
            Known::Ended(Outcome::Failed) if self.asked != Asked::Never => {
                self.give_up(at, &open, "the provider cannot do it, and may have done it before").await
            }
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
        let told =
            self.keep(at, open, move |payment, open, now| payment.settle(open, says.clone(), now)).await;
        let at = match told {
            Told::Kept(at) => *at,
            Told::Refused(why) => {
                // Tried again it would be refused again.
                let why = format!("the provider says {outcome:?}, which the books do not take: {why}");
                return match self.stand().await {
                    Ok(at) => self.give_up(at, open, &why).await,
                    Err(_) => Next::Later,
                };
            }
            Told::Outdated => return self.anew(),
            Told::NotNow => return Next::Later,
        };
        fail::fail_point!("payment.after-settle");
        if at.payment.state == State::NeedsReconciliation {
            alarm(open, &format!("the provider says {outcome:?}, which contradicts the books"));
        }
        self.at = Some(at);
        // What begins with this step, such as an immediate capture, nobody can have asked for.
        self.asked = Asked::Never;
        Next::Now
    }

    /// Tries again later, unless the time in which an outcome is sought is over. As long as an operation is open,
    /// its payment changes only by being given up and taken up again, so the time counts from its last change.
    async fn later_or_never(&mut self, at: Standing, open: &Operation, why: &str) -> Next {
        let desk = &self.seat.desk;
        if desk.books.now() >= at.payment.updated.after(desk.budget) {
            return self.give_up(at, open, why).await;
        }
        tracing::debug!(operation.key = %open.key, why, "the outcome of an operation is not known yet");
        Next::Later
    }

    async fn give_up(&mut self, at: Standing, open: &Operation, why: &str) -> Next {
        match self.keep(at, open, |payment, _, now| payment.give_up(now)).await {
            Told::Kept(at) => {
                alarm(open, why);
                self.at = Some(*at);
                Next::Now
            }
            Told::Outdated => self.anew(),
            Told::Refused(_) | Told::NotNow => Next::Later,
        }
    }

    /// Another round on the payment as it is by now, of which somebody else may have asked.
    fn anew(&mut self) -> Next {
        if self.asked == Asked::Never {
            self.asked = Asked::Perhaps(0);
        }
        Next::Now
    }

    /// Keeps a step about `open`, as long as that is what is open.
    async fn keep(
        &self,
        at: Standing,
        open: &Operation,
        decide: impl Fn(&Payment, &Operation, service_kit::clock::UnixMillis) -> Result<Step, Refused> + Send,
    ) -> Told {
        let (key, version) = (open.key, at.payment.version);
        let decide = move |at: &Standing, now| match &at.open {
            Some(open) if open.key == key => decide(&at.payment, open, now),
            _ => Err(Refused::NotOpen),
        };
        let error = match self.seat.desk.books.step(at, None, decide).await {
            Ok(Kept::Now(at)) => return Told::Kept(at),
            // Only a step with a request can have been kept before; were it so, the payment would tell.
            Ok(Kept::Before(_)) => return Told::NotNow,
            // Somebody else said how it ended, or gave it up. Each such round takes a change by others, so
            // there is no end to them only if there is no end to those.
            Err(StepError::Refused { payment, .. }) if payment.version > version => return Told::Outdated,
            Err(error) => error,
        };
        let why = mesh_telemetry::chain(&error).to_string();
        tracing::error!(operation.key = %key, error = why, "the outcome of an operation could not be kept now");
        match error {
            StepError::Refused { .. } | StepError::Store(StoreError::Broken(_)) => Told::Refused(why),
            StepError::Store(_) => Told::NotNow,
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
            () = self.bells.now.notified() => true,
            () = self.hinted(tries) => true,
            () = tokio::time::sleep(backoff(tries, rand::random())) => true,
        }
    }

    /// Somebody hints, or has since the last wait; not before it is time for that.
    async fn hinted(&self, tries: u32) {
        tokio::time::sleep(floor(tries)).await;
        self.bells.hint.notified().await;
    }
}

/// What became of a step.
enum Told {
    /// It is kept, and this is how the payment stands.
    Kept(Box<Standing>),
    /// The payment has changed since it was read, and does not take it any more.
    Outdated,
    /// The books do not take it, and never will: why.
    Refused(String),
    /// It may be kept at another time.
    NotNow,
}

/// Calls for somebody to look.
fn alarm(open: &Operation, why: &str) {
    tracing::error!(
        operation.key = %open.key, kind = ?open.kind, amount = %open.amount, why,
        "an operation needs reconciliation",
    );
}
