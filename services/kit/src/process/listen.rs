//! Ports, open before anything has begun: one that is taken should be heard of first.

use std::{io, net::SocketAddr};

use thiserror::Error;
use tokio::net::TcpListener;

/// The address cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {address}; set {key} to another address, or stop what listens there")]
pub struct ListenError {
    key: &'static str,
    address: SocketAddr,
    source: io::Error,
}

/// Listens on the address that the setting `key` names.
///
/// # Errors
/// [`ListenError`].
pub async fn listen(key: &'static str, address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError { key, address, source })
}
