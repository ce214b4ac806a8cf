//! More connections than a server has places for.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tonic::Code;

use super::{
    clients::{Client, call, client},
    server::Server,
};

const PLACES: u32 = 100;
const SURPLUS: u32 = 50;
/// Who is turned away knows it within that.
const AT_ONCE: Duration = Duration::from_millis(500);
/// After a place is free, until a client that was turned away asks again: longer than its backoff.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn run() -> anyhow::Result<()> {
    let server = Server::start(&["--max-connections", &PLACES.to_string()]).await?;
    let clients = |group, count| {
        (0..count).map(|number| client(server.at, group, number)).collect::<anyhow::Result<Vec<_>>>()
    };
    let mut served = clients(1, PLACES)?;
    all(&mut served).await?;
    let mut surplus = clients(2, SURPLUS)?;
    let mut slowest = Duration::ZERO;
    for client in &mut surplus {
        let begun = Instant::now();
        match call(client).await {
            Ok(()) => anyhow::bail!("a connection beyond the limit was served"),
            Err(status) if status.code() == Code::Unavailable => slowest = slowest.max(begun.elapsed()),
            Err(status) => anyhow::bail!("a connection beyond the limit ended with {status}"),
        }
    }
    anyhow::ensure!(slowest <= AT_ONCE, "it took {slowest:.1?} to be turned away");
    all(&mut served).await?;
    served.truncate((PLACES - SURPLUS) as usize);
    sleep(PAUSE).await;
    all(&mut surplus).await?;
    all(&mut served).await?;
    println!(
        "{PLACES} places: {SURPLUS} more were turned away, UNAVAILABLE within {slowest:.1?}, the others served; and \
         served themselves once there were places"
    );
    Ok(())
}

async fn all(clients: &mut [Client]) -> anyhow::Result<()> {
    for client in clients {
        call(client).await?;
    }
    Ok(())
}
