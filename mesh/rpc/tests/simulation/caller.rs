//! Who calls the next service: the client, and every server but the last.

use std::{sync::Arc, time::Duration};

use echo::chain::{
    Answer, Call, ListRequest, PayRequest, PutRequest, ReadRequest, chain_service_client::ChainServiceClient,
};
use mesh_rpc::{
    AdaptiveThrottleConfig, BalanceConfig, BudgetConfig, Channel, ChannelConfig, ConsecutiveConfig,
    Decisions, HealthConfig, OutlierConfig, RetryConfig, RollingSuccessRateConfig, deadline,
};
use tonic::{Code, Request, Status};

use crate::{
    host::{Host, Process},
    ledger::{Ledger, What},
    network::{Simulated, target},
    plan::{BUDGET, Kind, Plan},
    policies::POLICIES,
};

const MILLIS: fn(u64) -> Duration = Duration::from_millis;
/// How long a channel may take to close: calls are over by their deadlines.
const CLOSING: Duration = Duration::from_secs(3);

#[derive(Clone)]
pub(crate) struct Caller {
    process: Process,
    channel: Channel,
    decisions: Arc<Decisions>,
    ledger: Ledger,
}

fn config(plan: &Plan) -> ChannelConfig {
    ChannelConfig {
        connect_timeout: MILLIS(200),
        backoff_initial: MILLIS(30),
        backoff_max: MILLIS(250),
        keepalive_interval: MILLIS(200),
        keepalive_timeout: MILLIS(200),
        resolve_interval: MILLIS(1_000),
        balance: BalanceConfig { policy: plan.policy, ..BalanceConfig::default() },
        outlier: OutlierConfig {
            interval: MILLIS(500),
            base_ejection_time: MILLIS(300),
            max_ejection_time: MILLIS(600),
            max_ejection_percent: plan.max_ejection_percent,
            consecutive: Some(ConsecutiveConfig {
                failures: plan.failures_in_a_row,
                penalty_min: MILLIS(200),
                penalty_max: MILLIS(400),
                jitter: 0.5,
            }),
            rolling_success_rate: plan.looks_at_rolling_rates.then(|| RollingSuccessRateConfig {
                window: MILLIS(500),
                penalty_min: MILLIS(200),
                penalty_max: MILLIS(400),
                ..RollingSuccessRateConfig::default()
            }),
            ..OutlierConfig::default()
        },
        // As long as the rest heals: what was refused no longer holds a call back then.
        adaptive_throttle: AdaptiveThrottleConfig {
            window: MILLIS(1_000),
            ..AdaptiveThrottleConfig::default()
        },
        health: HealthConfig { watch: plan.watches_health.then(|| "chain.v1.ChainService".into()) },
        ..ChannelConfig::default()
    }
}

impl Caller {
    pub(crate) fn new(process: Process, plan: &Plan, ledger: Ledger) -> Self {
        let budget = BudgetConfig {
            ratio: BUDGET,
            min_per_second: plan.min_repeats_per_second,
            ..BudgetConfig::default()
        };
        let place = match process.host {
            Host::Client => 0,
            Host::Server(replica) => 1 + replica.index() as u64,
        };
        let channel = Channel::builder(target(process.calls(), plan.by_name))
            .connector(Simulated)
            .config(config(plan))
            .policies(&POLICIES)
            .retry(RetryConfig { budget, ..RetryConfig::default() })
            .seed(plan.seed ^ (place << 32) ^ (u64::from(process.life) << 48))
            .build()
            .unwrap();
        let decisions = Arc::new(Decisions::of(&channel));
        Self { process, channel, decisions, ledger }
    }

    /// Makes a call, for the call of the client that has this number, or as one.
    pub(crate) async fn call(&self, kind: Kind, root: Option<u32>, timeout: Duration) -> Result<(), Status> {
        let left = deadline::current().map_or(timeout, |deadline| deadline.remaining().min(timeout));
        let call = self.ledger.made(root, kind, self.process, left);
        let mut over = Over { ledger: &self.ledger, call, how: None };
        let message = Call { number: call, root: root.unwrap_or(call), left_us: left.as_micros() as u64 };
        let answer = self.send(kind, message, root.is_none().then_some(timeout)).await;
        over.how = Some(match &answer {
            Ok(answer) => (Code::Ok, Some(answer.attempt)),
            Err((status, attempt)) => (status.code(), *attempt),
        });
        answer.map(|_| ()).map_err(|(status, _)| status)
    }

    /// The answer; or the error, and the attempt that it came from if it is known.
    async fn send(
        &self,
        kind: Kind,
        call: Call,
        timeout: Option<Duration>,
    ) -> Result<Answer, (Status, Option<u32>)> {
        let mut client = ChainServiceClient::new(self.channel.clone());
        let call = Some(call);
        let failed = |status| (status, None);
        let answer = match kind {
            Kind::Read => {
                client.read(asked(ReadRequest { call }, timeout)).await.map_err(failed)?.into_inner().answer
            }
            Kind::Put => {
                client.put(asked(PutRequest { call }, timeout)).await.map_err(failed)?.into_inner().answer
            }
            Kind::Pay => {
                client.pay(asked(PayRequest { call }, timeout)).await.map_err(failed)?.into_inner().answer
            }
            Kind::List => {
                let mut stream =
                    client.list(asked(ListRequest { call }, timeout)).await.map_err(failed)?.into_inner();
                let mut last = None;
                loop {
                    match stream.message().await {
                        Ok(Some(message)) => last = message.answer,
                        Ok(None) => break last,
                        Err(status) => return Err((status, last.map(|answer| answer.attempt))),
                    }
                }
            }
        };
        Ok(answer.unwrap_or_default())
    }

    /// How many endpoints are ejected.
    pub(crate) fn ejected(&self) -> usize {
        self.decisions.ejected()
    }

    /// Takes no more calls. Whether it came to an end.
    pub(crate) async fn close(self) -> bool {
        let Self { channel, decisions, .. } = self;
        drop(decisions);
        tokio::time::timeout(CLOSING, channel.close()).await.is_ok()
    }
}

fn asked<T>(message: T, timeout: Option<Duration>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(timeout) = timeout {
        request.set_timeout(timeout);
    }
    request
}

/// Notes the end of a call, also of one that its caller gives up.
struct Over<'a> {
    ledger: &'a Ledger,
    call: u32,
    how: Option<(Code, Option<u32>)>,
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        let (code, attempt) = self.how.unwrap_or((Code::Cancelled, None));
        self.ledger.note(What::Ended { call: self.call, code, attempt });
    }
}
