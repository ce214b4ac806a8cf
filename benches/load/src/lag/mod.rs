//! From the commit of a user to what consumers make of it: the profile in the user service, the welcome mail that the
//! notification service has taken on.
//!
//! Both services run here, on CQL and RabbitMQ or in one file, as their programs wire them: relay, consumers and courier
//! included. Users are created through gRPC at a fixed rate, whatever the answers take. Every step is noted where it happens, in the
//! stores and in the outbox, by one clock: nothing is asked for again and again.

mod ground;
mod journey;
mod services;
mod watched;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use load::{
    callers::{Call, call, none_failed},
    figures::{Times, rate},
    servers::with_servers,
};
use tokio::time::Instant;

use self::{
    ground::Ground,
    journey::{Journeys, Step},
    services::Services,
};

/// How long the last effects may take.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Users created in a second.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// For how many seconds it is measured.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// For how many seconds before that users are created, too.
    #[arg(long, default_value_t = 5)]
    warm_up: u32,
    /// Leaves out the courier: mails are taken on and not sent, which is no part of what is measured.
    #[arg(long)]
    without_courier: bool,
    /// On the embedded store and bus, as the stack on a laptop.
    #[arg(long)]
    embedded: bool,
}

/// Creates users and prints how long their effects took.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot make a folder")?;
    if arguments.embedded {
        return measure(arguments, Ground::file(folder.path())?, folder.path()).await;
    }
    with_servers(async |lent| measure(arguments, Ground::Servers(lent), folder.path()).await).await
}

async fn measure(arguments: &Arguments, ground: Ground<'_>, folder: &Path) -> anyhow::Result<()> {
    let journeys = Arc::new(Journeys::default());
    let services = Services::start(&ground, folder, &journeys, !arguments.without_courier).await?;
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    call(&services.user, arguments.rate, seconds(arguments.warm_up), "warm").await?;
    journeys.forget();
    let start = Instant::now();
    let calls = call(&services.user, arguments.rate, seconds(arguments.seconds), "user").await?;
    let took = start.elapsed();
    let finished = journeys.finished(PATIENCE).await;
    let done = calls.iter().filter(|call| call.failure.is_none()).count();
    println!("{done} of {} users in {:.1} s, {:.0}/s", calls.len(), took.as_secs_f64(), rate(done, took));
    print(&calls, &journeys);
    services.stop().await;
    ground.close().await?;
    finished?;
    // What was turned away has no lag, and the others had more room: their times are told, and no success.
    none_failed(&calls)
}

fn print(calls: &[Call], journeys: &Journeys) {
    println!("                                        p50       p90       p99       max");
    let line = |name: &str, times: &Times| {
        if times.count() == 0 {
            // In one file the bus takes events out of the outbox, and no mark is written.
            return;
        }
        let [p50, p90, p99, max] = [0.5, 0.9, 0.99, 1.0].map(|part| times.quantile(part));
        println!("{name:<35} {p50:>6.1}ms {p90:>7.1}ms {p99:>7.1}ms {max:>7.1}ms");
    };
    let answered = calls.iter().filter(|call| call.failure.is_none());
    line("CreateUser, called to answered", &answered.map(|call| call.took).collect());
    let between = |from, to| journeys.between(from, to);
    line("commit to profile", &between(Step::Committed, Step::Profiled));
    line("  until its consumer began", &between(Step::Committed, Step::ProfileBegun));
    line("  its effect", &between(Step::ProfileBegun, Step::Profiled));
    line("commit to welcome mail taken on", &between(Step::Committed, Step::Welcomed));
    line("  until its consumer began", &between(Step::Committed, Step::WelcomeBegun));
    line("  its effect", &between(Step::WelcomeBegun, Step::Welcomed));
    line("commit to mark begun", &between(Step::Committed, Step::Marking));
}
