//! Ctrl-C and its kin: they end the run, not this command, which has something to put away first.

use anyhow::Context as _;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Whether somebody wants this to end.
#[derive(Debug)]
pub(crate) struct Interrupt {
    asked: watch::Receiver<bool>,
    /// Listens.
    _runtime: Runtime,
}

impl Interrupt {
    /// From now on SIGINT, SIGTERM and SIGHUP do not end this process.
    pub(crate) fn expect() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.context("cannot start the runtime")?;
        let (ask, asked) = watch::channel(false);
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            let _context = runtime.enter();
            let mut signals = signal(kind).context("cannot listen to signals")?;
            let ask = ask.clone();
            runtime.spawn(async move {
                while signals.recv().await.is_some() {
                    ask.send_replace(true);
                }
            });
        }
        Ok(Self { asked, _runtime: runtime })
    }

    /// Ends as soon as somebody has asked.
    pub(crate) async fn asked(&self) {
        // Whoever asks is ours, and is there for as long as this.
        let _ = self.asked.clone().wait_for(|asked| *asked).await;
    }
}
