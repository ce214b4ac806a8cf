//! Mails over SMTP.

mod config;
mod connection;
mod pool;
mod replies;

use std::fmt::Display;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use lettre::{Message, transport::smtp};
use tokio::time::timeout;

pub use config::{Security, SmtpConfig};
use connection::Relay;
pub use connection::SmtpError;
use pool::Pool;

use super::{Letterhead, Mail, Mailer, Pace};
use crate::domain::Verdict;

/// Sends mails through a relay.
#[derive(Clone, Debug)]
pub struct SmtpMailer {
    pool: Pool,
    config: SmtpConfig,
    letterhead: Letterhead,
}

impl SmtpMailer {
    /// Sends through the relay of `config`, which is not yet spoken to. Blocks while it reads the file with the
    /// relay's authority, if there is one: call it before the runtime is busy.
    ///
    /// # Errors
    /// [`SmtpError`].
    pub fn new(config: SmtpConfig, letterhead: Letterhead) -> Result<Self, SmtpError> {
        let pool = Pool::new(Relay::new(&config)?, config.connections);
        Ok(Self { pool, config, letterhead })
    }

    async fn try_once(&self, mail: Mail) -> Verdict {
        let message = match self.letterhead.write(&mail) {
            Ok(message) => message,
            Err(error) => return Verdict::Permanent(error),
        };
        // Not the library's own bound, which ends with connecting. A conversation that is given up is closed: the
        // answer that it still owes must not be taken for that to another mail.
        match timeout(self.config.timeout, self.hand_over(&message)).await {
            Ok(verdict) => verdict,
            Err(_) => Verdict::Transient(format!("no answer within {:?}", self.config.timeout)),
        }
    }

    async fn hand_over(&self, message: &Message) -> Verdict {
        // Whatever goes wrong before the first word about the mail says nothing about the mail.
        let mut connection = match self.pool.take().await {
            Ok(connection) => connection,
            Err(error) => return transient(error),
        };
        match connection.send(message.envelope(), &message.formatted()).await {
            Ok(_) => {
                self.pool.put_back(connection);
                Verdict::Sent
            }
            Err(error) if error.is_permanent() && !is_about_us(&error) => {
                Verdict::Permanent(error.to_string())
            }
            // Also a relay that went away after DATA: it may have the mail, and will see the same Message-ID.
            Err(error) => transient(error),
        }
    }
}

fn transient(error: impl Display) -> Verdict {
    Verdict::Transient(error.to_string())
}

/// Whether the relay refuses to speak with us rather than this mail: it wants another login (RFC 4954, section
/// 6) or takes no mail at all (RFC 7504). An operator mends that, and the mails should still be there then.
fn is_about_us(error: &smtp::Error) -> bool {
    error.status().is_some_and(|code| matches!(u16::from(code), 521 | 530 | 534 | 535 | 538))
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mails: Vec<Mail>) -> Vec<Verdict> {
        let tries = mails.into_iter().map(|mail| self.try_once(mail));
        stream::iter(tries).buffered(usize::from(self.config.connections)).collect().await
    }

    fn pace(&self) -> Pace {
        // Few: what was sent and not yet written down is sent again after a kill. And no more than there are
        // connections, so that a call ends within the time of one mail, well before the leases on its mails do.
        Pace { batch: usize::from(self.config.connections), lanes: 1 }
    }
}
