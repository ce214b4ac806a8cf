//! One life of a program, in a process of its own or in this one.

use std::{net::SocketAddr, path::Path};

use tokio::process::Command;

use super::{hosted::Hosted, process::Process};

/// Something that runs; dropping it is kill -9.
#[derive(Debug)]
pub(super) enum Life {
    Process(Process),
    Hosted(Hosted),
}

impl Life {
    /// As [`Process::start`].
    pub(super) async fn start(command: Command, log: &Path) -> anyhow::Result<Self> {
        Ok(Self::Process(Process::start(command, log).await?))
    }

    /// As [`Hosted::start`].
    pub(super) async fn host(address: SocketAddr, data: &Path, webhook: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self::Hosted(Hosted::start(address, data, webhook).await?))
    }

    /// Ends it at once, and waits until its ports and files are free again.
    pub(super) async fn kill(self) -> anyhow::Result<()> {
        match self {
            Self::Process(process) => process.kill().await,
            Self::Hosted(hosted) => hosted.kill().await,
        }
    }

    /// Stops it as on a good day.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        match self {
            Self::Process(process) => process.stop().await,
            Self::Hosted(hosted) => hosted.stop().await,
        }
    }

    /// Waits until it ends by itself; answers how, and the end of what it said.
    pub(super) async fn ended(&mut self) -> anyhow::Result<String> {
        match self {
            Self::Process(process) => {
                let status = process.ended().await?;
                Ok(format!("{status}: {}", process.tail()))
            }
            Self::Hosted(hosted) => Ok(hosted.ended().await),
        }
    }
}
