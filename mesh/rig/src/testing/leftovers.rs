//! What processes have left behind that are gone.

use super::{
    cql::{Cql, CqlError},
    names,
};
use crate::servers::{broker, contact_points};

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Keyspaces.
    pub keyspaces: usize,
    /// Virtual hosts.
    pub vhosts: usize,
}

/// Removes the keyspaces and virtual hosts of tests whose process is gone.
///
/// # Errors
/// The first that was met; the rest is tried.
pub async fn sweep() -> Result<Swept, Box<dyn std::error::Error + Send + Sync>> {
    let (keyspaces, vhosts) = tokio::join!(keyspaces(), vhosts());
    Ok(Swept { keyspaces: keyspaces?, vhosts: vhosts? })
}

async fn keyspaces() -> Result<usize, CqlError> {
    let cql = Cql::connect(&contact_points()?).await?;
    let mut swept = 0;
    for name in cql.keyspaces().await?.iter().filter(|name| names::is_left(name)) {
        cql.drop_keyspace(name).await?;
        swept += 1;
    }
    Ok(swept)
}

async fn vhosts() -> Result<usize, CqlError> {
    let management = broker()?.management();
    let mut swept = 0;
    for name in management.vhosts().await?.iter().filter(|name| names::is_left(name)) {
        management.delete_vhost(name).await?;
        swept += 1;
    }
    Ok(swept)
}
