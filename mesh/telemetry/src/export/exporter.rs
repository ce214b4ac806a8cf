//! The task that sends reports.

use std::{
    future::Future,
    pin::pin,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use prost::Message as _;
use tokio::time::{Instant, sleep, timeout};

use super::{Connect, Endpoint, ExportError, Resource, metrics, post::post, spans};
use crate::{Telemetry, chain, spans::BATCH};

const TRACES: &str = "/v1/traces";
const METRICS: &str = "/v1/metrics";

/// How often a batch of spans is offered, and how long the pauses between two offers become.
const OFFERS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How reports are sent.
#[derive(Clone, Debug)]
pub struct ExportConfig {
    /// Who takes them.
    pub endpoint: Endpoint,
    /// Between two reports of numbers.
    pub interval: Duration,
    /// How long spans wait for a batch to be full.
    pub span_delay: Duration,
    /// How long the collector may take for one report.
    pub timeout: Duration,
    /// How long the last reports may take in the end, all together.
    pub flush_timeout: Duration,
    /// Who tells.
    pub resource: Resource,
}

impl ExportConfig {
    /// The defaults: numbers every 15 s, spans after 5 s at the latest, 10 s for a report, 2 s in the end.
    pub fn new(endpoint: Endpoint, resource: Resource) -> Self {
        Self {
            endpoint,
            interval: Duration::from_secs(15),
            span_delay: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            flush_timeout: Duration::from_secs(2),
            resource,
        }
    }
}

/// Sends numbers and spans to a collector, until it is told to stop.
#[derive(Debug)]
pub struct Exporter<C> {
    to: Collector<C>,
    telemetry: Telemetry,
    /// Encoded spans that are being offered, and how many they are.
    in_hand: Option<(Bytes, usize)>,
}

#[derive(Debug)]
struct Collector<C> {
    connect: C,
    config: ExportConfig,
}

impl<C: Connect> Exporter<C> {
    /// From now on spans are kept for it.
    pub fn new(telemetry: Telemetry, connect: C, config: ExportConfig) -> Self {
        telemetry.spans().open();
        Self { to: Collector { connect, config }, telemetry, in_hand: None }
    }

    /// Sends reports until `stop`; then what is left, as far as its time goes.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        {
            let Self { to, telemetry, in_hand } = &mut self;
            let working = async {
                tokio::join!(send_spans(to, telemetry, in_hand), send_metrics(to, telemetry));
            };
            let (mut stop, mut working) = (pin!(stop), pin!(working));
            tokio::select! {
                () = &mut stop => {}
                () = &mut working => {}
            }
        }
        self.telemetry.spans().close();
        let patience = self.to.config.flush_timeout;
        let flushed = timeout(patience, flush(&self.to, &self.telemetry, &mut self.in_hand)).await;
        let in_hand = self.in_hand.take().map_or(0, |(_, spans)| spans);
        let left = in_hand + self.telemetry.spans().take(usize::MAX).len();
        if left > 0 || flushed.is_err() {
            self.telemetry.spans().lost(left);
            tracing::warn!(
                spans = left,
                "telemetry was left unsent, for the collector did not take it in time"
            );
        }
    }
}

/// Numbers, again and again.
async fn send_metrics<C: Connect>(to: &Collector<C>, telemetry: &Telemetry) {
    let mut trouble = Trouble::default();
    loop {
        sleep(to.config.interval).await;
        trouble.tell(&to.report_metrics(telemetry).await, "numbers");
    }
}

/// Spans, a batch after the other.
async fn send_spans<C: Connect>(
    to: &Collector<C>,
    telemetry: &Telemetry,
    in_hand: &mut Option<(Bytes, usize)>,
) {
    let queue = telemetry.spans();
    let mut trouble = Trouble::default();
    loop {
        tokio::select! {
            () = queue.is_many() => {}
            () = sleep(to.config.span_delay) => {}
        }
        while to.take_batch(telemetry, in_hand) {
            let offered = to.offer(in_hand).await;
            trouble.tell(&offered, "spans");
            let count = in_hand.take().map_or(0, |(_, count)| count);
            if offered.is_err() {
                queue.lost(count);
                break;
            }
        }
    }
}

/// The last reports. The first one that fails ends it.
async fn flush<C: Connect>(to: &Collector<C>, telemetry: &Telemetry, in_hand: &mut Option<(Bytes, usize)>) {
    while to.take_batch(telemetry, in_hand) {
        let Some((body, _)) = in_hand.as_ref() else { return };
        if let Err(error) = to.post(TRACES, body.clone()).await {
            tracing::debug!(error = %chain(&error), "the last spans were not taken");
            return;
        }
        *in_hand = None;
    }
    let _ = to.report_metrics(telemetry).await;
}

impl<C: Connect> Collector<C> {
    /// Whether there are spans to send.
    fn take_batch(&self, telemetry: &Telemetry, in_hand: &mut Option<(Bytes, usize)>) -> bool {
        if in_hand.is_none() {
            let batch = telemetry.spans().take(BATCH);
            if batch.is_empty() {
                return false;
            }
            let count = batch.len();
            let request = spans::request(batch, &self.config.resource);
            *in_hand = Some((request.encode_to_vec().into(), count));
        }
        true
    }

    /// Offers a batch until it is taken or there is no hope.
    async fn offer(&self, in_hand: &Option<(Bytes, usize)>) -> Result<(), ExportError> {
        let Some((body, _)) = in_hand else { return Ok(()) };
        let mut pause = FIRST_PAUSE;
        let mut offers = 1;
        loop {
            match self.post(TRACES, body.clone()).await {
                Err(error) if error.is_transient() && offers < OFFERS => {
                    offers += 1;
                    sleep(error.retry_after().unwrap_or(pause).min(LONGEST_PAUSE)).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                ended => return ended,
            }
        }
    }

    async fn report_metrics(&self, telemetry: &Telemetry) -> Result<(), ExportError> {
        let span = metrics::Span { start: telemetry.started_unix_nanos(), now: unix_nanos() };
        let request = metrics::request(&telemetry.snapshot(), &self.config.resource, span);
        self.post(METRICS, request.encode_to_vec().into()).await
    }

    async fn post(&self, report: &str, body: Bytes) -> Result<(), ExportError> {
        let Self { connect, config } = self;
        post(connect, &config.endpoint, report, body, config.timeout).await
    }
}

/// Says when reports begin to fail and when they are taken again, and nothing in between.
#[derive(Debug, Default)]
struct Trouble {
    since: Option<Instant>,
}

impl Trouble {
    fn tell(&mut self, result: &Result<(), ExportError>, what: &str) {
        match (result, self.since) {
            (Err(error), None) => {
                self.since = Some(Instant::now());
                tracing::warn!(error = %chain(error), what, "the collector does not take telemetry");
            }
            (Ok(()), Some(since)) => {
                self.since = None;
                let seconds = since.elapsed().as_secs();
                tracing::info!(what, seconds, "the collector takes telemetry again");
            }
            _ => {}
        }
    }
}

/// Now, as telemetry tells time.
pub(crate) fn unix_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
