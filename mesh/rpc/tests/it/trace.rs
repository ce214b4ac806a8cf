//! One trace from hop to hop.

use echo::UnaryRequest;
use tonic::Request;

use crate::support::{Echo, Network, Node};

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test(start_paused = true)]
async fn a_trace_goes_on_from_hop_to_hop_with_new_spans() {
    let network = Network::default();
    let last = Node::start_at(&network, 1, Echo::default(), |server| server);
    let first = Echo { next: Some(last.client()), ..Echo::default() };
    let first = Node::start_at(&network, 2, first, |server| server);

    let mut request = Request::new(UnaryRequest { text: "relay trace".to_owned() });
    request.metadata_mut().insert("traceparent", CALLER.parse().unwrap());
    let seen = first.client().unary(request).await.unwrap().into_inner().text;
    let (caller, seen): (Vec<_>, Vec<_>) = (CALLER.split('-').collect(), seen.split('-').collect());
    assert_eq!((seen[0], seen[1], seen[3]), (caller[0], caller[1], caller[3]));
    assert_ne!(seen[2], caller[2]);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_trace_gets_one() {
    let node = Node::start(Echo::default());
    let mut traces = Vec::new();
    for _ in 0..2 {
        let request = UnaryRequest { text: "trace".to_owned() };
        traces.push(node.client().unary(request).await.unwrap().into_inner().text);
    }
    assert_eq!(traces[0].len(), CALLER.len());
    assert_ne!(traces[0][3..35], traces[1][3..35]);
}
