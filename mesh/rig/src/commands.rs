//! The commands that run one other program.

use std::process::{Command, ExitCode};

use crate::{tools, workspace};

/// `cargo test` over everything. The tests of this workspace need nothing but cargo; servers that later tests need
/// will be installed here.
pub(crate) fn test(extra: &[String]) -> anyhow::Result<ExitCode> {
    let mut cargo = workspace::cargo();
    cargo.arg("test");
    // Naming packages narrows the run; cargo refuses them together with the whole workspace.
    let narrowed =
        extra.iter().take_while(|word| *word != "--").any(|word| word == "-p" || word == "--package");
    if !narrowed {
        cargo.arg("--workspace");
    }
    workspace::run(cargo.arg("--all-features").args(extra))
}

pub(crate) fn proto_lint() -> anyhow::Result<ExitCode> {
    let buf = tools::BUF.find_or_install()?;
    workspace::run(Command::new(buf).args(["lint", "proto"]).current_dir(workspace::root()))
}

pub(crate) fn deny() -> anyhow::Result<ExitCode> {
    let deny = tools::CARGO_DENY.find_or_install()?;
    let checks = ["--all-features", "check", "bans", "licenses", "sources"];
    workspace::run(Command::new(deny).args(checks).current_dir(workspace::root()))
}
