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

/// A test of the lists compares them with the sources.
#[test]
#[cfg(feature = "crash-points")]
fn every_point_is_walked_by_the_matrix_of_each_ground_on_which_it_is_passed() {
    use std::collections::BTreeSet;

    use service_kit::process::crash_points::{POINTS, POINTS_ON_SERVERS};

    use crate::matrix::{embedded, points, servers};

    // Without a file of its own a stack passes those only in the provider's books.
    let of_files = BTreeSet::from(["store.before-commit", "store.after-commit"]);
    let on_files: BTreeSet<_> = POINTS.iter().copied().collect();
    let on_servers = on_files.difference(&of_files).chain(POINTS_ON_SERVERS).copied().collect();
    assert_eq!(points(embedded::TURNS), on_files);
    assert_eq!(points(servers::TURNS), on_servers);
}
