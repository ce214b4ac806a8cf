//! `cargo rig test`, with something else in place of cargo.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Knows one package, which needs no servers; `$RUN` is what happens when its tests are run.
const CARGO: &str = "#!/bin/sh\n\
    if [ \"$1\" = metadata ]; then echo '{\"packages\": [{\"name\": \"alone\", \"dependencies\": []}]}'; exit; fi\n\
    echo \"called with $*\"\n\
    eval \"$RUN\"\n";

/// Begins `cargo rig test -p alone` whose cargo does this.
fn begin(folder: &Path, run: &str) -> Child {
    let cargo: PathBuf = folder.join("cargo");
    fs::write(&cargo, CARGO).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let mut rig = Command::new(env!("CARGO_BIN_EXE_rig"));
    rig.args(["test", "-p", "alone"]).env("CARGO", cargo).env("RUN", run).stdin(Stdio::null());
    rig.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn run(run: &str) -> (bool, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = begin(folder.path(), run).wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

fn is_running(pid: &str) -> bool {
    // One that nobody has waited for yet has ended all the same.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|state| !state.is_empty() && !state.starts_with('Z'))
}

#[test]
fn a_run_is_as_good_as_its_tests() {
    let passed = "echo 'test result: ok. 2 passed; 0 failed; 0 ignored'";
    let (is_success, printed, _) = run(passed);
    assert!(is_success, "{printed}");
    assert!(printed.starts_with("called with test --all-features -p alone\n"), "{printed}");
    let (is_success, _, errors) = run("echo 'test result: ok. 0 passed; 0 failed; 9 ignored'");
    assert!(!is_success && errors.contains("no test was run"), "{errors}");
    assert!(!run("echo 'test result: FAILED. 2 passed; 1 failed'; exit 101").0);
}

#[test]
fn a_run_that_is_interrupted_leaves_no_process_behind() {
    for (signal, run) in [
        ("INT", "sleep 600 & echo $!; wait"),
        ("TERM", "sleep 600 & echo $!; wait"),
        // Tests that do not listen.
        (
            "HUP",
            "trap '' TERM; (trap '' TERM; echo $(sh -c 'echo $PPID'); while :; do sleep 600; done) & wait; wait",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut rig = begin(folder.path(), run);
        let mut lines = BufReader::new(rig.stdout.take().unwrap()).lines().skip(1);
        let pid = lines.next().unwrap().unwrap();
        assert!(is_running(&pid), "{signal}: {pid}");
        let kill = format!("kill -s {signal} {}", rig.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        assert_eq!(rig.wait().unwrap().code(), Some(1), "{signal}");
        while is_running(&pid) {
            std::thread::yield_now();
        }
    }
}
