use std::io::{self, Write};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::{Dispatch, debug, dispatcher, info, info_span, warn};
use tracing_subscriber::fmt::MakeWriter;

use super::subscriber::{Style, subscriber};
use super::*;
use crate::TraceId;

/// Keeps what was written.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

const JSON: Style = Style { format: LogFormat::Json, coloured: false };
const HUMAN: Style = Style { format: LogFormat::Human, coloured: false };

/// What is logged in this style while `work` runs.
fn logged(style: Style, filter: &str, work: impl FnOnce()) -> String {
    let output = Output::default();
    dispatcher::with_default(&subscriber(style, &filter.parse().unwrap(), output.clone()), work);
    output.text()
}

fn work() {
    let _span = info_span!("call", rpc.method = "user.v1.UserService/GetUser").entered();
    let _inner = info_span!("attempt", number = 1).entered();
    info!(user.id = 7, quote = "\"\n", "served");
}

#[test]
fn a_json_line_is_one_flat_object_with_its_spans() {
    let text = logged(JSON, "info", work);
    let line = text.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n'), "{line}");
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["target"], "mesh_telemetry::logs::tests");
    assert_eq!(line["message"], "served");
    assert_eq!(line["user.id"], 7);
    assert_eq!(line["quote"], "\"\n");
    assert_eq!(line["spans"][0]["name"], "call");
    assert_eq!(line["spans"][0]["rpc.method"], "user.v1.UserService/GetUser");
    assert_eq!(line["spans"][1]["number"], 1);
    assert_is_rfc3339(line["timestamp"].as_str().unwrap());
}

/// `2026-11-24T10:46:18.123456Z`.
#[track_caller]
fn assert_is_rfc3339(time: &str) {
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert!(shape.starts_with("9999-99-99T99:99:99.9") && shape.ends_with('Z'), "{time}");
}

/// An error with two below it, the last of which says again what the one above it says.
fn deep() -> io::Error {
    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }
    let layer = |text, source| Layer { text, source };
    let disk = layer("disk full", None);
    let again = layer("commit 7 failed: disk full", Some(Box::new(disk)));
    io::Error::other(layer("user not stored", Some(Box::new(again))))
}

#[test]
fn an_error_in_a_json_line_tells_its_causes() {
    let text = logged(JSON, "info", || warn!(error = %chain(&deep()), "a request could not be served"));
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["error"], "user not stored: commit 7 failed: disk full");
}

#[test]
fn an_error_in_a_human_line_tells_its_causes() {
    let text = logged(HUMAN, "info", || warn!(error = %chain(&deep()), "a request could not be served"));
    assert!(text.ends_with("error=user not stored: commit 7 failed: disk full\n"), "{text}");
}

#[test]
fn a_human_line_has_time_level_message_and_fields() {
    let text = logged(HUMAN, "info", work);
    let (time, rest) = text.split_once(' ').unwrap();
    assert_is_rfc3339(time);
    for part in ["INFO", "served", "user.id=7", "rpc.method=\"user.v1.UserService/GetUser\""] {
        assert!(rest.contains(part), "{part} is missing in {rest}");
    }
}

/// What is logged of a call, in which `work` runs.
fn logged_of_call(style: Style, work: impl FnOnce()) -> String {
    let trace_id = TraceId::new([0xab; 16]).unwrap();
    let called = Called { method: "user.v1.UserService/GetUser", trace_id };
    logged(style, "info", || called.enter(work))
}

#[test]
fn a_json_line_names_its_call_before_its_spans_or_without_any() {
    for (inner, spans) in [(false, 1), (true, 2)] {
        let text = logged_of_call(JSON, || {
            let _inner = inner.then(|| info_span!("attempt", number = 1).entered());
            info!(quote = ",\"spans\":[", "served");
        });
        let line: Value = serde_json::from_str(text.strip_suffix('\n').unwrap()).unwrap();
        assert_eq!(line["quote"], ",\"spans\":[");
        assert_eq!(line["spans"].as_array().unwrap().len(), spans);
        assert_eq!(line["spans"][0]["name"], "call");
        assert_eq!(line["spans"][0]["rpc.method"], "user.v1.UserService/GetUser");
        assert_eq!(line["spans"][0]["trace_id"], "ab".repeat(16));
    }
}

#[test]
fn a_human_line_names_its_call_in_the_end_and_keeps_its_colours() {
    let text = logged_of_call(HUMAN, || info!("served"));
    let end = format!("served rpc.method=user.v1.UserService/GetUser trace_id={}\n", "ab".repeat(16));
    assert!(text.ends_with(&end), "{text}");
    assert!(logged_of_call(Style { coloured: true, ..HUMAN }, || info!("served")).contains('\u{1b}'));
}

#[test]
fn the_span_that_says_the_same_is_left_to_other_subscribers() {
    let text = logged(HUMAN, "trace,mesh_call=trace", || {
        let span = info_span!(target: Called::SPAN, "call", secret = 7);
        assert!(span.is_disabled());
        span.in_scope(|| info!("served"));
    });
    assert!(text.contains("served") && !text.contains("secret"), "{text}");
}

