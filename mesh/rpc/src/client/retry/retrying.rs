//! A call that is sent again after a failure.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
};

use http::Response;
use tonic::Status;
use tower_service::Service;

use super::{
    Answer, Failure, First, Repeated,
    machine::{Attempts, Step},
    outcome::status_of,
};
use crate::{
    client::{
        attempt::{self, Told, Tried},
        outgoing::{Head, Source},
        telemetry::Attempt,
        trail,
    },
    deadline::{self, Deadline},
    error::Stage,
    pushback,
};

/// Makes attempts until one is committed, or none may follow. The first one is begun at once, so that its request needs no
/// room in the future.
pub(super) fn retrying<S, R>(
    mut inner: S,
    mut call: Repeated,
    mut attempts: Attempts,
    first: First,
    source: Source,
) -> impl Future<Output = Result<Response<Answer<R>>, Status>>
where
    S: Service<Attempt, Response = Response<R>, Error = Status>,
    S::Future: Unpin,
{
    let head = Head::of(&first.request);
    let mut tried = Tried::default();
    let mut sent = None;
    let mut future = inner.call(first.with(source.body()));
    async move {
        loop {
            // In a block of its own: the result is large, and has no room in the future of a call that waits.
            let wait = {
                let (result, told) = attempt(&mut future).await;
                call.tally.transparent_retries += told.resent;
                told.picked.into_iter().for_each(|address| tried.add(address));
                let Some(failure) = Failure::of(&result).or_else(Failure::after_commit) else {
                    source.commit();
                    return Answer::give(result, Some(call));
                };
                let left = deadline::current().map(Deadline::remaining);
                match attempts.after(&failure, source.stop(), left, &*call.shared) {
                    step @ (Step::Answer | Step::HeldBack) => {
                        if step == Step::HeldBack {
                            call.tally.held_back = true;
                            // What is too much for this caller is too much for its own caller as well.
                            pushback::hear();
                        }
                        source.commit();
                        // An error that says "never sent" is about the call, not about its last attempt alone.
                        let result = if failure.sent { result } else { sent.map_or(result, Err) };
                        return Answer::give(result, Some(call));
                    }
                    Step::Resend => None,
                    Step::Retry(wait) => {
                        // Only the status is kept: its place on the endpoint is free while this call waits.
                        let status = status_of(result, told.picked);
                        if failure.sent {
                            sent = Some(status);
                        }
                        Some(wait)
                    }
                }
            };
            match wait {
                None => call.tally.transparent_retries += 1,
                Some(wait) => {
                    trail::waits(Stage::Backoff);
                    tokio::time::sleep(wait).await;
                    call.tally.attempts += 1;
                    call.tally.retries += 1;
                    call.tally.retry_delay += wait;
                }
            }
            poll_fn(|cx| inner.poll_ready(cx)).await?;
            let request = head.again(source.body(), attempts.previous(), tried);
            future = inner.call(call.attempt(request, wait.is_none()));
        }
    }
}

/// The result of an attempt, and what was told of it.
async fn attempt<F: Future + Unpin>(future: &mut F) -> (F::Output, Told) {
    let mut told = Told::default();
    let mut future: Pin<&mut &mut F> = pin!(future);
    let result = poll_fn(|cx| attempt::watch(&mut told, || future.as_mut().poll(cx))).await;
    (result, told)
}
