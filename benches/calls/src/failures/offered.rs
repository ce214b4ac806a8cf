//! Calls at a fixed rate, whatever becomes of them.

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use echo::{
    AbsentRequest, UnaryRequest, absent_service_client::AbsentServiceClient,
    echo_service_client::EchoServiceClient,
};
use mesh_rpc::{Channel, Target};
use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status, transport::Endpoint};

use super::tally::{Ended, Tally};
use crate::{Kind, contract::FAILURES};

/// Calls under way beyond which no more are made: whoever offers cannot remember more.
const UNDER_WAY_MAX: usize = 50_000;
/// How often calls are made.
const TICK: Duration = Duration::from_millis(2);

type Calling = Pin<Box<dyn Future<Output = Result<String, Status>> + Send>>;
type Call = Arc<dyn Fn(bool) -> Calling + Send + Sync>;

/// Calls of one kind of client over these replicas: of the ordinary method, or of the critical one.
pub(super) async fn client(
    kind: Kind,
    replicas: Vec<SocketAddr>,
    deadline: Duration,
) -> anyhow::Result<Call> {
    Ok(match kind {
        Kind::Mesh => {
            let channel = Channel::builder(Target::fixed(replicas)).policies(&FAILURES).build()?;
            caller(EchoServiceClient::new(channel.clone()), AbsentServiceClient::new(channel), deadline)
        }
        Kind::Tonic => {
            let endpoint = |at: &SocketAddr| Endpoint::from_shared(format!("http://{at}"));
            let endpoints = replicas.iter().map(endpoint).collect::<Result<Vec<_>, _>>()?;
            let endpoints =
                endpoints.into_iter().map(|endpoint| endpoint.tcp_nodelay(true).timeout(deadline));
            let channel = tonic::transport::Channel::balance_list(endpoints);
            caller(EchoServiceClient::new(channel.clone()), AbsentServiceClient::new(channel), deadline)
        }
    })
}

/// A function over clients of any transport.
fn caller<T>(ordinary: EchoServiceClient<T>, critical: AbsentServiceClient<T>, deadline: Duration) -> Call
where
    T: tonic::client::GrpcService<tonic::body::Body> + Clone + Send + Sync + 'static,
    T::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    T::Future: Send,
    T::ResponseBody: tonic::codegen::Body<Data = tonic::codegen::Bytes> + Send + 'static,
    <T::ResponseBody as tonic::codegen::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    Arc::new(move |is_critical| {
        let (mut ordinary, mut critical) = (ordinary.clone(), critical.clone());
        Box::pin(async move {
            if is_critical {
                let mut request = Request::new(AbsentRequest {});
                request.set_timeout(deadline);
                critical.absent(request).await.map(|_| String::new())
            } else {
                let mut request = Request::new(UnaryRequest { text: "x".repeat(100) });
                request.set_timeout(deadline);
                ordinary.unary(request).await.map(|answer| answer.into_inner().text)
            }
        })
    })
}

/// Calls that are being offered.
#[derive(Debug)]
pub(super) struct Offered {
    shared: Arc<Shared>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    pub(super) since: Instant,
}

#[derive(Debug, Default)]
struct Shared {
    /// Calls a second, of both methods, and how many of a thousand are critical.
    rate: AtomicU64,
    critical: AtomicU64,
    under_way: AtomicUsize,
    ended: Mutex<Vec<Ended>>,
}

impl Offered {
    /// Begins to offer so many calls a second.
    pub(super) fn begin(call: Call, rate: u64) -> Self {
        let shared = Arc::new(Shared { rate: rate.into(), ..Shared::default() });
        let (stop, since) = (CancellationToken::new(), Instant::now());
        let task = tokio::spawn(offer(Arc::clone(&shared), call, stop.clone(), since));
        Self { shared, stop, task, since }
    }

    /// Offers so many from now on, of which so many in a thousand are critical.
    pub(super) fn rate(&self, rate: u64, critical: u64) {
        self.shared.rate.store(rate, Relaxed);
        self.shared.critical.store(critical, Relaxed);
    }

    /// Ends, once what is under way has.
    pub(super) async fn end(self) -> anyhow::Result<Tally> {
        self.stop.cancel();
        self.task.await?;
        while self.shared.under_way.load(Relaxed) > 0 {
            sleep(Duration::from_millis(5)).await;
        }
        let mut ended = self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Tally(std::mem::take(&mut ended)))
    }
}

async fn offer(shared: Arc<Shared>, call: Call, stop: CancellationToken, since: Instant) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut due, mut critical_due) = (0, 0);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        due += shared.rate.load(Relaxed) * TICK.as_micros() as u64;
        while due >= 1_000_000 {
            due -= 1_000_000;
            critical_due += shared.critical.load(Relaxed);
            let is_critical = critical_due >= 1_000;
            critical_due %= 1_000;
            if shared.under_way.fetch_add(1, Relaxed) >= UNDER_WAY_MAX {
                shared.under_way.fetch_sub(1, Relaxed);
                continue;
            }
            let (shared, calling, made) = (Arc::clone(&shared), call(is_critical), Instant::now());
            tokio::spawn(async move {
                let outcome = calling.await.map_err(|status| status.code());
                let ended = Ended { at: made - since, took: made.elapsed(), outcome, is_critical };
                shared.ended.lock().unwrap_or_else(PoisonError::into_inner).push(ended);
                shared.under_way.fetch_sub(1, Relaxed);
            });
        }
    }
}
