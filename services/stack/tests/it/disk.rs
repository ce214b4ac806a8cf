//! A full disk: the stack says so and stops, and what it had acknowledged is there once there is room again.

use std::process::Command;

use proto::user::v1::{CreateUserRequest, GetUserRequest, get_user_request::Key};
use tonic::Code;

use crate::process::{PROGRAM, Stack, on_free_ports};

/// The size at which the file system refuses more, in blocks of 512 bytes: some hundred users.
const FULL: u32 = 8_192;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_stack_and_loses_nothing() {
    let data = tempfile::tempdir().unwrap();
    // A limit on the size of files meets a write as a full disk does, and needs no disk of its own. The signal
    // that comes with it is ignored, so that the write fails with an error.
    let mut limited = Command::new("sh");
    limited.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {FULL}; exec \"$0\"")).arg(PROGRAM);
    let stack =
        Stack::spawn(on_free_ports(limited, data.path())).unwrap_or_else(|ended| panic!("{}", ended.stderr));

    let mut acknowledged = Vec::new();
    let refused = loop {
        let email = format!("user{}@example.org", acknowledged.len());
        let padding = "x".repeat(80);
        let request = CreateUserRequest { email: email.clone(), display_name: padding, ..Default::default() };
        match stack.users().create_user(request).await {
            Ok(_) => acknowledged.push(email),
            Err(status) => break status,
        }
        assert!(acknowledged.len() < 100_000, "the disk never became full");
    };
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert_eq!(stack.wait().code(), Some(1));
    assert!(!acknowledged.is_empty());

    let stack = Stack::start(data.path());
    for email in acknowledged {
        let request = GetUserRequest { key: Some(Key::Email(email.clone())), ..Default::default() };
        let found = stack.users().get_user(request).await;
        assert!(found.is_ok(), "{email} was acknowledged and is lost: {found:?}");
    }
    assert!(stack.terminate().success());
}
