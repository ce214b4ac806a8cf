//! Payments through the API, with the provider, the consumers and the courier running, beside redb alone doing the
//! same writes.
//!
//! Both happen in one run on one machine, in turn, several times. "The same writes" is every row that a captured
//! payment causes, the provider's own books included, in tables of the same shape, with keys of the same kind and
//! values of the size that the stack wrote in the same round, in as many commits as the stack needed, both files at
//! once.

mod alone;
mod rows;
mod through;

use std::path::PathBuf;

use anyhow::Context as _;

use rows::Rows;

use crate::stack;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Payments in each round.
    #[arg(long, default_value_t = 20_000)]
    payments: usize,
    /// Users who pay.
    #[arg(long, default_value_t = 1_000)]
    users: usize,
    /// Payments at once.
    #[arg(long, default_value_t = 256)]
    in_flight: usize,
    /// How often both are run; the medians are what counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Where the data of all rounds is kept until the end; by default beside this program.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// Runs the comparison and prints each round and the medians.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let program = stack::program()?;
    println!(
        "round      paid   all done   redb alone   commits      p50      p99   paid/alone   all done/alone"
    );
    let mut ratios = Vec::new();
    let beside = program.parent().context("the stack lies in no folder")?;
    // One folder for all rounds, so that no round is slowed by the deletion of another's files.
    let folder = tempfile::tempdir_in(arguments.folder.as_deref().unwrap_or(beside));
    let folder = folder.context("cannot make a folder")?;
    for round in 0..=arguments.rounds {
        let data = folder.path().join(format!("stack{round}"));
        let paid = through::run(&program, &data, arguments).await?;
        let path = folder.path().join(format!("alone{round}"));
        let (count, users, commits) = (arguments.payments, arguments.users, paid.commits);
        let alone = move || alone::run(&path, count, users, &Rows::read(&data)?, commits);
        let alone = tokio::task::spawn_blocking(alone).await??;
        let rate = |seconds: f64| arguments.payments as f64 / seconds;
        let (answered, done, alone) = (rate(paid.answered), rate(paid.done), rate(alone));
        let name = if round == 0 { "warm".to_owned() } else { round.to_string() };
        println!(
            "{name:<5} {answered:>7.0}/s {done:>8.0}/s {alone:>10.0}/s {:>9} {:>6.1}ms {:>6.1}ms {:>12.2} {:>16.2}",
            format!("{}+{}", paid.commits.services, paid.commits.provider),
            paid.p50 * 1_000.0,
            paid.p99 * 1_000.0,
            answered / alone,
            done / alone
        );
        if round > 0 {
            ratios.push((answered / alone, done / alone));
        }
    }
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!(
        "median of {}: paid/alone {:.2}, all done/alone {:.2}",
        ratios.len(),
        median(ratios.iter().map(|ratio| ratio.0).collect()),
        median(ratios.iter().map(|ratio| ratio.1).collect())
    );
    Ok(())
}
