//! A client without our stack.

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mesh_rpc::Connector as _;
use tonic::Status;

use super::{Network, address};

/// A request of the server at port 1, with an empty message, on a connection of its own.
pub(crate) async fn send(network: &Network, request: Request<Full<Bytes>>) -> Response<Incoming> {
    let io = TokioIo::new(network.connect(address(1)).await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::Builder::new(TokioExecutor::new()).handshake(io).await.unwrap();
    tokio::spawn(async move {
        connection.await.unwrap();
    });
    sender.send_request(request).await.unwrap()
}

pub(crate) async fn post(network: &Network, path: &str, headers: &[(&str, &str)]) -> Response<Incoming> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://10.0.0.1:1{path}"))
        .header("content-type", "application/grpc");
    for (name, value) in headers {
        request = request.header(*name, value.as_bytes());
    }
    // A client stream hangs; every other method reads one empty message.
    request = request.header("hang", "yes");
    send(network, request.body(Full::new(Bytes::from_static(&[0; 5]))).unwrap()).await
}

/// The status in headers or trailers.
pub(crate) async fn status_of(response: Response<Incoming>) -> Status {
    if let Some(status) = Status::from_header_map(response.headers()) {
        return status;
    }
    let body = response.into_body().collect().await.unwrap();
    Status::from_header_map(body.trailers().expect("trailers")).expect("a status")
}