#[tokio::test]
async fn a_call_is_named_as_long_as_it_is_worked_on() {
    let trace_id = TraceId::new([1; 16]).unwrap();
    let called = Called { method: "a.B/C", trace_id };
    called.scope(async { assert_eq!(Called::current(), Some(called)) }).await;
    assert_eq!(Called::current(), None);
}

#[test]
fn only_coloured_human_lines_carry_escape_codes() {
    let escape = '\u{1b}';
    assert!(logged(Style { coloured: true, ..HUMAN }, "info", work).contains(escape));
    assert!(!logged(HUMAN, "info", work).contains(escape));
    assert!(!logged(Style { coloured: true, ..JSON }, "info", work).contains(escape));
}

#[test]
fn a_filter_decides_by_target_and_level() {
    let lines = |filter| {
        logged(HUMAN, filter, || {
            warn!(target: "hyper", "a");
            info!(target: "mesh_rpc::client", "b");
            debug!(target: "mesh_rpc::client", "c");
        })
        .lines()
        .count()
    };
    assert_eq!(lines("off"), 0);
    assert_eq!(lines("info"), 2);
    assert_eq!(lines("trace"), 3);
    assert_eq!(lines("error, mesh_rpc=debug"), 2);
    assert_eq!(lines("mesh_rpc::client=info"), 1);
    assert_eq!(lines("trace,mesh_rpc=off"), 1);
}

#[test]
fn a_body_that_a_library_would_log_is_not_logged_whatever_the_filter_says() {
    let tell = || {
        warn!(target: "lapin::returned_messages", body = "ada@example.org", "returned");
        info!(target: "lapin::channel", "opened");
    };
    let text = logged(HUMAN, "trace,lapin::returned_messages=trace", tell);
    assert!(text.contains("opened") && !text.contains("ada@example.org"), "{text}");
}

#[test]
fn a_filter_that_cannot_be_followed_is_refused() {
    let refused = |filter: &str| filter.parse::<LogFilter>().unwrap_err();
    for directive in
        ["", " ", "inof", "INFO", "hyper", "=info", "hyper=", "hyper=loud", "a=b=info", "[{x}]=info", "3"]
    {
        let expected = InvalidFilter::Directive(directive.trim().to_owned());
        assert_eq!(refused(directive), expected, "{directive}");
    }
    assert_eq!(refused("info,,a=warn"), InvalidFilter::Directive(String::new()));
    assert_eq!(refused("info,debug"), InvalidFilter::Repeated("debug".to_owned()));
    assert_eq!(refused("a=info,a=info"), InvalidFilter::Repeated("a=info".to_owned()));
    assert_eq!(
        refused("info,mesh_rpc=verbose").to_string(),
        "`mesh_rpc=verbose` is no level (off, error, warn, info, debug, trace) and no target=level"
    );
}

#[test]
fn formats_are_named_human_and_json() {
    for format in [LogFormat::Human, LogFormat::Json] {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    let error = "JSON".parse::<LogFormat>().unwrap_err();
    assert_eq!(error.to_string(), "`JSON` is no log format; there are human and json");
}

/// Writes nothing until it may.
struct Stuck {
    open: Receiver<()>,
    output: Output,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Once the sender is gone every write passes.
        let _ = self.open.recv();
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stuck_output_stops_no_thread_and_what_it_cost_is_said_in_the_end() {
    let (gate, open) = channel();
    let output = Output::default();
    let direct = {
        let output = output.clone();
        move || subscriber(JSON, &LogFilter::everything(), output.clone())
    };
    let (lines, guard) = LogGuard::start(Stuck { open, output: output.clone() }, direct);
    let logged = LINES_MAX + 100;
    dispatcher::with_default(&subscriber(JSON, &"info".parse().unwrap(), lines), || {
        for number in 0..logged {
            info!(number, "line");
        }
    });
    // One line may be in the hands of the thread, beside those that are queued.
    let dropped = guard.dropped_lines();
    assert!((99..=100).contains(&dropped), "{dropped}");
    drop(gate);
    drop(guard);

    let text = output.text();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["dropped_lines"], dropped);
    assert_eq!(last["level"], "WARN");
    assert_eq!(text.lines().count(), logged - dropped + 1);
}

#[test]
fn an_output_that_keeps_up_loses_nothing_and_nothing_is_said() {
    let output = Output::default();
    // A second subscriber, were it only there, would be asked about every line.
    let direct = || -> Dispatch { panic!("there is nothing to say past the queue") };
    let (lines, guard) = LogGuard::start(output.clone(), direct);
    dispatcher::with_default(&subscriber(JSON, &"info".parse().unwrap(), lines), work);
    drop(guard);
    assert_eq!(output.text().lines().count(), 1);
}
