//! Mails over SMTP.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor,
    transport::smtp::{self, PoolConfig, authentication::Credentials},
};
use thiserror::Error;

use super::{Letterhead, Mail, Mailer, Pace};
use crate::domain::Verdict;

/// Mails on their way at once, and so connections to the relay.
const CONNECTIONS: usize = 8;

/// The longest a step of the conversation may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// How the conversation is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after STARTTLS; refused if the relay does not offer it.
    StartTls,
    /// None, for a relay on the same machine.
    None,
}

/// Where mails go.
#[derive(Clone)]
pub struct SmtpConfig {
    /// The relay's name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the conversation is protected.
    pub security: Security,
    /// Name and password, if the relay asks for them.
    pub credentials: Option<(String, String)>,
}

impl std::fmt::Debug for SmtpConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

/// A relay that cannot be used.
#[derive(Debug, Error)]
#[error("cannot use the SMTP relay {host:?}")]
pub struct SmtpError {
    host: String,
    #[source]
    source: smtp::Error,
}

/// Sends mails through a relay.
#[derive(Clone, Debug)]
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    letterhead: Letterhead,
}

impl SmtpMailer {
    /// Sends through the relay of `config`, which is not yet spoken to.
    ///
    /// # Errors
    /// When its name cannot be a TLS server's.
    pub fn new(config: SmtpConfig, letterhead: Letterhead) -> Result<Self, SmtpError> {
        type Smtp = AsyncSmtpTransport<Tokio1Executor>;
        let builder = match config.security {
            Security::Tls => Smtp::relay(&config.host),
            Security::StartTls => Smtp::starttls_relay(&config.host),
            Security::None => Ok(Smtp::builder_dangerous(&config.host)),
        };
        let builder = builder.map_err(|source| SmtpError { host: config.host.clone(), source })?;
        let mut builder = builder
            .port(config.port)
            .timeout(Some(STEP_TIMEOUT))
            .pool_config(PoolConfig::new().max_size(u32::try_from(CONNECTIONS).unwrap_or(u32::MAX)));
        if let Some((name, password)) = config.credentials {
            builder = builder.credentials(Credentials::new(name, password));
        }
        Ok(Self { transport: builder.build(), letterhead })
    }

    async fn try_once(&self, mail: Mail) -> Verdict {
        let message = match self.letterhead.write(&mail) {
            Ok(message) => message,
            Err(error) => return Verdict::Permanent(error),
        };
        match self.transport.send(message).await {
            Ok(_) => Verdict::Sent,
            Err(error) if error.is_permanent() && !is_about_us(&error) => {
                Verdict::Permanent(error.to_string())
            }
            // Also a relay that went away after DATA: it may have the mail, and will see the same Message-ID.
            Err(error) => Verdict::Transient(error.to_string()),
        }
    }
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
        stream::iter(tries).buffered(CONNECTIONS).collect().await
    }

    fn pace(&self) -> Pace {
        // Few: what was sent and not yet written down is sent again after a kill.
        Pace { batch: CONNECTIONS, lanes: 1 }
    }
}
