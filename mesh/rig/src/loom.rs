//! Every interleaving of what is lock-free.

use std::{
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, bail};
use mesh_rig::workspace;
use serde::Deserialize;

/// The package that is lock-free, and what its tests of that are called.
const PACKAGE: &str = "mesh-rpc";
const NAMES: &str = "loom_";

/// Builds the unit tests of the package with loom's atomics, and runs those of what is lock-free.
///
/// The flag is for that package alone, not in RUSTFLAGS: what it depends on is not built anew.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let built = workspace::cargo()
        .args(["rustc", "--package", PACKAGE, "--lib", "--profile", "test", "--all-features"])
        .args(["--message-format", "json-render-diagnostics", "--", "--cfg", "mesh_loom"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !built.status.success() {
        return Ok(ExitCode::FAILURE);
    }
    let tests = executable(&built.stdout).context("cargo names no tests that it has built")?;
    let listed = Command::new(&tests).args([NAMES, "--list"]).output().context("cannot list the tests")?;
    if !(listed.status.success() && String::from_utf8_lossy(&listed.stdout).contains(": test")) {
        bail!("no test is called {NAMES}");
    }
    workspace::run(Command::new(tests).arg(NAMES))
}

/// A line of what cargo tells (doc.rust-lang.org/cargo/reference/external-tools.html, "JSON messages").
#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    executable: Option<PathBuf>,
}

/// The program of the package: what it depends on are libraries, and programs that were run while it was built.
fn executable(told: &[u8]) -> Option<PathBuf> {
    told.split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Message>(line).ok())
        .filter_map(|message| message.executable)
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_among_what_cargo_tells() {
        let told = br#"{"reason":"compiler-artifact","target":{"name":"loom"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"mesh_rpc"},"executable":"/t/debug/deps/mesh_rpc-1"}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(executable(told), Some(PathBuf::from("/t/debug/deps/mesh_rpc-1")));
        assert_eq!(executable(b"no line of that kind\n"), None);
    }
}
