use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
    time::Instant,
};

use super::*;
use crate::{Telemetry, export::Resource, metrics::ServerMetrics};

/// What a request is answered, whole.
async fn ask(request: &str) -> String {
    let telemetry = Telemetry::new();
    let metrics = ServerMetrics::registered(telemetry.registry(), ["/a.A/Get"]);
    metrics.method(0).started();
    let (mut near, far) = duplex(1024 * 1024);
    let admin = Admin::new(telemetry, Resource::of_service("test", "7"));
    let answering = tokio::spawn(admin.answer_on(far));
    near.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    near.read_to_string(&mut answer).await.unwrap();
    answering.await.unwrap();
    answer
}

fn request(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: a\r\n\r\n")
}

#[tokio::test(start_paused = true)]
async fn prometheus_gets_all_numbers() {
    let answer = ask(&request("GET", "/metrics")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    for line in [
        "grpc_server_call_started_total{grpc_method=\"a.A/Get\"} 1",
        "mesh_telemetry_spans_dropped_total 0",
        "target_info{service_name=\"test\",service_instance_id=\"7\"} 1",
    ] {
        assert!(body.lines().any(|present| present == line), "{line}\n{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_such_request_is_told_so() {
    for (request, expected) in [
        (request("GET", "/livez"), "200 OK"),
        (request("GET", "/healthz"), "200 OK"),
        (request("GET", "/"), "404 Not Found"),
        (request("POST", "/metrics"), "405 Method Not Allowed"),
        ("nonsense\r\n\r\n".to_owned(), "400 Bad Request"),
        (format!("GET /metrics HTTP/1.1\r\nhost: {}\r\n\r\n", "a".repeat(100_000)), "431 Request Header"),
    ] {
        let answer = ask(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{expected}: {answer}");
    }
    let head = ask(&request("HEAD", "/metrics")).await;
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_hung_up_on() {
    let (_near, far) = duplex(1024);
    let begun = Instant::now();
    Admin::new(Telemetry::new(), Resource::default()).answer_on(far).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
}
