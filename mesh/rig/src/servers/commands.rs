//! Running other programs to their end.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

use super::error::ServersError;

/// Runs a program whose output the developer may want to see: a download, an installation.
pub(super) fn run(command: &mut Command) -> Result<(), ServersError> {
    let program = command.get_program().to_string_lossy().into_owned();
    // What it prints goes to our standard error: standard output is for addresses.
    command.stdin(Stdio::null()).stdout(std::io::stderr());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(ServersError::Failed { program, status, printed: String::new() }),
        Err(source) => Err(ServersError::Run { program, source }),
    }
}

/// Runs a program and returns what it printed on both channels; only a failure shows it.
pub(super) fn output(command: &mut Command) -> Result<String, ServersError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(source) => return Err(ServersError::Run { program, source }),
    };
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let printed = printed.lines().map(|line| format!("\n  {line}")).collect();
    Err(ServersError::Failed { program, status: output.status, printed })
}

/// The path of a program, if `PATH` has it.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}
