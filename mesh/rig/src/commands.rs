//! The commands that run one other program, or call the library once.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};
use mesh_rig::servers::{self, Servers, Wanted};
use tokio::runtime::Runtime;

use mesh_rig::workspace;

use crate::tools;

pub(crate) fn proto_lint() -> anyhow::Result<ExitCode> {
    let buf = tools::BUF.find_or_install()?;
    workspace::run(Command::new(buf).args(["lint", "proto"]).current_dir(workspace::root()))
}

pub(crate) fn deny() -> anyhow::Result<ExitCode> {
    let deny = tools::CARGO_DENY.find_or_install()?;
    let checks = ["--all-features", "check", "bans", "licenses", "sources"];
    workspace::run(Command::new(deny).args(checks).current_dir(workspace::root()))
}

pub(crate) fn up(wanted: Wanted) -> anyhow::Result<ExitCode> {
    let starting = async {
        tokio::select! {
            servers = servers::up(wanted) => servers.map(Some),
            _interrupted = tokio::signal::ctrl_c() => Ok(None),
        }
    };
    let first = runtime()?;
    let started = first.block_on(starting)?;
    // Waits for what is under way: nothing starts any more after this.
    drop(first);
    let Some(Servers { cql, amqp, management, .. }) = started else {
        let stopped = runtime()?.block_on(servers::down(false))?;
        bail!("interrupted; stopped: {}", stopped.join(", "));
    };
    for node in cql {
        println!("cql {node}");
    }
    if let Some(broker) = amqp {
        println!("amqp {broker}");
    }
    if let Some(management) = management {
        println!("management http://{management}");
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn down(wipe: bool) -> anyhow::Result<ExitCode> {
    for name in runtime()?.block_on(servers::down(wipe))? {
        println!("stopped {name}");
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn status() -> anyhow::Result<ExitCode> {
    let running = runtime()?.block_on(servers::running())?;
    if running.is_empty() {
        println!("no server runs");
    }
    for server in running {
        println!("{server}");
    }
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> anyhow::Result<Runtime> {
    Runtime::new().context("cannot start the runtime")
}
