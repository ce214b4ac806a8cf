//! The payments through the API.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use mesh_rpc::{Channel, Target};
use proto::{
    payment::v1::{CreatePaymentRequest, Money, State, payment_service_client::PaymentServiceClient},
    user::v1::{CreateUserRequest, user_service_client::UserServiceClient},
};
use tokio::{task::JoinSet, time::Instant};

use super::Arguments;
use crate::stack::Stack;

/// How the payments went.
pub(super) struct Paid {
    /// Seconds until the last one was answered.
    pub(super) answered: f64,
    /// Seconds until every receipt was there, too.
    pub(super) done: f64,
    /// Commits until then.
    pub(super) commits: Commits,
    /// Seconds that half of them took at most.
    pub(super) p50: f64,
    /// Seconds that 99 of 100 took at most.
    pub(super) p99: f64,
}

/// How often each file was committed.
#[derive(Clone, Copy)]
pub(super) struct Commits {
    /// The services' store.
    pub(super) services: u64,
    /// The provider's books.
    pub(super) provider: u64,
}

/// Takes payments through a new stack, each authorized and captured in one call, and waits for the receipts.
pub(super) async fn run(program: &Path, data: &Path, arguments: &Arguments) -> anyhow::Result<Paid> {
    let stack = Stack::start(program, data)?;
    let channel = |address| Channel::builder(Target::fixed([address])).policies(&proto::POLICIES).build();
    let users = create_users(UserServiceClient::new(channel(stack.address)?), arguments.users).await?;
    let mails = data.join("mails");
    until(&mails, arguments.users).await?;
    // Started anew, so that it counts the commits of the payments only.
    stack.stop()?;
    let stack = Stack::start(program, data)?;

    let (users, payments) = (Arc::new(users), PaymentServiceClient::new(channel(stack.payment)?));
    let start = Instant::now();
    let mut payers = JoinSet::new();
    for payer in 0..arguments.in_flight {
        let (users, payments) = (Arc::clone(&users), payments.clone());
        let (count, step) = (arguments.payments, arguments.in_flight);
        payers.spawn(async move {
            let mut times = Vec::new();
            for number in (payer..count).step_by(step) {
                let began = Instant::now();
                pay(payments.clone(), &users[number % users.len()], number).await?;
                times.push(began.elapsed().as_secs_f64());
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::with_capacity(arguments.payments);
    while let Some(payer) = payers.join_next().await {
        times.extend(payer??);
    }
    let answered = start.elapsed().as_secs_f64();
    until(&mails, arguments.users + arguments.payments).await?;
    let done = start.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let (p50, p99) = (at(0.5), at(0.99));
    let log = stack.stop()?;
    let told = |by: &str| {
        let line =
            log.lines().find(|line| line.contains(by)).with_context(|| format!("no {by} in the log"))?;
        let number =
            line.split_once("commits=").and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
        number.with_context(|| format!("no commits in {line}"))
    };
    let commits = Commits { services: told("store closed")?, provider: told("provider's books closed")? };
    Ok(Paid { answered, done, commits, p50, p99 })
}

async fn create_users(users: UserServiceClient<Channel>, count: usize) -> anyhow::Result<Vec<String>> {
    let mut creations = JoinSet::new();
    for number in 0..count {
        let mut users = users.clone();
        creations.spawn(async move {
            let email = format!("payer{number}@example.org");
            let request = CreateUserRequest { email, display_name: "Payer".to_owned(), ..Default::default() };
            let created = users.create_user(request).await?.into_inner();
            anyhow::Ok(created.user.context("no user")?.user_id)
        });
    }
    let mut ids = Vec::with_capacity(count);
    while let Some(created) = creations.join_next().await {
        ids.push(created??);
    }
    Ok(ids)
}

async fn pay(mut payments: PaymentServiceClient<Channel>, user: &str, number: usize) -> anyhow::Result<()> {
    let request = CreatePaymentRequest {
        user_id: user.to_owned(),
        amount: Some(Money { amount_minor: 4_200, currency: "EUR".to_owned() }),
        payment_method: "tok_ok".to_owned(),
        capture_immediately: true,
        request_id: format!("pay-{number}"),
    };
    let payment = payments.create_payment(request).await?.into_inner().payment.context("no payment")?;
    ensure!(payment.state() == State::Captured, "a payment is {:?}", payment.state());
    Ok(())
}

/// Waits until there are so many mails.
async fn until(mails: &Path, wanted: usize) -> anyhow::Result<()> {
    while count(mails.to_owned()).await? < wanted {
        // Seldom: while a folder is read, nobody can make a file in it.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    Ok(())
}

async fn count(mails: PathBuf) -> anyhow::Result<usize> {
    let counted = tokio::task::spawn_blocking(move || {
        let entries = std::fs::read_dir(mails)?.filter_map(Result::ok);
        std::io::Result::Ok(entries.filter(|entry| entry.path().extension().is_some()).count())
    });
    Ok(counted.await??)
}
