//! A call's place among those in flight, and what it tells when it is over.

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;
use tonic::Code;

use super::{load::Sample, outcome::Outcome};
use crate::{
    client::{endpoint::Endpoint, pool::Connection},
    deadline::{self, Deadline},
    error::MeshError,
    wire::SendRequest,
};

/// A call's place: a stream of a connection, one of the calls in flight on an endpoint, one of those of the channel.
/// All are given back when it is dropped, and by then the endpoint has been told how it did:
///
/// - the latency of an answer is the time to its first message. The end of a stream says nothing of the endpoint's
///   speed, and its head comes before there is any work done;
/// - a unary call, or a stream that fails, is told at its end, when the code is known; a stream that flows, at its
///   second message, since it may never end;
/// - a call that nobody waits for any more took at least as long as it did; if its deadline had passed, the endpoint
///   was too slow.
pub(in crate::client) struct Place {
    connection: Arc<Connection>,
    since: Instant,
    deadline: Option<Deadline>,
    /// Time to the first message of the answer.
    latency: Option<Duration>,
    /// Whether `latency` has been told.
    flows: bool,
    over: bool,
    /// Whether it decides on the endpoint's return.
    probe: bool,
}

impl Place {
    /// For a call for which a stream, and a place on the endpoint, were taken.
    pub(in crate::client) fn new(connection: Arc<Connection>, since: Instant, probe: bool) -> Self {
        Self {
            connection,
            since,
            deadline: deadline::current(),
            latency: None,
            flows: false,
            over: false,
            probe,
        }
    }

    /// When the call got it.
    pub(in crate::client) fn since(&self) -> Instant {
        self.since
    }

    pub(in crate::client) fn endpoint(&self) -> &Endpoint {
        self.connection.endpoint()
    }

    pub(in crate::client) fn sender(&self) -> SendRequest {
        self.connection.sender()
    }

    /// The head of the answer came.
    pub(in crate::client) fn answered(&self) {
        self.connection.answered();
    }

    /// A message of the answer came, or a part of it.
    pub(in crate::client) fn heard(&mut self) {
        if self.flows || self.over {
            return;
        }
        let Some(latency) = self.latency else {
            self.latency = Some(self.since.elapsed());
            return;
        };
        self.flows = true;
        self.tell(latency, Outcome::Success, None, self.since + latency);
        if std::mem::take(&mut self.probe) && self.endpoint().gauges.record.passed() {
            self.endpoint().wires.keeper.wake();
        }
    }

    /// The answer is over, with this code and the server's wish not to be asked for a while.
    pub(in crate::client) fn finish(&mut self, code: Code, pushback: Option<Duration>) {
        self.end(Outcome::of(code), pushback);
    }

    /// The answer did not come, or broke off.
    pub(in crate::client) fn failed(&mut self, error: &MeshError) {
        match error {
            MeshError::GoneAway { .. } | MeshError::RequestBroken => self.say_nothing(),
            MeshError::ConnectionLost { .. } => self.end(Outcome::Lost, None),
            error => self.finish(error.code(), None),
        }
    }

    /// The call was not sent.
    pub(in crate::client) fn unsent(mut self) {
        self.connection.close();
        self.say_nothing();
    }

    /// Nobody can tell anything from this call: the server is stopping, and says so as it should; or its caller gave it
    /// up.
    fn say_nothing(&mut self) {
        self.over = true;
        if self.probe {
            self.endpoint().gauges.record.return_probe();
        }
    }

    fn end(&mut self, outcome: Outcome, pushback: Option<Duration>) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        // What flowed and ended well has been told.
        if !(self.flows && outcome == Outcome::Success) {
            let (latency, now) = match self.latency {
                // The clock is not asked twice for an answer that comes at once.
                Some(latency) if !self.flows => (latency, self.since + latency),
                known => {
                    let now = Instant::now();
                    (known.unwrap_or(now - self.since), now)
                }
            };
            self.tell(latency, outcome, pushback, now);
        }
        let endpoint = self.connection.endpoint();
        if endpoint.gauges.record.record(outcome, self.probe) {
            endpoint.wires.keeper.wake();
        }
    }

    fn tell(&self, latency: Duration, outcome: Outcome, pushback: Option<Duration>, now: Instant) {
        let endpoint = self.connection.endpoint();
        let now = endpoint.wires.epoch.tick(now);
        endpoint.gauges.load.record(&endpoint.wires.scale, Sample { latency, outcome, pushback, now });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.over {
            let outcome = match (self.latency, self.deadline) {
                // It had answered; the rest was not wanted.
                (Some(_), _) => Outcome::Success,
                (None, Some(deadline)) if deadline.is_past() => Outcome::TooLate,
                (None, _) => Outcome::Unknown,
            };
            self.end(outcome, None);
        }
        self.connection.give_back();
        let endpoint = self.connection.endpoint();
        endpoint.gauges.load.in_flight.give_back();
        endpoint.wires.calls.give_back();
        endpoint.wires.queue.wake_one();
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("endpoint", &self.endpoint().address).finish_non_exhaustive()
    }
}
