//! How fast the stack is ready, and how much memory it needs when it has nothing to do.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use mesh_rpc::{Channel, Target};
use proto::user::v1::{ImportUsersRequest, ListUsersRequest, user_service_client::UserServiceClient};
use tokio::time::Instant;

use crate::stack::{self, Stack};

/// How long it is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Users on disk.
    #[arg(long, default_value_t = 20_000)]
    users: usize,
    /// Starts after a clean stop, and as many after kill -9.
    #[arg(long, default_value_t = 10)]
    rounds: usize,
}

/// Fills a stack, then starts it again and again.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let program = stack::program()?;
    let folder = tempfile::tempdir().context("cannot make a folder")?;
    let data: PathBuf = folder.path().join("data");
    fill(&Stack::start(&program, &data)?, arguments.users).await?;
    for (what, is_killed) in [("after a clean stop", false), ("after kill -9", true)] {
        let mut times = Vec::new();
        for _ in 0..arguments.rounds {
            let stack = ready(&program, &data).await?.1;
            if is_killed {
                stack.kill()?
            } else {
                drop(stack.stop()?)
            }
            let (time, stack) = ready(&program, &data).await?;
            times.push(time);
            stack.stop()?;
        }
        times.sort_by(f64::total_cmp);
        let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
        println!("ready {what}: median {median:.0} ms, at most {most:.0} ms, {} starts", times.len());
    }
    let (_, stack) = ready(&program, &data).await?;
    tokio::time::sleep(IDLE).await;
    println!("idle memory with {} users on disk: {:.1} MB resident", arguments.users, resident(stack.pid())?);
    stack.stop()?;
    Ok(())
}

/// Starts the stack; answers the milliseconds from there to the first answer that needed the store.
async fn ready(program: &std::path::Path, data: &std::path::Path) -> anyhow::Result<(f64, Stack)> {
    let start = Instant::now();
    let stack = Stack::start(program, data)?;
    let mut users = client(&stack)?;
    users.list_users(ListUsersRequest { page_size: 1, ..Default::default() }).await?;
    Ok((start.elapsed().as_secs_f64() * 1_000.0, stack))
}

async fn fill(stack: &Stack, users: usize) -> anyhow::Result<()> {
    let row = |n| ImportUsersRequest {
        email: format!("user{n}@example.org"),
        display_name: format!("User {n}"),
        ..Default::default()
    };
    client(stack)?.import_users(tokio_stream::iter((0..users).map(row))).await?;
    Ok(())
}

fn client(stack: &Stack) -> anyhow::Result<UserServiceClient<Channel>> {
    let channel = Channel::builder(Target::fixed([stack.address])).policies(&proto::POLICIES).build()?;
    Ok(UserServiceClient::new(channel))
}

/// Megabytes of memory that a process holds.
fn resident(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("needs Linux's /proc")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1_024.0)
}
