//! Sound HTTP/2 with any headers and any body, for a server.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use rand::{RngExt as _, rngs::StdRng, seq::IndexedRandom as _};
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::{
    cases::each,
    garbage::{bytes, mutate},
    support::{Echo, Node, message, send},
};

const NAMES: [&str; 10] = [
    "content-type",
    "grpc-timeout",
    "grpc-encoding",
    "grpc-accept-encoding",
    "grpc-previous-rpc-attempts",
    "traceparent",
    "mesh-criticality",
    "te",
    "any-bin",
    "any",
];

fn request(random: &mut StdRng) -> Request<Full<Bytes>> {
    let paths = ["Unary", "ServerStream", "ClientStream", "BidiStream", "Absent", "", "x/y"];
    let path = format!("http://10.0.0.1:1/echo.v1.EchoService/{}", paths.choose(random).unwrap());
    let method = if random.random_bool(0.9) { Method::POST } else { Method::GET };
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/grpc");
    // No call may wait for ever.
    request = request.header("grpc-timeout", "5S");
    if let Some(headers) = request.headers_mut() {
        for _ in 0..random.random_range(0..4) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes(random, 20)) {
                headers.insert(*NAMES.choose(random).unwrap(), value);
            }
        }
        if headers["grpc-timeout"].as_bytes().iter().any(u8::is_ascii_uppercase) {
            headers.insert("grpc-timeout", HeaderValue::from_static("5S"));
        }
    }
    let mut body = message(0, &bytes(random, 100));
    if random.random() {
        mutate(random, &mut body);
    }
    request.body(Full::new(body.into())).unwrap()
}

/// What gRPC lets a server say: a status in the head or in trailers; or the HTTP of what is no gRPC.
async fn is_prescribed(response: Response<Incoming>) {
    let http = response.status().as_u16();
    assert!([200, 400, 405, 415, 431].contains(&http), "{http}");
    let told = Status::from_header_map(response.headers());
    if http == 415 || http == 431 {
        assert!(told.is_none());
        return;
    }
    let status = match told {
        Some(status) => status,
        None => {
            let body = response.into_body().collect().await.unwrap();
            Status::from_header_map(body.trailers().expect("trailers")).expect("a status")
        }
    };
    assert_ne!(status.code(), Code::Unknown, "{status:?}");
}

#[test]
fn any_headers_and_any_body_get_what_is_prescribed() {
    each("any_headers_and_any_body_get_what_is_prescribed", 500, |random| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let node = Node::start(Echo::default());
            for _ in 0..4 {
                let answering = async { is_prescribed(send(&node.network, request(random)).await).await };
                timeout(Duration::from_secs(60), answering).await.expect("an answer");
            }
        });
    });
}
