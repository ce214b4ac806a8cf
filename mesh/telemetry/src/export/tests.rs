//! Collectors of all tempers, in memory and under a paused clock.

use std::{
    convert::Infallible,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::{
    metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use prost::Message as _;
use tokio::{
    io::{DuplexStream, duplex},
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::*;
use crate::{
    Telemetry, TraceContext,
    spans::{Recording, SPANS_MAX, SpanKind, SpanStatus},
};

#[derive(Clone, Copy, PartialEq)]
enum Temper {
    /// It answers so.
    Answers(StatusCode),
    /// It accepts, and never answers.
    Silent,
    /// It is not there.
    Away,
}

/// A collector, and what it was told.
#[derive(Clone)]
struct Collector(Arc<Mutex<(Temper, Told)>>);

/// Paths and bodies.
type Told = Vec<(String, Bytes)>;

impl Collector {
    fn new(temper: Temper) -> Self {
        Self(Arc::new(Mutex::new((temper, Vec::new()))))
    }

    fn becomes(&self, temper: Temper) {
        self.0.lock().unwrap().0 = temper;
    }

    fn told(&self, path: &str) -> Vec<Bytes> {
        let told = &self.0.lock().unwrap().1;
        told.iter().filter(|(at, _)| at == path).map(|(_, body)| body.clone()).collect()
    }

    /// The names of all spans that it was told.
    fn spans(&self) -> Vec<String> {
        let requests =
            self.told("/v1/traces").into_iter().map(|body| ExportTraceServiceRequest::decode(body).unwrap());
        let spans =
            requests.flat_map(|mut request| request.resource_spans.remove(0).scope_spans.remove(0).spans);
        spans.map(|span| span.name).collect()
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        assert_eq!(request.headers()["content-type"], "application/x-protobuf");
        assert_eq!(request.headers()["host"], "collector:4318");
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let temper = self.0.lock().unwrap().0;
        let status = match temper {
            Temper::Answers(status) => status,
            Temper::Silent | Temper::Away => std::future::pending().await,
        };
        if status.is_success() {
            self.0.lock().unwrap().1.push((path, body));
        }
        let mut response = Response::new(Full::default());
        *response.status_mut() = status;
        Ok(response)
    }
}

impl Connect for Collector {
    type Io = DuplexStream;

    async fn connect(&self, host: &str, port: u16) -> io::Result<DuplexStream> {
        assert_eq!((host, port), ("collector", 4318));
        if self.0.lock().unwrap().0 == Temper::Away {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (near, far) = duplex(16 * 1024);
        let this = self.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| this.clone().answer(request));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(far), service).await;
        });
        Ok(near)
    }
}

/// An exporter at work.
struct Working {
    telemetry: Telemetry,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Working {
    fn start(collector: &Collector) -> Self {
        let telemetry = Telemetry::new();
        let endpoint = "http://collector:4318".parse().unwrap();
        let config = ExportConfig::new(endpoint, Resource::of_service("test", "1"));
        let exporter = Exporter::new(telemetry.clone(), collector.clone(), config);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(exporter.run(async { drop(stopped.await) }));
        Self { telemetry, stop, task }
    }

    fn record(&self, count: usize) {
        for number in 0..count {
            let (context, name) = (TraceContext::root(), number.to_string());
            let span = Recording::begin(self.telemetry.spans(), context, None, name, SpanKind::Internal);
            span.end(Duration::from_millis(1), SpanStatus::Ok);
        }
    }

    /// How long the end takes.
    async fn stopped(self) -> (Telemetry, Duration) {
        let begun = Instant::now();
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
        (self.telemetry, begun.elapsed())
    }
}

const OK: Temper = Temper::Answers(StatusCode::OK);

#[tokio::test(start_paused = true)]
async fn spans_and_numbers_come_in_their_time() {
    let collector = Collector::new(OK);
    let working = Working::start(&collector);
    working.record(3);
    sleep(Duration::from_secs(4)).await;
    assert!(collector.spans().is_empty(), "a batch waits for 5 s");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(collector.spans(), ["0", "1", "2"]);
    sleep(Duration::from_secs(25)).await;
    let numbers = collector.told("/v1/metrics");
    assert_eq!(numbers.len(), 2, "every 15 s");
    let numbers = ExportMetricsServiceRequest::decode(numbers[1].clone()).unwrap();
    let names: Vec<_> = numbers.resource_metrics[0].scope_metrics[0]
        .metrics
        .iter()
        .map(|metric| metric.name.as_str())
        .collect();
    assert!(names.contains(&"mesh.telemetry.spans_recorded"), "{names:?}");
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_does_not_wait() {
    let collector = Collector::new(OK);
    let working = Working::start(&collector);
    sleep(Duration::from_millis(1)).await;
    working.record(1_000);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(collector.spans().len(), 1_000);
    assert_eq!(collector.told("/v1/traces").len(), 2, "no more than 512 at once");
}

#[tokio::test(start_paused = true)]
async fn what_is_left_is_sent_in_the_end() {
    let collector = Collector::new(OK);
    let working = Working::start(&collector);
    working.record(700);
    let (telemetry, took) = working.stopped().await;
    assert_eq!(collector.spans().len(), 700);
    assert_eq!(collector.told("/v1/metrics").len(), 1);
    assert_eq!((telemetry.spans().dropped(), telemetry.spans().is_open()), (0, false));
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_never_answers_costs_spans_and_no_more_than_two_seconds_in_the_end() {
    let collector = Collector::new(Temper::Silent);
    let working = Working::start(&collector);
    for _ in 0..100 {
        // To record one never waits: all of this is one moment.
        let begun = Instant::now();
        working.record(100);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        sleep(Duration::from_secs(1)).await;
        assert!(working.telemetry.spans().len() <= SPANS_MAX);
    }
    let (telemetry, took) = working.stopped().await;
    assert!(took <= Duration::from_secs(2), "{took:?}");
    let spans = telemetry.spans();
    assert_eq!(spans.len(), 0);
    // Each is in one of three places: queued and lost, or never queued.
    assert_eq!(spans.dropped(), 10_000, "{} were queued", spans.recorded());
    assert!(spans.recorded() < 10_000);
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_gets_what_there_is_then() {
    for temper in [Temper::Away, Temper::Answers(StatusCode::SERVICE_UNAVAILABLE)] {
        let collector = Collector::new(temper);
        let working = Working::start(&collector);
        working.record(10);
        // Offered after 5 s, and again after 1, 2 and 4 s more.
        sleep(Duration::from_secs(11)).await;
        assert_eq!(working.telemetry.spans().dropped(), 0, "it may still come back");
        sleep(Duration::from_secs(2)).await;
        assert_eq!(working.telemetry.spans().dropped(), 10);
        working.record(20);
        sleep(Duration::from_secs(6)).await;
        collector.becomes(OK);
        sleep(Duration::from_secs(6)).await;
        assert_eq!(collector.spans().len(), 20);
        assert_eq!(working.telemetry.spans().dropped(), 10);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_collector_will_never_take_is_not_offered_again() {
    let collector = Collector::new(Temper::Answers(StatusCode::BAD_REQUEST));
    let working = Working::start(&collector);
    working.record(10);
    sleep(Duration::from_secs(6)).await;
    assert_eq!(working.telemetry.spans().dropped(), 10);
}
