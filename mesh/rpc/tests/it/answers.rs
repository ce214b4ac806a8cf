//! Answers that are not as they should be: what each of them is for a caller, by the tables of gRPC.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use echo::UnaryRequest;
use h2::{Reason, server::SendResponse};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use mesh_rpc::Listener as _;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::support::{EchoClient, Network, channel, message};

/// A server that answers every call in one way.
fn peer(answer: impl Fn(SendResponse<Bytes>) + Send + Sync + 'static) -> EchoClient {
    let network = Network::default();
    let (mut listener, answer) = (network.listen(1), Arc::new(answer));
    tokio::spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(io).await.unwrap();
                while let Some(Ok((_, respond))) = connection.accept().await {
                    answer(respond);
                }
            });
        }
    });
    EchoClient::new(channel(&network, &[1]))
}

async fn call(client: &mut EchoClient) -> Result<String, Status> {
    let mut request = Request::new(UnaryRequest { text: "hello".to_owned() });
    request.set_timeout(Duration::from_secs(5));
    Ok(client.unary(request).await?.into_inner().text)
}

/// The reason of an error that the mesh made; empty of one that it did not make.
fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

fn head(status: u16, headers: &[(&str, &str)]) -> Response<()> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    response.body(()).unwrap()
}

const GRPC: (&str, &str) = ("content-type", "application/grpc");

fn trailers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    pairs.iter().map(pair).collect()
}

