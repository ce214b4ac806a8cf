//! One attempt at one event.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use mesh_telemetry::{chain, semconv::messaging};
use tracing::Instrument;

use crate::{Delivery, HandleError, Handler, Receipt};

/// How an attempt ended.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) receipt: Receipt,
    pub(super) number: u32,
    /// Earlier attempts that failed.
    pub(super) failures: u32,
    pub(super) verdict: Verdict,
}

/// What to do with the event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its effect is durable.
    Done,
    /// Another attempt may go well.
    Again(String),
    /// No attempt will.
    Never(String),
}

/// Runs the handler within its time; a panic ends the attempt and nothing else.
pub(super) async fn attempt(handler: &dyn Handler, delivery: Delivery, timeout: Duration) -> Attempt {
    let Delivery { envelope, attempt: number, failures, receipt } = delivery;
    // A span that links to the creator's and does not continue its trace: the event may be hours old, and one
    // creator may have many consumers.
    let span = tracing::info_span!(
        "process",
        { messaging::OPERATION_NAME } = "process",
        { messaging::OPERATION_TYPE } = "process",
        { messaging::DESTINATION_NAME } = &*receipt.queue,
        { messaging::MESSAGE_ID } = %envelope.id,
        event.kind = envelope.kind.as_str(),
        event.attempt = number,
        link.traceparent = envelope.traceparent.as_deref(),
    );
    let verdict = async {
        let handled = AssertUnwindSafe(handler.handle(&envelope)).catch_unwind();
        let verdict = match tokio::time::timeout(timeout, handled).await {
            Ok(Ok(Ok(()))) => Verdict::Done,
            Ok(Ok(Err(HandleError::Transient(error)))) => Verdict::Again(chain(&*error).to_string()),
            Ok(Ok(Err(HandleError::Permanent(error)))) => Verdict::Never(chain(&*error).to_string()),
            Ok(Err(panic)) => Verdict::Again(format!("the handler panicked: {}", panic_text(&*panic))),
            Err(_) => Verdict::Again(format!("the handler took longer than {} ms", timeout.as_millis())),
        };
        // The lines name the event even though the span does: a filter may have left the span out.
        let (id, kind) = (envelope.id, &envelope.kind);
        match &verdict {
            Verdict::Done => tracing::debug!("{kind} {id} handled"),
            Verdict::Again(error) => tracing::warn!(error, "{kind} {id} not handled for now"),
            Verdict::Never(error) => tracing::error!(error, "{kind} {id} can never be handled, parking it"),
        }
        verdict
    }
    .instrument(span)
    .await;
    Attempt { receipt, number, failures, verdict }
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
