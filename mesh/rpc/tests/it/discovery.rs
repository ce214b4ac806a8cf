//! Where a channel finds whom it calls, on the real system: a file, a socket in the file system, a name.

use std::{fs, time::Duration};

use echo::{UnaryRequest, echo_service_server::EchoServiceServer};
use mesh_rpc::{Channel, Listener, Server};
use tokio::{
    net::{TcpListener, UnixListener},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::support::{Echo, EchoClient, reason, spawn};

fn serve(name: &str, listener: impl Listener) -> (CancellationToken, JoinHandle<mesh_rpc::Drained>) {
    spawn(Server::builder().service(EchoServiceServer::new(Echo::named(name))).build().unwrap(), listener)
}

fn client(target: &str) -> EchoClient {
    EchoClient::new(Channel::builder(target.parse().unwrap()).build().unwrap())
}

async fn name(client: &mut EchoClient) -> Result<String, Status> {
    let answer = client.unary(UnaryRequest { text: "name".to_owned() }).await?;
    Ok(answer.into_inner().text)
}

/// Longer than any of this takes on a machine that does other things, too.
const PATIENCE: Duration = Duration::from_secs(30);

/// Calls until `expected` answers.
async fn until(client: &mut EchoClient, expected: &str) {
    let mut last = None;
    let answered = async {
        loop {
            let answer = name(client).await;
            if answer.as_ref().is_ok_and(|name| name == expected) {
                return;
            }
            last = Some(answer);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, answered).await;
    assert!(waited.is_ok(), "{expected} has not answered within {PATIENCE:?}; the last answer was {last:?}");
}

#[tokio::test]
async fn a_socket_in_the_file_system_is_called_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.sock");
    let target = format!("unix://{}", path.display());
    let mut client = client(&target);
    let status = name(&mut client).await.unwrap_err();
    assert_eq!(reason(&status), "CONNECT_FAILED");
    assert!(status.message().starts_with(&format!("cannot connect to {target}: ")), "{status}");
    let _server = serve("local", UnixListener::bind(&path).unwrap());
    until(&mut client, "local").await;
}

#[tokio::test]
async fn a_file_is_followed_and_nonsense_in_it_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo");
    let mut client = client(&format!("file://{}", path.display()));
    let status = name(&mut client).await.unwrap_err();
    assert_eq!(reason(&status), "NO_ENDPOINT");
    assert!(status.message().contains(&format!("cannot read {}", path.display())), "{status}");

    let (one, other) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let lines =
        [format!("{}\n", one.local_addr().unwrap()), format!("# moved\n{}\n", other.local_addr().unwrap())];
    let _servers = [serve("one", one), serve("other", other)];
    fs::write(&path, &lines[0]).unwrap();
    until(&mut client, "one").await;
    fs::write(&path, "nonsense\n").unwrap();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(name(&mut client).await.unwrap(), "one");
    fs::write(&path, &lines[1]).unwrap();
    until(&mut client, "other").await;
}

#[tokio::test]
async fn localhost_is_found_whichever_family_its_server_listens_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let _server = serve("here", listener);
    assert_eq!(name(&mut client(&format!("dns:///localhost:{port}"))).await.unwrap(), "here");
}