/// One answer with a message and these trailers.
fn with_trailers(pairs: &'static [(&'static str, &'static str)]) -> EchoClient {
    peer(move |mut respond| {
        let mut body = respond.send_response(head(200, &[GRPC]), false).unwrap();
        body.send_data(message(0, b"hello").into(), false).unwrap();
        body.send_trailers(trailers(pairs)).unwrap();
    })
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_http_becomes_the_code_that_the_table_says() {
    // grpc/doc/http-grpc-status-mapping.md, and the row that `code_of_http` adds.
    for (http, code) in [
        (400, Code::Internal),
        (401, Code::Unauthenticated),
        (403, Code::PermissionDenied),
        (404, Code::Unimplemented),
        (429, Code::Unavailable),
        (431, Code::ResourceExhausted),
        (502, Code::Unavailable),
        (503, Code::Unavailable),
        (504, Code::Unavailable),
        (405, Code::Unknown),
        (415, Code::Unknown),
        (500, Code::Unknown),
        (204, Code::Unknown),
        (302, Code::Unknown),
    ] {
        for kind in ["text/html", "application/grpc"] {
            let mut client = peer(move |mut respond| {
                let mut body = respond.send_response(head(http, &[("content-type", kind)]), false).unwrap();
                body.send_data(Bytes::from_static(b"<html>sorry</html>"), true).unwrap();
            });
            let status = call(&mut client).await.unwrap_err();
            assert_eq!((status.code(), reason(&status).as_str()), (code, "NOT_GRPC"), "{http} {kind}");
            let metadata = status.get_details_error_info().unwrap().metadata;
            assert_eq!(
                (metadata["http_status"].as_str(), metadata["endpoint"].as_str()),
                (&*http.to_string(), "10.0.0.1:1")
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_another_content_type_is_unknown() {
    for kind in [Some("text/html"), Some("application/json"), None] {
        let mut client = peer(move |mut respond| {
            let headers: Vec<_> = kind.map(|kind| ("content-type", kind)).into_iter().collect();
            let mut body = respond.send_response(head(200, &headers), false).unwrap();
            body.send_data(Bytes::from_static(b"{}"), true).unwrap();
        });
        let status = call(&mut client).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unknown, "NOT_GRPC"), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_in_the_head_holds_whatever_http_says() {
    for (http, kind) in [(200, "application/grpc"), (400, "application/grpc+proto"), (503, "text/html")] {
        let mut client = peer(move |mut respond| {
            let headers = [("content-type", kind), ("grpc-status", "5"), ("grpc-message", "not%20here")];
            respond.send_response(head(http, &headers), true).unwrap();
        });
        let status = call(&mut client).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::NotFound, "not here"), "{http}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_number_is_a_code_and_what_is_none_is_unknown() {
    for number in 0..17 {
        let text: &'static str = Box::leak(number.to_string().into_boxed_str());
        let mut client = with_trailers(Box::leak(Box::new([("grpc-status", text)])));
        let code = call(&mut client).await.map_or_else(|status| status.code(), |_| Code::Ok);
        assert_eq!(code, Code::from_i32(number));
    }
    for none in [
        [("grpc-status", "17")].as_slice(),
        &[("grpc-status", "-1")],
        &[("grpc-status", "99999999999")],
        &[("grpc-status", "00")],
        &[("grpc-status", "ok")],
        &[("grpc-status", "")],
    ] {
        let status = call(&mut with_trailers(none)).await.unwrap_err();
        assert_eq!(status.code(), Code::Unknown, "{none:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_say_how_the_call_went_is_unknown() {
    let without = [
        with_trailers(&[("other", "trailer")]),
        peer(|mut respond| {
            let mut body = respond.send_response(head(200, &[GRPC]), false).unwrap();
            body.send_data(message(0, b"hello").into(), true).unwrap();
        }),
        peer(|mut respond| _ = respond.send_response(head(200, &[GRPC]), true).unwrap()),
    ];
    for mut client in without {
        let status = call(&mut client).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unknown, "NO_STATUS"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_that_is_malformed_keeps_its_code() {
    for (name, value) in [
        ("grpc-message", "half a %"),
        ("grpc-message", "%zz and %4"),
        ("grpc-message", "%ff%fe no text"),
        ("grpc-message", "\u{e9} unescaped"),
        ("grpc-status-details-bin", "no base64!"),
        ("grpc-status-details-bin", "===="),
    ] {
        let pairs = Box::leak(Box::new([("grpc-status", "9"), (name, value)]));
        let status = call(&mut with_trailers(pairs)).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition, "{name}: {value}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_becomes_the_code_that_the_table_says() {
    // "gRPC over HTTP/2", Errors. What a method without a policy is not sent again for.
    for (reset, code) in [
        (Reason::NO_ERROR, Code::Internal),
        (Reason::PROTOCOL_ERROR, Code::Internal),
        (Reason::INTERNAL_ERROR, Code::Internal),
        (Reason::FLOW_CONTROL_ERROR, Code::Internal),
        (Reason::FRAME_SIZE_ERROR, Code::Internal),
        (Reason::COMPRESSION_ERROR, Code::Internal),
        (Reason::CONNECT_ERROR, Code::Internal),
        (Reason::REFUSED_STREAM, Code::Unavailable),
        (Reason::CANCEL, Code::Cancelled),
        (Reason::ENHANCE_YOUR_CALM, Code::ResourceExhausted),
        (Reason::INADEQUATE_SECURITY, Code::PermissionDenied),
        (Reason::STREAM_CLOSED, Code::Unknown),
        (Reason::HTTP_1_1_REQUIRED, Code::Unknown),
        (Reason::from(4711), Code::Unknown),
    ] {
        for head_first in [false, true] {
            let mut client = peer(move |mut respond| {
                if head_first {
                    let mut body = respond.send_response(head(200, &[GRPC]), false).unwrap();
                    body.send_data(Bytes::from_static(&[0, 0]), false).unwrap();
                    body.send_reset(reset);
                } else {
                    respond.send_reset(reset);
                }
            });
            let status = call(&mut client).await.unwrap_err();
            assert_eq!(
                (status.code(), reason(&status).as_str()),
                (code, "STREAM_RESET"),
                "{reset:?} {head_first}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_none_is_internal_and_an_unknown_encoding_is() {
    for (encoding, body, expected) in [
        ("identity", message(1, b"hello"), "BROKEN_MESSAGE"),
        ("identity", message(9, b"hello"), "BROKEN_MESSAGE"),
        ("gzip", message(1, b"hello"), "BROKEN_MESSAGE"),
        ("br", message(1, b"hello"), "UNKNOWN_ENCODING"),
    ] {
        let body = Bytes::from(body);
        let mut client = peer(move |mut respond| {
            let head = head(200, &[GRPC, ("grpc-encoding", encoding)]);
            let mut stream = respond.send_response(head, false).unwrap();
            stream.send_data(body.clone(), false).unwrap();
            stream.send_trailers(trailers(&[("grpc-status", "0")])).unwrap();
        });
        let status = call(&mut client).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Internal, expected));
    }
}

/// As grpc-go does it: h2 breaks the stream off, and nobody takes that for "no handler has seen the call".
#[tokio::test(start_paused = true)]
async fn headers_that_are_too_large_are_internal_and_the_call_was_seen() {
    let large: &'static str = Box::leak("x".repeat(20_000).into_boxed_str());
    let mut client = peer(move |mut respond| {
        let mut body = respond.send_response(head(200, &[GRPC, ("large", large)]), false).unwrap();
        let _ = body.send_data(message(0, b"hello").into(), true);
    });
    let status = call(&mut client).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Internal, "STREAM_RESET"));
    assert_eq!(status.get_details_error_info().unwrap().metadata["retry"], "if_idempotent");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_cut_off_is_no_answer() {
    for cut in [3, 7] {
        let mut client = peer(move |mut respond| {
            let mut body = respond.send_response(head(200, &[GRPC]), false).unwrap();
            body.send_data(Bytes::from(message(0, b"hello")).slice(..cut), false).unwrap();
            body.send_trailers(trailers(&[("grpc-status", "0")])).unwrap();
        });
        assert_eq!(call(&mut client).await.unwrap_err().code(), Code::Internal, "{cut}");
    }
}
