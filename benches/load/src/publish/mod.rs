//! Events through the outbox beside lapin alone: the same messages into the same queues of one broker, in one run.
//!
//! "Through the outbox" begins with events that are committed and durable in CQL, and ends when the last one has its
//! mark there: the relay hands them to the bus, the bus publishes in batches and awaits the broker's confirms, and the
//! outbox marks what was confirmed. Once as while a service runs, which hands each event to the relay right after its
//! commit; once as after a crash, when a sweep has to find and read all of them first. "lapin alone" publishes the very
//! messages that the bus had published, as many in a batch, and awaits the confirms of each batch.
//!
//! All of it happens in turn, several times, on queues that are empty and on a machine that is idle: Cassandra has
//! flushed and compacted what it was given before, which else takes a processor from one part or from the other. The
//! medians are what counts.

mod alone;
mod idle;
mod outbox;
mod queues;

use anyhow::Context as _;
use load::{
    figures::{median, rate},
    servers::{Lent, with_servers},
};

use self::{alone::Alone, outbox::Outboxes, queues::Queues};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How often everything is run.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Events in each part of a round; their places are remembered for 65,536 at most.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    events: u32,
}

/// Runs the comparison and prints each round and the medians.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    with_servers(async |lent| compare(arguments, lent).await).await
}

async fn compare(arguments: &Arguments, lent: &Lent) -> anyhow::Result<()> {
    let count = usize::try_from(arguments.events)?;
    let outboxes = Outboxes::open(lent).await?;
    let queues = Queues::connect(&lent.uri(lent.broker.amqp)).await?;
    let alone = Alone::connect(&lent.uri(lent.broker.amqp)).await?;
    println!("round    outbox      swept      lapin   outbox/lapin   swept/lapin");
    let (mut handed_over, mut swept) = (Vec::new(), Vec::new());
    for round in 0..=arguments.rounds {
        let relay = outboxes.relay_that_waits().await?;
        let events = outboxes.commit(&format!("{round}a"), count).await?;
        idle::machine().await?;
        let took = relay.hand_over(events).await?;
        let outbox = rate(count, took);
        // What the bus had published is what lapin publishes.
        let messages = queues.take(count).await.context("not every event is in its queue")?;
        queues.empty().await?;
        idle::machine().await?;
        let lapin = rate(count, alone.publish(&messages).await?);
        anyhow::ensure!(queues.empty().await? == 2 * count, "lapin's messages are not in both queues");
        outboxes.commit(&format!("{round}b"), count).await?;
        idle::machine().await?;
        let sweep = rate(count, outboxes.sweep(count).await?);
        anyhow::ensure!(queues.empty().await? >= 2 * count, "not every swept event is in both queues");

        let name = if round == 0 { "warm".to_owned() } else { round.to_string() };
        let ratios = (outbox / lapin, sweep / lapin);
        println!(
            "{name:<5} {outbox:>7.0}/s {sweep:>8.0}/s {lapin:>8.0}/s {:>14.2} {:>13.2}",
            ratios.0, ratios.1
        );
        if round > 0 {
            handed_over.push(ratios.0);
            swept.push(ratios.1);
        }
    }
    println!(
        "median of {}: outbox {:.2} of lapin, swept {:.2}",
        arguments.rounds,
        median(handed_over),
        median(swept)
    );
    outboxes.close().await;
    Ok(())
}
