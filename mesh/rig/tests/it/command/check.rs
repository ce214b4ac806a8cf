//! `cargo rig check`.

use std::{
    path::Path,
    process::{Command, Output},
};

use mesh_rig::history::{Answer, Call, Found, Mail, Notification, Recorder, User};

fn check(file: &Path) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_rig")).arg("check").arg(file).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A history of one user, who is found or lost.
fn record(file: &Path, is_found: bool) {
    let recorder = Recorder::create(file, 7, 1).unwrap();
    let id = "ada".to_owned();
    let email = "ada@example.org".to_owned();
    let name = "Ada".to_owned();
    let user = User { user_id: id.clone(), email: email.clone(), display_name: name.clone(), version: 1 };
    let call = Call::CreateUser { request_id: "r".to_owned(), email: email.clone(), display_name: name };
    let op = recorder.invoke(0, call);
    recorder.fault("kill", "stack");
    recorder.ok(op, Answer::User(user.clone()));
    recorder.quiet(Vec::new());
    if is_found {
        recorder.found(Found::User(user.clone()));
        recorder.found(Found::Email { email, user_id: Some(id.clone()) });
        recorder.found(Found::Profile(User { email: String::new(), ..user }));
    } else {
        recorder.found(Found::NoUser { user_id: id.clone() });
        recorder.found(Found::NoProfile { user_id: id.clone() });
        recorder.found(Found::Email { email, user_id: None });
    }
    let message_id = "<1@example.org>".to_owned();
    recorder.found(Found::Notification(Notification {
        user_id: id,
        template: "welcome".to_owned(),
        payment_id: None,
        message_id: message_id.clone(),
        state: "SENT".to_owned(),
    }));
    recorder.found(Found::Mail(Mail { message_id, deliveries: 1 }));
    recorder.finish().unwrap();
}

#[test]
fn what_holds_ends_with_0_and_what_is_broken_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.jsonl");
    record(&file, true);
    let (code, report, errors) = check(&file);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{report}");
    assert!(report.contains("1 operations by 1 clients"), "{report}");
    assert_eq!(report.matches("  held  ").count(), 10, "{report}");

    record(&file, false);
    let (code, report, errors) = check(&file);
    assert_eq!((code, errors.as_str()), (Some(1), ""), "{report}");
    assert!(report.contains("U1: user ada was created and is lost"), "{report}");
    assert_eq!(report.matches("  held  ").count(), 9, "{report}");
}

#[test]
fn what_is_no_history_is_told_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.jsonl");
    let (code, report, errors) = check(&file);
    assert_eq!((code, report.as_str()), (Some(1), ""));
    assert!(
        errors
            .starts_with(&format!("error: cannot check {}: the history cannot be opened: ", file.display()))
    );

    let start = r#"{"type":"start","seed":1,"clients":1}"#;
    std::fs::write(&file, format!("{start}\n{{\"type\":\"tea\"}}\n")).unwrap();
    let (code, report, errors) = check(&file);
    assert_eq!((code, report.as_str()), (Some(1), ""));
    assert!(errors.contains("line 2 is no line of a history: unknown variant `tea`"), "{errors}");
}
