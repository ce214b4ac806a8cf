//! The loader against a real server of the mesh on port 0. The service behind it only counts: what it would do with
//! a row is tested where it is written.

use std::{
    collections::VecDeque,
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use mesh_rpc::{Server, Target};
use proto::user::v1::{
    self as v1, ImportProblem, ImportUsersRequest, ImportUsersResponse,
    user_service_server::{UserService, UserServiceServer},
};
use tokio::{
    io::{self, AsyncReadExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use super::run::{Arguments, import};

/// Fails as often as it is told, then answers; keeps the rows of every call.
#[derive(Clone, Default)]
struct Counting {
    failures: Arc<Mutex<VecDeque<Status>>>,
    calls: Arc<Mutex<Vec<Vec<ImportUsersRequest>>>>,
}

#[tonic::async_trait]
impl UserService for Counting {
    async fn import_users(
        &self,
        request: Request<Streaming<ImportUsersRequest>>,
    ) -> Result<Response<ImportUsersResponse>, Status> {
        let mut rows = Vec::new();
        let mut stream = request.into_inner();
        let failure = self.failures.lock().unwrap().pop_front();
        while let Some(row) = stream.message().await? {
            rows.push(row);
            if failure.is_some() {
                break;
            }
        }
        let invalid = rows.iter().enumerate().filter(|(_, row)| row.email.is_empty());
        let problem =
            |at| ImportProblem { row: at, reason: "EMAIL_INVALID".into(), description: "a\u{1b}b".into() };
        let problems: Vec<_> = invalid.map(|(at, _)| problem(at as i64 + 1)).collect();
        let (all, invalid_count) = (rows.len() as i64, problems.len() as i64);
        self.calls.lock().unwrap().push(rows);
        match failure {
            Some(status) => Err(status),
            None => Ok(Response::new(ImportUsersResponse {
                created_count: all - invalid_count,
                invalid_count,
                problems,
                ..Default::default()
            })),
        }
    }

    async fn create_user(
        &self,
        _: Request<v1::CreateUserRequest>,
    ) -> Result<Response<v1::CreateUserResponse>, Status> {
        Err(Status::unimplemented("an import calls nothing else"))
    }

    async fn get_user(
        &self,
        _: Request<v1::GetUserRequest>,
    ) -> Result<Response<v1::GetUserResponse>, Status> {
        Err(Status::unimplemented("an import calls nothing else"))
    }

    async fn batch_get_users(
        &self,
        _: Request<v1::BatchGetUsersRequest>,
    ) -> Result<Response<v1::BatchGetUsersResponse>, Status> {
        Err(Status::unimplemented("an import calls nothing else"))
    }

    async fn list_users(
        &self,
        _: Request<v1::ListUsersRequest>,
    ) -> Result<Response<v1::ListUsersResponse>, Status> {
        Err(Status::unimplemented("an import calls nothing else"))
    }

    async fn update_user(
        &self,
        _: Request<v1::UpdateUserRequest>,
    ) -> Result<Response<v1::UpdateUserResponse>, Status> {
        Err(Status::unimplemented("an import calls nothing else"))
    }

    async fn delete_user(
        &self,
        _: Request<v1::DeleteUserRequest>,
    ) -> Result<Response<v1::DeleteUserResponse>, Status> {
        Err(Status::unimplemented("an import calls nothing else"))
    }
}

struct Scene {
    address: SocketAddr,
    service: Counting,
    arguments: Arguments,
    _folder: tempfile::TempDir,
}

async fn scene(file: &[u8], failures: impl IntoIterator<Item = Status>) -> Scene {
    let service = Counting::default();
    service.failures.lock().unwrap().extend(failures);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().service(UserServiceServer::new(service.clone())).build().unwrap();
    tokio::spawn(server.serve(listener, CancellationToken::new()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.csv");
    fs::write(&path, file).unwrap();
    let arguments = Arguments { file: path, target: Target::fixed([address]), import_id: None, retries: 2 };
    Scene { address, service, arguments, _folder: folder }
}

const FILE: &[u8] = b"email,display_name,locale\na@b.c,A,en\n\xff@b.c,B,en\nonly@one.field\n,,\n\"q,\"\"q\",\x00\x07,\xc3\xa9\n";

#[tokio::test]
async fn dirty_rows_are_sent_as_they_are_and_unreadable_ones_are_counted() {
    let scene = scene(FILE, []).await;
    let summary = import(&scene.arguments).await.unwrap();
    let calls = scene.service.calls.lock().unwrap();
    let sent: Vec<_> = calls[0].iter().map(|row| [&*row.email, &row.display_name, &row.locale]).collect();
    assert_eq!(sent, [["a@b.c", "A", "en"], ["", "", ""], ["q,\"q", "\0\u{7}", "é"]]);
    let text = summary.to_string();
    let (counts, problems) = text.split_once("5 rows in ").unwrap();
    assert_eq!(
        counts,
        "created            2\nduplicate          0\ninvalid            1\nunreadable         2\n"
    );
    assert_eq!(
        problems.split_once('\n').unwrap().1,
        "the first problems:
  row 2: UNREADABLE: email is not UTF-8
  row 3: UNREADABLE: 1 fields instead of 3
  row 4: EMAIL_INVALID: a\\u{1b}b"
    );
}

#[tokio::test]
async fn an_interrupted_import_is_repeated_under_the_same_name() {
    let scene = scene(FILE, [Status::unavailable("restarting"), Status::unavailable("restarting")]).await;
    import(&scene.arguments).await.unwrap();
    let calls = scene.service.calls.lock().unwrap();
    assert_eq!(calls.len(), 3);
    assert!(calls[0][0].import_id.parse::<Uuid>().is_ok());
    assert!(calls.iter().all(|rows| rows[0].import_id == calls[0][0].import_id));
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_is_an_interruption() {
    let rows: String = (0..5000).map(|row| format!("user{row}@example.org,User {row},en\n")).collect();
    let mut scene = scene(format!("email,display_name,locale\n{rows}").as_bytes(), []).await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (server, front) = (scene.address, proxy.local_addr().unwrap());
    tokio::spawn(async move {
        for connection in 0.. {
            let (mut client, _) = proxy.accept().await.unwrap();
            let mut server = TcpStream::connect(server).await.unwrap();
            if connection == 0 {
                let (from_client, mut to_client) = client.split();
                let mut from_client = from_client.take(50_000);
                let (mut from_server, mut to_server) = server.split();
                // Both ways, or the flow-control window never opens; and not far.
                tokio::select! {
                    copied = io::copy(&mut from_client, &mut to_server) => assert_eq!(copied.unwrap(), 50_000),
                    _ = io::copy(&mut from_server, &mut to_client) => panic!("the server hung up"),
                }
            } else {
                io::copy_bidirectional(&mut client, &mut server).await.unwrap();
            }
        }
    });
    scene.arguments.target = Target::fixed([front]);
    let summary = import(&scene.arguments).await.unwrap();
    assert_eq!(summary.response.created_count, 5000);
}

#[tokio::test]
async fn repetitions_are_bounded_and_a_refusal_is_final() {
    let refused = [Status::unavailable("down"), Status::unavailable("down"), Status::unavailable("down")];
    let down = scene(FILE, refused).await;
    let error = format!("{:#}", import(&down.arguments).await.unwrap_err());
    assert!(error.starts_with("gave up after 2 repetitions: Unavailable: down (--import-id "), "{error}");

    let denied = scene(FILE, [Status::permission_denied("no")]).await;
    let error = format!("{:#}", import(&denied.arguments).await.unwrap_err());
    assert!(error.starts_with("PermissionDenied: no (--import-id "), "{error}");
    assert_eq!(denied.service.calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_wrong_header_or_a_missing_file_is_named() {
    let mut scene = scene(b"mail,name,locale\n", []).await;
    let error = format!("{:#}", import(&scene.arguments).await.unwrap_err());
    assert!(error.ends_with("users.csv is not email,display_name,locale"), "{error}");
    scene.arguments.file = PathBuf::from("/nowhere/users.csv");
    let error = format!("{:#}", import(&scene.arguments).await.unwrap_err());
    assert!(error.starts_with("cannot open /nowhere/users.csv: "), "{error}");
}
