//! What ran at one moment, to come back to it.

use tokio::task::spawn_blocking;

use super::{docker, error::ServersError, folders, place, process::Server};

/// The servers of ours that ran at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    servers: Vec<Server>,
    containers: Vec<String>,
}

impl Snapshot {
    /// Looks at what runs now.
    ///
    /// # Errors
    /// [`ServersError`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn take() -> Result<Self, ServersError> {
        place::offset()?;
        Ok(spawn_blocking(Self::now).await?)
    }

    /// Stops what was started since, and returns the names. What was stopped since is not started. Waits for another
    /// `up` or `down` to end.
    ///
    /// # Errors
    /// [`ServersError`], of the first server that could not be stopped; the others are stopped then.
    ///
    /// # Panics
    /// Outside of a tokio runtime with time.
    pub async fn restore(&self) -> Result<Vec<String>, ServersError> {
        let _lock = spawn_blocking(folders::lock).await??;
        self.stop_since().await
    }

    /// [`restore`](Self::restore) for whoever holds the lock.
    pub(super) async fn stop_since(&self) -> Result<Vec<String>, ServersError> {
        let now = spawn_blocking(Self::now).await?;
        let (mut names, mut outcome) = (Vec::new(), Ok(()));
        for server in now.servers.iter().filter(|server| !self.servers.contains(server)) {
            names.push(server.name());
            outcome = outcome.and(server.stop().await);
        }
        for container in now.containers.into_iter().filter(|name| !self.containers.contains(name)) {
            names.push(container.clone());
            outcome = outcome.and(spawn_blocking(move || docker::remove(&container)).await?);
        }
        outcome.map(|()| names)
    }

    fn now() -> Self {
        let containers = docker::started().into_iter().map(|(name, _)| name).collect();
        Self { servers: Server::all_running(), containers }
    }
}
