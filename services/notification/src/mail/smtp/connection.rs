//! Connections to the relay.

use std::{fmt, fs, io, path::PathBuf, sync::Arc};

use lettre::transport::smtp::{
    self,
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
    extension::ClientId,
};
use thiserror::Error;
use tokio::net::TcpStream;

use super::{Security, SmtpConfig, replies::Replies};

/// What a PEM file with a certificate has in it.
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// A relay that cannot be used.
#[derive(Debug, Error)]
pub enum SmtpError {
    /// The file with its authority cannot be read.
    #[error("cannot read the authority of the SMTP relay, {path:?}")]
    Authority {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// There is no certificate in that file.
    #[error("{0:?} holds no certificate in PEM")]
    NoCertificate(PathBuf),
    /// What is to be believed cannot be.
    #[error("cannot use TLS with the SMTP relay {host:?}")]
    Tls {
        /// The relay.
        host: String,
        /// Why not.
        #[source]
        source: smtp::Error,
    },
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub(super) enum ConnectError {
    /// Nobody answers.
    #[error("cannot connect to the relay: {0}")]
    Tcp(#[source] io::Error),
    /// The relay, or TLS, refuses us.
    #[error("{0}")]
    Smtp(#[from] smtp::Error),
}

/// A relay, and how to speak with it.
#[derive(Clone)]
pub(super) struct Relay(Arc<Inner>);

struct Inner {
    host: String,
    port: u16,
    tls: Tls,
    credentials: Option<Credentials>,
    hello: ClientId,
}

enum Tls {
    None,
    Start(TlsParameters),
    Implicit(TlsParameters),
}

impl Relay {
    pub(super) fn new(config: &SmtpConfig) -> Result<Self, SmtpError> {
        let tls = match config.tls {
            Security::None => Tls::None,
            Security::StartTls => Tls::Start(parameters(config)?),
            Security::Implicit => Tls::Implicit(parameters(config)?),
        };
        let credentials = config.credentials.as_ref();
        let credentials =
            credentials.map(|(name, password)| Credentials::new(name.clone(), password.expose().to_owned()));
        let (host, port, hello) = (config.host.clone(), config.port, ClientId::default());
        Ok(Self(Arc::new(Inner { host, port, tls, credentials, hello })))
    }

    /// A new connection, protected and logged in as the settings ask for, or none. Takes as long as the relay likes.
    pub(super) async fn connect(&self) -> Result<AsyncSmtpConnection, ConnectError> {
        let Inner { host, port, tls, credentials, hello } = &*self.0;
        let address = (host.as_str(), *port);
        let mut connection = match tls {
            Tls::Implicit(parameters) => {
                AsyncSmtpConnection::connect_tokio1(address, None, hello, Some(parameters.clone()), None)
                    .await?
            }
            Tls::None | Tls::Start(_) => {
                let stream = TcpStream::connect(address).await.map_err(ConnectError::Tcp)?;
                let stream = Box::new(Replies::new(stream));
                AsyncSmtpConnection::connect_with_transport(stream, hello).await?
            }
        };
        if let Tls::Start(parameters) = tls {
            connection.starttls(parameters.clone(), hello).await?;
        }
        if let Some(credentials) = credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

fn parameters(config: &SmtpConfig) -> Result<TlsParameters, SmtpError> {
    let host = config.host.clone();
    let mut builder = TlsParameters::builder(host.clone());
    if let Some(path) = &config.ca_file {
        let pem = fs::read(path).map_err(|source| SmtpError::Authority { path: path.clone(), source })?;
        // A file without any would be taken for one that trusts nobody, which the first mail would tell.
        if !pem.windows(CERTIFICATE.len()).any(|window| window == CERTIFICATE) {
            return Err(SmtpError::NoCertificate(path.clone()));
        }
        let authority =
            Certificate::from_pem(&pem).map_err(|source| SmtpError::Tls { host: host.clone(), source })?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(authority);
    }
    builder.build().map_err(|source| SmtpError::Tls { host, source })
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { host, port, .. } = &*self.0;
        f.debug_struct("Relay").field("host", host).field("port", port).finish_non_exhaustive()
    }
}
