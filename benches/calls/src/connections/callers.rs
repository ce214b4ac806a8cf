//! Very many callers, each of which has a limit of its own.

use echo::UnaryRequest;
use tokio::task::JoinSet;
use tonic::{Request, metadata::AsciiMetadataValue};

use super::{
    clients::{Client, client},
    server::Server,
};

/// The metadata key by which the server tells callers apart.
const KEY: &str = "x-caller";
const LANES: u32 = 32;
/// How much more memory the server may have after nine tenths of the callers than after the first, in KiB.
const GROWTH: u64 = 2 * 1024;

pub(super) async fn run(callers: u32) -> anyhow::Result<()> {
    let server = Server::start(&["--caller-key", KEY]).await?;
    let client = client(server.at, 0, 1)?;
    ask(&client, 0..1_000).await?;
    let before = server.memory()?;
    ask(&client, 1_000..callers / 10).await?;
    let tenth = server.memory()?;
    ask(&client, callers / 10..callers).await?;
    let after = server.memory()?;
    println!("{callers} callers: {before} KiB before, {tenth} KiB after a tenth, {after} KiB after all");
    anyhow::ensure!(after <= tenth + GROWTH, "memory grows with callers");
    Ok(())
}

/// One call of each.
async fn ask(client: &Client, callers: std::ops::Range<u32>) -> anyhow::Result<()> {
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let (mut client, callers) =
            (client.clone(), callers.clone().skip(lane as usize).step_by(LANES as usize));
        lanes.spawn(async move {
            for caller in callers {
                let mut request = Request::new(UnaryRequest { text: "hello".to_owned() });
                // Spread over all numbers, as random ones are.
                let name = u64::from(caller).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                request.metadata_mut().insert(KEY, AsciiMetadataValue::from(name));
                client.unary(request).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(lane) = lanes.join_next().await {
        lane??;
    }
    Ok(())
}
