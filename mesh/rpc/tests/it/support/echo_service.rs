//! The service of the tests: it does what the text of a request tells it.

use std::{
    collections::BTreeMap,
    future::pending,
    pin::Pin,
    sync::{
        Arc, Mutex,
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
use mesh_rpc::{Channel, criticality, deadline, previous_attempts};
use tonic::{Code, Request, Response, Status, Streaming};

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
    /// How often each text was written.
    pub(crate) written: Arc<Mutex<BTreeMap<String, u32>>>,
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

/// `14`: a status with that code; `14 30`: and a pushback of 30 ms.
fn refusal(text: &str) -> Status {
    let (code, pushback) = text.split_once(' ').unwrap_or((text, ""));
    let mut status = Status::new(Code::from_i32(code.parse().unwrap()), "asked to");
    if !pushback.is_empty() {
        status.metadata_mut().insert("grpc-retry-pushback-ms", pushback.parse().unwrap());
    }
    status
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
        let previous = previous_attempts(&request);
        let text = request.into_inner().text;
        let text = match text.split_once(' ').unwrap_or((&text, "")) {
            ("panic", _) => panic!("asked to"),
            ("hang", _) => self.hang().await,
            ("sleep", millis) => {
                tokio::time::sleep(Duration::from_millis(millis.parse().unwrap())).await;
                text
            }
            // `slow ab 300`: takes 300 ms on the servers a and b, and one elsewhere.
            ("slow", rest) => {
                let (names, millis) = rest.split_once(' ').unwrap();
                let millis = if names.contains(&self.name) { millis.parse().unwrap() } else { 1 };
                tokio::time::sleep(Duration::from_millis(millis)).await;
                text
            }
            ("name", _) => self.name.clone(),
            ("deadline", _) => time_left(),
            ("class", _) => {
                criticality::current().map_or("Critical".to_owned(), |class| format!("{class:?}"))
            }
            ("relay", rest) => self.relay(rest).await?,
            // As a handler does that says in its own words what went wrong below.
            ("wrap", rest) => match self.relay(rest).await {
                Ok(text) => text,
                Err(_) => return Err(Status::unavailable("my own words")),
            },
            ("fail", rest) => return Err(refusal(rest)),
            // `until 2 14`: fails with 14 until two attempts were made before.
            ("until", rest) => {
                let (attempts, status) = rest.split_once(' ').unwrap();
                if previous < attempts.parse().unwrap() {
                    return Err(refusal(status));
                }
                format!("{} {previous} {}", self.name, time_left())
            }
            // `first 14 500`: its first attempt fails, the others hang.
            ("first", status) if previous == 0 => return Err(refusal(status)),
            ("first", _) => self.hang().await,
            // `not ab`: fails on the servers a and b.
            ("not", names) if names.contains(&self.name) => return Err(refusal("14")),
            ("not", _) => format!("{} {previous}", self.name),
            // `stuck ab`: never answers on the servers a and b.
            ("stuck", names) if names.contains(&self.name) => self.hang().await,
            ("stuck", _) => format!("{} {previous}", self.name),
            ("write", key) => {
                *self.written.lock().unwrap().entry(key.to_owned()).or_default() += 1;
                // Long enough that a fault finds writes that are done and not yet answered.
                tokio::time::sleep(Duration::from_millis(10)).await;
                self.name.clone()
            }
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
        self.came.fetch_add(1, Ordering::Relaxed);
        let previous = previous_attempts(&request);
        let ServerStreamRequest { count, text } = request.into_inner();
        // `until 1`: fails before its first message until one attempt was made before.
        if text.strip_prefix("until ").is_some_and(|attempts| previous < attempts.parse().unwrap()) {
            return Err(refusal("14"));
        }
        let answer = move |index| ServerStreamResponse { index, text: said(&text) };
        if count > 0 {
            let messages = stream::iter(0..count).map(answer).then(async |answer| {
                if answer.text == "panic" && answer.index > 0 {
                    // What was said before is on the wire by then.
                    tokio::task::yield_now().await;
                    panic!("asked to");
                }
                if answer.text == "break" && answer.index > 0 {
                    return Err(refusal("14"));
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
        self.came.fetch_add(1, Ordering::Relaxed);
        let (until, previous) = (request.metadata().get("until").cloned(), previous_attempts(&request));
        if request.metadata().contains_key("hang") {
            return self.hang().await;
        }
        let mut messages = request.into_inner();
        let mut count = 0;
        while messages.message().await?.is_some() {
            count += 1;
        }
        // `until: 1`: fails after the last message until one attempt was made before.
        if until.is_some_and(|until| previous < until.to_str().unwrap().parse().unwrap()) {
            return Err(refusal("14"));
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
