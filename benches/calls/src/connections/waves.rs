//! Very many connections, again and again.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    Arguments,
    clients::{Client, call, client},
    server::{Server, memory},
};

/// Connections that are opened at once.
const OPENING: usize = 64;
/// How much of its memory the allocator keeps back for itself differs from wave to wave.
const TOLERANCE: f64 = 1.03;
/// The most that a connection may take in the server, in KiB.
const PER_CONNECTION: f64 = 64.0;
/// After connections have been opened or closed, until memory is looked at.
const SETTLE: Duration = Duration::from_millis(500);

/// The server's memory in one wave, in KiB.
#[derive(Clone, Copy, Debug)]
struct Wave {
    with: u64,
    after: u64,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { connections, calls, .. } = *arguments;
    let server = Server::start(&[]).await?;
    drop(open(server.at, 0, 1, 1).await?);
    sleep(SETTLE).await;
    let (before, files) = (server.memory()?, server.files()?);
    println!("{before} KiB before");
    let mut waves = Vec::new();
    for number in 1..=arguments.waves {
        let begun = Instant::now();
        let clients = open(server.at, number, connections, calls).await?;
        let took = begun.elapsed();
        sleep(SETTLE).await;
        let (with, sockets) = (server.memory()?, server.files()?);
        anyhow::ensure!(sockets >= connections as usize, "only {sockets} files are open");
        let here = memory("self")?;
        drop(clients);
        server.until_closed(files).await?;
        sleep(SETTLE).await;
        let after = server.memory()?;
        let each = with.saturating_sub(before) as f64 / f64::from(connections);
        println!(
            "wave {number:>2}: {connections} connections and {calls} calls on each within {took:.1?}; {with} KiB \
             with them, {each:.1} for each; {after} KiB after them; {here} KiB of the client"
        );
        waves.push(Wave { with, after });
    }
    judge(before, connections, &waves)
}

/// Opens connections, each by its calls.
async fn open(server: SocketAddr, group: u8, connections: u32, calls: u32) -> anyhow::Result<Vec<Client>> {
    let (mut opening, mut clients) = (JoinSet::new(), Vec::new());
    for number in 0..connections {
        if opening.len() == OPENING {
            clients.push(opening.join_next().await.context("nothing is being opened")???);
        }
        let mut client = client(server, group, number)?;
        opening.spawn(async move {
            for _ in 0..calls {
                call(&mut client).await?;
            }
            anyhow::Ok(client)
        });
    }
    while let Some(client) = opening.join_next().await {
        clients.push(client??);
    }
    Ok(clients)
}

/// The allocator keeps much of what is freed, and gives back some of it, at times of its own: in the first half of the
/// waves it takes what it needs, and the second half needs no more at its worst.
fn judge(before: u64, connections: u32, waves: &[Wave]) -> anyhow::Result<()> {
    let (first, second) = waves.split_at(waves.len() / 2);
    let grows = |of: fn(&Wave) -> u64| {
        let most = |waves: &[Wave]| waves.iter().map(of).max().unwrap_or_default();
        most(second) as f64 / most(first) as f64
    };
    let (with, after) = (grows(|wave| wave.with), grows(|wave| wave.after));
    let each = waves.iter().map(|wave| wave.with.saturating_sub(before)).max().unwrap_or_default() as f64;
    let each = each / f64::from(connections);
    println!(
        "the second half of the waves over the first: {with:.3} with connections, {after:.3} after them"
    );
    anyhow::ensure!(with <= TOLERANCE && after <= TOLERANCE, "the server's memory grows from wave to wave");
    anyhow::ensure!(each <= PER_CONNECTION, "a connection takes {each:.1} KiB");
    Ok(())
}
