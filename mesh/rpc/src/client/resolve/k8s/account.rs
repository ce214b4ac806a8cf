//! How a pod reaches the API server, and who it is there.

use std::{
    env,
    io::{self, Read as _},
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

/// Where Kubernetes puts the service account of a pod.
const FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// No token, and no bundle of certificates, is longer.
const LONGEST: u64 = 1024 * 1024;

/// How a pod reaches the API server.
#[derive(Clone, Debug)]
pub(super) struct Account {
    /// `Err`: the process is not in a pod.
    pub(super) server: Result<(String, u16), &'static str>,
    /// Where token and certificates lie; `None`: plain HTTP, for a server of a test.
    pub(super) folder: Option<PathBuf>,
}

/// What is needed for one request. Token and certificates are exchanged from time to time, so they are read for each;
/// there are few.
pub(super) struct Credentials {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Option<(ServerName<'static>, Arc<ClientConfig>)>,
    pub(super) token: Option<String>,
}

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub(super) enum AccountError {
    #[error("{0} is not set: k8s:/// targets need a pod with a service account")]
    NoPod(&'static str),
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} has no certificate to trust: {cause}", path.display())]
    NoCertificate { path: PathBuf, cause: String },
    #[error("{0:?} is no name of a server")]
    Host(String),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] tokio_rustls::rustls::Error),
}

impl Account {
    /// That of the pod which this process runs in.
    pub(super) fn of_pod() -> Self {
        let host = env::var("KUBERNETES_SERVICE_HOST").ok().filter(|host| !host.is_empty());
        let port = env::var("KUBERNETES_SERVICE_PORT").ok().and_then(|port| port.parse().ok());
        let server = match (host, port) {
            (Some(host), Some(port)) => Ok((host, port)),
            (None, _) => Err("KUBERNETES_SERVICE_HOST"),
            (_, None) => Err("KUBERNETES_SERVICE_PORT"),
        };
        Self { server, folder: Some(PathBuf::from(FOLDER)) }
    }

    /// Reads files.
    ///
    /// # Errors
    /// [`AccountError`].
    pub(super) fn read(&self) -> Result<Credentials, AccountError> {
        let (host, port) = self.server.clone().map_err(AccountError::NoPod)?;
        let (tls, token) = match &self.folder {
            None => (None, None),
            Some(folder) => {
                let token = String::from_utf8_lossy(&read(&folder.join("token"))?).trim().to_owned();
                (Some((server_name(&host)?, trust(&folder.join("ca.crt"))?)), Some(token))
            }
        };
        Ok(Credentials { host, port, tls, token })
    }
}

fn server_name(host: &str) -> Result<ServerName<'static>, AccountError> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(ServerName::from(ip));
    }
    ServerName::try_from(host.to_owned()).map_err(|_| AccountError::Host(host.to_owned()))
}

/// Trusts the certificates of a file, and no other.
fn trust(path: &Path) -> Result<Arc<ClientConfig>, AccountError> {
    let pem = read(path)?;
    let no_certificate = |cause: String| AccountError::NoCertificate { path: path.to_owned(), cause };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| no_certificate(error.to_string()))?;
        roots.add(certificate)?;
    }
    if roots.is_empty() {
        return Err(no_certificate("it is empty".to_owned()));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn read(path: &Path) -> Result<Vec<u8>, AccountError> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(source) => Err(AccountError::Read { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_anew_each_time_and_only_the_named_certificates_are_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let account =
            Account { server: Ok(("10.0.0.1".to_owned(), 443)), folder: Some(folder.path().to_owned()) };
        assert!(account.read().err().unwrap().to_string().starts_with("cannot read "));
        std::fs::write(folder.path().join("token"), "first\n").unwrap();
        std::fs::write(folder.path().join("ca.crt"), "nothing").unwrap();
        assert!(account.read().err().unwrap().to_string().ends_with("no certificate to trust: it is empty"));
        let authority = rcgen::generate_simple_self_signed(["kubernetes".to_owned()]).unwrap();
        std::fs::write(folder.path().join("ca.crt"), authority.cert.pem()).unwrap();
        assert_eq!(account.read().unwrap().token.as_deref(), Some("first"));
        std::fs::write(folder.path().join("token"), "second\n").unwrap();
        assert_eq!(account.read().unwrap().token.as_deref(), Some("second"));
    }

    #[test]
    fn outside_of_a_pod_it_says_what_is_missing() {
        let account = Account { server: Err("KUBERNETES_SERVICE_HOST"), folder: None };
        let said = account.read().err().unwrap().to_string();
        assert_eq!(
            said,
            "KUBERNETES_SERVICE_HOST is not set: k8s:/// targets need a pod with a service account"
        );
    }
}
