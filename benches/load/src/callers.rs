//! Callers who create users at a fixed rate, however long the answers take.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use mesh_rpc::Channel;
use proto::user::v1::{CreateUserRequest, user_service_client::UserServiceClient};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use tonic::Status;

/// Calls under way at most: beyond that callers come later, and the rate that is told is lower.
const UNDER_WAY_MAX: usize = 1_000;
/// How often calls begin; those of one tick begin together.
const TICK: Duration = Duration::from_millis(2);

/// A call and what came of it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The address of the user who was to be created.
    pub email: String,
    /// When it was sent.
    pub begun: Instant,
    /// How long the answer took.
    pub took: Duration,
    /// Why it failed, if it did.
    pub failure: Option<Status>,
}

/// Creates `rate` users a second for so long, under addresses that no other series has; answers when the last call is
/// answered.
///
/// # Errors
/// When a call panicked.
pub async fn call(channel: &Channel, rate: u32, length: Duration, series: &str) -> anyhow::Result<Vec<Call>> {
    let (client, room) = (UserServiceClient::new(channel.clone()), Arc::new(Semaphore::new(UNDER_WAY_MAX)));
    let total = (length.as_secs_f64() * f64::from(rate)) as usize;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (start, mut calls, mut begun) = (Instant::now(), JoinSet::new(), 0);
    while begun < total {
        ticks.tick().await;
        let due = ((start.elapsed().as_secs_f64() * f64::from(rate)) as usize + 1).min(total);
        for number in begun..due {
            let room = Arc::clone(&room).acquire_owned().await.context("nobody closes it")?;
            let (client, request) = (client.clone(), somebody(series, number));
            calls.spawn(async move {
                let call = create(client, request).await;
                drop(room);
                call
            });
        }
        begun = begun.max(due);
    }
    let mut answered = Vec::with_capacity(total);
    while let Some(call) = calls.join_next().await {
        answered.push(call?);
    }
    Ok(answered)
}

async fn create(mut client: UserServiceClient<Channel>, request: CreateUserRequest) -> Call {
    let (email, begun) = (request.email.clone(), Instant::now());
    let failure = client.create_user(request).await.err();
    Call { email, begun, took: begun.elapsed(), failure }
}

/// Sees to it that no call failed.
///
/// # Errors
/// How many of the calls failed, and why the first one did.
pub fn none_failed(calls: &[Call]) -> anyhow::Result<()> {
    let mut failures = calls.iter().filter_map(|call| call.failure.as_ref());
    match failures.next() {
        None => Ok(()),
        Some(first) => {
            let (count, code, message) = (1 + failures.count(), first.code(), first.message());
            anyhow::bail!("{count} of {} calls failed, the first with {code:?}: {message}", calls.len())
        }
    }
}

fn somebody(series: &str, number: usize) -> CreateUserRequest {
    CreateUserRequest {
        email: format!("{series}-{number}@example.org"),
        display_name: format!("Person {number}"),
        locale: String::new(),
        request_id: format!("{series}-{number}"),
    }
}
