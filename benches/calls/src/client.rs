//! The client, one of each kind: so many calls in flight, each followed by the next one.

use std::{future::Future, net::SocketAddr, time::Duration};

use anyhow::Context as _;
use echo::{UnaryRequest, echo_service_client::EchoServiceClient};
use mesh_rpc::{Channel, Target};
use serde::{Deserialize, Serialize};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tonic::Status;

use crate::{Kind, contract::POLICIES, cpu, telling::Telling};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Whose client.
    kind: Kind,
    /// The server.
    address: SocketAddr,
    /// Calls in flight at once.
    #[arg(long, default_value_t = 64)]
    in_flight: usize,
    /// For how long.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// For how long before it counts.
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Bytes of text in each call.
    #[arg(long, default_value_t = 100)]
    payload: usize,
    /// Who takes what the mesh tells.
    #[arg(long)]
    collector: Option<SocketAddr>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Calls a second.
    pub(crate) rate: f64,
    /// The median, in microseconds.
    pub(crate) p50: f64,
    /// The 99th percentile, in microseconds.
    pub(crate) p99: f64,
    /// Calls that were counted.
    pub(crate) calls: usize,
    /// The client's processor time for each of them, in microseconds.
    pub(crate) cpu: f64,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { kind, address, .. } = arguments;
    let text = "x".repeat(arguments.payload);
    let request = move || UnaryRequest { text: text.clone() };
    let outcome = match kind {
        Kind::Tonic => {
            let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}"))?;
            let client = EchoServiceClient::new(endpoint.tcp_nodelay(true).connect().await?);
            drive(arguments, move || {
                let (mut client, request) = (client.clone(), request());
                async move { client.unary(request).await.map(drop) }
            })
            .await?
        }
        Kind::Mesh => {
            let _telling = Telling::begin(arguments.collector).await?;
            let channel = Channel::builder(Target::fixed([*address])).policies(&POLICIES).build()?;
            let client = EchoServiceClient::new(channel);
            drive(arguments, move || {
                let (mut client, request) = (client.clone(), request());
                async move { client.unary(request).await.map(drop) }
            })
            .await?
        }
    };
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

/// Keeps so many calls in flight for the whole time, each lane in a task of its own.
async fn drive<C, F>(arguments: &Arguments, call: C) -> anyhow::Result<Outcome>
where
    C: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let begin = Instant::now() + Duration::from_secs_f64(arguments.warm_up);
    let end = begin + Duration::from_secs_f64(arguments.seconds);
    let mut lanes = JoinSet::new();
    for _ in 0..arguments.in_flight {
        lanes.spawn(lane(call.clone(), begin, end));
    }
    sleep_until(begin).await;
    let before = cpu::used(std::process::id())?;
    sleep_until(end).await;
    let used = cpu::used(std::process::id())?.saturating_sub(before);
    let mut took = Vec::new();
    while let Some(lane) = lanes.join_next().await {
        took.extend(lane?.context("a call failed")?);
    }
    took.sort_unstable();
    let at = |share: f64| took.get((took.len() as f64 * share) as usize).copied().unwrap_or_default();
    let calls = took.len();
    Ok(Outcome {
        rate: calls as f64 / arguments.seconds,
        p50: f64::from(at(0.5)) / 1_000.0,
        p99: f64::from(at(0.99)) / 1_000.0,
        calls,
        cpu: used.as_secs_f64() * 1e6 / calls.max(1) as f64,
    })
}

/// One call after the other; how long each took that began and ended in the time that counts, in nanoseconds.
async fn lane<C, F>(call: C, begin: Instant, end: Instant) -> Result<Vec<u32>, Status>
where
    C: Fn() -> F,
    F: Future<Output = Result<(), Status>>,
{
    let mut took = Vec::new();
    loop {
        let sent = Instant::now();
        call().await?;
        let answered = Instant::now();
        if answered >= end {
            return Ok(took);
        }
        if sent >= begin {
            took.push(u32::try_from((answered - sent).as_nanos()).unwrap_or(u32::MAX));
        }
    }
}
