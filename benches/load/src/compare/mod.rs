//! An import through the API, with its consumers running, beside redb alone doing the same writes.
//!
//! Both happen in one run on one machine, in turn, several times. "The same writes" is every row that a created
//! user causes, in tables of the same shape, with keys in the same order and values of the same size, in as
//! many commits as the stack needed.

mod alone;
mod through;

use std::path::PathBuf;

use anyhow::Context as _;

use crate::stack;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The CSV file with the columns email, display_name and locale.
    file: PathBuf,
    /// How often both are run; the medians are what counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Where the data of all rounds is kept until the end; by default beside this program.
    ///
    /// Every created user is a new file, and a file system may be slow at that for its own reasons: ext4 without a
    /// journal passes over inodes that were deleted within five minutes, one by one.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// Runs the comparison and prints each round and the medians.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let program = stack::program()?;
    let rows = through::read(&arguments.file)?;
    println!("round   import   all done   redb alone   commits   import/alone   all done/alone");
    let mut ratios = Vec::new();
    let beside = program.parent().context("the stack lies in no folder")?;
    // One folder for all rounds, so that no round is slowed by the deletion of another's files.
    let folder = tempfile::tempdir_in(arguments.folder.as_deref().unwrap_or(beside));
    let folder = folder.context("cannot make a folder")?;
    for round in 0..=arguments.rounds {
        let import = through::run(&program, &folder.path().join(format!("stack{round}")), &rows).await?;
        let path = folder.path().join(format!("alone{round}.redb"));
        let (users, commits) = (import.created.clone(), import.commits);
        let alone = tokio::task::spawn_blocking(move || alone::run(&path, &users, commits)).await??;
        let rate = |seconds: f64| import.created.len() as f64 / seconds;
        let (called, done, alone) = (rate(import.called), rate(import.done), rate(alone));
        let name = if round == 0 { "warm".to_owned() } else { round.to_string() };
        println!(
            "{name:<5} {called:>7.0}/s {done:>8.0}/s {alone:>10.0}/s {commits:>9} {:>13.2} {:>16.2}",
            called / alone,
            done / alone
        );
        if round > 0 {
            ratios.push((called / alone, done / alone));
        }
    }
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!(
        "median of {}: import/alone {:.2}, all done/alone {:.2}",
        ratios.len(),
        median(ratios.iter().map(|ratio| ratio.0).collect()),
        median(ratios.iter().map(|ratio| ratio.1).collect())
    );
    Ok(())
}
