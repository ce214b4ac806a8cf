//! The platform in one process: from the first port to the last byte on disk.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use anyhow::Context as _;
use service_kit::{
    clock::Clock,
    lifecycle::Shutdown,
    process::{AdminAddress, Common, PidFile, Program, Telling, conclude, instance, until_stopped},
};

use crate::{banner, config::StackConfig, ports::Ports, running::Running, stores::Stores};

/// The program.
pub(crate) const PROGRAM: Program = Program {
    name: "stack",
    prefix: "STACK",
    admin: AdminAddress::At(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9464))),
};

/// Runs the platform until a signal, or until a part of it cannot go on; then everything begun is finished, in
/// the order in which work flows through it.
pub(crate) async fn run(common: Common, config: StackConfig) -> anyhow::Result<()> {
    let shutdown = Shutdown::listen().context("cannot listen for signals")?;
    let stop = shutdown.token();
    let ports = Ports::open(&config).await?;
    let stores = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        opened = Stores::open(&common.data, &config) => opened?,
    };
    let _pid = PidFile::write(&common.data, PROGRAM.name)?;
    let name = instance(&common.data, PROGRAM.name)?;
    let telling = Telling::start(&common.telemetry, PROGRAM.name, &name).await;
    let telling = match telling {
        Ok(telling) => telling,
        Err(error) => {
            stores.close().await;
            return Err(error.into());
        }
    };
    let started = tokio::select! {
        () = stop.cancelled() => Ok(None),
        started = Running::start(&stores, ports, &name, &common, &config) => started.map(Some),
    };
    let running = match started {
        Ok(Some(running)) => running,
        // Closed rather than left: the next start need not check the whole file.
        ended => {
            stores.close().await;
            return ended.map(drop);
        }
    };
    for (service, address) in &running.addresses {
        tracing::info!(service, %address, "listening");
    }
    banner::print(&running.addresses, telling.admin, &common.data, &config);

    let ended = until_stopped(&stop, &stores.files(), &running.broken).await;
    stop.cancel();
    let drained = running.drain(stores.file).await;
    // Last: what the others do in their end is told too.
    telling.end().await;
    Ok(conclude(ended, drained)?)
}

/// Brings the stores to the newest schema.
pub(crate) async fn migrate_only(common: Common, config: StackConfig) -> anyhow::Result<()> {
    let stores = Stores::open(&common.data, &config).await?;
    let migrated = migrate(&stores, &config).await;
    stores.close().await;
    migrated
}

async fn migrate(stores: &Stores, config: &StackConfig) -> anyhow::Result<()> {
    // It does nothing in its name.
    let (clock, name) = (Clock::system(), "migration");
    let commits = config.outbox.named(name);
    user::open::open(&stores.user, &clock, commits.clone()).await?;
    payment::open::open(&stores.payment, &clock, commits).await?;
    notification::open::open(&stores.notification, &clock, name).await?;
    Ok(())
}
