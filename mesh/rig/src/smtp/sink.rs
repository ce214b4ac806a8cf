//! The server.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use tokio::{net::TcpListener, task::JoinSet, time::sleep};
use tokio_rustls::{TlsAcceptor, rustls};

use super::{authority::Identity, conversation::Conversation, faults::Faults, mailbox::Mailbox};

/// Conversations at once; whoever comes then waits.
const SESSIONS_MAX: usize = 64;
/// The wait after a connection could not be accepted.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// How a server's conversations are secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Not at all.
    Plain,
    /// By TLS after `STARTTLS` (RFC 3207), and nothing is taken before.
    StartTls,
    /// By TLS from the first byte (RFC 8314).
    Tls,
}

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// No port, or no journal.
    #[error("the mail server has no port or no journal")]
    Io(#[from] io::Error),
    /// No certificate.
    #[error("the mail server's certificate cannot be made")]
    Certificate(#[from] rcgen::Error),
    /// A certificate that is of no use.
    #[error("the mail server's certificate cannot be used")]
    Tls(#[from] rustls::Error),
}

/// A running mail server on a free port of this machine, speaking as much of SMTP (RFC 5321) as its clients need. It
/// takes every mail that has a Message-ID, unless its [`Faults`] say otherwise. It is gone, with its conversations,
/// when it is dropped.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    authority_pem: String,
    faults: Faults,
    mailbox: Mailbox,
    _serving: JoinSet<()>,
}

impl Sink {
    /// Starts a server that keeps its mails in memory.
    ///
    /// # Errors
    /// [`SinkError`].
    ///
    /// # Panics
    /// Outside of a tokio runtime with time and IO.
    pub async fn start(security: Security) -> Result<Self, SinkError> {
        Self::serve(security, Mailbox::in_memory()).await
    }

    /// Starts a server that writes one line of JSON for each mail to a new file, its `message_id` and which
    /// `delivery` of it this is, and keeps only how often each one came.
    ///
    /// # Errors
    /// [`SinkError`].
    ///
    /// # Panics
    /// Outside of a tokio runtime with time and IO.
    pub async fn start_with_journal(security: Security, journal: &Path) -> Result<Self, SinkError> {
        Self::serve(security, Mailbox::journalled(journal).await?).await
    }

    async fn serve(security: Security, mailbox: Mailbox) -> Result<Self, SinkError> {
        let Identity { acceptor, authority_pem } = Identity::new()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let faults = Faults::none();
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, security, acceptor, faults.clone(), mailbox.clone()));
        Ok(Self { address, authority_pem, faults, mailbox, _serving: serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate, in PEM, of the authority that has signed the server's own: for `localhost` and `127.0.0.1`.
    #[must_use]
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// What goes wrong with it.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What has arrived.
    #[must_use]
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }
}

async fn serve(
    listener: TcpListener,
    security: Security,
    acceptor: TlsAcceptor,
    faults: Faults,
    mailbox: Mailbox,
) {
    let mut sessions = JoinSet::new();
    loop {
        while sessions.try_join_next().is_some() {}
        if sessions.len() >= SESSIONS_MAX {
            sessions.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                let talk = Conversation::new(security, acceptor.clone(), faults.clone(), mailbox.clone());
                // Clients leave in the middle of a word; what they did not end did not arrive.
                sessions.spawn(async move { drop(talk.hold(stream).await) });
            }
            Err(_) => sleep(ACCEPT_AGAIN).await,
        }
    }
}
