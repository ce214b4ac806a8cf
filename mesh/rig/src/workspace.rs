//! Where the workspace is, and how its programs are run.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::Context;

/// The root of the workspace this command was built from.
///
/// # Panics
/// Never: the crate lies in that workspace.
pub fn root() -> &'static Path {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.ancestors().nth(2).expect("the crate lies in mesh/rig of the workspace")
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// The cargo that runs this command, in the workspace's root.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo.current_dir(root());
    cargo
}

/// Where downloads lie, as the XDG base directory specification places it: outside the tree, so that no clean takes
/// it and no commit finds it. Nothing when neither `XDG_CACHE_HOME` nor `HOME` is set.
#[must_use]
pub fn cache() -> Option<PathBuf> {
    let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = base.or_else(|| env::home_dir().map(|home| home.join(".cache")));
    Some(base?.join("mesh-rig"))
}

/// Runs a command to its end with this terminal; its failure, shown by itself, becomes ours.
///
/// # Errors
/// When it cannot be run.
pub fn run(command: &mut Command) -> anyhow::Result<ExitCode> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot run {name}"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
