//! Who asks for what a build does not have hears it, rather than believe that something was broken.

use crate::process::{Ended, command, ended};

fn refusal(variable: &str, value: &str) -> String {
    let data = tempfile::tempdir().unwrap();
    let mut command = command(data.path());
    command.env(variable, value);
    let Ended { status, stderr } = ended(command.spawn().unwrap());
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(!data.path().join("stack.redb").exists(), "nothing is begun");
    stderr
}

#[test]
#[cfg(not(feature = "crash-points"))]
fn a_build_without_crash_points_refuses_them() {
    for variable in ["CRASH_AT", "HOLD_AT", "HOLD_IN", "FAILPOINTS"] {
        let said = refusal(variable, "relay.after-publish");
        assert!(said.contains(&format!("{variable} is set, but this program was built without")), "{said}");
    }
}

#[test]
#[cfg(feature = "crash-points")]
fn a_point_that_there_is_not_is_refused() {
    for variable in ["CRASH_AT", "FAILPOINTS"] {
        let said = refusal(variable, "relay.after-publsh=return");
        assert!(said.contains("there is no point relay.after-publsh"), "{said}");
        assert!(said.contains("relay.after-publish"), "{said}");
    }
}
