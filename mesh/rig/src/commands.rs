//! The commands that run one other program.

use std::process::{Command, ExitCode};

use crate::{tools, workspace};

pub(crate) fn proto_lint() -> anyhow::Result<ExitCode> {
    let buf = tools::BUF.find_or_install()?;
    workspace::run(Command::new(buf).args(["lint", "proto"]).current_dir(workspace::root()))
}

pub(crate) fn deny() -> anyhow::Result<ExitCode> {
    let deny = tools::CARGO_DENY.find_or_install()?;
    let checks = ["--all-features", "check", "bans", "licenses", "sources"];
    workspace::run(Command::new(deny).args(checks).current_dir(workspace::root()))
}
