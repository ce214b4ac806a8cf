//! A call with attempts beside each other.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use http::Response;
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;
use tower_service::Service;

use super::{
    first::FirstAttempt,
    plan::{NON_FATAL, Plan, Step},
    race::{Finished, Race},
};
use crate::{
    client::{
        latency::Usual,
        methods::Repeats,
        outgoing::{Head, Message, Outgoing},
        retry::{Answer, Failure, First, Repeated},
        telemetry::Attempt,
    },
    error::MeshError,
    pushback,
};

/// In a year: the delay of what is not sent for slowness.
const NOT_SOON: Duration = Duration::from_secs(365 * 24 * 60 * 60);

enum Event<T> {
    Over(Finished<T>),
    Due,
}

/// Makes attempts until the first of them is answered.
pub(in crate::client) async fn hedging<S, R>(
    mut inner: S,
    mut call: Repeated,
    first: First,
    message: Message,
) -> Result<Response<Answer<R>>, Status>
where
    S: Service<Attempt, Response = Response<R>, Error = Status>,
    S::Future: Unpin,
{
    let (policy, most, latency) = if let Repeats::Hedges { policy, most, latency } = &call.method().repeats {
        (*policy, *most, Arc::clone(latency))
    } else {
        // The layer asks this of methods with hedges alone.
        let result = inner.call(first.with(Outgoing::Whole(message))).await;
        return Answer::give(result, Some(call));
    };
    let (delay, patience) = match latency.usual() {
        Usual::Unknown => (policy.delay, policy.delay),
        Usual::Below(usual) => (usual, usual),
        Usual::Slow => (NOT_SOON, policy.delay),
    };
    let begun = Instant::now();
    let mut first_attempt = FirstAttempt::new(latency, begun, patience);
    let mut plan = Plan::new(most, delay);
    let mut attempts = AllAttempts::begin(inner, first, message);
    let mut timer = pin!(sleep_until(begun + delay));
    let mut last = None;
    loop {
        let step = match next(&mut attempts.race, &plan, timer.as_mut()).await {
            Event::Due => Step::Hedge,
            Event::Over(over) => {
                call.tally.transparent_retries += over.told.resent;
                let Some(step) = judge(&over, &mut plan, &mut call, &mut first_attempt, begun) else {
                    return Answer::give(over.result, Some(call));
                };
                if step == Step::Resend {
                    call.tally.transparent_retries += 1;
                    attempts.send(&call, over.lane, true).await?;
                } else if last.is_none() || !found_nobody(&over.result) {
                    last = Some(over.result);
                }
                step
            }
        };
        let goes_on = match step {
            Step::Answer => false,
            Step::Wait | Step::Resend => true,
            Step::Hedge if call.may_hedge() => {
                let lane = plan.send(begun.elapsed());
                attempts.send(&call, lane, false).await?;
                true
            }
            Step::Hedge => plan.stop(),
        };
        if !goes_on {
            if call.tally.held_back {
                // What is too much for this caller is too much for its own caller as well.
                pushback::hear();
            }
            let result = last.unwrap_or_else(|| Err(MeshError::NoOtherEndpoint.into()));
            return Answer::give(result, Some(call));
        }
        if let Some(due) = plan.next() {
            timer.as_mut().reset(begun + due);
        }
    }
}

/// The attempts of a call, and what more of them are made of.
struct AllAttempts<S: Service<Attempt>> {
    inner: S,
    head: Head,
    message: Message,
    race: Race<S::Future>,
}

impl<S> AllAttempts<S>
where
    S: Service<Attempt, Error = Status>,
    S::Future: Unpin,
{
    /// Makes the first attempt.
    fn begin(mut inner: S, first: First, message: Message) -> Self {
        let head = Head::of(&first.request);
        let first = inner.call(first.with(Outgoing::Whole(message.clone())));
        Self { inner, head, message, race: Race::new(first) }
    }

    /// Makes the attempt before which `previous` were sent: where none of them went, if it is not the first.
    async fn send(&mut self, call: &Repeated, previous: u32, transparent: bool) -> Result<(), Status> {
        poll_fn(|cx| self.inner.poll_ready(cx)).await?;
        let tried = self.race.tried();
        let tried = if previous == 0 { tried } else { tried.only_others() };
        let body = Outgoing::Whole(self.message.clone());
        let request = self.head.again(body, previous, tried);
        self.race.start(previous, self.inner.call(call.attempt(request, transparent)));
        Ok(())
    }
}

/// Waits for the next attempt that is over, or for the time of the next one.
async fn next<F: Future + Unpin>(
    race: &mut Race<F>,
    plan: &Plan,
    mut timer: Pin<&mut Sleep>,
) -> Event<F::Output> {
    poll_fn(|cx| match race.poll(cx) {
        Poll::Ready(over) => Poll::Ready(Event::Over(over)),
        Poll::Pending if plan.next().is_some() => timer.as_mut().poll(cx).map(|()| Event::Due),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// What an attempt that is over means; `None`: it is the answer.
fn judge<R>(
    over: &Finished<Result<Response<R>, Status>>,
    plan: &mut Plan,
    call: &mut Repeated,
    first: &mut FirstAttempt,
    begun: Instant,
) -> Option<Step> {
    if over.lane > 0 && found_nobody(&over.result) {
        call.unhedge();
        return Some(if plan.nobody_else() { Step::Wait } else { Step::Answer });
    }
    let failure = Failure::of(&over.result);
    if over.lane == 0 {
        first.over(failure.is_none_or(|failure| !NON_FATAL.contains(failure.code as i32)));
    }
    Some(plan.failed(&failure?, begun.elapsed(), &*call.shared))
}

/// Whether a hedge was not sent, because there is no endpoint that has not been tried.
fn found_nobody<R>(result: &Result<Response<R>, Status>) -> bool {
    let status = result.as_ref().err();
    matches!(status.and_then(MeshError::of_status), Some(MeshError::NoOtherEndpoint))
}
