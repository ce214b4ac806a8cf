//! What has arrived.

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use tokio::{fs::File, io::AsyncWriteExt as _, sync::Mutex};

/// One mail, as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// Its `Message-ID`, with its angle brackets.
    pub message_id: String,
    /// Who sends it; empty for a bounce.
    pub sender: String,
    /// Who gets it.
    pub recipients: Vec<String>,
    /// Its headers and its body, every line ended by `\r\n`.
    pub content: String,
    /// Whether it came over TLS.
    pub is_secured: bool,
    /// Who had logged in.
    pub user: Option<String>,
    /// Whether the client was told, or was to be told, that it is kept.
    pub is_acknowledged: bool,
}

/// What has arrived at one server. Clones are of the same one.
#[derive(Clone, Debug)]
pub struct Mailbox(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// In memory, unless there is a journal: it grows with the mails.
    deliveries: Vec<Delivery>,
    counts: BTreeMap<String, u32>,
    refused: u64,
    journal: Option<File>,
}

impl Mailbox {
    pub(super) fn in_memory() -> Self {
        Self(Arc::default())
    }

    pub(super) async fn journalled(path: &Path) -> io::Result<Self> {
        let journal = Some(File::create(path).await?);
        Ok(Self(Arc::new(Mutex::new(Kept { journal, ..Kept::default() }))))
    }

    /// Every mail that was kept, in the order in which they arrived; none if there is a journal.
    pub async fn deliveries(&self) -> Vec<Delivery> {
        self.0.lock().await.deliveries.clone()
    }

    /// How often a mail was kept, by its Message-ID.
    pub async fn counts(&self) -> BTreeMap<String, u32> {
        self.0.lock().await.counts.clone()
    }

    /// How many mails came to their end and were not kept.
    pub async fn refused(&self) -> u64 {
        self.0.lock().await.refused
    }

    /// Keeps a mail: its line in the journal is written when this returns.
    pub(super) async fn keep(&self, delivery: Delivery) -> io::Result<()> {
        let mut kept = self.0.lock().await;
        let id = delivery.message_id.clone();
        let times = kept.counts.get(&id).map_or(1, |before| before + 1);
        if let Some(journal) = &mut kept.journal {
            let line = serde_json::json!({ "message_id": id, "delivery": times });
            journal.write_all(format!("{line}\n").as_bytes()).await?;
            journal.flush().await?;
        } else {
            kept.deliveries.push(delivery);
        }
        kept.counts.insert(id, times);
        Ok(())
    }

    pub(super) async fn refuse(&self) {
        self.0.lock().await.refused += 1;
    }
}
