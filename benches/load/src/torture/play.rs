//! Clients that ask exactly what a test tells them, several at once.

use std::{sync::Arc, time::Duration};

use mesh_rig::{
    history::{Answer, Call},
    smtp::Mailbox,
};

use super::{
    Report,
    client::{Client, Manner},
    journal::Journal,
    stage::{Setting, Stage},
};

/// No try of a call begins later than this after its first one.
const PATIENCE: Duration = Duration::from_secs(30);

/// Running programs, and a history of what a test asks of them. Dropping it is kill -9 of all of them.
pub struct Play {
    stage: Stage,
    manner: Manner,
    seed: u64,
}

/// A client of a [`Play`]. It asks one thing at a time.
#[derive(Debug)]
pub struct Caller {
    client: Client,
    journal: Arc<Journal>,
}

impl Play {
    /// Starts everything, for this many callers.
    ///
    /// # Errors
    /// When a program does not become ready, or the history cannot be begun.
    pub async fn open(setting: &Setting, callers: u32) -> anyhow::Result<Self> {
        let manner = Manner { retries: setting.retries, patience: PATIENCE };
        Ok(Self { stage: Stage::open(setting, callers, None).await?, manner, seed: setting.seed })
    }

    /// The caller of this number, from 0.
    #[must_use]
    pub fn caller(&self, number: u32) -> Caller {
        let client = Client::new(number, self.stage.api.clone(), self.manner, self.seed);
        Caller { client, journal: Arc::clone(&self.stage.journal) }
    }

    /// Where mails arrive.
    #[must_use]
    pub fn mailbox(&self) -> Mailbox {
        self.stage.mailbox().clone()
    }

    /// Does `work`; a stack that ends by itself meanwhile is brought back.
    ///
    /// # Errors
    /// When it does not come back.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> anyhow::Result<T> {
        self.stage.during(work).await
    }

    /// Waits until all is quiet, looks at everything, and judges.
    ///
    /// # Errors
    /// When somebody does not answer, or the history cannot be written.
    pub async fn close(self) -> anyhow::Result<Report> {
        self.stage.close().await
    }
}

impl Caller {
    /// Asks until the outcome is known, or once if nothing is to be tried again. `None`: it was refused, or is
    /// not known.
    pub async fn ask(&mut self, call: &Call) -> Option<Answer> {
        let unique = self.client.unique();
        self.client.perform(call, &unique, &self.journal).await
    }
}

impl std::fmt::Debug for Play {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Play").finish_non_exhaustive()
    }
}
