//! Mistakes of whoever starts the stack: each is told clearly, with exit code 1, and nothing is lost.

use std::{fs, path::Path, process::Command};

use proto::user::v1::{CreateUserRequest, GetUserRequest, get_user_request::Key};

use crate::process::{Ended, PROGRAM, Stack, command, ended};

/// How the stack refuses to start.
fn refusal(mut command: Command) -> String {
    let Ended { status, stderr } = ended(command.spawn().unwrap());
    assert_eq!(status.code(), Some(1), "{stderr}");
    stderr
}

fn with_config(data: &Path, config: &Path) -> Command {
    let mut command = command(data);
    command.arg("--config").arg(config);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_stack_on_the_same_data_is_refused_and_the_first_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let request =
        CreateUserRequest { email: "a@b.de".to_owned(), display_name: "A".to_owned(), ..Default::default() };
    stack.users().create_user(request).await.unwrap();
    let said = refusal(command(data.path()));
    assert!(said.contains("stack.redb is already in use by another process"), "{said}");
    let request = GetUserRequest { key: Some(Key::Email("a@b.de".to_owned())), ..Default::default() };
    stack.users().get_user(request).await.unwrap();
    assert!(stack.terminate().success());
}

#[test]
fn a_taken_port_names_the_setting() {
    let data = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (variable, key) in [
        ("STACK_USER_LISTEN", "user.listen"),
        ("STACK_PAYMENT_LISTEN", "payment.listen"),
        ("STACK_NOTIFICATION_LISTEN", "notification.listen"),
        ("STACK_SANDBOX_LISTEN", "sandbox.listen"),
        ("STACK_TELEMETRY_ADMIN", "telemetry.admin"),
    ] {
        let mut command = command(data.path());
        command.env(variable, &address);
        let said = refusal(command);
        assert!(
            said.contains(&format!("cannot listen on {address}; set {key} to another address")),
            "{said}"
        );
    }
}

#[test]
fn one_address_for_two_services_is_a_mistake() {
    let data = tempfile::tempdir().unwrap();
    let mut command = command(data.path());
    command.env("STACK_PAYMENT_LISTEN", "127.0.0.1:1").env("STACK_SANDBOX_LISTEN", "127.0.0.1:1");
    let said = refusal(command);
    assert!(
        said.contains("STACK_SANDBOX_LISTEN") && said.contains("another address than payment.listen"),
        "{said}"
    );
}

#[test]
fn every_mistake_in_the_settings_is_told_at_once() {
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("stack.toml");
    let text = "[user]\nlisten = \"nowhere\"\nprofile_cache_ttl = \"soon\"\n[notification]\nfrm = \"a@b.de\"\n[log]\nfilter = \"inof\"\n";
    fs::write(&config, text).unwrap();
    let mut command = with_config(data.path(), &config);
    command.env("STACK_USER_PROFILE_CACHE_SIZE", "big").env_remove("STACK_USER_LISTEN");
    let said = refusal(command);
    for part in [
        "user.listen",
        "nowhere",
        "an address like 127.0.0.1:50051",
        "user.profile_cache_ttl",
        "soon",
        "STACK_USER_PROFILE_CACHE_SIZE",
        "big",
        "notification.frm",
        "log.filter",
        "inof",
        "stack.toml:2",
    ] {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
    assert!(!data.path().join("stack.redb").exists(), "nothing is begun with wrong settings");
}

#[test]
fn a_file_of_settings_that_cannot_be_read_is_named() {
    let data = tempfile::tempdir().unwrap();
    let missing = data.path().join("missing.toml");
    assert!(refusal(with_config(data.path(), &missing)).contains("missing.toml"));
    let binary = data.path().join("binary.toml");
    fs::write(&binary, [0xff, 0xfe]).unwrap();
    assert!(refusal(with_config(data.path(), &binary)).contains("binary.toml"));
    let broken = data.path().join("broken.toml");
    fs::write(&broken, "[user\n").unwrap();
    assert!(refusal(with_config(data.path(), &broken)).contains("broken.toml"));
}

#[test]
fn data_that_is_not_ours_is_left_alone() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("stack.redb");
    fs::write(&file, "a letter to grandmother").unwrap();
    let said = refusal(command(data.path()));
    assert!(said.contains("is not a database of this platform"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "a letter to grandmother");
    let occupied = data.path().join("a file");
    fs::write(&occupied, "").unwrap();
    let said = refusal(command(&occupied));
    assert!(said.contains("a file"), "{said}");
}

#[test]
fn the_printed_settings_are_settings() {
    let data = tempfile::tempdir().unwrap();
    let print = |command: &mut Command| {
        let printed = command.arg("--print-config").output().unwrap();
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        String::from_utf8(printed.stdout).unwrap()
    };
    let mut changed = Command::new(PROGRAM);
    changed.env("STACK_NOTIFICATION_SMTP_HOST", "mail.example.org").env("STACK_NOTIFICATION_SMTP_USER", "u");
    changed.env("STACK_NOTIFICATION_SMTP_PASSWORD", "hunter2");
    let printed = print(&mut changed);
    assert!(printed.contains("mail.example.org") && !printed.contains("hunter2"), "{printed}");
    let plain = print(&mut Command::new(PROGRAM));
    let file = data.path().join("printed.toml");
    fs::write(&file, &plain).unwrap();
    // The comments say where each value is from, which differs.
    let values =
        |printed: &str| printed.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    assert_eq!(values(&print(Command::new(PROGRAM).arg("--config").arg(&file))), values(&plain));
}
