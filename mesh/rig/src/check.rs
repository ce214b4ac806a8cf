//! `cargo rig check`.

use std::{
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use mesh_rig::{checker, history};

pub(crate) fn run(file: &Path) -> anyhow::Result<ExitCode> {
    let history = history::read(file).with_context(|| format!("cannot check {}", file.display()))?;
    let verdict = checker::check(&history);
    write!(io::stdout(), "{verdict}").context("cannot print the report")?;
    Ok(if verdict.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
