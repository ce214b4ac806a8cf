//! The ways a mail leaves: a folder of .eml files on a laptop, SMTP when configured.

mod file;
mod message;
mod smtp;

use async_trait::async_trait;
pub use file::FileMailer;
pub use message::{Letterhead, LetterheadError};
pub use smtp::{Security, SmtpConfig, SmtpError, SmtpMailer};

use crate::domain::{NotificationId, Recipient, Verdict};

/// A mail, ready to be sent.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The notification it carries.
    pub id: NotificationId,
    /// To whom.
    pub recipient: Recipient,
    /// One line.
    pub subject: String,
    /// For readers that show text.
    pub text: String,
    /// For readers that show HTML.
    pub html: Option<String>,
}

/// How a mailer likes its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Mails in one call. What they came to is written down together, so this is also how many are sent again
    /// when the process dies in between.
    pub batch: usize,
    /// Calls at once: while some batches wait to be written down, another one is sent.
    pub lanes: usize,
}

/// Hands mails over.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Tries each mail once and says what came of it, in order.
    ///
    /// `Sent` means handed over. Anything that may have been handed over, but was not confirmed, is
    /// `Transient`: it is sent again under the same Message-ID.
    async fn send(&self, mails: Vec<Mail>) -> Vec<Verdict>;

    /// How many mails to give it at once.
    fn pace(&self) -> Pace;
}
