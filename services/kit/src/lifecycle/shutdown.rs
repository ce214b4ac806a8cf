//! The process's signals, as one token that everything else watches.

use std::{io, process};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// SIGTERM and SIGINT, turned into a [`CancellationToken`].
///
/// The first signal cancels the token. The second one ends the process at once with exit code 128 + signal number,
/// as a shell would report it, for whoever does not want to wait for the drain; the store survives that as it
/// survives kill -9. Keep the value until `main` ends: once it is dropped, signals are caught and ignored.
#[derive(Debug)]
pub struct Shutdown {
    token: CancellationToken,
    listener: JoinHandle<()>,
}

impl Shutdown {
    /// Starts to listen.
    ///
    /// # Errors
    /// When the system refuses a signal handler.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled.
    pub fn listen() -> io::Result<Self> {
        let token = CancellationToken::new();
        let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let listener = tokio::spawn(listen(signals, token.clone()));
        Ok(Self { token, listener })
    }

    /// The token that the first signal cancels. It may also be cancelled by the process itself, when it cannot go
    /// on; a signal then ends the process at once.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }
}

impl Drop for Shutdown {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn listen((mut terminate, mut interrupt): (Signal, Signal), token: CancellationToken) {
    loop {
        let (name, number) = tokio::select! {
            _ = terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
            _ = interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
        };
        if token.is_cancelled() {
            tracing::warn!(signal = name, "stopping at once");
            process::exit(128 + number);
        }
        tracing::info!(signal = name, "stopping; a second signal stops at once");
        token.cancel();
    }
}
