//! What every server does: some work, and the same call to the next service.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use echo::chain::{
    Answer, Call, ListRequest, ListResponse, PayRequest, PayResponse, PutRequest, PutResponse, ReadRequest,
    ReadResponse, chain_service_server::ChainService,
};
use futures_util::{Stream, StreamExt as _, stream};
use mesh_rpc::{deadline, previous_attempts};
use tokio::time::sleep;
use tonic::{Code, Request, Response, Status};

use crate::{
    caller::Caller,
    dice::Dice,
    host::Process,
    ledger::{Ledger, What},
    plan::{Kind, Mode},
};

/// The contract's: a call has the sooner of that and what is left to its caller.
const CONTRACT: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) process: Process,
    pub(crate) seed: u64,
    pub(crate) mode: Arc<Mutex<Mode>>,
    pub(crate) next: Option<Caller>,
    pub(crate) ledger: Ledger,
}

/// A handler, from its first line until it is dropped.
struct Handling {
    chain: Chain,
    call: Call,
    attempt: u32,
    dice: Dice,
    over: Option<Code>,
}

impl Handling {
    fn begin<T>(chain: &Chain, request: &Request<T>, call: Option<Call>) -> Self {
        let (call, attempt) = (call.unwrap_or_default(), previous_attempts(request));
        let left = deadline::current().map(|deadline| deadline.remaining());
        chain.ledger.note(What::Began { call: call.number, on: chain.process, attempt, left });
        let dice = Dice::new(chain.seed ^ (u64::from(call.number) << 20) ^ (u64::from(attempt) << 50));
        Self { chain: chain.clone(), call, attempt, dice, over: None }
    }

    /// The work, and whether it comes to anything.
    async fn work(&mut self) -> Result<(), Status> {
        let mode = *self.chain.mode.lock().unwrap();
        match mode {
            Mode::Refusing(pushback) => {
                let mut status = Status::resource_exhausted("full");
                if let Some(millis) = pushback {
                    status.metadata_mut().insert("grpc-retry-pushback-ms", millis.into());
                }
                return Err(status);
            }
            Mode::Slow(time) => sleep(time).await,
            Mode::Well | Mode::Failing(_) => {}
        }
        sleep(self.dice.millis(1, 8)).await;
        match mode {
            Mode::Failing(percent) if self.dice.percent(percent) => Err(Status::unavailable("asked to")),
            _ => Ok(()),
        }
    }

    async fn relay(&mut self, kind: Kind) -> Result<Answer, Status> {
        let done = async {
            self.work().await?;
            match self.chain.next.clone() {
                Some(next) => next.call(kind, Some(self.call.root), CONTRACT).await,
                None => Ok(()),
            }
        };
        let done = done.await;
        self.over = Some(done.as_ref().err().map_or(Code::Ok, Status::code));
        done.map(|()| Answer { attempt: self.attempt })
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        let Self { chain, call, attempt, over, .. } = self;
        let (call, on) = (call.number, chain.process);
        chain.ledger.note(What::Finished { call, on, attempt: *attempt, code: *over });
    }
}

#[tonic::async_trait]
impl ChainService for Chain {
    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<ReadResponse>, Status> {
        let mut handling = Handling::begin(self, &request, request.get_ref().call);
        let answer = Some(handling.relay(Kind::Read).await?);
        Ok(Response::new(ReadResponse { answer }))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        let mut handling = Handling::begin(self, &request, request.get_ref().call);
        let answer = Some(handling.relay(Kind::Put).await?);
        Ok(Response::new(PutResponse { answer }))
    }

    async fn pay(&self, request: Request<PayRequest>) -> Result<Response<PayResponse>, Status> {
        let mut handling = Handling::begin(self, &request, request.get_ref().call);
        let answer = Some(handling.relay(Kind::Pay).await?);
        Ok(Response::new(PayResponse { answer }))
    }

    type ListStream = Pin<Box<dyn Stream<Item = Result<ListResponse, Status>> + Send>>;

    /// Three messages, by this server alone. One that fails does so after the first.
    async fn list(&self, request: Request<ListRequest>) -> Result<Response<Self::ListStream>, Status> {
        let handling = Handling::begin(self, &request, request.get_ref().call);
        let messages = stream::unfold((handling, 0), |(mut handling, index)| async move {
            if index == 3 || handling.over.is_some() {
                handling.over.get_or_insert(Code::Ok);
                return None;
            }
            let worked = if index == 0 { Ok(()) } else { handling.work().await };
            let answer = Some(Answer { attempt: handling.attempt });
            handling.over = worked.as_ref().err().map(Status::code);
            Some((worked.map(|()| ListResponse { answer }), (handling, index + 1)))
        });
        Ok(Response::new(messages.boxed()))
    }
}
