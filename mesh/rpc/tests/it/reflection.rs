//! Reflection, as grpcurl asks for it.

use futures_util::{StreamExt as _, stream};
use tonic_reflection::pb::{v1, v1alpha};

use crate::support::{Echo, Node};

const SERVED: [&str; 4] = [
    "echo.v1.EchoService",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

/// Asks one question in a version of the protocol; both have the same messages in modules of their own.
macro_rules! ask {
    ($node:expr, $version:ident, $question:expr) => {{
        use $version::{
            server_reflection_client::ServerReflectionClient, server_reflection_request::MessageRequest,
        };
        let mut client = ServerReflectionClient::new($node.channel());
        let request = $version::ServerReflectionRequest {
            host: String::new(),
            message_request: Some($question(
                MessageRequest::ListServices,
                MessageRequest::FileContainingSymbol,
            )),
        };
        let answers = client.server_reflection_info(stream::iter([request])).await.unwrap();
        answers.into_inner().next().await.unwrap().unwrap().message_response.unwrap()
    }};
}

#[tokio::test(start_paused = true)]
async fn lists_what_is_served_and_nothing_else() {
    let node = Node::start(Echo::default());
    let answer = ask!(node, v1, |list: fn(String) -> _, _| list(String::new()));
    let v1::server_reflection_response::MessageResponse::ListServicesResponse(list) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(list.service.into_iter().map(|service| service.name).collect::<Vec<_>>(), SERVED);

    let answer = ask!(node, v1alpha, |list: fn(String) -> _, _| list(String::new()));
    let v1alpha::server_reflection_response::MessageResponse::ListServicesResponse(list) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(list.service.into_iter().map(|service| service.name).collect::<Vec<_>>(), SERVED);
}

#[tokio::test(start_paused = true)]
async fn describes_the_contracts_of_what_is_served() {
    let node = Node::start(Echo::default());
    for symbol in ["echo.v1.EchoService", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"] {
        let answer = ask!(node, v1, |_, symbol_of: fn(String) -> _| symbol_of(symbol.to_owned()));
        let v1::server_reflection_response::MessageResponse::FileDescriptorResponse(files) = answer else {
            panic!("{symbol}: {answer:?}");
        };
        assert!(!files.file_descriptor_proto.is_empty(), "{symbol}");
    }
}
