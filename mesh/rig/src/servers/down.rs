//! Stopping everything.

use std::fs;

use tokio::task::{JoinSet, spawn_blocking};

use super::{docker, error::ServersError, folders, process::Server};

/// Stops every server that was started here, with all of its processes, and returns their names. Data stays where it
/// is unless `wipe` is set.
///
/// Servers that were given by their address are left alone. Waits for another `up` or `down` to end.
///
/// # Errors
/// [`ServersError`], of the first server that could not be stopped; the others are stopped then.
///
/// # Panics
/// Outside of a tokio runtime with time.
pub async fn down(wipe: bool) -> Result<Vec<String>, ServersError> {
    let _lock = spawn_blocking(folders::lock).await??;
    let mut names = Vec::new();
    let mut stopping = JoinSet::new();
    for server in spawn_blocking(Server::all_running).await? {
        names.push(server.name());
        stopping.spawn(async move { server.stop().await });
    }
    let mut outcome = Ok(());
    while let Some(stopped) = stopping.join_next().await {
        outcome = outcome.and(stopped?);
    }
    let containers = move || {
        let remove = |(name, _): (String, _)| docker::remove(&name).map(|()| name);
        docker::started().into_iter().map(remove).collect::<Result<Vec<String>, ServersError>>()
    };
    names.extend(spawn_blocking(containers).await??);
    outcome?;
    if wipe {
        spawn_blocking(wipe_all).await??;
    }
    Ok(names)
}

/// Removes the folders of all servers; the lock, a file, stays.
fn wipe_all() -> Result<(), ServersError> {
    let home = folders::servers();
    for entry in fs::read_dir(&home).map_err(ServersError::file(&home))?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            fs::remove_dir_all(&path).map_err(ServersError::file(&path))?;
        }
    }
    Ok(())
}
