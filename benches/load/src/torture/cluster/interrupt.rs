//! Ctrl-C and its kin.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The wish that this ends. From the first one on these signals do not end this process by themselves.
#[derive(Debug)]
pub(super) struct Interrupt([Signal; 3]);

impl Interrupt {
    pub(super) fn expect() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen to signals");
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    /// Ends as soon as somebody asks for it.
    pub(super) async fn asked(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
