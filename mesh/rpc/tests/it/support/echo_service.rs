//! The service of the tests: it does what the text of a request tells it.

use std::{
    future::pending,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use echo::{
    BidiStreamRequest, BidiStreamResponse, ClientStreamRequest, ClientStreamResponse, ServerStreamRequest,
    ServerStreamResponse, UnaryRequest, UnaryResponse, echo_service_client::EchoServiceClient,
    echo_service_server::EchoService,
};
use futures_util::{Stream, StreamExt as _, stream};
use mesh_rpc::{Channel, deadline};
use tonic::{Request, Response, Status, Streaming};

pub(crate) type EchoClient = EchoServiceClient<Channel>;

#[derive(Clone, Default)]
pub(crate) struct Echo {
    pub(crate) name: String,
    /// Whom `relay` calls.
    pub(crate) next: Option<EchoClient>,
    /// Handlers that were dropped before they answered.
    pub(crate) dropped: Arc<AtomicU32>,
    /// Calls that came.
    pub(crate) came: Arc<AtomicU32>,
}

impl Echo {
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Never answers, and notes when nobody waits any more.
    async fn hang<T>(&self) -> T {
        struct Dropped(Arc<AtomicU32>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let _dropped = Dropped(Arc::clone(&self.dropped));
        pending().await
    }

    async fn relay(&self, text: &str) -> Result<String, Status> {
        let mut next = self.next.clone().expect("a next hop");
        // Work on the way costs time, which the next hop does not have.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let answer = next.unary(UnaryRequest { text: text.to_owned() }).await?;
        Ok(answer.into_inner().text)
    }
}

/// `long 7`: seven letters. Everything else says itself.
fn said(text: &str) -> String {
    match text.strip_prefix("long ") {
        Some(length) => "x".repeat(length.parse().unwrap()),
        None => text.to_owned(),
    }
}

fn time_left() -> String {
    deadline::current().map_or("none".to_owned(), |deadline| deadline.remaining().as_millis().to_string())
}

#[tonic::async_trait]
impl EchoService for Echo {
    async fn unary(&self, request: Request<UnaryRequest>) -> Result<Response<UnaryResponse>, Status> {
        self.came.fetch_add(1, Ordering::Relaxed);
        let traceparent = request.metadata().get("traceparent").cloned();
        let text = request.into_inner().text;
        let text = match text.split_once(' ').unwrap_or((&text, "")) {
            ("panic", _) => panic!("asked to"),
            ("hang", _) => self.hang().await,
            ("sleep", millis) => {
                tokio::time::sleep(Duration::from_millis(millis.parse().unwrap())).await;
                text
            }
            ("name", _) => self.name.clone(),
            ("deadline", _) => time_left(),
            ("relay", rest) => self.relay(rest).await?,
            ("trace", _) => traceparent.map_or(String::new(), |value| value.to_str().unwrap().to_owned()),
            _ => said(&text),
        };
        Ok(Response::new(UnaryResponse { text }))
    }

    type ServerStreamStream = Pin<Box<dyn Stream<Item = Result<ServerStreamResponse, Status>> + Send>>;

    async fn server_stream(
        &self,
        request: Request<ServerStreamRequest>,
    ) -> Result<Response<Self::ServerStreamStream>, Status> {
        let ServerStreamRequest { count, text } = request.into_inner();
        let answer = move |index| ServerStreamResponse { index, text: said(&text) };
        if count > 0 {
            let messages = stream::iter(0..count).map(answer).then(async |answer| {
                if answer.text == "panic" && answer.index > 0 {
                    // What was said before is on the wire by then.
                    tokio::task::yield_now().await;
                    panic!("asked to");
                }
                Ok(answer)
            });
            return Ok(Response::new(Box::pin(messages)));
        }
        // One message at once, and one every second, without end.
        let relay = self.clone();
        let messages = stream::unfold(0, move |index| {
            let (mut answer, relay) = (answer(index), relay.clone());
            async move {
                if index > 0 {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                if answer.text == "relay" {
                    answer.text = relay.relay("deadline").await.unwrap_or_else(|status| status.to_string());
                }
                Some((Ok(answer), index + 1))
            }
        });
        Ok(Response::new(Box::pin(messages)))
    }

    async fn client_stream(
        &self,
        request: Request<Streaming<ClientStreamRequest>>,
    ) -> Result<Response<ClientStreamResponse>, Status> {
        if request.metadata().contains_key("hang") {
            return self.hang().await;
        }
        let mut messages = request.into_inner();
        let mut count = 0;
        while messages.message().await?.is_some() {
            count += 1;
        }
        Ok(Response::new(ClientStreamResponse { count }))
    }

    type BidiStreamStream = Pin<Box<dyn Stream<Item = Result<BidiStreamResponse, Status>> + Send>>;

    async fn bidi_stream(
        &self,
        request: Request<Streaming<BidiStreamRequest>>,
    ) -> Result<Response<Self::BidiStreamStream>, Status> {
        let answers = request.into_inner().map(|message| Ok(BidiStreamResponse { text: message?.text }));
        Ok(Response::new(Box::pin(answers)))
    }
}
