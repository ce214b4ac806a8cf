//! What is not gRPC, or not served here, as a client without our stack sees it.

use http::Request;
use tonic::Code;

use crate::support::{Echo, Node, post, reason, send, status_of};

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
        let response = send(&node.network, request.body(Default::default()).unwrap()).await;
        assert_eq!(response.status(), 415, "{kind}");
        assert!(!response.headers().contains_key("grpc-status"));
    }
}

#[tokio::test(start_paused = true)]
async fn another_method_is_not_allowed() {
    let node = Node::start(Echo::default());
    let request = Request::get("http://10.0.0.1:1/echo.v1.EchoService/Unary")
        .header("content-type", "application/grpc");
    let response = send(&node.network, request.body(Default::default()).unwrap()).await;
    assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"POST".parse().unwrap()));
}
