//! What is not gRPC, or not served here, as a client without our stack sees it.

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mesh_rpc::Connector as _;
use tonic::{Code, Status};

use crate::support::{Echo, Network, Node, address, reason};

/// A request of the server at port 1, with an empty message, on a connection of its own.
async fn send(network: &Network, request: Request<Full<Bytes>>) -> Response<Incoming> {
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

#[tokio::test(start_paused = true)]
async fn an_unknown_service_is_unimplemented_and_says_which() {
    let node = Node::start(Echo::default());
    for path in ["/echo.v1.AbsentService/Absent", "/", "/x", "//", "/echo.v1.EchoService"] {
        let response = post(&node.network, path, &[]).await;
        assert_eq!(response.status(), 200, "{path}");
        let status = status_of(response).await;
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::Unimplemented, "UNKNOWN_SERVICE"),
            "{path}"
        );
    }
    let mut absent = echo::absent_service_client::AbsentServiceClient::new(node.channel());
    let status = absent.absent(echo::AbsentRequest {}).await.unwrap_err();
    assert_eq!(status.message(), "this server has no service echo.v1.AbsentService");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_method_is_unimplemented() {
    let node = Node::start(Echo::default());
    let response = post(&node.network, "/echo.v1.EchoService/Absent", &[]).await;
    assert_eq!(status_of(response).await.code(), Code::Unimplemented);
}

#[tokio::test(start_paused = true)]
async fn another_content_type_is_no_grpc() {
    let node = Node::start(Echo::default());
    for kind in ["application/json", "application/grpc-web", "text/plain"] {
        let request =
            Request::post("http://10.0.0.1:1/echo.v1.EchoService/Unary").header("content-type", kind);
        let response = send(&node.network, request.body(Full::default()).unwrap()).await;
        assert_eq!(response.status(), 415, "{kind}");
        assert!(!response.headers().contains_key("grpc-status"));
    }
}

#[tokio::test(start_paused = true)]
async fn another_method_is_not_allowed() {
    let node = Node::start(Echo::default());
    let request = Request::get("http://10.0.0.1:1/echo.v1.EchoService/Unary")
        .header("content-type", "application/grpc");
    let response = send(&node.network, request.body(Full::default()).unwrap()).await;
    assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"POST".parse().unwrap()));
}
