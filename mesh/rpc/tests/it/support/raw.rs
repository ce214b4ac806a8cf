//! A client without our stack.

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use mesh_rpc::Connector as _;
use tonic::{Status, body::Body};

use super::{Network, address};

/// RFC 9113, section 6.5.2.
const WINDOW: u32 = 65_535;

/// A request of the server at port 1, on a connection of its own, whose streams have the smallest window that a
/// client begins with.
pub(crate) async fn send(network: &Network, request: Request<Full<Bytes>>) -> Response<Incoming> {
    send_body(network, request.map(Body::new)).await
}

/// The same, of a body of any kind.
pub(crate) async fn send_body(network: &Network, request: Request<Body>) -> Response<Incoming> {
    let io = TokioIo::new(network.connect(address(1)).await.unwrap());
    let mut client = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    client.timer(TokioTimer::new()).initial_stream_window_size(WINDOW);
    let (mut sender, connection) = client.handshake(io).await.unwrap();
    tokio::spawn(async move {
        // A server that cuts its calls may cut the connection.
        let _ = connection.await;
    });
    sender.send_request(request).await.unwrap()
}

/// Sends an empty message.
pub(crate) async fn post(network: &Network, path: &str, headers: &[(&str, &str)]) -> Response<Incoming> {
    post_message(network, path, headers, &[]).await
}

/// Sends one message, as protobuf writes it.
async fn post_message(
    network: &Network,
    path: &str,
    headers: &[(&str, &str)],
    message: &[u8],
) -> Response<Incoming> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://10.0.0.1:1{path}"))
        .header("content-type", "application/grpc");
    for (name, value) in headers {
        request = request.header(*name, value.as_bytes());
    }
    // A client stream hangs; every other method reads its one message.
    request = request.header("hang", "yes");
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let body = [&[0], length.as_slice(), message].concat();
    send(network, request.body(Full::new(body.into())).unwrap()).await
}

/// A message with the field `text`, as a unary call sends and gets it, behind its prefix.
pub(crate) fn message(flag: u8, text: &[u8]) -> Vec<u8> {
    let mut field = vec![0x0a];
    let mut length = text.len();
    while length > 0x7f {
        field.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    field.push(u8::try_from(length).unwrap());
    field.extend_from_slice(text);
    [&[flag], u32::try_from(field.len()).unwrap().to_be_bytes().as_slice(), &field].concat()
}

/// The head of an answer of 200,000 letters; of a stream each message has that many.
pub(crate) async fn long_answer(
    network: &Network,
    method: &str,
    headers: &[(&str, &str)],
) -> Response<Incoming> {
    let text = b"long 200000";
    // The field `text`: its number and kind, its length, itself.
    let key = if method == "Unary" { 0x0a } else { 0x12 };
    let message = [&[key, u8::try_from(text.len()).unwrap()], text.as_slice()].concat();
    let response = post_message(network, &format!("/echo.v1.EchoService/{method}"), headers, &message).await;
    assert!(!response.headers().contains_key(Status::GRPC_STATUS), "{response:?}");
    response
}

/// The status in headers or trailers.
pub(crate) async fn status_of(response: Response<Incoming>) -> Status {
    if let Some(status) = Status::from_header_map(response.headers()) {
        return status;
    }
    let body = response.into_body().collect().await.unwrap();
    Status::from_header_map(body.trailers().expect("trailers")).expect("a status")
}
