//! The user service on a CQL cluster beside the driver alone, against the same nodes in one run.
//!
//! "The driver alone" runs the statements that the service runs, prepared, with the same consistency, as many at once,
//! and reads the answers: the distance between the two is what the service costs, its gRPC calls over the mesh
//! included. Both happen in turn, several times; the medians are what counts.

mod alone;
mod people;
mod through;

use std::time::Duration;

use anyhow::Context as _;
use load::{
    figures::{median, rate},
    servers::{Lent, with_servers},
};
use uuid::Uuid;

use self::people::Person;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How often everything is run.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Users created by each side in each round; each is read ten times.
    #[arg(long, default_value_t = 4_000)]
    users: u64,
    /// Calls under way at once.
    #[arg(long, default_value_t = 64)]
    at_once: usize,
}

/// How often each user is read: a read is so much shorter than a create that once would measure the scheduler.
const READS: usize = 10;

/// Both read the same users, in the same order, a pass each in turn: what the node compacts meanwhile, it compacts for both.
async fn read(
    service: &through::Service,
    alone: &alone::Alone<'_>,
    ids: &[Uuid],
    at_once: usize,
) -> anyhow::Result<Pair> {
    let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
    for pass in 0..READS {
        // Neither is always the one that comes second.
        if pass % 2 == 0 {
            ours += service.get(ids, at_once).await?;
            theirs += alone.get(ids, at_once).await?;
        } else {
            theirs += alone.get(ids, at_once).await?;
            ours += service.get(ids, at_once).await?;
        }
    }
    let reads = ids.len() * READS;
    Ok(Pair { service: rate(reads, ours), alone: rate(reads, theirs) })
}

/// Operations per second of both sides.
#[derive(Clone, Copy, Debug)]
struct Pair {
    service: f64,
    alone: f64,
}

impl Pair {
    fn ratio(self) -> f64 {
        self.service / self.alone
    }
}

/// Runs the comparison and prints each round and the medians.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    with_servers(async |lent| compare(arguments, lent).await).await
}

async fn compare(arguments: &Arguments, lent: &Lent) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot make a folder")?;
    let (session, keyspace) = (&lent.session, lent.keyspace("user"));
    let service = through::Service::start(&lent.nodes, &keyspace, folder.path()).await?;
    session.use_keyspace(&keyspace, false).await.context("the service made no keyspace")?;
    let alone = alone::Alone::prepare(session).await?;
    println!("round   CreateUser     driver   ratio      GetUser     driver   ratio");
    let (mut creates, mut gets) = (Vec::new(), Vec::new());
    for round in 0..=arguments.rounds {
        let people = |side: u64| people::some(u64::from(round) * 2 + side, arguments.users);
        let (ours, theirs) = (people(0), people(1));
        let (rate, ids) = service.create(&ours, arguments.at_once).await?;
        let create = Pair { service: rate, alone: alone.create(&theirs, arguments.at_once).await? };
        let get = read(&service, &alone, &ids, arguments.at_once).await?;
        let name = if round == 0 { "warm".to_owned() } else { round.to_string() };
        println!(
            "{name:<5} {:>10.0}/s {:>8.0}/s {:>7.2} {:>10.0}/s {:>8.0}/s {:>7.2}",
            create.service,
            create.alone,
            create.ratio(),
            get.service,
            get.alone,
            get.ratio()
        );
        if round > 0 {
            creates.push(create.ratio());
            gets.push(get.ratio());
        }
    }
    println!("median: CreateUser {:.2} of the driver, GetUser {:.2}", median(creates), median(gets));
    service.stop().await;
    Ok(())
}
