//! A certificate that is made when a server starts, and who has signed it.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
        version::{TLS12, TLS13},
    },
};

use super::sink::SinkError;

/// Whom the certificate is for.
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// What a server shows, and whom its clients have to trust.
pub(super) struct Identity {
    pub(super) acceptor: TlsAcceptor,
    /// The certificate of the authority.
    pub(super) authority_pem: String,
}

impl Identity {
    pub(super) fn new() -> Result<Self, SinkError> {
        let (key, authority_key) = (KeyPair::generate()?, KeyPair::generate()?);
        let mut authority = CertificateParams::new([])?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let certificate = CertificateParams::new(NAMES.map(str::to_owned))?
            .signed_by(&key, &Issuer::new(authority, authority_key))?;
        // The provider is named: another crate may have chosen none for the process, or another one.
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority_pem })
    }
}
