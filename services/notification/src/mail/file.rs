//! Mails as .eml files, for a laptop: any mail reader opens them.
//!
//! lettre writes a file under a random name; it is then moved to the name of its notification. A kill
//! between the two leaves a stray in the inner folder, which the next start clears, and the mail is written
//! again: there is never more than one file of a notification, and never half a one.
//!
//! That is so for kills of the process. What a file says is the disk's when the system finds time for it: a sync
//! of each mail would cost more than all else about it. After a power failure the last mails may be missing or
//! empty though they count as sent.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use lettre::{FileTransport, Transport as _};

use super::{Letterhead, Mail, Mailer, Pace};
use crate::domain::Verdict;

/// Writes mails into a folder.
#[derive(Clone, Debug)]
pub struct FileMailer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    partial: PathBuf,
    letterhead: Letterhead,
    /// One writer at a time: two would only wait for each other at the folder's own lock, and spin there.
    writing: Mutex<()>,
}

impl FileMailer {
    /// Writes into `folder`, which is made if it is missing. Blocks: call it before the runtime is busy.
    ///
    /// # Errors
    /// When the folder cannot be made or cleared of strays.
    pub fn open(folder: &Path, letterhead: Letterhead) -> io::Result<Self> {
        let partial = folder.join(".partial");
        match fs::remove_dir_all(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&partial)?,
        }
        Ok(Self(Arc::new(Inner {
            folder: folder.to_owned(),
            partial,
            letterhead,
            writing: Mutex::default(),
        })))
    }
}

#[async_trait]
impl Mailer for FileMailer {
    async fn send(&self, mails: Vec<Mail>) -> Vec<Verdict> {
        let (inner, count) = (Arc::clone(&self.0), mails.len());
        let written = tokio::task::spawn_blocking(move || {
            let _turn = inner.writing.lock().unwrap_or_else(PoisonError::into_inner);
            mails.iter().map(|mail| inner.write(mail)).collect()
        });
        // A panic says nothing of what was written before it: all are tried again.
        written.await.unwrap_or_else(|error| vec![Verdict::Transient(error.to_string()); count])
    }

    fn pace(&self) -> Pace {
        // A file that is written again is the same file, so a batch may be as large as a commit likes it.
        Pace { batch: 256, lanes: 3 }
    }
}

impl Inner {
    fn write(&self, mail: &Mail) -> Verdict {
        let message = match self.letterhead.write(mail) {
            Ok(message) => message,
            Err(error) => return Verdict::Permanent(error),
        };
        let name = match FileTransport::new(&self.partial).send(&message) {
            Ok(name) => name,
            Err(error) => return Verdict::Transient(format!("write: {error}")),
        };
        let moved = fs::rename(
            self.partial.join(format!("{name}.eml")),
            self.folder.join(format!("{}.eml", mail.id)),
        );
        moved.map_or_else(|error| Verdict::Transient(format!("move: {error}")), |()| Verdict::Sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{NotificationId, Recipient};

    #[tokio::test]
    async fn a_mail_that_is_sent_twice_is_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let letterhead = Letterhead::new("no-reply@example.org").unwrap();
        let mailer = FileMailer::open(folder.path(), letterhead.clone()).unwrap();
        let mail = Mail {
            id: NotificationId::derived(b"1"),
            recipient: Recipient::restore("ada@example.org".to_owned()),
            subject: "s".to_owned(),
            text: "t".to_owned(),
            html: None,
        };
        fs::write(folder.path().join(".partial/stray.eml"), "half a ma").unwrap();
        let mailer = {
            assert_eq!(mailer.send(vec![mail.clone()]).await, [Verdict::Sent]);
            FileMailer::open(folder.path(), letterhead).unwrap()
        };
        assert_eq!(mailer.send(vec![mail.clone()]).await, [Verdict::Sent]);
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert_eq!(fs::read_dir(folder.path().join(".partial")).unwrap().count(), 0);
        assert!(
            fs::read_to_string(folder.path().join(format!("{}.eml", mail.id)))
                .unwrap()
                .contains("ada@example.org")
        );
    }
}
