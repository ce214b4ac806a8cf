//! The stack as a child process: started on free ports, stopped by its pid, never left behind.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use mesh_rpc::{Channel, Target};
use proto::{
    notification::v1::notification_service_client::NotificationServiceClient,
    payment::v1::{
        payment_service_client::PaymentServiceClient,
        reconciliation_service_client::ReconciliationServiceClient,
    },
    user::v1::{
        ListUsersRequest, User, profile_service_client::ProfileServiceClient,
        session_service_client::SessionServiceClient, user_service_client::UserServiceClient,
    },
};
use service_kit::{
    clock::Clock,
    embedded::{Engine, EngineConfig},
};
use user::{
    domain::{Profile, UserId},
    store::{ProfileStore as _, embedded::EmbeddedStore},
};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_stack");

/// A running stack. Dropping it is `kill -9`.
pub(crate) struct Stack {
    child: Child,
    user: Channel,
    payment: Channel,
    notification: Channel,
}

/// How a stack ended, and what it said.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stderr: String,
}

/// The stack on free ports, with its data in `data`.
pub(crate) fn command(data: &Path) -> Command {
    on_free_ports(Command::new(PROGRAM), data)
}

/// As [`command`], with the program started by something else.
pub(crate) fn on_free_ports(mut command: Command, data: &Path) -> Command {
    command
        .env("STACK_DATA", data)
        .env("STACK_USER_LISTEN", "127.0.0.1:0")
        .env("STACK_PAYMENT_LISTEN", "127.0.0.1:0")
        .env("STACK_NOTIFICATION_LISTEN", "127.0.0.1:0")
        .env("STACK_SANDBOX_LISTEN", "127.0.0.1:0")
        .env("STACK_TELEMETRY_ADMIN", "127.0.0.1:0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl Stack {
    /// Starts the stack on `data` and waits until it says that it is ready.
    pub(crate) fn start(data: &Path) -> Self {
        Self::spawn(command(data))
            .unwrap_or_else(|ended| panic!("not ready, {}: {}", ended.status, ended.stderr))
    }

    /// Starts `command` and waits until it is ready, or has ended.
    pub(crate) fn spawn(mut command: Command) -> Result<Self, Ended> {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut banner = Vec::new();
        while !banner.iter().any(|line: &String| line.trim_start().starts_with("notification ")) {
            let mut line = String::new();
            if stdout.read_line(&mut line).unwrap() == 0 {
                return Err(ended(child));
            }
            banner.push(line);
        }
        let channel = |name: &str| {
            let line = banner.iter().find_map(|line| line.trim().strip_prefix(name)).unwrap();
            let target = Target::fixed([line.trim().parse().unwrap()]);
            Channel::builder(target).policies(&proto::POLICIES).build().unwrap()
        };
        let (user, payment, notification) = (channel("user "), channel("payment "), channel("notification "));
        // What it logs is read away, or a full pipe would stop it.
        let mut stderr = child.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::stderr()));
        Ok(Self { child, user, payment, notification })
    }

    pub(crate) fn users(&self) -> UserServiceClient<Channel> {
        UserServiceClient::new(self.user.clone())
    }

    pub(crate) fn profiles(&self) -> ProfileServiceClient<Channel> {
        ProfileServiceClient::new(self.user.clone())
    }

    pub(crate) fn sessions(&self) -> SessionServiceClient<Channel> {
        SessionServiceClient::new(self.user.clone())
    }

    pub(crate) fn payments(&self) -> PaymentServiceClient<Channel> {
        PaymentServiceClient::new(self.payment.clone())
    }

    pub(crate) fn reconciliation(&self) -> ReconciliationServiceClient<Channel> {
        ReconciliationServiceClient::new(self.payment.clone())
    }

    pub(crate) fn notifications(&self) -> NotificationServiceClient<Channel> {
        NotificationServiceClient::new(self.notification.clone())
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and what came of it.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap()
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process said that ended by itself.
pub(crate) fn ended(mut child: Child) -> Ended {
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    Ended { status: child.wait().unwrap(), stderr }
}

/// The Message-IDs of all mails below a data folder, sorted.
pub(crate) fn message_ids(data: &Path) -> Vec<String> {
    let files = std::fs::read_dir(data.join("mails")).unwrap().map(|entry| entry.unwrap().path());
    let mails: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "eml")).collect();
    let id = |path: &PathBuf| {
        let mail = std::fs::read_to_string(path).unwrap();
        mail.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned()
    };
    let mut ids: Vec<_> = mails.iter().map(id).collect();
    ids.sort();
    ids
}

/// The profiles of `users` as they lie in the store of a stack that has stopped. Asked over the wire, the
/// service would make one that is missing.
pub(crate) async fn profiles_on_disk(data: &Path, users: &[User]) -> Vec<Option<Profile>> {
    let engine = Engine::open(&data.join("stack.redb"), EngineConfig::default()).unwrap();
    let store = EmbeddedStore::open(engine.clone(), Clock::system()).await.unwrap();
    let mut profiles = Vec::new();
    for user in users {
        let id = UserId::parse("user_id", &user.user_id).unwrap();
        profiles.push(store.profile(id).await.unwrap());
    }
    engine.close().await.unwrap();
    profiles
}

/// Asks until the answer is yes, for at most two minutes.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let asked = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), asked).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// All users, page by page.
pub(crate) async fn everybody(stack: &Stack) -> Vec<User> {
    let (mut everybody, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListUsersRequest { page_size: 1_000, page_token, ..Default::default() };
        let page = stack.users().list_users(request).await.unwrap().into_inner();
        everybody.extend(page.users);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return everybody;
        }
    }
}
