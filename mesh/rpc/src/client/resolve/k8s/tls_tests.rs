//! Over TLS, with the files of a pod's service account.

use std::{path::Path, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::json;
use tempfile::TempDir;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use super::doubles::{Followed, follow_with, with};

/// An authority, as each cluster has one.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A server with a certificate for `name`.
    fn server(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Exchanges a file as a kubelet does: whoever reads it finds the old or the new one.
fn put(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join("new"), text).unwrap();
    std::fs::rename(folder.join("new"), folder.join(name)).unwrap();
}

fn account(authority: &Authority) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "ca.crt", &authority.pem);
    put(folder.path(), "token", "first\n");
    folder
}

async fn follow(tls: TlsAcceptor, folder: &TempDir) -> Followed {
    follow_with(Some(tls), Some(folder.path().to_owned())).await
}

/// Why the service has no endpoint, once that is known.
async fn cause(user: &Followed) -> String {
    user.wait(|| user.cause().is_some()).await;
    user.cause().unwrap()
}

#[tokio::test]
async fn lists_and_watches_with_the_token_of_the_moment() {
    let authority = Authority::new("ours");
    let folder = account(&authority);
    let user = follow(authority.server("127.0.0.1"), &folder).await;
    let list = user.server.next().await;
    assert_eq!(list.authorization.as_deref(), Some("Bearer first"));
    list.list(json!({ "resourceVersion": "7" }), &[with("a", "5", &[1])]).await;
    user.has(&[1]).await;
    let mut watch = user.server.watches("7").await;
    assert_eq!(watch.authorization.as_deref(), Some("Bearer first"));
    watch.event("MODIFIED", with("a", "8", &[1, 2])).await;
    user.has(&[1, 2]).await;
    watch.event("BOOKMARK", json!({ "metadata": { "resourceVersion": "20" } })).await;
    put(folder.path(), "token", "second\n");
    watch.end().await;
    let watch = user.server.watches("20").await;
    assert_eq!(watch.authorization.as_deref(), Some("Bearer second"));
    // Cut without a word of TLS.
    drop(watch);
    let mut watch = user.server.watches("20").await;
    watch.event("ERROR", json!({ "kind": "Status", "code": 410, "reason": "Expired" })).await;
    user.server.lists("50", &[with("a", "40", &[3])]).await;
    user.has(&[3]).await;
}

#[tokio::test]
async fn a_token_that_has_expired_is_refused_and_the_next_one_is_not() {
    let authority = Authority::new("ours");
    let folder = account(&authority);
    let user = follow(authority.server("127.0.0.1"), &folder).await;
    let refused = user.server.next().await;
    refused.answer(401, &json!({ "kind": "Status", "message": "Unauthorized" })).await;
    let expected =
        "no endpoint for k8s:///shop/user:grpc: the API server answers 401 Unauthorized: Unauthorized";
    assert_eq!(cause(&user).await, expected);
    put(folder.path(), "token", "second");
    // What was asked before that is refused as well.
    loop {
        let asked = user.server.next().await;
        if asked.authorization.as_deref() == Some("Bearer second") {
            asked.list(json!({ "resourceVersion": "1" }), &[with("a", "1", &[1])]).await;
            break;
        }
        asked.answer(401, &json!({ "kind": "Status", "message": "Unauthorized" })).await;
    }
    user.has(&[1]).await;
}

#[tokio::test]
async fn a_server_of_another_cluster_gets_no_token_until_its_authority_is_trusted() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let folder = account(&ours);
    let user = follow(other.server("127.0.0.1"), &folder).await;
    let server = tokio::select! {
        _ = user.server.next() => panic!("a server that nobody trusts was asked"),
        cause = cause(&user) => cause,
    };
    let refused = "cannot connect to the API server: invalid peer certificate: UnknownIssuer";
    assert!(server.ends_with(refused), "{server}");
    put(folder.path(), "ca.crt", &format!("{}{}", ours.pem, other.pem));
    user.server.lists("1", &[with("a", "1", &[1])]).await;
    user.has(&[1]).await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new("ours");
    let folder = account(&authority);
    let user = follow(authority.server("10.0.0.1"), &folder).await;
    let cause = tokio::select! {
        _ = user.server.next() => panic!("a server of another name was asked"),
        cause = cause(&user) => cause,
    };
    assert!(cause.contains("invalid peer certificate: certificate not valid for name"), "{cause}");
}

#[tokio::test]
async fn without_its_files_it_says_which_one_is_missing() {
    let authority = Authority::new("ours");
    let folder = account(&authority);
    std::fs::remove_file(folder.path().join("token")).unwrap();
    let user = follow(authority.server("127.0.0.1"), &folder).await;
    let expected = format!("cannot read {}", folder.path().join("token").display());
    let cause = cause(&user).await;
    assert!(cause.contains(&expected), "{cause}");
    put(folder.path(), "token", "first");
    user.server.lists("1", &[with("a", "1", &[1])]).await;
    user.has(&[1]).await;
}
